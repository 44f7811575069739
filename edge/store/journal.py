"""The worker's side: crossings and open intervals go in once a second, finished intervals come out as messages."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from edge.dataflow import Alarm, Crossing, Period, Stamp, Tally
from edge.store.database import Database

Render = Callable[[Period, Tally, Stamp], bytes]
RenderAlarm = Callable[[Alarm, Stamp, str], bytes]
"""The message of a change of an alarm, its stamp and the alarm's id."""


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
        self, crossings: Iterable[Crossing], periods: Iterable[Period], *, seen: float, told: Told | None = None
    ) -> None:
        """Puts crossings, their single messages and the state of open intervals on record, in one transaction;
        `seen` is Unix seconds."""
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

    def finish(self, period: Period, render: Render, *, life: float) -> Stamp:
        """Ends an interval: its crossings become counts, its totals grow and its message gets a number and goes into
        the outbox, all in one transaction. A crossing that came too late for its interval counts in this one."""
        key = (self._camera, period.rule)
        with self._db.transaction() as db:
            tally = self._tally(db, period)
            stamp = _next_stamp(db)
            made = period.end
            _post(db, stamp, key=(period.kind, *key), body=render(period, tally, stamp), life=(made, made + life))
            if period.kind == "flow":
                db.execute("INSERT OR REPLACE INTO total VALUES (?, ?, ?, ?)", (*key, *tally.totals))
            db.execute("DELETE FROM crossing WHERE camera = ? AND rule = ? AND at < ?", (*key, period.end))
            db.execute("DELETE FROM period WHERE camera = ? AND rule = ? AND start = ?", (*key, period.start))
        return stamp

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

    def _tally(self, db: sqlite3.Connection, period: Period) -> Tally:
        key = (self._camera, period.rule)
        counts: dict[str, list[int]] = {}
        rows = db.execute(
            "SELECT kind, direction, sum(number) FROM crossing WHERE camera = ? AND rule = ? AND at < ?"
            " GROUP BY kind, direction ORDER BY kind",
            (*key, period.end),
        )
        for kind, direction, number in rows:
            counts.setdefault(kind, [0, 0])[direction] = number
        before = db.execute("SELECT a, b FROM total WHERE camera = ? AND rule = ?", key).fetchone() or (0, 0)
        both = [before[d] + sum(pair[d] for pair in counts.values()) for d in (0, 1)]
        return Tally({kind: (a, b) for kind, (a, b) in counts.items()}, (both[0], both[1]))


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
