"""Memory, descriptors and threads of processes by role, since faults end processes; and whether they grow."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median

WINDOW = 0.5
"""A level is the median over this share of the time to settle: a fault lets it swing for a moment."""
LEAST = 0.6
"""Lives shorter than this share of it say nothing of growth."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One process at one moment, `age` seconds after it began: resident and anonymous memory in KiB, descriptors and
    threads."""

    pid: int
    age: float
    resident: int
    anonymous: int
    descriptors: int
    threads: int


@dataclass(frozen=True, slots=True)
class Measure:
    """What is measured, and by which share it may grow."""

    name: str
    get: Callable[[Sample], float]
    allowed: float


JUDGED = (
    Measure("memory", lambda s: s.resident / 1024, 0.03),
    Measure("descriptors", lambda s: s.descriptors, 0.0),
    Measure("threads", lambda s: s.threads, 0.0),
)
"""Memory in MiB."""
ANONYMOUS = Measure("anonymous", lambda s: s.anonymous / 1024, 0.0)
"""The part of the memory that is nobody else's, in MiB."""


def sample(pid: int, *, age: float) -> Sample | None:
    """How a process is now; None where it is gone, or is a zombie."""
    folder = Path(f"/proc/{pid}")
    with suppress(OSError, KeyError):
        memory = _fields(folder / "smaps_rollup", skip=1)
        status = _fields(folder / "status")
        descriptors = sum(1 for _ in (folder / "fd").iterdir())
        return Sample(pid, age, memory["Rss"], memory["Anonymous"], descriptors, status["Threads"])
    return None


def _fields(file: Path, *, skip: int = 0) -> dict[str, int]:
    lines = (line.split() for line in file.read_text().splitlines()[skip:])
    return {words[0].rstrip(":"): int(words[1]) for words in lines if len(words) > 1 and words[1].isdigit()}


def children(parent: int) -> dict[tuple[str, ...], int]:
    """The children of a process by the words of their command line."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError):
            if int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1]) == parent:
                words = (folder / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
                found[tuple(word.decode() for word in words)] = int(folder.name)
    return found


@dataclass(frozen=True, slots=True)
class Row:
    """One role in the table: what its longest life came to, and everything that grew."""

    role: str
    lives: int
    longest: float
    levels: dict[str, tuple[float, float]]
    """By name of the measure: settled, and last."""
    grown: tuple[str, ...]


class Levels:
    """Every sample of every role."""

    def __init__(self) -> None:
        self._samples: defaultdict[str, list[Sample]] = defaultdict(list)

    def add(self, role: str, taken: Sample | None) -> None:
        """One more; of a process that is gone there is none."""
        if taken:
            self._samples[role].append(taken)

    def rows(self, *, settled: float) -> list[Row]:
        """The table, by role; `settled` is the age in seconds at which a level is taken as the one to keep."""
        return [_row(role, lives(found), settled) for role, found in self._samples.items()]

    def as_json(self) -> dict[str, list[list[float]]]:
        """All of it, a list of numbers for each sample."""
        return {
            role: [[s.pid, round(s.age, 1), s.resident, s.anonymous, s.descriptors, s.threads] for s in found]
            for role, found in self._samples.items()
        }


def lives(samples: Iterable[Sample]) -> list[list[Sample]]:
    """The samples of each process, in the order in which they began."""
    found: dict[int, list[Sample]] = {}
    for each in samples:
        found.setdefault(each.pid, []).append(each)
    return list(found.values())


def level(life: Sequence[Sample], of: Measure, *, until: float, settled: float) -> float:
    """What a life came to just before an age."""
    return median(of.get(s) for s in life if until - WINDOW * settled <= s.age <= until)


def growth(history: Sequence[Sequence[Sample]], *, settled: float) -> list[str]:
    """What grew: within a life after it had settled, and from one life to the next one of the same age."""
    old = [life for life in history if life[-1].age >= LEAST * settled]
    found = []
    for life in old:
        if life[-1].age >= settled * (1 + WINDOW):
            found += _more(life, life, at=(settled, life[-1].age), settled=settled)
    for earlier, later in pairwise(old):
        age = min(earlier[-1].age, later[-1].age)
        found += _more(earlier, later, at=(age, age), settled=settled)
    return found


def _more(
    first: Sequence[Sample], second: Sequence[Sample], *, at: tuple[float, float], settled: float
) -> Iterator[str]:
    """What is more in the second life at its age than in the first at its own."""
    for of in JUDGED:
        before = level(first, of, until=at[0], settled=settled)
        after = level(second, of, until=at[1], settled=settled)
        if after > before * (1 + of.allowed):
            ages = f"{at[0]:.0f} s after {first[0].pid} began, {at[1]:.0f} s after {second[0].pid} did"
            yield f"{of.name} {before:.5g} to {after:.5g}, {after / before - 1:+.1%}: {ages}"


def _row(role: str, history: Sequence[Sequence[Sample]], settled: float) -> Row:
    longest = max(history, key=lambda life: life[-1].age)
    end = longest[-1].age
    ages = min(settled, end), end

    def both(of: Measure) -> tuple[float, float]:
        before, after = (level(longest, of, until=age, settled=settled) for age in ages)
        return before, after

    levels = {of.name: both(of) for of in (*JUDGED, ANONYMOUS)}
    return Row(role, len(history), end, levels, tuple(growth(history, settled=settled)))
