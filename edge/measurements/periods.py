"""Intervals on the wall clock: how much of each was really analysed, and what zones add up in it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from edge.config.schema import Camera
from edge.dataflow import CLASSES, Instant, Occupancy, Period

GRACE_SECONDS = 2.0
"""How long an interval stays open after its end for crossings that are not known yet."""
BRIDGED_SECONDS = 1.0
"""The longest pause between two analysed pictures that tracks bridge, so that it still counts as analysed."""
MISSED_SECONDS = 3600
"""How far back the intervals that nobody watched are told after a restart; before that, silence says it."""
PARTIAL = 0.95
SLOW = 0.6


@dataclass(frozen=True, slots=True)
class Rule:
    """What an interval needs to know of a line or zone."""

    id: str
    kind: str
    every: int
    classes: tuple[str, ...]
    """The classes whose presence is added up (zones only)."""
    fingerprint: str


def rules_of(camera: Camera) -> list[Rule]:
    """The rules of a camera file. The fingerprint changes with anything that changes what is counted."""
    lines = [Rule(line.id, "flow", line.every, (), repr(line)) for line in camera.lines]
    zones = [
        Rule(zone.id, "zone", zone.every, CLASSES if zone.vehicles else CLASSES[:1], repr(zone))
        for zone in camera.zones
    ]
    return lines + zones


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

    def add(self, seconds: float, occupancy: Occupancy | None) -> None:
        self.analysed += seconds
        self.numbers["frames"] = self.numbers.get("frames", 0) + 1
        for kind in self.rule.classes if occupancy else ():
            present = occupancy.counts.get(kind, 0) if occupancy else 0
            self.numbers[f"{kind}.sum"] = self.numbers.get(f"{kind}.sum", 0.0) + present * seconds
            self.numbers[f"{kind}.max"] = max(self.numbers.get(f"{kind}.max", 0), present)
            self.numbers[f"{kind}.last"] = present

    def as_period(self) -> Period:
        numbers = tuple(sorted(self.numbers.items()))
        return Period(self.rule.id, self.rule.kind, self.start, self.seconds, self.analysed,
                      frozenset(self.flags), numbers, self.rule.fingerprint)  # fmt: skip


class Periods:
    """The open intervals of one camera's rules."""

    def __init__(self, rules: Sequence[Rule], *, rate: float) -> None:
        self._rules = {rule.id: rule for rule in rules}
        self._rate = rate
        self._open: dict[str, _Open] = {}
        self._ended: list[_Open] = []
        self._last: float | None = None

    def resume(self, kept: Iterable[tuple[Period, float]], *, now: float) -> list[Period]:
        """Goes on with the intervals of the last process (each with when it was last seen, Unix seconds); returns
        those of rules that have changed or gone, which must be told at once."""
        over: list[Period] = []
        reached: dict[str, float] = {}
        for period, seen in kept:
            rule = self._rules.get(period.rule)
            if rule is None or rule.fingerprint != period.fingerprint:
                period = _cut(period, seen)
                over.append(period)
            else:
                numbers, flags = dict(period.numbers), set(period.flags)
                opened = _Open(rule, period.start, period.seconds, period.analysed, flags, numbers)
                if now < opened.end:
                    self._open[rule.id] = opened
                else:
                    self._ended.append(opened)
            reached[period.rule] = max(period.end, reached.get(period.rule, 0.0))
        for rule in self._rules.values():
            self._skip(rule, since=reached.get(rule.id, now), now=now)
            start = max(_aligned(now, rule.every), reached.get(rule.id, 0.0))
            self._open.setdefault(rule.id, _begin(rule, start))
        return over

    def observe(self, at: Instant, occupancies: Sequence[Occupancy]) -> None:
        """Counts an analysed picture: the time since the last one is analysed, if tracks bridge it, and the zones
        held these people through it."""
        present = {o.zone: o for o in occupancies}
        gap = math.inf if self._last is None else at.seconds - self._last
        span = gap if 0 <= gap <= BRIDGED_SECONDS else 1.0 / self._rate
        self._last = at.seconds
        self._roll(at.utc)
        for opened in self._open.values():
            inside = min(span, max(0.0, at.utc - opened.start))
            opened.add(inside, present.get(opened.rule.id))
            for ended in self._ended:
                if ended.rule.id == opened.rule.id and ended.end == opened.start and span > inside:
                    ended.add(span - inside, present.get(opened.rule.id))

    def flag(self, name: str) -> None:
        """Marks every open interval."""
        for opened in self._open.values():
            opened.flags.add(name)

    def due(self, now: float) -> list[Period]:
        """The intervals that are over, in order; told once."""
        self._roll(now)
        over = [e for e in self._ended if e.end + GRACE_SECONDS <= now]
        self._ended = [e for e in self._ended if e.end + GRACE_SECONDS > now]
        return [self._judged(e) for e in sorted(over, key=lambda e: (e.end, e.rule.id))]

    def rest(self) -> list[Period]:
        """Every interval as it stands, for the end of a file."""
        over = [*self._ended, *self._open.values()]
        return [self._judged(e) for e in sorted(over, key=lambda e: (e.end, e.rule.id))]

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

    def _judged(self, opened: _Open) -> Period:
        period = opened.as_period()
        flags = set(period.flags)
        if period.analysed <= 0:
            flags |= {"nostream"}
        elif period.coverage < PARTIAL and "nostream" not in flags:
            flags |= {"partial"}
        if opened.numbers.get("frames", 0) < SLOW * self._rate * period.analysed:
            flags |= {"slow"}
        return replace(period, flags=frozenset(flags))


def _aligned(now: float, every: int) -> float:
    return math.floor(now / every) * float(every)


def _begin(rule: Rule, start: float) -> _Open:
    """An interval that ends on the wall clock."""
    return _Open(rule, start, _aligned(start, rule.every) + rule.every - start)


def _cut(period: Period, seen: float) -> Period:
    """An interval of a changed rule, ended where it was last seen."""
    seconds = min(period.seconds, max(1.0, math.ceil(seen - period.start)))
    return replace(period, seconds=seconds, flags=period.flags | {"config"})
