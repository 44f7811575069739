"""Intervals on the wall clock: how much of each was really analysed, and what zones add up in it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from edge.config.schema import Camera
from edge.dataflow import Instant, Period, Sample
from edge.measurements.measures import areas_of, ground_of, lengths_of

GRACE_SECONDS = 2.0
"""How long an interval stays open after its end for crossings that are not known yet."""
BRIDGED_SECONDS = 1.0
"""The longest pause between two analysed pictures that tracks bridge, so that it still counts as analysed."""
MISSED_SECONDS = 3600
"""How far back the intervals that nobody watched are told after a restart; before that, silence says it."""
AHEAD_SECONDS = 2.0
"""An interval that begins so much later than now is of a clock that was ahead."""
PARTIAL = 0.95
"""Below this coverage an interval says so."""
SLOW = 0.6
"""Below this share of the wanted pictures an interval says so."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What an interval needs to know of a line or zone."""

    id: str
    kind: str
    every: int
    fingerprint: str


def rules_of(camera: Camera) -> list[Rule]:
    """The rules of a camera file. The fingerprint holds what a message needs of its rule (`classes`, `area_m2`, the
    `pcu` factors, the `metres` of a line where they are known), and changes with everything that changes what is
    counted; names do not."""
    whole = [
        camera.analyse.model,
        camera.analyse.rate,
        camera.analyse.tiles,
        camera.mask,
        camera.calibration and camera.calibration.points,
    ]
    metres, areas = lengths_of(camera), areas_of(camera.zones, ground_of(camera))
    lines = {line.id: list(line.points) for line in camera.lines}
    facts: dict[str, tuple[str, list[object], dict[str, object]]] = {}
    for line in camera.lines:
        known = {"classes": line.classes, "pcu": camera.factors, "metres": metres.get(line.id)}
        facts[line.id] = ("flow", [line.points, line.forbidden], {k: v for k, v in known.items() if v})
    for zone in camera.zones:
        facts[zone.id] = ("zone", [zone.points, zone.vehicles], {"area_m2": areas.get(zone.id)})
    for turn in camera.turns:
        ways = [lines[line] for line in (*turn.entries, *turn.exits)]
        facts[turn.id] = ("turn", [turn.entries, turn.exits, turn.within_seconds, ways], {})
    for queue in camera.queues:
        facts[queue.id] = ("queue", [lines[queue.stop_line], queue.lane], {})
    every = {rule.id: rule.every for rule in camera.rules}
    return [
        Rule(name, kind, every[name], _fingerprint([*whole, *counted, every[name]], **told))
        for name, (kind, counted, told) in facts.items()
    ]


def _fingerprint(counted: list[object], **told: object) -> str:
    digest = hashlib.sha256(json.dumps(counted).encode()).hexdigest()[:12]
    return json.dumps({**told, "counted": digest})


@dataclass(slots=True)
class _Open:
    rule: Rule
    start: float
    seconds: float
    analysed: float = 0.0
    flags: set[str] = field(default_factory=set)
    numbers: dict[str, float] = field(default_factory=dict)

    @property
    def end(self) -> float:
        return self.start + self.seconds

    def add(self, seconds: float, sample: Sample | None) -> None:
        """Counts a picture of this interval, which stands for so many seconds of it."""
        self.lengthen(seconds, sample)
        self._more("frames", 1)
        if sample:
            self.flags |= sample.flags
            for name, value in sample.present.items():
                self.numbers[f"{name}.max"] = max(self.numbers.get(f"{name}.max", 0), value)
                self.numbers[f"{name}.last"] = value
            self.note(sample)

    def note(self, sample: Sample) -> None:
        """Counts what happened; of a picture before this interval too, for there is no other to count it."""
        for name, value in sample.added.items():
            self._more(name, value)

    def lengthen(self, seconds: float, sample: Sample | None) -> None:
        """Counts the seconds before a picture that comes just after this interval; what it tells of who is present
        holds for all of the interval where that has no picture of its own."""
        self.analysed += seconds
        for name, value in sample.present.items() if sample else ():
            self._more(f"{name}.sum", value * seconds)
            self.numbers.setdefault(f"{name}.max", value)
            self.numbers.setdefault(f"{name}.last", value)

    def _more(self, name: str, value: float) -> None:
        self.numbers[name] = self.numbers.get(name, 0) + value

    def as_period(self) -> Period:
        numbers = tuple(sorted(self.numbers.items()))
        return Period(self.rule.id, self.rule.kind, self.start, self.seconds, self.analysed,
                      frozenset(self.flags), numbers, self.rule.fingerprint)  # fmt: skip


class Periods:
    """The open intervals of one camera's rules. Instants come with the labels of one clock, which nobody sets; where
    somebody does, cut() ends everything of the one before and begin() begins anew."""

    def __init__(self, rules: Sequence[Rule], *, rate: float) -> None:
        self._rules = {rule.id: rule for rule in rules}
        self._rate = rate
        self._open: dict[str, _Open] = {}
        self._ended: list[_Open] = []
        self._last: float | None = None

    def resume(self, kept: Iterable[tuple[Period, float]], *, now: Instant) -> list[Period]:
        """Goes on with the intervals of the last process (each with when it was last seen, Unix seconds); returns
        those that must be told at once: of rules that have changed or gone, or of a clock that was ahead."""
        over: list[Period] = []
        reached: dict[str, float] = {}
        for period, seen in kept:
            rule = self._rules.get(period.rule)
            ahead = period.start > now.utc + AHEAD_SECONDS
            if rule is None or rule.fingerprint != period.fingerprint:
                period = _cut(period, seen, flag="config")
                over.append(self._judged(period))
            elif ahead:
                over.append(self._judged(_cut(period, seen, flag="clock")))
            else:
                self._take_up(rule, period, now.utc)
            if not ahead:
                reached[period.rule] = max(period.end, reached.get(period.rule, 0.0))
        for rule in self._rules.values():
            self._skip(rule, since=reached.get(rule.id, now.utc), now=now.utc)
            start = max(_aligned(now.utc, rule.every), reached.get(rule.id, 0.0))
            self._open.setdefault(rule.id, _begin(rule, start))
        return over

    def end(self, kept: Iterable[tuple[Period, float]], *, flag: str | None) -> list[Period]:
        """Ends the intervals of the last process, which nothing can go on with, where they were last seen."""
        return [self._judged(_cut(period, seen, flag=flag)) for period, seen in kept]

    def cut(self, at: Instant, *, flag: str | None) -> list[Period]:
        """Ends every interval here, in order; until begin() there are none."""
        over = [e.as_period() for e in self._ended]
        kept = [(e.as_period(), at.utc) for e in self._open.values() if e.start < at.utc or e.numbers]
        self._open.clear()
        self._ended.clear()
        return sorted([*map(self._judged, over), *self.end(kept, flag=flag)], key=lambda p: (p.end, p.rule))

    def begin(self, at: Instant) -> None:
        """Begins an interval of every rule."""
        self._open = {rule.id: _begin(rule, float(math.floor(at.utc))) for rule in self._rules.values()}

    def _take_up(self, rule: Rule, period: Period, now: float) -> None:
        numbers, flags = dict(period.numbers), set(period.flags)
        opened = _Open(rule, period.start, period.seconds, period.analysed, flags, numbers)
        if now < opened.end and rule.id not in self._open:
            self._open[rule.id] = opened
        else:
            self._ended.append(opened)

    def observe(self, at: Instant, samples: Sequence[Sample]) -> None:
        """Counts an analysed picture: the time since the last one is analysed, if tracks bridge it, and what is
        present was there through it."""
        present = {sample.rule: sample for sample in samples}
        gap = math.inf if self._last is None else at.seconds - self._last
        span = gap if 0 <= gap <= BRIDGED_SECONDS else 1.0 / self._rate
        self._last = at.seconds
        self._roll(at.utc)
        for opened in self._open.values():
            since = min(span, max(0.0, at.utc - opened.start))
            sample = present.get(opened.rule.id)
            if at.utc >= opened.start:
                opened.add(since, sample)
            elif sample:
                opened.note(sample)
            for ended in self._ended:
                if ended.rule.id == opened.rule.id and ended.end == opened.start and span > since:
                    ended.lengthen(span - since, present.get(opened.rule.id))

    def flag(self, name: str) -> None:
        """Marks every open interval."""
        for opened in self._open.values():
            opened.flags.add(name)

    def due(self, now: Instant) -> list[Period]:
        """The intervals that are over, in order; told once."""
        self._roll(now.utc)
        waiting = [e for e in self._ended if e.end + GRACE_SECONDS > now.utc]
        over, self._ended = [e for e in self._ended if e not in waiting], waiting
        return [self._judged(e.as_period()) for e in sorted(over, key=lambda e: (e.end, e.rule.id))]

    def rest(self) -> list[Period]:
        """Every interval as it stands, for the end of a file."""
        over = [*self._ended, *self._open.values()]
        return [self._judged(e.as_period()) for e in sorted(over, key=lambda e: (e.end, e.rule.id))]

    def open(self) -> list[Period]:
        """Every interval that is not told yet, for the journal."""
        return [e.as_period() for e in (*self._ended, *self._open.values())]

    def _roll(self, now: float) -> None:
        for rule_id, opened in list(self._open.items()):
            if now >= opened.end:
                self._ended.append(opened)
                self._skip(opened.rule, since=opened.end, now=now)
                self._open[rule_id] = _begin(opened.rule, max(opened.end, _aligned(now, opened.rule.every)))

    def _skip(self, rule: Rule, *, since: float, now: float) -> None:
        """Notes the intervals that went by unwatched."""
        start = _aligned(max(since, now - MISSED_SECONDS) + rule.every - 1e-6, rule.every)
        while start + rule.every <= now:
            self._ended.append(_Open(rule, start, rule.every))
            start += rule.every

    def _judged(self, period: Period) -> Period:
        flags = set(period.flags)
        if period.analysed <= 0:
            flags |= {"nostream"}
        elif period.coverage < PARTIAL and "nostream" not in flags:
            flags |= {"partial"}
        if dict(period.numbers).get("frames", 0) < SLOW * self._rate * period.analysed:
            flags |= {"slow"}
        return replace(period, flags=frozenset(flags))


def _aligned(now: float, every: int) -> float:
    return math.floor(now / every) * float(every)


def _begin(rule: Rule, start: float) -> _Open:
    """An interval that ends on the wall clock."""
    return _Open(rule, start, _aligned(start, rule.every) + rule.every - start)


def _cut(period: Period, seen: float, *, flag: str | None) -> Period:
    """An interval that cannot go on, ended where it was last seen; one that was seen before it began keeps its end, for
    that was by another clock."""
    watched = max(1.0, math.ceil(seen - period.start)) if seen > period.start - AHEAD_SECONDS else math.inf
    seconds = min(period.seconds, watched)
    return replace(period, seconds=seconds, flags=period.flags | ({flag} if flag else set()))
