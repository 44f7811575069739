"""The worker's side: crossings and open intervals go in once a second, finished intervals come out as messages."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from edge.dataflow import Alarm, Crossing, Period, Stamp, Tally
from edge.store.database import Database
from edge.store.held import Counts, Held, as_held, put_held
from edge.store.spans import read_spans, write_spans

Render = Callable[[Period, Tally, Stamp], bytes]
RenderAlarm = Callable[[Alarm, Stamp, str], bytes]
"""The message of a change of an alarm, its stamp and the alarm's id."""
MOVED_SECONDS = 2.0
"""An interval that begins so much later than its clock said, or ends so much earlier, because that time is taken, says
`clock`."""


@dataclass(frozen=True, slots=True)
class Told:
    """The lines whose single crossings are messages too, how one is written, and how many seconds it is kept."""

    lines: frozenset[str]
    render: Callable[[Crossing, Stamp], bytes]
    life: float


class Journal:
    """What one camera has counted and not yet told."""

    def __init__(self, path: Path, *, camera: str, disk: Path | None = None, epoch: str | None = None) -> None:
        self._db = Database(path, disk=disk, epoch=epoch)
        self._camera = camera

    def close(self) -> None:
        """Closes the file."""
        self._db.close()

    def write(
        self,
        crossings: Iterable[Crossing],
        periods: Iterable[Period],
        *,
        seen: float,
        told: Told | None = None,
        era: str | None = None,
    ) -> None:
        """Puts crossings, their single messages and the state of open intervals on record, in one transaction;
        `seen` is Unix seconds, by the clock of which `era` tells, as era() gives it back."""
        crossings = list(crossings)
        numbered = [c for c in crossings if told and c.line in told.lines]
        with self._db.transaction() as db:
            db.executemany(
                "INSERT INTO crossing (camera, rule, at, kind, direction, number) VALUES (?, ?, ?, ?, ?, 1)",
                [(self._camera, c.line, c.at.utc, c.kind, c.direction) for c in crossings],
            )
            if told:
                for crossing in numbered:
                    stamp = _next_stamp(db)
                    key = ("cross", self._camera, crossing.line)
                    _post(db, stamp, key=key, body=told.render(crossing, stamp), life=(seen, seen + told.life))
            for period in periods:
                self._keep(db, period, seen)
            if era is not None:
                db.execute("INSERT OR REPLACE INTO era VALUES (?, ?)", (self._camera, era))

    def finish(self, period: Period, render: Render, *, life: float, made: float | None = None) -> Stamp:
        """Ends an interval: its crossings become counts, its totals grow and its message gets a number and goes into
        the outbox, all in one transaction. A crossing that came too late for its interval counts in this one. Where
        the time of the interval is taken it is told as of what is free of it, or of the next free second. Its `life`
        begins when it was `made`, by default at its end."""
        with self._db.transaction() as db:
            counts = self._take_counts(db, period)
            return self._tell(db, period, counts, render, life=_life(period, life, made))

    def hold(self, period: Period, *, boot: str, offset: float) -> None:
        """Ends an interval as finish does, without a number: its time is only known as `offset` ahead of the seconds
        since the start of the machine `boot`."""
        with self._db.transaction() as db:
            put_held(db, self._camera, period, self._take_counts(db, period), since_boot=(boot, offset))

    def held(self) -> list[Held]:
        """What is held, in order."""
        rows = self._db.rows("SELECT id, boot, offset, body FROM held WHERE camera = ? ORDER BY id", (self._camera,))
        return [as_held((row[0], row[1], row[2], row[3])) for row in rows]

    def release(self, held: Held, render: Render, *, life: float, made: float | None = None) -> Stamp:
        """Tells what was held, as finish does, with the `period` that it has now."""
        with self._db.transaction() as db:
            db.execute("DELETE FROM held WHERE id = ?", (held.id,))
            return self._tell(db, held.period, held.counts, render, life=_life(held.period, life, made))

    def _tell(
        self, db: sqlite3.Connection, period: Period, counts: Counts, render: Render, *, life: tuple[float, float]
    ) -> Stamp:
        key = (self._camera, period.rule)
        spans = read_spans(db, *key)
        start, end = spans.free(period.start, period.end)
        moved = max(start - period.start, period.end - end) > MOVED_SECONDS
        flags = period.flags | ({"clock"} if moved else set())
        placed = replace(period, start=start, seconds=end - start, flags=flags)
        write_spans(db, *key, spans.add(start, end))
        tally, stamp = self._tally(db, period.rule, counts), _next_stamp(db)
        _post(db, stamp, key=(period.kind, *key), body=render(placed, tally, stamp), life=life)
        if period.kind == "flow":
            db.execute("INSERT OR REPLACE INTO total VALUES (?, ?, ?, ?)", (*key, *tally.totals))
        return stamp

    def era(self) -> str | None:
        """What the last process of this camera wrote of its clock."""
        rows = self._db.rows("SELECT body FROM era WHERE camera = ?", (self._camera,))
        return str(rows[0][0]) if rows else None

    def open_periods(self) -> list[tuple[Period, float]]:
        """The intervals that were open when the last process of this camera ended, and when each was last seen."""
        rows = self._db.rows(
            "SELECT rule, kind, start, seconds, analysed, flags, numbers, fingerprint, seen FROM period"
            " WHERE camera = ? ORDER BY rule, start",
            (self._camera,),
        )
        return [(_period(row), row[8]) for row in rows]

    def announce(self, kind: str, body: bytes) -> None:
        """Replaces what the publisher tells of this camera now: `kind` is status or health."""
        with self._db.transaction() as db:
            self._announce(db, kind, body)

    def note(self, **fields: object) -> None:
        """Puts down how this camera's process does, for whoever looks from outside."""
        self._db.note(f"camera-{self._camera}", **fields)

    def keep(self, name: str, body: bytes) -> None:
        """Keeps something of this camera under a name, beyond power cuts, in place of what was kept there."""
        with self._db.transaction() as db:
            db.execute("INSERT OR REPLACE INTO kept VALUES (?, ?, 0, ?)", (self._camera, name, body))

    def kept(self, name: str) -> bytes | None:
        """What is kept of this camera under a name."""
        rows = self._db.rows("SELECT body FROM kept WHERE camera = ? AND name = ?", (self._camera, name))
        return rows[0][0] if rows else None

    def alarm(self, change: Alarm, render: RenderAlarm, *, state: str | None, life: float) -> Stamp:
        """Puts a change of an alarm into the outbox and on record: under the id of the one that stands, or, where none
        does, under a new one. `state` is what open_alarms() gives back; without it the alarm stands no longer."""
        key = (self._camera, change.rule)
        with self._db.transaction() as db:
            stamp = _next_stamp(db)
            row = db.execute("SELECT id FROM alarm WHERE camera = ? AND rule = ?", key).fetchone()
            alarm_id = row[0] if row else f"{stamp.epoch}-{stamp.seq}"
            body = render(change, stamp, alarm_id)
            _post(db, stamp, key=("alarm", *key), body=body, life=(change.at.utc, change.at.utc + life))
            db.execute("DELETE FROM alarm WHERE camera = ? AND rule = ?", key)
            if state is not None:
                db.execute("INSERT INTO alarm VALUES (?, ?, ?, ?)", (*key, alarm_id, state))
            self._announce(db, "alarm", b"" if state is None else body, rule=change.rule)
        return stamp

    def open_alarms(self) -> dict[str, str]:
        """The state of every alarm that stands, by rule."""
        return dict(self._db.rows("SELECT rule, state FROM alarm WHERE camera = ?", (self._camera,)))

    def _announce(self, db: sqlite3.Connection, kind: str, body: bytes, *, rule: str = "") -> None:
        db.execute(
            "INSERT INTO latest VALUES (?, ?, ?, ?, ?, 1) ON CONFLICT (camera, kind, rule)"
            " DO UPDATE SET body = excluded.body, at = excluded.at, version = version + 1",
            (self._camera, kind, rule, body, time.time()),
        )

    def _keep(self, db: sqlite3.Connection, period: Period, seen: float) -> None:
        numbers = json.dumps({name: round(value, 5) for name, value in period.numbers})
        db.execute(
            "INSERT OR REPLACE INTO period VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (self._camera, period.rule, period.kind, period.start, period.seconds, period.analysed,
             " ".join(sorted(period.flags)), numbers, period.fingerprint, seen),
        )  # fmt: skip

    def _take_counts(self, db: sqlite3.Connection, period: Period) -> Counts:
        """The crossings of an interval, which are on record no more, by class; nor is the interval."""
        key = (self._camera, period.rule)
        counts: dict[str, list[int]] = {}
        rows = db.execute(
            "SELECT kind, direction, sum(number) FROM crossing WHERE camera = ? AND rule = ? AND at < ?"
            " GROUP BY kind, direction ORDER BY kind",
            (*key, period.end),
        )
        for kind, direction, number in rows:
            counts.setdefault(kind, [0, 0])[direction] = number
        db.execute("DELETE FROM crossing WHERE camera = ? AND rule = ? AND at < ?", (*key, period.end))
        db.execute("DELETE FROM period WHERE camera = ? AND rule = ? AND start = ?", (*key, period.start))
        return {kind: (a, b) for kind, (a, b) in counts.items()}

    def _tally(self, db: sqlite3.Connection, rule: str, counts: Counts) -> Tally:
        key = (self._camera, rule)
        before = db.execute("SELECT a, b FROM total WHERE camera = ? AND rule = ?", key).fetchone() or (0, 0)
        both = [before[d] + sum(pair[d] for pair in counts.values()) for d in (0, 1)]
        return Tally(counts, (both[0], both[1]))


def _life(period: Period, seconds: float, made: float | None) -> tuple[float, float]:
    begin = period.end if made is None else made
    return begin, begin + seconds


def _next_stamp(db: sqlite3.Connection) -> Stamp:
    seq = int(db.execute("UPDATE meta SET value = value + 1 WHERE name = 'seq' RETURNING value").fetchone()[0])
    epoch = db.execute("SELECT value FROM meta WHERE name = 'epoch'").fetchone()[0]
    return Stamp(epoch, seq)


def _post(
    db: sqlite3.Connection, stamp: Stamp, *, key: tuple[str, str, str], body: bytes, life: tuple[float, float]
) -> None:
    """Puts a message into the outbox: `key` is kind, camera, rule; `life` from when to when, Unix seconds."""
    db.execute(
        "INSERT INTO outbox (epoch, seq, kind, camera, rule, body, made, expires) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (stamp.epoch, stamp.seq, *key, body, *life),
    )


def _period(row: tuple[object, ...]) -> Period:
    rule, kind, start, seconds, analysed, flags, numbers, fingerprint, _ = row
    return Period(
        rule=str(rule),
        kind=str(kind),
        start=float(start),  # type: ignore[arg-type]  # REAL NOT NULL
        seconds=float(seconds),  # type: ignore[arg-type]
        analysed=float(analysed),  # type: ignore[arg-type]
        flags=frozenset(str(flags).split()),
        numbers=tuple(json.loads(str(numbers)).items()),
        fingerprint=str(fingerprint),
    )
