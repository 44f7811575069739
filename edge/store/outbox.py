"""The publisher's side: messages wait here until the centre has stored them or their life ends."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge.dataflow import Stamp
from edge.store.database import connect, transaction


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


class Outbox:
    """The messages of one device that are not yet confirmed."""

    def __init__(self, path: Path) -> None:
        self._db = connect(path)

    def close(self) -> None:
        """Closes the file."""
        self._db.close()

    @property
    def last(self) -> Stamp:
        """The epoch and the last number that was given out (0 = none yet)."""
        values = dict(self._db.execute("SELECT name, value FROM meta WHERE name IN ('epoch', 'seq')"))
        return Stamp(values["epoch"], int(values["seq"]))

    def waiting(self, *, limit: int, now: float) -> list[Message]:
        """The oldest messages that the broker has not acknowledged and whose life has not ended."""
        return self._messages("acknowledged = 0 AND expires > ? ORDER BY epoch != ?, seq LIMIT ?",
                              (now, self.last.epoch, limit))  # fmt: skip

    def acknowledged(self, stamp: Stamp) -> None:
        """Marks a message as taken by the broker; it stays until it is confirmed or its life ends."""
        with transaction(self._db) as db:
            db.execute("UPDATE outbox SET acknowledged = 1 WHERE epoch = ? AND seq = ?", (stamp.epoch, stamp.seq))

    def confirmed(self, stamp: Stamp) -> int:
        """Removes what the centre has stored, everything of the epoch up to this number; returns how many."""
        with transaction(self._db) as db:
            return db.execute("DELETE FROM outbox WHERE epoch = ? AND seq <= ?", (stamp.epoch, stamp.seq)).rowcount

    def send_again(self, *, after: Stamp) -> int:
        """Lets everything of the epoch after this number be sent again; returns how many."""
        with transaction(self._db) as db:
            return db.execute(
                "UPDATE outbox SET acknowledged = 0 WHERE epoch = ? AND seq > ? AND acknowledged = 1",
                (after.epoch, after.seq),
            ).rowcount

    def between(self, epoch: str, *, first: int, last: int) -> tuple[list[Message], list[Lost]]:
        """What is still there of the messages `first` to `last`, and the ranges that are not."""
        there = self._messages("epoch = ? AND seq BETWEEN ? AND ? ORDER BY seq", (epoch, first, last))
        missing: list[Lost] = []
        expected = first
        for seq in [*(m.stamp.seq for m in there), last + 1]:
            if seq > expected:
                missing.append(Lost(epoch, expected, seq - 1, "no longer in the outbox"))
            expected = seq + 1
        return there, missing

    def expire(self, *, now: float) -> list[Lost]:
        """Removes messages whose life has ended; returns the ranges that no broker had acknowledged."""
        with transaction(self._db) as db:
            rows = db.execute(
                "DELETE FROM outbox WHERE expires <= ? RETURNING epoch, seq, acknowledged", (now,)
            ).fetchall()
        lost: list[Lost] = []
        for epoch, seq in sorted((epoch, seq) for epoch, seq, acknowledged in rows if not acknowledged):
            if lost and lost[-1].epoch == epoch and lost[-1].last == seq - 1:
                lost[-1] = Lost(epoch, lost[-1].first, seq, lost[-1].reason)
            else:
                lost.append(Lost(epoch, seq, seq, "kept to the end of its life without a connection"))
        return lost

    def announcements(self) -> list[Announcement]:
        """The present status and health of every camera."""
        rows = self._db.execute("SELECT camera, kind, body, at, version FROM latest ORDER BY camera, kind")
        return [Announcement(*row) for row in rows]

    def _messages(self, where: str, values: tuple[object, ...]) -> list[Message]:
        rows = self._db.execute(
            f"SELECT epoch, seq, kind, camera, rule, body, made, expires FROM outbox WHERE {where}",  # noqa: S608 - own text
            values,
        )
        return [Message(Stamp(row[0], row[1]), *row[2:]) for row in rows]
