"""One camera's measurements into its journal: every second what is open, at the end of an interval its message."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from edge import events, render
from edge.clock import Clock, FileClock, SystemClock
from edge.config.schema import Camera
from edge.dataflow import Alarm, Crossing, Instant, Period, Sample, Stamp, Tally
from edge.measurements.periods import Periods, rules_of
from edge.store.database import UnwritableError
from edge.store.journal import Journal, Told
from edge.timeline import Era, Timeline

LOG = logging.getLogger("edge.recorder")
WRITE_SECONDS = 1.0
HELD_CROSSINGS = 100_000
"""What is held where the journal cannot be written: hours of a busy street."""
TOLD_LATE_SECONDS = 3600.0
"""The life of a message begins at the end of its interval, unless that is longer ago or still to come: its label is of
another clock then."""


class Recorder:
    """Holds at most the last second of one camera's measurements in memory; the rest is in the journal. Where that
    cannot be written, it holds them until it can; what is more than it can hold is counted and told as lost.

    Labels are those of the clock as of the last tick, whatever the instants come with. Where `clock` does not have the
    right time, what ends is held in the journal until it has, or until it was waited for long enough.
    """

    def __init__(
        self, journal: Journal, *, name: str, camera: Camera, now: Instant, clock: Clock | None = None
    ) -> None:
        self._journal = journal
        self._name = name
        self._lines = {line.id: line for line in camera.lines}
        self._periods = Periods(rules_of(camera), rate=camera.analyse.rate)
        told = frozenset(line.id for line in camera.lines if line.crossings)
        self._told = Told(told, self._render_crossing, events.LIFE_SECONDS["cross"])
        self._crossings: list[Crossing] = []
        self._alarms: list[tuple[Alarm, str | None]] = []
        self._over: list[tuple[Period, Era]] = []
        self._written = now.seconds
        self._unwritable, self._lost = False, 0
        kept = journal.era()
        self._begin(clock or FileClock(), now, before=Era.parse(kept) if kept else None)

    def _begin(self, clock: Clock, now: Instant, *, before: Era | None) -> None:
        """Takes over what the process before this one had open."""
        self._timeline = Timeline(clock, now, before=before)
        self._era = self._timeline.era
        self._holding = bool(self._journal.held())
        self._doubted = {rule for rule, kept in self._journal.open_alarms().items() if json.loads(kept).get("doubted")}
        open_periods = self._journal.open_periods()
        if before is None or _goes_on(before, self._era):
            over = [(each, self._era) for each in self._periods.resume(open_periods, now=self._timeline.label(now))]
        else:
            doubt = before.known and before.boot == self._era.boot  # in which the clock was set meanwhile
            over = [(each, before) for each in self._periods.end(open_periods, flag="clock" if doubt else None)]
            self._settle(over, now.utc)
            self._periods.begin(now)
        self.write(now.utc)  # first, so that what begins is known even if this process ends before what is over is told
        self._settle(over, now.utc)

    def record(self, at: Instant, crossings: Sequence[Crossing], samples: Sequence[Sample]) -> None:
        """Takes in what one analysed picture gave."""
        self._crossings += [replace(each, at=self._timeline.label(each.at)) for each in crossings]
        self._periods.observe(self._timeline.label(at), samples)

    def alarm(self, changes: Iterable[Alarm], states: Mapping[str, Any]) -> None:
        """Takes in changes of alarms, and what those that stand are to go on from, by rule."""
        for change in changes:
            if change.state == "raised":
                self._doubted.discard(change.rule)
            if not self._era.known:
                self._doubted.add(change.rule)
            self._alarms.append((change, self._kept(change, states.get(change.rule))))

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
        """Looks at the clock and writes what is due: to be called several times a second, pictures or not."""
        label = self._timeline.label(now)
        if self._timeline.look(now):
            self._turn(label, now)
        self._era = self._timeline.era
        self._over += [(each, self._era) for each in self._periods.due(self._timeline.label(now))]
        pressing = (self._over or self._alarms or self._ripe(now)) and not self._unwritable
        if pressing or now.seconds - self._written >= WRITE_SECONDS:
            self._try(now)

    def _turn(self, label: Instant, now: Instant) -> None:
        """The clock was set: ends everything at the `label` that this moment had until then, and begins anew. Both
        sides say `clock`, but where a clock that was not believed gave way to one that is."""
        before, after = self._era, self._timeline.era
        LOG.warning("%s: the clock was set by %+.1f s", self._name, after.offset - before.offset)
        self._over += [(each, before) for each in self._periods.cut(label, flag="clock" if before.known else None)]
        self._try(now)  # what has labels of the clock before goes together with its intervals
        self._periods.begin(self._timeline.label(now))
        if before.known and after.known:
            self._periods.flag("clock")

    def write(self, now: float) -> None:
        """Puts everything that is in memory on record."""
        periods = [*(each for each, _ in self._over), *self._periods.open()]
        self._journal.write(self._crossings, periods, seen=now, told=self._told, era=self._era.to_json())
        self._crossings.clear()

    def stop(self, now: float) -> None:
        """Puts what is in memory on record for the next process, and says what cannot be put there."""
        try:
            self.write(now)
        except UnwritableError as error:
            LOG.error("%s; %d crossings of %s are lost with this process", error, len(self._crossings), self._name)

    def close(self, now: float) -> None:
        """Tells every interval as it stands: for the end of a file, where nothing will continue it."""
        self.write(now)
        self._settle([*self._over, *((each, self._era) for each in self._periods.rest())], now)
        self._tell_alarms()

    def _try(self, now: Instant) -> None:
        self._written = now.seconds
        try:
            self.write(now.utc)
            self._settle(self._over, now.utc)
            if self._ripe(now):
                self._release(now.utc)
            self._tell_alarms()
        except UnwritableError as error:
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
        self._over = [
            (replace(each, flags=each.flags | {"partial"}) if each.start <= until else each, era)
            for each, era in self._over
        ]
        if not self._over or until >= self._over[-1][0].end:
            self._periods.flag("partial")

    def _let_go(self) -> None:
        if self._unwritable:
            LOG.warning("%s: the journal is written again; %d crossings were lost", self._name, self._lost)
            self._unwritable, self._lost = False, 0

    def _settle(self, over: list[tuple[Period, Era]], now: float) -> None:
        """Tells what is over, or holds it where its time is not known."""
        while over:
            period, era = over[0]
            if era.known:
                self._release(now)  # what came before comes before
                life, made = events.LIFE_SECONDS[period.kind], _made(period, now)
                self._journal.finish(period, self._render, life=life, made=made)
            else:
                self._journal.hold(period, boot=era.boot, offset=era.offset)
                self._holding = True
            del over[0]

    def _ripe(self, now: Instant) -> bool:
        """Whether something is held that need not be any longer."""
        return self._holding and (self._era.known or self._timeline.given_up(now))

    def _release(self, now: float) -> None:
        """Tells what was held: with the right time where that came before the machine was started again, else with
        the one it had, which says `clock`."""
        for held in self._journal.held() if self._holding else ():
            period = held.period
            if self._era.known and held.boot == self._era.boot:
                period = replace(period, start=period.start + round(self._era.offset - held.offset))
            else:
                period = replace(period, flags=period.flags | {"clock"})
            life, made = events.LIFE_SECONDS[period.kind], _made(period, now)
            self._journal.release(replace(held, period=period), self._render, life=life, made=made)
        self._holding = False

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
        doubted = change.rule in self._doubted or not self._era.known
        return render.alarm(change, stamp=stamp, camera=self._name, alarm_id=alarm_id, doubted=doubted).to_bytes()

    def _render_crossing(self, crossing: Crossing, stamp: Stamp) -> bytes:
        return render.cross(crossing, stamp=stamp, camera=self._name, doubted=not self._era.known).to_bytes()

    def _kept(self, change: Alarm, state: object) -> str | None:
        """What the journal keeps of an alarm that stands."""
        if state is None:
            return None
        fields = asdict(change)
        del fields["at"]
        return json.dumps({"change": fields, "state": state, "doubted": change.rule in self._doubted})


def _goes_on(before: Era, after: Era) -> bool:
    """Whether labels go on from the one to the other: they are the same, or the machine was started again and has the
    right time again."""
    if before.boot == after.boot:
        return before.began == after.began
    return before.known and after.known


def _made(period: Period, now: float) -> float:
    return period.end if now - TOLD_LATE_SECONDS <= period.end <= now else now


def retire(journal: Journal, *, name: str) -> None:
    """Tells the open intervals of a camera that is not analysed any more, as far as they came."""
    now = Instant(time.monotonic(), time.time())
    nothing = Camera.model_construct(lines=(), zones=(), turns=(), queues=())
    recorder = Recorder(journal, name=name, camera=nothing, now=now, clock=SystemClock(patience=0.0))
    recorder.end_alarms(recorder.standing, now=now)
    recorder.tick(now)
