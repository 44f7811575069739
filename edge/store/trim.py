"""What bounds the outbox: the life of a message, and the room that all of them may take. What goes is told as a gap."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass

LOG = logging.getLogger("edge.store")

TAKEN, UNHEARD = 1, 3
"""The values of `acknowledged` in the outbox for what the broker has taken, and taken with nobody to give it to."""
STEP_SECONDS = 600.0
"""A clock that was set forward by more than this makes no message older."""
LOST_MOST = 100_000
"""Ranges of lost messages that wait to be told; beyond them the centre asks for what it misses."""
BATCH = 500
"""Messages that are let go of at a time where room is short."""
EXPIRED = "kept to the end of its life without a connection"
NO_ROOM = "no room: more messages waited than storage.outbox_mb allows"


@dataclass(frozen=True, slots=True)
class Lost:
    """Messages `first` to `last` of an epoch that are not there any more, and why; `row` is its place in the store."""

    epoch: str
    first: int
    last: int
    reason: str
    row: int = 0


def trim(db: sqlite3.Connection, *, now: float, most_bytes: int) -> None:
    """Removes messages whose life has ended at `now` (Unix seconds), and the oldest where the store is larger than
    `most_bytes`, alarms last; notes as lost what no broker had taken. Within a transaction of the caller."""
    _follow_clock(db, now)
    gone = db.execute("DELETE FROM outbox WHERE expires <= ? RETURNING epoch, seq, acknowledged", (now,)).fetchall()
    note_lost(db, ranges(gone, EXPIRED))
    oldest = (
        "DELETE FROM outbox WHERE seq IN (SELECT seq FROM outbox"
        " ORDER BY kind = 'alarm', made, seq LIMIT ?) RETURNING epoch, seq, acknowledged"
    )
    while _used_bytes(db) > most_bytes and (gone := db.execute(oldest, (BATCH,)).fetchall()):
        note_lost(db, ranges(gone, NO_ROOM))
    db.execute("PRAGMA incremental_vacuum(2000)").fetchall()


def ranges(gone: Iterable[tuple[str, int, int]], reason: str) -> list[Lost]:
    """Messages that were removed (epoch, seq, acknowledged) as ranges, without those that a broker had taken, for
    somebody or nobody."""
    lost: list[Lost] = []
    for epoch, seq in sorted((epoch, seq) for epoch, seq, state in gone if state not in (TAKEN, UNHEARD)):
        if lost and lost[-1].epoch == epoch and lost[-1].last == seq - 1:
            lost[-1] = Lost(epoch, lost[-1].first, seq, reason)
        else:
            lost.append(Lost(epoch, seq, seq, reason))
    return lost


def note_lost(db: sqlite3.Connection, lost: Iterable[Lost]) -> None:
    """Puts ranges on record until the centre has been told; one that continues another becomes one with it."""
    lost = list(lost)
    if lost:
        number, last = sum(each.last - each.first + 1 for each in lost), lost[-1]
        LOG.warning("%d messages of %s up to %d: %s", number, last.epoch, last.last, last.reason)
    for each in lost:
        longer = "UPDATE lost SET last = ?, told = 0 WHERE epoch = ? AND reason = ? AND last = ? AND told = 0"
        if not db.execute(longer, (each.last, each.epoch, each.reason, each.first - 1)).rowcount:
            values = (each.epoch, each.first, each.last, each.reason)
            db.execute("INSERT INTO lost (epoch, first, last, reason) VALUES (?, ?, ?, ?)", values)
    db.execute("DELETE FROM lost WHERE id <= (SELECT max(id) FROM lost) - ?", (LOST_MOST,))


def _follow_clock(db: sqlite3.Connection, now: float) -> None:
    """A clock that was wrong at boot is set forward by months at once: no message has grown old by that."""
    offset = now - time.clock_gettime(time.CLOCK_BOOTTIME)
    row = db.execute("SELECT value FROM meta WHERE name = 'clock'").fetchone()
    forward = offset - float(row[0]) if row else 0.0
    if forward > STEP_SECONDS:
        LOG.warning("the clock was set forward by %.0f s; messages live on", forward)
        older = "UPDATE outbox SET made = made + ?1, expires = expires + ?1 WHERE made < ?2"
        db.execute(older, (forward, now - forward / 2))  # the others were made by the clock as it is now
    if row is None or forward:
        db.execute("INSERT OR REPLACE INTO meta VALUES ('clock', ?)", (repr(offset),))


def _used_bytes(db: sqlite3.Connection) -> int:
    names = ("page_count", "freelist_count", "page_size")
    pages, free, size = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in names)
    return int((pages - free) * size)
