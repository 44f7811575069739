"""What one flush puts on the disk, and the store made anew from it: all of the state, and the messages that are new.

Crossings go as counts of their interval: which of them it was that crossed at which moment is in memory only.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from dataclasses import dataclass
from typing import Any

from edge.store.log import Damage, Log
from edge.store.trim import Lost, note_lost

MESSAGES = 20_000
"""The most messages of one record."""
UNUSED, UNUSED_MORE = 1_000_000, 2**36
"""Numbers that are left out after an end without a last flush: more than a device gives out in a month, and at random
some more, so that none is used twice even where the disk keeps less than it says, or nothing at all."""
EVERYTHING = 2**63 - 1

_STATE = {
    "period": "SELECT camera, rule, kind, start, seconds, round(analysed, 3), flags, numbers, fingerprint,"
    " round(seen, 3) FROM period",
    "crossing": "SELECT c.camera, c.rule, max(c.at), c.kind, c.direction, sum(c.number) FROM crossing c LEFT JOIN"
    " (SELECT camera, rule, min(start + seconds) AS over FROM period GROUP BY camera, rule) p"
    " ON p.camera = c.camera AND p.rule = c.rule GROUP BY c.camera, c.rule, c.kind, c.direction, c.at < p.over",
    "total": "SELECT camera, rule, a, b FROM total",
    "latest": "SELECT camera, kind, rule, body, at, version FROM latest WHERE kind != 'health'",
    "alarm": "SELECT camera, rule, id, state FROM alarm",
    "told": "SELECT camera, rule, spans FROM told",
    "era": "SELECT camera, body FROM era",
    "held": "SELECT id, camera, boot, offset, body FROM held ORDER BY id",
    "lost": "SELECT epoch, first, last, reason FROM lost WHERE told = 0 OR reason LIKE 'never used:%'"
    " ORDER BY told, id DESC LIMIT 100",
    "kept": "SELECT (SELECT min(seq) FROM outbox), min(seq) FROM (SELECT min(seq) AS seq FROM outbox"
    " WHERE acknowledged = 0 UNION ALL SELECT min(seq) FROM outbox WHERE acknowledged = 2"
    " UNION ALL SELECT min(seq) FROM outbox WHERE acknowledged = 3)",
}
"""`kept`: the first message that is still here, and the first that no broker has taken. Of `lost` some suffice: what
the centre is not told it asks for."""
_INTO = {
    "period": "INSERT INTO period VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "crossing": "INSERT INTO crossing (camera, rule, at, kind, direction, number) VALUES (?, ?, ?, ?, ?, ?)",
    "total": "INSERT INTO total VALUES (?, ?, ?, ?)",
    "latest": "INSERT INTO latest VALUES (?, ?, ?, ?, ?, ?)",
    "alarm": "INSERT INTO alarm VALUES (?, ?, ?, ?)",
    "told": "INSERT INTO told VALUES (?, ?, ?)",
    "era": "INSERT INTO era VALUES (?, ?)",
    "held": "INSERT INTO held VALUES (?, ?, ?, ?, ?)",
}
_COLUMNS = "epoch, seq, kind, camera, rule, body, made, expires"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One record: its `content`, the numbers of its messages from `first` to `last`, and the number of the flush that
    it ends: 0 where there is more to write. Only the record that ends a flush has the state."""

    content: bytes
    first: int
    last: int
    flush: int


def snapshot(db: sqlite3.Connection, *, clean: bool) -> Snapshot:
    """What a flush must write now; `clean` says that nobody counts any more. Within a transaction of the caller."""
    meta = read_meta(db)
    query = f"SELECT {_COLUMNS} FROM outbox WHERE seq > ? ORDER BY seq LIMIT ?"  # noqa: S608 - own text
    rows = db.execute(query, (int(meta["flushed"]), MESSAGES)).fetchall()
    record: dict[str, Any] = {"messages": [(*row[:5], row[5].decode(), *row[6:]) for row in rows]}
    first = rows[0][1] if rows else int(meta["seq"]) + 1
    if len(rows) == MESSAGES:
        return Snapshot(_packed(record), first, rows[-1][1], 0)
    record |= {name: db.execute(select).fetchall() for name, select in _STATE.items()}
    record["latest"] = [(*row[:3], row[3].decode(), *row[4:]) for row in record["latest"]]
    seq, flush = int(meta["seq"]), int(meta["flushes"]) + 1
    record |= {"flush": flush, "clean": clean, "epoch": meta["epoch"], "seq": seq}
    return Snapshot(_packed(record), first, seq, flush)


def _packed(record: dict[str, Any]) -> bytes:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()


def last_flush(log: Log) -> int:
    """The number of the last flush that the disk has whole; 0 where there is none."""
    return max((json.loads(record.content).get("flush", 0) for record in log.records(Damage())), default=0)


def restore(db: sqlite3.Connection, log: Log) -> str:
    """Fills an empty store from the log, and tells in a line what was done; an empty line where there is no log.

    Where nothing of the log can be read it is set aside, and the store stays empty. Within a transaction of the caller.
    """
    damage = Damage()
    state: dict[str, Any] | None = None
    last_whole = 0
    for record in log.records(damage):
        content = json.loads(record.content)
        _take_messages(db, content.pop("messages"), segment=record.segment)
        last_whole = record.segment
        state = content or state
    if state is None:
        return _nothing(log) if log.segments() else ""
    clean = state["clean"] and last_whole == log.segments()[-1] and not damage.bytes and _opened(log, state)
    first, untaken = state["kept"][0]
    end = state["seq"] + 1
    gone = "DELETE FROM outbox WHERE epoch != ? OR seq < ? OR seq >= ?"
    db.execute(gone, (state["epoch"], end if first is None else first, end))
    db.execute("UPDATE outbox SET acknowledged = 1 WHERE seq < ?", (end if untaken is None else untaken,))
    state["latest"] = [(*row[:3], row[3].encode(), *row[4:]) for row in state["latest"]]
    for name, insert in _INTO.items():
        db.executemany(insert, state.get(name, ()))  # the log of the version before knows some of it only
    note_lost(db, [Lost(*row) for row in state["lost"]])
    _go_on(db, state, clean=clean)
    return _told(db, clean=clean, damage=damage)


def _opened(log: Log, state: dict[str, Any]) -> bool:
    """Puts on the disk that the orderly end is over; False where that is not possible, so that it counts as none."""
    try:
        log.append(_packed({**state, "clean": False, "messages": []}), fresh=True)
    except OSError:
        return False
    return True


def _take_messages(db: sqlite3.Connection, rows: list[list[Any]], *, segment: int) -> None:
    for row in rows:
        row[5] = row[5].encode()
    db.executemany(f"INSERT OR IGNORE INTO outbox ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)  # noqa: S608
    if rows:
        note_segment(db, segment, rows[0][1], rows[-1][1])


def note_segment(db: sqlite3.Connection, number: int, first: int, last: int) -> None:
    """Notes that a file of the log holds the messages `first` to `last`, besides those that it is known to hold."""
    db.execute(
        "INSERT INTO segment VALUES (?, ?, ?) ON CONFLICT (number)"
        " DO UPDATE SET first = min(first, excluded.first), last = max(last, excluded.last)",
        (number, first, last),
    )


def _go_on(db: sqlite3.Connection, state: dict[str, Any], *, clean: bool) -> None:
    """Goes on with the numbers: after a clean end with the next one, else far beyond what may have been sent."""
    seq, epoch = state["seq"], state["epoch"]
    if not clean:
        unused = UNUSED + secrets.randbelow(UNUSED_MORE)
        note_lost(db, [Lost(epoch, seq + 1, seq + unused, "never used: the power failed, or the last flush did")])
        seq += unused
    write_meta(db, epoch=epoch, seq=seq, flushes=state["flush"], flushed=seq, sendable=seq, fresh=1)


def _nothing(log: Log) -> str:
    try:
        where = f"set aside as *.{log.set_aside()}"
    except OSError as error:
        where = f"cannot be set aside ({error.strerror})"
    return f"nothing in {log.folder} can be read; {where}, counting goes on in a new epoch"


def _told(db: sqlite3.Connection, *, clean: bool, damage: Damage) -> str:
    messages = db.execute("SELECT count(*) FROM outbox").fetchone()[0]
    text = f"made anew from the disk: {messages} messages"
    if not clean:
        text += ", up to the last flush"
    if damage.bytes or damage.files:
        text += f"; {damage.bytes} bytes and {damage.files} files could not be read"
    return text


def read_meta(db: sqlite3.Connection) -> dict[str, str]:
    """The single values of the store by name."""
    return dict(db.execute("SELECT name, value FROM meta"))


def write_meta(db: sqlite3.Connection, **values: object) -> None:
    """Sets single values of the store."""
    db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", [(name, str(value)) for name, value in values.items()])
