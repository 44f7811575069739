"""What the centre has against what the camera truly had."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from contract import fits

from edge.centre.ranges import Range, holes, size, union

RATE, BRIDGED_SECONDS, GRACE_SECONDS = 5, 1.0, 2.0
"""As the camera's file and edge/measurements say it."""
LAST_SECOND = 1.0
"""DESIGN: kill -9 loses at most the last second of crossings."""
ROUNDED = 0.01
"""Seconds that a coverage of three digits may be off, and a label."""
RULES = {"l1": "flow", "l2": "flow", "z1": "zone"}
Key = tuple[str, int]
"""Class and direction."""
Single = Counter[tuple[float, Key]]
"""Crossings by moment, class and direction."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """A crossing that the camera had: handed over in a `life` of it at `told`, made at `at`, both in Unix seconds."""

    life: str
    told: float
    at: float
    line: str
    key: Key


@dataclass
class Truth:
    """The truth file, with the lives that were `killed` and when."""

    killed: dict[str, float]
    crossings: list[Crossing] = field(default_factory=list)
    seen: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    ticks: dict[str, float] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path, killed: dict[str, float]) -> Truth:
        truth = cls(killed)
        for text in path.read_text().splitlines():
            each = json.loads(text)
            match each["what"]:
                case "crossing":
                    key = each["kind"], each["direction"]
                    truth.crossings.append(Crossing(each["life"], each["at"], each["when"], each["line"], key))
                case "seen":
                    truth.seen[each["life"]].append(each["at"])
                case "tick":
                    truth.ticks[each["life"]] = each["at"]
        return truth

    def sure_until(self, life: str) -> float:
        """What was handed over up to then must be on record: a second before the last turn that a killed process
        finished. On a machine that is not held up that is at most 1.3 s before it was killed."""
        if life not in self.killed:
            return float("inf")
        return self.ticks.get(life, float("-inf")) - LAST_SECOND

    def at_risk(self, crossing: Crossing) -> bool:
        return crossing.told > self.sure_until(crossing.life)

    def watched(self, *, sure: bool) -> list[tuple[float, float]]:
        """The spans of time that pictures stand for, all or only those on record for `sure`; they do not overlap."""
        spans = []
        for life, moments in self.seen.items():
            for before, at in pairwise([None, *moments]):
                span = at - before if before is not None and at - before <= BRIDGED_SECONDS else 1 / RATE
                if not sure or at <= self.sure_until(life):
                    spans.append((at - span, at))
        return spans


@dataclass(frozen=True)
class Stored:
    """The centre's store at one moment: bodies by kind, in order; numbers received and lost."""

    bodies: dict[str, list[dict[str, Any]]]
    received: list[Range]
    lost: list[tuple[int, int, str]]
    epochs: int
    rejected: list[tuple[str, str]]
    tally: dict[str, int]

    @classmethod
    def read(cls, path: Path, *, after: float) -> Stored | None:
        """None until the intervals of every rule that were open at `after` have come and no number is missing."""
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=30)) as database:
            database.execute("BEGIN")

            def rows(query: str) -> list[Any]:
                return database.execute(query).fetchall()

            lost = rows("SELECT first, last, reason FROM lost")
            received = rows("SELECT first, last FROM received ORDER BY first")
            ends = "SELECT rule, max(unixepoch(start) + seconds) FROM {0} GROUP BY rule"
            reached = dict([*rows(ends.format("flow")), *rows(ends.format("zone"))])
            if min(reached.get(rule, 0.0) for rule in RULES) <= after:
                return None
            if holes(union(received, [(first, last) for first, last, _ in lost])):
                return None
            ordered = {"flow": "start", "zone": "start", "cross": "seq"}
            bodies = {kind: [json.loads(body) for (body,) in rows(f'SELECT body FROM "{kind}" ORDER BY {column}')]
                      for kind, column in ordered.items()}  # fmt: skip
            [(epochs,)] = rows("SELECT count(DISTINCT epoch) FROM epoch")
            rejected = rows("SELECT topic, reason FROM rejected")
            return cls(bodies, received, lost, epochs, rejected, dict(rows("SELECT name, number FROM tally")))

    def intervals(self, rule: str) -> list[dict[str, Any]]:
        return [each for each in self.bodies[RULES[rule]] if each["rule"] == rule]

    def singles(self) -> Single:
        """Single crossings of l1."""
        return _singles(self.bodies["cross"])

    def counted(self, line: str) -> Counter[Key]:
        """The sum of a line's intervals."""
        return _sum(self.intervals(line))


def _rows(path: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=30)) as database:
        return database.execute(query).fetchall()


def received(path: Path) -> int:
    """How many numbered messages the centre has."""
    return size(union(_rows(path, "SELECT first, last FROM received")))


def singles(path: Path) -> Single:
    """Single crossings at the centre by moment, class and direction."""
    return _singles(json.loads(body) for (body,) in _rows(path, 'SELECT body FROM "cross"'))


def _singles(bodies: Iterable[dict[str, Any]]) -> Single:
    return Counter((unix(each["at"]), (each["class"], each["direction"])) for each in bodies)


def unix(text: str) -> float:
    return round(datetime.fromisoformat(text).timestamp(), 3)


def end(interval: dict[str, Any]) -> float:
    return unix(interval["start"]) + interval["seconds"]


def _sum(flows: Iterable[dict[str, Any]]) -> Counter[Key]:
    found: Counter[Key] = Counter()
    for flow in flows:
        for kind, pair in flow.get("count", {}).items():
            found.update({(kind, way): pair[way] for way in (0, 1)})
    return found


def faults(stored: Stored, truth: Truth) -> list[str]:
    """Everything in which the two differ, one line each; the camera always has pictures."""
    flags = (f"{rule} {fault}" for rule in RULES for fault in _of_the_flags(stored.intervals(rule)))
    return [*differences(stored, truth), *flags]


def differences(stored: Stored, truth: Truth) -> list[str]:
    """Everything in which the two differ, whether or not the camera has pictures."""
    found = [*_of_the_numbers(stored), *_of_the_singles(stored, truth)]
    for rule, kind in RULES.items():
        found += _of_the_row(rule, stored.intervals(rule), truth)
        found += _of_the_coverage(rule, stored.intervals(rule), truth)
        if kind == "flow":
            found += _of_the_totals(rule, stored.intervals(rule))
            found += _of_the_counts(rule, stored.intervals(rule), truth)
    return found


def _of_the_numbers(stored: Stored) -> Iterator[str]:
    """Every number once and in one message."""
    if stored.epochs != 1:
        yield f"{stored.epochs} epochs"
    if stored.rejected:
        yield f"rejected: {stored.rejected[:3]}"
    numbers = Counter(each["seq"] for bodies in stored.bodies.values() for each in bodies)
    if twice := [seq for seq, times in numbers.items() if times > 1]:
        yield f"numbers in two messages: {twice[:10]}"
    if gone := size(union(stored.received)) - len(numbers):
        yield f"{gone} numbers were received and have no message: two messages told one interval"
    for kind, bodies in stored.bodies.items():
        for body in bodies:
            fits(json.dumps(body), kind)


def _of_the_singles(stored: Stored, truth: Truth) -> Iterator[str]:
    """Each crossing of l1 once; none that was not; none missing but from the last second before a kill. And what is
    told one by one is what is counted."""
    had = Counter((round(each.at, 3), each.key) for each in truth.crossings if each.line == "l1")
    risked = Counter((round(e.at, 3), e.key) for e in truth.crossings if e.line == "l1" and truth.at_risk(e))
    there = stored.singles()
    yield from (f"l1: told though it never was, or told twice: {each}" for each in (there - had).elements())
    yield from (f"l1: missing though on record before the kill: {each}" for each in (had - there - risked).elements())
    if (one_by_one := Counter(key for _, key in there.elements())) != +stored.counted("l1"):
        yield f"l1: one by one {dict(one_by_one)}, counted {dict(stored.counted('l1'))}"


def _of_the_row(rule: str, intervals: list[dict[str, Any]], truth: Truth) -> Iterator[str]:
    """No interval is left out from the first picture on, and none overlaps."""
    first = min(each[0] for each in truth.seen.values())
    if unix(intervals[0]["start"]) > first:
        yield f"{rule}: begins with {intervals[0]['start']}, the camera with {first}"
    for before, after in pairwise(intervals):
        if end(before) != unix(after["start"]):
            yield f"{rule}: {before['start']} + {before['seconds']} s is followed by {after['start']}"


def _of_the_totals(rule: str, flows: list[dict[str, Any]]) -> Iterator[str]:
    """`total` grows by what each interval counts."""
    total = [0, 0]
    for flow in flows:
        total = [total[way] + sum(pair[way] for pair in flow.get("count", {}).values()) for way in (0, 1)]
        if total != flow["total"]:
            yield f"{rule} {flow['start']}: total {flow['total']}, all intervals so far {total}"


def _of_the_counts(rule: str, flows: list[dict[str, Any]], truth: Truth) -> Iterator[str]:
    """Up to the end of every interval, by class and direction: no more was counted than was made by then, no less than
    was surely on record before it was told; what came later than that counts in the next one."""
    mine = [each for each in truth.crossings if each.line == rule]
    counted: Counter[Key] = Counter()
    for flow in flows:
        until = end(flow)
        counted += _sum([flow])
        most = Counter(each.key for each in mine if each.at < until)
        least = Counter(
            each.key
            for each in mine
            if each.at < until and each.told < until + GRACE_SECONDS and not truth.at_risk(each)
        )
        for key in most.keys() | counted.keys():
            if not least[key] <= counted[key] <= most[key]:
                yield f"{rule} up to {flow['start']}: {key} {counted[key]}, truly {least[key]} to {most[key]}"


def _of_the_coverage(rule: str, intervals: list[dict[str, Any]], truth: Truth) -> Iterator[str]:
    """`coverage` is the time in which pictures were looked at, but for what a kill took."""
    least, most = truth.watched(sure=True), truth.watched(sure=False)
    for each in intervals:
        start, seconds, told = unix(each["start"]), each["seconds"], each["coverage"] * each["seconds"]
        low, high = (min(seconds, _within(spans, start, start + seconds)) for spans in (least, most))
        if not low - ROUNDED <= told <= high + ROUNDED:
            yield f"{rule} {each['start']}: covered {told:.3f} s of {seconds}, truly {low:.3f} to {high:.3f} s"


def _of_the_flags(intervals: list[dict[str, Any]]) -> Iterator[str]:
    """They say why `coverage` is low."""
    for each in intervals:
        flags = set(each.get("flags", ()))
        wanted = {"nostream"} if not each["coverage"] else {"partial"} if each["coverage"] < 0.95 else set()
        if wanted != flags - {"slow"}:
            yield f"{each['start']}: coverage {each['coverage']} with flags {sorted(flags)}"


def _within(spans: list[tuple[float, float]], start: float, stop: float) -> float:
    return sum(max(0.0, min(b, stop) - max(a, start)) for a, b in spans)


def figures(stored: Stored, truth: Truth) -> dict[str, object]:
    """What was had, what is missing and how near to a kill, and what the centre had to do."""
    had = Counter(each.line for each in truth.crossings)
    missing = {line: had[line] - stored.counted(line).total() for line in had}
    left = stored.singles()
    ages = []
    for each in truth.crossings:
        name = round(each.at, 3), each.key
        if each.line == "l1" and not left[name]:
            ages.append(truth.killed[each.life] - each.told)
        elif each.line == "l1":
            left[name] -= 1
    watched = [each["coverage"] for rule in RULES for each in stored.intervals(rule)]
    return {
        "crossings that the camera had": had.total(),
        "missing at the centre": sum(missing.values()),
        "at risk in the last second before a kill": sum(map(truth.at_risk, truth.crossings)),
        "oldest missing one, seconds before the kill": round(max(ages, default=0.0), 2),
        "numbered messages": size(union(stored.received)),
        "duplicates removed": stored.tally.get("duplicates", 0),
        "numbers told as lost": sum(last - first + 1 for first, last, _ in stored.lost),
        "intervals": len(watched),
        "of them not watched at all": watched.count(0),
        "mean coverage": round(sum(watched) / len(watched), 3),
    }
