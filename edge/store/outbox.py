"""The publisher's side: messages wait here until the centre has stored them or their life ends."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from edge.dataflow import Stamp
from edge.store.database import Database


@dataclass(frozen=True, slots=True)
class Message:
    """A numbered message as it lies in the outbox; times in Unix seconds."""

    stamp: Stamp
    kind: str
    camera: str
    rule: str
    body: bytes
    made: float
    expires: float


@dataclass(frozen=True, slots=True)
class Announcement:
    """What is told of a camera now (kind: status or health), not numbered; `version` grows with each change."""

    camera: str
    kind: str
    body: bytes
    at: float
    version: int


@dataclass(frozen=True, slots=True)
class Lost:
    """Messages `first` to `last` of an epoch that are not there any more, and why."""

    epoch: str
    first: int
    last: int
    reason: str


WAITING, TAKEN, SET_ASIDE = 0, 1, 2
"""The column `acknowledged`: to be sent, taken by the broker, refused by it as malformed."""


class Outbox:
    """The messages of one device that are not yet confirmed. What was set aside waits again in a new process."""

    def __init__(self, path: Path) -> None:
        self._db = Database(path)
        self._version = -1
        with self._db.transaction() as db:
            db.execute("UPDATE outbox SET acknowledged = ? WHERE acknowledged = ?", (WAITING, SET_ASIDE))

    def close(self) -> None:
        """Closes the file."""
        self._db.close()

    @property
    def last(self) -> Stamp:
        """The epoch and the last number that was given out (0 = none yet)."""
        values = dict(self._db.rows("SELECT name, value FROM meta WHERE name IN ('epoch', 'seq')"))
        return Stamp(values["epoch"], int(values["seq"]))

    def changed(self) -> bool:
        """Whether another process has written since the last call; costs next to nothing."""
        before, self._version = self._version, int(self._db.rows("PRAGMA data_version")[0][0])
        return self._version != before

    def waiting(
        self, *, limit: int, now: float, since: float = -math.inf, before: float = math.inf, but: Collection[str] = ()
    ) -> list[Message]:
        """The oldest messages to be sent that were made in [since, before) and are still alive, of no kind in `but`."""
        marks = ", ".join("?" * len(but))
        return self._messages(
            f"acknowledged = 0 AND made >= ? AND made < ? AND expires > ? AND kind NOT IN ({marks})"
            " ORDER BY epoch, seq LIMIT ?",
            (since, before, now, *but, limit),
        )

    def acknowledged(self, stamps: Iterable[Stamp]) -> None:
        """Marks messages as taken by the broker; they stay until they are confirmed or their life ends."""
        self._mark(stamps, TAKEN)

    def set_aside(self, stamp: Stamp) -> None:
        """Keeps a message that the broker will not take from being sent again before the next start."""
        self._mark([stamp], SET_ASIDE)

    def confirmed(self, stamp: Stamp) -> int:
        """Removes what the centre has stored, everything of the epoch up to this number; returns how many."""
        with self._db.transaction() as db:
            return db.execute("DELETE FROM outbox WHERE epoch = ? AND seq <= ?", (stamp.epoch, stamp.seq)).rowcount

    def taken_after(self, stamp: Stamp) -> bool:
        """Whether the broker has taken messages of the epoch beyond this number that are still here."""
        query = "SELECT 1 FROM outbox WHERE epoch = ? AND seq > ? AND acknowledged = 1 LIMIT 1"
        return bool(self._db.rows(query, (stamp.epoch, stamp.seq)))

    def send_again(self, epoch: str, *, first: int, last: int) -> tuple[int, list[Lost]]:
        """Lets the messages `first` to `last` be sent again: how many are there, and the ranges that are not."""
        with self._db.transaction() as db:
            there = [row[0] for row in db.execute(
                "SELECT seq FROM outbox WHERE epoch = ? AND seq BETWEEN ? AND ? ORDER BY seq", (epoch, first, last)
            )]  # fmt: skip
            db.execute(
                "UPDATE outbox SET acknowledged = 0 WHERE epoch = ? AND seq BETWEEN ? AND ? AND acknowledged = 1",
                (epoch, first, last),
            )
        missing: list[Lost] = []
        expected = first
        for seq in [*there, last + 1]:
            if seq > expected:
                missing.append(
                    Lost(epoch, expected, seq - 1, "not kept here any more: confirmed as stored, or past their life")
                )
            expected = seq + 1
        return len(there), missing

    def expire(self, *, now: float) -> list[Lost]:
        """Removes messages whose life has ended; returns the ranges that no broker had taken."""
        with self._db.transaction() as db:
            rows = db.execute(
                "DELETE FROM outbox WHERE expires <= ? RETURNING epoch, seq, acknowledged", (now,)
            ).fetchall()
        lost: list[Lost] = []
        for epoch, seq in sorted((epoch, seq) for epoch, seq, state in rows if state != TAKEN):
            if lost and lost[-1].epoch == epoch and lost[-1].last == seq - 1:
                lost[-1] = Lost(epoch, lost[-1].first, seq, lost[-1].reason)
            else:
                lost.append(Lost(epoch, seq, seq, "kept to the end of its life without a connection"))
        return lost

    def postpone(self, seconds: float) -> None:
        """Lets every message live so much longer: the clock was set forward by that, not time gone by."""
        with self._db.transaction() as db:
            db.execute("UPDATE outbox SET made = made + ?1, expires = expires + ?1", (seconds,))

    def cameras(self) -> set[str]:
        """The cameras of which anything is kept or told."""
        query = "SELECT camera FROM latest UNION SELECT camera FROM period UNION SELECT camera FROM crossing"
        return {row[0] for row in self._db.rows(query)}

    def forget(self, camera: str) -> None:
        """Tells no state of this camera any more."""
        with self._db.transaction() as db:
            db.execute("DELETE FROM latest WHERE camera = ?", (camera,))

    def announcements(self) -> list[Announcement]:
        """The present status and health of every camera."""
        rows = self._db.rows("SELECT camera, kind, body, at, version FROM latest ORDER BY camera, kind")
        return [Announcement(*row) for row in rows]

    def _mark(self, stamps: Iterable[Stamp], state: int) -> None:
        rows = [(state, stamp.epoch, stamp.seq) for stamp in stamps]
        with self._db.transaction() as db:
            db.executemany("UPDATE outbox SET acknowledged = ? WHERE epoch = ? AND seq = ?", rows)

    def _messages(self, where: str, values: tuple[object, ...]) -> list[Message]:
        rows = self._db.rows(
            f"SELECT epoch, seq, kind, camera, rule, body, made, expires FROM outbox WHERE {where}",  # noqa: S608 - own text
            values,
        )
        return [Message(Stamp(row[0], row[1]), *row[2:]) for row in rows]
