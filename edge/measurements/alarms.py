"""Samples -> alarms: raised when a limit has held, cleared when a lower one has, never silently."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Literal, TypedDict

from edge.config.rules import Limits, Line, Queue, Zone
from edge.config.schema import Camera
from edge.dataflow import Alarm, Instant, Sample

LOST_SECONDS = 5.0
"""For so long a standing alarm bears that its value is not known; then it is `unknown`. A connection that is renewed
takes less."""
MEAN_SECONDS = 5.0
"""Over so many seconds people and vehicles are averaged: a count that flickers by one about a limit never holds."""
AVERAGED = {"crowd_density": "pedestrian", "crowd_count": "pedestrian", "queue": "vehicles"}
"""What is averaged, by the kind of alarm; the others come as states, seconds or events."""
EVENTS = {"wrong_way"}
"""What happens at once and is over: an alarm of it tells how many came, as long as it stands."""
PRESENT = {**AVERAGED, "congestion": "congestion", "stopped_vehicle": "stopped"}
"""The name of the present value that an alarm looks at, by its kind."""


class Standing(TypedDict):
    """An alarm as it outlives its process: what it is about, how it stands, since when (Unix seconds)."""

    kind: str
    level: int
    value: float
    since: float
    unknown: bool


class AlarmMachine:
    """The alarm of one rule. Durations are on the steady clock; what was not seen for LOST_SECONDS has not held."""

    def __init__(self, rule: str, kind: str, limits: Limits) -> None:
        self._rule, self._kind, self._limits = rule, kind, limits
        self._level, self._value, self._since, self._unknown = 0, 0.0, 0.0, False
        self._over: Instant | None = None
        """Since when the lowest limit has held, while nothing is raised."""
        self._under: list[float | None] = [None] * len(limits.levels)
        """Since when the value has been below the one that clears, by level."""
        self._known: float | None = None

    def update(self, at: Instant, value: float | None) -> list[Alarm]:
        """What changes with this value; None where it is not known, for the camera is lost or dark."""
        if self._known is None:
            self._known = at.seconds
        absent = at.seconds - self._known > LOST_SECONDS
        if absent:
            self._over, self._under = None, [None] * len(self._under)
        if value is None:
            return self._lose(at) if absent else []
        self._known = at.seconds
        returned, self._unknown = self._unknown, False
        before = self._level
        self._level = self._standing(at, value) if before else self._raised(at, value)
        if value or not self._level or self._kind not in EVENTS:
            self._value = value
        if before and not self._level:
            return [self._told(at, "cleared", of=before)]
        if self._level != before or returned:
            return [self._told(at, "changed" if before else "raised", of=self._level)]
        return []

    @property
    def standing(self) -> float:
        """The value that a standing alarm has; 0 where none stands."""
        return self._value if self._level else 0.0

    def state(self) -> Standing | None:
        """What a new process needs to go on with the alarm; None where none stands. JSON-able."""
        if not self._level:
            return None
        return Standing(kind=self._kind, level=self._level, value=self._value, since=self._since, unknown=self._unknown)

    def resume(self, state: Standing, at: Instant) -> bool:
        """Goes on with an alarm that stood when the last process ended; False where it was about something else, so
        that whoever keeps it must end it."""
        if state["kind"] != self._kind:
            return False
        self._level = min(state["level"], len(self._limits.levels))
        self._value, self._since, self._unknown = state["value"], state["since"], state["unknown"]
        self._known = at.seconds
        return True

    def _raised(self, at: Instant, value: float) -> int:
        """The level that is raised now, 0 for none: the one that the value has reached when the lowest has held."""
        if value < self._limits.levels[0][0]:
            self._over = None
            return 0
        self._over = self._over or at
        if at.seconds - self._over.seconds < self._limits.on_seconds:
            return 0
        self._since, self._over = self._over.utc, None
        return self._reached(value)

    def _standing(self, at: Instant, value: float) -> int:
        """The level of an alarm that stands: up at once, down to the highest that is not below its lower limit for
        the off-delay."""
        held = 0
        for level, (_, clears) in enumerate(self._limits.levels[: self._level], start=1):
            since = self._under[level - 1]
            since = None if value >= clears else (at.seconds if since is None else since)
            self._under[level - 1] = since
            if since is None or at.seconds - since < self._limits.off_seconds:
                held = level
        level = max(held, self._reached(value))
        self._under[level:] = [None] * (len(self._under) - level)
        return level

    def _reached(self, value: float) -> int:
        return sum(value >= limit for limit, _ in self._limits.levels)

    def _lose(self, at: Instant) -> list[Alarm]:
        if not self._level or self._unknown:
            return []
        self._unknown = True
        return [self._told(at, "unknown", of=self._level)]

    def _told(self, at: Instant, state: Literal["raised", "changed", "cleared", "unknown"], *, of: int) -> Alarm:
        limit, clears = self._limits.levels[of - 1]
        return Alarm(at=at, rule=self._rule, kind=self._kind, state=state, level=self._level, value=self._value,
                     limit=limit, clears_below=clears, since=self._since)  # fmt: skip


class Alarms:
    """The alarms of one camera's rules. `areas` are the square metres of zones whose file does not tell them: an alarm
    of density needs either."""

    def __init__(self, camera: Camera, *, areas: Mapping[str, float] | None = None) -> None:
        self._machines: dict[str, AlarmMachine] = {}
        self._values: dict[str, _Value] = {}
        known = dict(areas or {}) | {zone.id: zone.area_m2 for zone in camera.zones if zone.area_m2}
        rules: tuple[Line | Zone | Queue, ...] = (*camera.lines, *camera.zones, *camera.queues)
        for rule in rules:
            if (asked := rule.alarms.one) is None or (asked[0] == "crowd_density" and rule.id not in known):
                continue
            kind, limits = asked
            if kind in EVENTS:  # there is nothing that could hold
                limits = limits.model_copy(update={"on_seconds": 0.0})
            self._machines[rule.id] = AlarmMachine(rule.id, kind, limits)
            area = known[rule.id] if kind == "crowd_density" else 1.0
            self._values[rule.id] = _Value(kind, area=area, off_seconds=limits.off_seconds)

    def update(self, samples: Sequence[Sample]) -> list[Alarm]:
        """What the samples of one picture change."""
        changes = []
        for sample in samples:
            machine = self._machines.get(sample.rule)
            value = self._values[sample.rule].of(sample, standing=machine.standing) if machine else None
            if machine and value is not None:
                changes += machine.update(sample.at, value)
        return changes

    def lost(self, at: Instant) -> list[Alarm]:
        """What changes while there is no picture that tells anything: to be called about every second."""
        return [change for machine in self._machines.values() for change in machine.update(at, None)]

    def state(self) -> dict[str, Standing]:
        """The alarms that stand, by rule, for the next process."""
        states = {rule: machine.state() for rule, machine in self._machines.items()}
        return {rule: state for rule, state in states.items() if state}

    def resume(self, states: Mapping[str, Standing], at: Instant) -> list[str]:
        """Goes on with the alarms of the last process; returns the rules whose alarm is not asked for any more."""
        return [r for r, s in states.items() if r not in self._machines or not self._machines[r].resume(s, at)]


class _Value:
    """What the samples of one rule say to its alarm."""

    def __init__(self, kind: str, *, area: float, off_seconds: float) -> None:
        self._kind, self._area, self._quiet = kind, area, off_seconds
        self._recent: deque[tuple[float, float]] = deque()
        self._run, self._event = 0.0, 0.0

    def of(self, sample: Sample, *, standing: float) -> float | None:
        """The value, None where the sample does not have it; `standing` is that with which the alarm stands, or 0."""
        now = sample.at.seconds
        if self._kind in EVENTS:
            return self._events(now, sample.added.get(self._kind, 0.0), standing)
        value = sample.present.get(PRESENT[self._kind])
        if value is None or self._kind not in AVERAGED:
            return value
        self._recent.append((now, value / self._area))
        while now - self._recent[0][0] >= MEAN_SECONDS:
            self._recent.popleft()
        return _mean(tuple(self._recent))

    def _events(self, now: float, number: float, standing: float) -> float:
        """How many riders have come since it was last quiet for the off-delay, when one comes; else 0. As long as the
        alarm stands, as it does while the camera is lost and after a restart, it was not quiet."""
        if not number:
            return 0.0
        self._run = number + max(standing, self._run if now - self._event < self._quiet else 0.0)
        self._event = now
        return self._run


def _mean(recent: Sequence[tuple[float, float]]) -> float:
    """Over time: each value stood since the one before it, and the first for no time, unless it is the only one."""
    spans = [(after - before, value) for (before, _), (after, value) in pairwise(recent)]
    total = sum(span for span, _ in spans)
    return sum(span * value for span, value in spans) / total if total > 0 else recent[-1][1]
