"""One camera's measurements into its journal: every second what is open, at the end of an interval its message."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from edge import events, render
from edge.config.schema import Camera
from edge.dataflow import Alarm, Crossing, Instant, Period, Sample, Stamp, Tally
from edge.measurements.periods import Periods, rules_of
from edge.store.database import UnwritableError
from edge.store.journal import Journal, Told

LOG = logging.getLogger("edge.recorder")
WRITE_SECONDS = 1.0
HELD_CROSSINGS = 100_000
"""What is held where the journal cannot be written: hours of a busy street."""


class Recorder:
    """Holds at most the last second of one camera's measurements in memory; the rest is in the journal. Where that
    cannot be written, it holds them until it can; what is more than it can hold is counted and told as lost."""

    def __init__(self, journal: Journal, *, name: str, camera: Camera, now: Instant) -> None:
        self._journal = journal
        self._name = name
        self._lines = {line.id: line for line in camera.lines}
        self._periods = Periods(rules_of(camera), rate=camera.analyse.rate)
        told = frozenset(line.id for line in camera.lines if line.crossings)
        self._told = Told(told, self._render_crossing, events.LIFE_SECONDS["cross"])
        self._crossings: list[Crossing] = []
        self._alarms: list[tuple[Alarm, str | None]] = []
        self._over: list[Period] = []
        self._written = now.utc
        self._unwritable, self._lost = False, 0
        over = self._periods.resume(journal.open_periods(), now=now)
        self.write(now.utc)  # first, so that what begins is known even if this process ends before what is over is told
        self._finish(over)

    def record(self, at: Instant, crossings: Sequence[Crossing], samples: Sequence[Sample]) -> None:
        """Takes in what one analysed picture gave."""
        self._crossings += crossings
        self._periods.observe(at, samples)

    def alarm(self, changes: Iterable[Alarm], states: Mapping[str, Any]) -> None:
        """Takes in changes of alarms, and what those that stand are to go on from, by rule."""
        for change in changes:
            self._alarms.append((change, _kept(change, states.get(change.rule))))

    @property
    def standing(self) -> dict[str, Any]:
        """What the alarms that stood when the last process ended are to go on from, by rule."""
        return {rule: json.loads(kept)["state"] for rule, kept in self._journal.open_alarms().items()}

    def end_alarms(self, rules: Iterable[str], *, now: Instant) -> None:
        """Tells that nobody looks after these alarms any more: they are unknown, and stand no longer."""
        kept = self._journal.open_alarms()
        for rule in rules:
            last = Alarm(**{**json.loads(kept[rule])["change"], "at": now, "rule": rule, "state": "unknown"})
            self._alarms.append((last, None))

    def flag(self, name: str) -> None:
        """Marks the open intervals, such as `nostream`."""
        self._periods.flag(name)

    def tick(self, now: Instant) -> None:
        """Writes what is due: to be called several times a second, pictures or not."""
        self._over += self._periods.due(now)
        written_ago = now.utc - self._written
        pressing = (self._over or self._alarms) and not self._unwritable
        if pressing or not 0 <= written_ago < WRITE_SECONDS:
            self._try(now.utc)

    def write(self, now: float) -> None:
        """Puts everything that is in memory on record."""
        self._journal.write(self._crossings, [*self._over, *self._periods.open()], seen=now, told=self._told)
        self._crossings.clear()
        self._written = now

    def stop(self, now: float) -> None:
        """Puts what is in memory on record for the next process, and says what cannot be put there."""
        try:
            self.write(now)
        except UnwritableError as error:
            LOG.error("%s; %d crossings of %s are lost with this process", error, len(self._crossings), self._name)

    def close(self, now: float) -> None:
        """Tells every interval as it stands: for the end of a file, where nothing will continue it."""
        self.write(now)
        self._finish([*self._over, *self._periods.rest()])
        self._tell_alarms()

    def _try(self, now: float) -> None:
        try:
            self.write(now)
            self._finish(self._over)
            self._tell_alarms()
        except UnwritableError as error:
            self._written = now
            self._hold(error)
        else:
            self._let_go()

    def _hold(self, error: UnwritableError) -> None:
        if not self._unwritable:
            LOG.error("%s; counting goes on, what is counted is held in memory", error)
            self._unwritable = True
        surplus = self._crossings[: max(0, len(self._crossings) - HELD_CROSSINGS)]
        if surplus:
            del self._crossings[: len(surplus)]
            self._lost += len(surplus)
            self._mark_partial(surplus[-1].at.utc)

    def _mark_partial(self, until: float) -> None:
        """Marks the intervals up to then, of which crossings are lost."""
        self._over = [replace(p, flags=p.flags | {"partial"}) if p.start <= until else p for p in self._over]
        if not self._over or until >= self._over[-1].end:
            self._periods.flag("partial")

    def _let_go(self) -> None:
        if self._unwritable:
            LOG.warning("%s: the journal is written again; %d crossings were lost", self._name, self._lost)
            self._unwritable, self._lost = False, 0

    def _finish(self, over: list[Period]) -> None:
        while over:
            self._journal.finish(over[0], self._render, life=events.LIFE_SECONDS[over[0].kind])
            del over[0]

    def _tell_alarms(self) -> None:
        while self._alarms:
            change, state = self._alarms[0]
            self._journal.alarm(change, self._render_alarm, state=state, life=events.LIFE_SECONDS["alarm"])
            del self._alarms[0]

    def _render(self, period: Period, tally: Tally, stamp: Stamp) -> bytes:
        """The message, with the facts of the rule under which the interval was counted."""
        facts = json.loads(period.fingerprint)
        return render.interval(period, tally, stamp=stamp, camera=self._name, facts=facts).to_bytes()

    def _render_alarm(self, change: Alarm, stamp: Stamp, alarm_id: str) -> bytes:
        return render.alarm(change, stamp=stamp, camera=self._name, alarm_id=alarm_id).to_bytes()

    def _render_crossing(self, crossing: Crossing, stamp: Stamp) -> bytes:
        return render.cross(crossing, stamp=stamp, camera=self._name).to_bytes()


def retire(journal: Journal, *, name: str) -> None:
    """Tells the open intervals of a camera that is not analysed any more, as far as they came."""
    now = Instant(time.monotonic(), time.time())
    nothing = Camera.model_construct(lines=(), zones=(), turns=(), queues=())
    recorder = Recorder(journal, name=name, camera=nothing, now=now)
    recorder.end_alarms(recorder.standing, now=now)
    recorder.tick(now)


def _kept(change: Alarm, state: object) -> str | None:
    """What the journal keeps of an alarm that stands."""
    if state is None:
        return None
    fields = asdict(change)
    del fields["at"]
    return json.dumps({"change": fields, "state": state})
