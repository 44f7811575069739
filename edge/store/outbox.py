"""The publisher's side: messages wait here until the centre has stored them or their life ends."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edge.dataflow import Stamp
from edge.store.database import Database
from edge.store.snapshot import write_meta
from edge.store.trim import TAKEN, UNHEARD, Lost, note_lost


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

    @property
    def topic(self) -> tuple[str, str, str]:
        """Kind, camera and rule."""
        return self.kind, self.camera, self.rule


@dataclass(frozen=True, slots=True)
class Announcement:
    """What is told of a camera now (kind: status, health or, of a `rule`, alarm), not numbered; `version` grows with
    each change. Without a body there is nothing any more."""

    camera: str
    kind: str
    rule: str
    body: bytes
    at: float
    version: int


WAITING, SET_ASIDE = 0, 2
"""The column `acknowledged`: to be sent, or refused by the broker as malformed; the others are TAKEN and
UNHEARD."""


_TO_SEND = (
    "acknowledged = 0 AND kind NOT IN (SELECT value FROM json_each(?)) AND made >= ? AND made < ? AND expires > ?"
    " AND seq <= (SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'sendable') AND kind"
)
AGAIN_MOST = 1000
"""Messages that go out again at a time: on the centre's word, or when its confirmation stands still."""
NOT_KEPT = "not kept here any more: confirmed as stored, or past their life"


class Outbox:
    """The messages of one device that are not yet confirmed. What was set aside waits again in a new process."""

    def __init__(self, path: Path, *, disk: Path | None = None) -> None:
        self._db = Database(path, disk=disk)
        self._version = -1
        with self._db.transaction() as db:
            db.execute("UPDATE outbox SET acknowledged = ? WHERE acknowledged = ?", (WAITING, SET_ASIDE))

    def close(self) -> None:
        """Closes the file."""
        self._db.close()

    def note(self, name: str, **fields: object) -> None:
        """Puts down how this process does, for whoever looks from outside."""
        self._db.note(name, **fields)

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
        """The messages to be sent that were made in [since, before) and are still alive, of no kind in `but`: alarms
        first, the newest of them first, then the oldest of the others. What is not on the disk yet is not among them.
        """
        if limit <= 0:
            return []
        values = (json.dumps(list(but)), since, before, now)
        alarms = self._messages(f"{_TO_SEND} = 'alarm' ORDER BY seq DESC LIMIT ?", (*values, limit))
        others = self._messages(f"{_TO_SEND} != 'alarm' ORDER BY seq LIMIT ?", (*values, limit - len(alarms)))
        return alarms + others

    def acknowledged(self, stamps: Iterable[Stamp]) -> None:
        """Marks messages as taken by the broker; they stay until they are confirmed or their life ends."""
        self._mark(stamps, TAKEN)

    def unheard(self, stamps: Iterable[Stamp]) -> None:
        """Marks messages that the broker took and had nobody to give to; they wait until they are to be sent again."""
        self._mark(stamps, UNHEARD)

    def unheard_topics(self) -> set[tuple[str, str, str]]:
        """Kind, camera and rule of every message marked so."""
        return set(self._db.rows("SELECT DISTINCT kind, camera, rule FROM outbox WHERE acknowledged = 3"))

    def let_go(self, topic: tuple[str, str, str]) -> None:
        """Lets every message of a topic that nobody had heard be sent again."""
        query = "UPDATE outbox SET acknowledged = 0 WHERE acknowledged = 3 AND kind = ? AND camera = ? AND rule = ?"
        with self._db.transaction() as db:
            db.execute(query, topic)

    def let_one_go(self, *, of: Literal["kind", "kind, camera, rule"], now: float) -> None:
        """Lets the oldest that nobody had heard and that is alive `now` be sent again, one of each kind or topic."""
        oldest = f"SELECT min(seq) FROM outbox WHERE acknowledged = 3 AND expires > ? GROUP BY {of}"  # noqa: S608 - own text
        with self._db.transaction() as db:
            again = f"UPDATE outbox SET acknowledged = 0 WHERE acknowledged = 3 AND seq IN ({oldest})"  # noqa: S608 - own text
            db.execute(again, (now,))

    def set_aside(self, stamp: Stamp) -> None:
        """Keeps a message that the broker will not take from being sent again before the next start."""
        self._mark([stamp], SET_ASIDE)

    def confirmed(self, stamp: Stamp) -> int:
        """Removes what the centre has stored, everything of the epoch up to this number; returns how many."""
        with self._db.transaction() as db:
            write_meta(db, confirmed=stamp.seq)
            return db.execute("DELETE FROM outbox WHERE epoch = ? AND seq <= ?", (stamp.epoch, stamp.seq)).rowcount

    def taken_after(self, stamp: Stamp) -> bool:
        """Whether the broker has taken messages of the epoch beyond this number that are still here."""
        query = "SELECT 1 FROM outbox WHERE epoch = ? AND seq > ? AND acknowledged = 1 LIMIT 1"
        return bool(self._db.rows(query, (stamp.epoch, stamp.seq)))

    def unconfirmed(self, *, limit: int) -> int:
        """How many messages the broker has taken and no centre has confirmed; counted up to `limit`."""
        query = "SELECT count(*) FROM (SELECT 1 FROM outbox WHERE acknowledged = 1 LIMIT ?)"
        return int(self._db.rows(query, (limit,))[0][0])

    def send_again(self, epoch: str, *, first: int, last: int) -> int:
        """Lets the messages `first` to `last` be sent again, and notes those that are not there as lost; returns how
        many are there. No more than AGAIN_MOST of them at a time: who wants the others asks once more."""
        with self._db.transaction() as db:
            query = "SELECT seq FROM outbox WHERE epoch = ? AND seq BETWEEN ? AND ? ORDER BY seq LIMIT ?"
            there = [row[0] for row in db.execute(query, (epoch, first, last, AGAIN_MOST))]
            last = there[-1] if len(there) == AGAIN_MOST else last
            db.execute(
                "UPDATE outbox SET acknowledged = 0 WHERE epoch = ? AND seq BETWEEN ? AND ? AND acknowledged IN (1, 3)",
                (epoch, first, last),
            )
            again = "UPDATE lost SET told = 0 WHERE epoch = ? AND last >= ? AND first <= ? RETURNING first, last"
            known = sorted(db.execute(again, (epoch, first, last)).fetchall())
            spans = sorted([*((seq, seq) for seq in there), *known])
            note_lost(db, _missing(epoch, spans, first=first, last=last))
        return len(there)

    def note_lost(self, lost: Lost) -> None:
        """Notes a range that is to be told as lost."""
        with self._db.transaction() as db:
            note_lost(db, [lost])

    def lost(self, *, limit: int) -> list[Lost]:
        """The ranges of messages that are lost and that are to be told, the lowest numbers first."""
        query = "SELECT epoch, first, last, reason, id FROM lost WHERE told = 0 ORDER BY first LIMIT ?"
        return [Lost(*row) for row in self._db.rows(query, (limit,))]

    def told(self, lost: Lost) -> None:
        """Notes that the broker was told of a range, if it has not grown meanwhile; it stays for who asks again."""
        with self._db.transaction() as db:
            db.execute("UPDATE lost SET told = 1 WHERE id = ? AND last = ?", (lost.row, lost.last))

    def cameras(self) -> set[str]:
        """The cameras of which anything is kept or told."""
        query = " UNION ".join(f"SELECT camera FROM {each}" for each in ("latest", "period", "crossing", "held"))  # noqa: S608 - own text
        return {row[0] for row in self._db.rows(query)}

    def forget(self, camera: str, kind: str, rule: str) -> None:
        """Tells no such state of this camera any more."""
        with self._db.transaction() as db:
            db.execute(
                "DELETE FROM latest WHERE camera = ? AND kind IN (?, 'health') AND rule = ?", (camera, kind, rule)
            )

    @property
    def sendable(self) -> int:
        """The number up to which all messages may be sent: they are on the disk, or it cannot be written."""
        return int(self._db.rows("SELECT value FROM meta WHERE name = 'sendable'")[0][0])

    def announcements(self) -> list[Announcement]:
        """The present status and health of every camera, and its alarms."""
        rows = self._db.rows("SELECT camera, kind, rule, body, at, version FROM latest ORDER BY camera, kind, rule")
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


def _missing(epoch: str, spans: Iterable[tuple[int, int]], *, first: int, last: int) -> list[Lost]:
    """What of `first` to `last` lies in none of the `spans`, which are in order."""
    missing: list[Lost] = []
    for begin, end in (*spans, (last + 1, last + 1)):
        if begin > first:
            missing.append(Lost(epoch, first, min(begin, last + 1) - 1, NOT_KEPT))
        first = max(first, end + 1)
    return [each for each in missing if each.first <= each.last]
