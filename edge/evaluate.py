"""`edge evaluate`: crossings against ground truth, matched one to one in time."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.config.schema import Line
from edge.dataflow import Crossing
from edge.errors import EdgeError


class TrueEvent(BaseModel):
    """One true crossing: `accept` are the classes that count as right; `optional` ones may be missed."""

    t: float
    direction: Annotated[int, Field(ge=0, le=1)]
    kind: Annotated[str, Field(alias="class")]
    accept: tuple[str, ...] = ()
    optional: bool = False


class TrueLine(BaseModel):
    """The true crossings of one line, to be matched within `tolerance_s` seconds."""

    id: str
    points: tuple[tuple[float, float], tuple[float, float]]
    tolerance_s: float = 1.0
    events: tuple[TrueEvent, ...]


class Truth(BaseModel):
    """A truth file: what really crossed."""

    model_config = ConfigDict(extra="ignore")

    mask: tuple[tuple[tuple[float, float], ...], ...] = ()
    lines: tuple[TrueLine, ...] = ()


@dataclass(frozen=True, slots=True)
class Score:
    """One line's result: crossings found and true (without optional ones), those that match, those of a right class."""

    line: str
    true: int
    counted: int
    matched: int
    right_class: int
    counts: dict[tuple[str, int], tuple[int, int]]
    """(class, direction) -> (counted, true)"""
    missed: tuple[tuple[float, str, int], ...] = ()
    """True crossings that were not counted: (t, class, direction)."""
    extra: tuple[tuple[float, str, int], ...] = ()
    """Counted crossings that are not true."""

    @property
    def recall(self) -> float:
        """Share of the true crossings that were counted; 1 where there are none."""
        return self.matched / self.true if self.true else 1.0

    @property
    def precision(self) -> float:
        """Share of the counted crossings that are true; 1 where there are none."""
        return self.matched / self.counted if self.counted else 1.0


def load_truth(file: Path) -> Truth:
    """A truth file; EdgeError where it is none."""
    try:
        return Truth.model_validate_json(file.read_bytes())
    except OSError as error:
        raise EdgeError(
            str(file), f"the truth cannot be read, {error.strerror}", do="name a .truth.json file"
        ) from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"]) or "its form"
        what = f"no truth file, {where}: {first['msg']}"
        raise EdgeError(str(file), what, do="see the example in docs/technician.md") from None


def score(line: TrueLine, crossings: Sequence[Crossing]) -> Score:
    """Matches crossings of one line with its truth, one to one within the tolerance and in the same direction; one
    that matches an optional event counts neither for nor against."""
    found = [c for c in crossings if c.line == line.id]
    pairs = _pairs(line, found)
    free = {i for i, e in pairs if line.events[e].optional}
    matched = [(i, e) for i, e in pairs if i not in free]
    met, used = {e for _, e in pairs}, {i for i, _ in pairs}
    true = Counter((e.kind, e.direction) for e in line.events if not e.optional)
    counted = Counter((c.kind, c.direction) for i, c in enumerate(found) if i not in free)
    return Score(
        line=line.id,
        true=sum(true.values()),
        counted=len(found) - len(free),
        matched=len(matched),
        right_class=sum(_accepted(line.events[e], found[i].kind) for i, e in matched),
        counts={key: (counted[key], true[key]) for key in sorted({*true, *counted})},
        missed=tuple((e.t, e.kind, e.direction) for i, e in enumerate(line.events) if i not in met and not e.optional),
        extra=tuple((round(c.at.seconds, 2), c.kind, c.direction) for i, c in enumerate(found) if i not in used),
    )


def _accepted(event: TrueEvent, kind: str) -> bool:
    return kind in (*event.accept, event.kind) or (kind == "pedestrian" and "person" in event.accept)


def _pairs(line: TrueLine, found: Sequence[Crossing]) -> list[tuple[int, int]]:
    """As many pairs as there can be, one to one (augmenting paths, H. W. Kuhn 1955), near ones tried first."""
    near = [
        [j for _, j in sorted((abs(c.at.seconds - e.t), j) for j, e in enumerate(line.events)
                              if c.direction == e.direction and abs(c.at.seconds - e.t) <= line.tolerance_s)]
        for c in found
    ]  # fmt: skip
    owner: dict[int, int] = {}

    def settle(i: int, tried: set[int]) -> bool:
        for j in near[i]:
            if j not in tried:
                tried.add(j)
                if j not in owner or settle(owner[j], tried):
                    owner[j] = i
                    return True
        return False

    for i in range(len(found)):
        settle(i, set())
    return sorted((i, j) for j, i in owner.items())


def check_lines(truth: Truth, lines: Sequence[Line], *, where: str) -> None:
    """EdgeError where the truth speaks of a line that the camera file does not have."""
    missing = sorted({line.id for line in truth.lines} - {line.id for line in lines})
    if missing:
        have = ", ".join(line.id for line in lines) or "none"
        raise EdgeError(where, f"the truth has a line {missing[0]}", expected="it in the camera file",
                        found=have, do="use the same ids in both")  # fmt: skip


def report(scores: Sequence[Score]) -> str:
    """The scores as a Markdown table, one row a line, and one for each class and direction."""
    rows = ["| line | true | counted | recall | precision | class accepted |", "|---|---|---|---|---|---|"]
    for s in scores:
        share = s.right_class / s.matched if s.matched else 1.0
        rows.append(f"| {s.line} | {s.true} | {s.counted} | {s.recall:.3f} | {s.precision:.3f} | {share:.3f} |")
    rows += ["", "| line | class | direction | counted | true |", "|---|---|---|---|---|"]
    for s in scores:
        rows += [f"| {s.line} | {kind} | {way} | {n} | {true} |" for (kind, way), (n, true) in s.counts.items()]
    return "\n".join(rows)


def as_json(scores: Sequence[Score]) -> str:
    """The scores for machines."""
    fields = [
        {"line": s.line, "true": s.true, "counted": s.counted, "matched": s.matched,
         "recall": round(s.recall, 4), "precision": round(s.precision, 4), "right_class": s.right_class}
        for s in scores
    ]  # fmt: skip
    return json.dumps({"lines": fields}, indent=1)
