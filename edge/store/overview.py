"""What the store holds, for people and for metrics: read from outside, without a hand in it."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.errors import EdgeError
from edge.store.database import SCHEMA_VERSION
from edge.store.outbox import Announcement
from edge.store.trim import EXPIRED, NO_ROOM

READ_SECONDS = 2.0
"""How long a reader waits for the file; writers wait for no reader."""
LOSSES = {EXPIRED: "expired", NO_ROOM: "no_room"}
"""Why a message was never delivered, in a word."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Messages of one kind that no broker has taken: how many, and when the oldest was made (Unix seconds)."""

    number: int
    oldest: float


@dataclass(frozen=True, slots=True)
class Overview:
    """The store at one moment: the last number given out and the last one that a centre has confirmed (0 = none);
    messages `waiting` by kind, `unconfirmed` and `unheard` ones, the first unconfirmed one `unconfirmed_since` (Unix
    seconds); intervals `held` until the time is known; messages `lost` by word; `notes` as processes left them, by
    name. `flushes` have been since the log began, the last one `flushed_ago` seconds ago; `disk_fails` where one was
    tried since, in vain."""

    seq: int
    confirmed: int
    waiting: Mapping[str, Waiting]
    unconfirmed: int
    unconfirmed_since: float | None
    unheard: int
    held: int
    lost: Mapping[str, int]
    flushes: int
    flushed_ago: float | None
    disk_fails: bool
    memory_bytes: int
    announcements: tuple[Announcement, ...]
    notes: Mapping[str, Mapping[str, Any]]

    @property
    def waiting_number(self) -> int:
        """All that no broker has taken."""
        return sum(each.number for each in self.waiting.values())

    @property
    def oldest(self) -> float | None:
        """When the oldest of them was made, Unix seconds."""
        return min((each.oldest for each in self.waiting.values()), default=None)

    def latest(self, kind: str) -> dict[str, dict[str, Any]]:
        """The last `status` or `health` message of each camera."""
        return {each.camera: json.loads(each.body) for each in self.announcements if each.kind == kind and each.body}


def overview(path: Path) -> Overview | None:
    """Reads the store at `path`, all of it at one moment; None where there is none. EdgeError where it is not to be
    read."""
    try:
        path.stat()
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=READ_SECONDS)) as db:
            db.execute("BEGIN")
            layout = db.execute("PRAGMA user_version").fetchone()[0]
            if layout == SCHEMA_VERSION:
                return _read(db)
    except FileNotFoundError:
        return None
    except (OSError, sqlite3.Error) as error:
        do = "read it as root or as a member of the group edge"
        raise EdgeError(str(path), "the journal cannot be read", found=str(error), do=do) from None
    if layout == 0:  # a file that somebody is about to fill
        return None
    what, do = f"the journal has layout {layout}", "start edge again, which makes it anew from the disk"
    raise EdgeError(str(path), what, expected=f"layout {SCHEMA_VERSION}", do=do)


def _read(db: sqlite3.Connection) -> Overview:
    meta = dict(db.execute("SELECT name, value FROM meta"))
    tried, written = float(meta.get("tried_at", 0)), float(meta.get("written_at", 0))
    waiting = "SELECT kind, count(*), min(made) FROM outbox WHERE acknowledged = 0 GROUP BY kind"
    lost = "SELECT reason, sum(last - first + 1) FROM lost GROUP BY reason"
    told = "SELECT camera, kind, rule, body, at, version FROM latest ORDER BY camera, kind, rule"
    return Overview(
        seq=int(meta["seq"]),
        confirmed=int(meta.get("confirmed", 0)),
        waiting={kind: Waiting(number, oldest) for kind, number, oldest in db.execute(waiting)},
        unconfirmed=_one(db, "SELECT count(*) FROM outbox WHERE acknowledged = 1"),
        unconfirmed_since=_first(db, "SELECT made FROM outbox WHERE acknowledged = 1 ORDER BY seq LIMIT 1"),
        unheard=_one(db, "SELECT count(*) FROM outbox WHERE acknowledged = 3"),
        held=_one(db, "SELECT count(*) FROM held"),
        lost={LOSSES[reason]: number for reason, number in db.execute(lost) if reason in LOSSES},
        flushes=int(meta["flushes"]),
        flushed_ago=time.clock_gettime(time.CLOCK_BOOTTIME) - written if written else None,
        disk_fails=tried > written,
        memory_bytes=_one(db, "PRAGMA page_count") * _one(db, "PRAGMA page_size"),
        announcements=tuple(Announcement(*row) for row in db.execute(told)),
        notes={name.removeprefix("note "): json.loads(text) for name, text in meta.items() if name.startswith("note ")},
    )


def _first(db: sqlite3.Connection, query: str) -> float | None:
    row = db.execute(query).fetchone()
    return row and float(row[0])


def _one(db: sqlite3.Connection, query: str) -> int:
    return int(db.execute(query).fetchone()[0])
