"""What the centre has stored, read while it goes on storing."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from edge.centre.database import connect_to_read
from edge.centre.ledger import Ledger, Series
from edge.centre.ranges import Ranges, minus

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Message:
    """An interval message as it came: `body` is the JSON of the contract."""

    node: str
    camera: str
    rule: str
    start: str
    seconds: float
    body: Body


@dataclass(frozen=True, slots=True)
class Crossed:
    """One single crossing; `at` in RFC 3339, UTC."""

    node: str
    camera: str
    line: str
    at: str
    kind: str
    direction: int


@dataclass(frozen=True, slots=True)
class Lost:
    """Numbers that will never come, and why."""

    series: Series
    first: int
    last: int
    reason: str


class Records:
    """A reader of the centre's file. sqlite3.OperationalError where there is none yet."""

    def __init__(self, path: Path) -> None:
        self._db = connect_to_read(path)

    @classmethod
    def of(cls, path: Path) -> Self | None:
        """A reader of a centre that may have just begun: None where its tables are not there yet."""
        if not path.exists():
            return None
        records = cls(path)
        try:
            records.tally()
        except sqlite3.OperationalError:
            records.close()
            return None
        return records

    def close(self) -> None:
        """Closes the file."""
        self._db.close()

    def flow_rows(self, *, since: str = "", node: str | None = None, camera: str | None = None) -> list[Message]:
        """Line counts of intervals that start at `since` (RFC 3339) or later, in order of time."""
        return self._intervals("flow", since, (node, camera))

    def zone_rows(self, *, since: str = "", node: str | None = None, camera: str | None = None) -> list[Message]:
        """Zone counts of intervals that start at `since` (RFC 3339) or later, in order of time."""
        return self._intervals("zone", since, (node, camera))

    def crossings(self, *, node: str, camera: str) -> list[Crossed]:
        """Single crossings, in order of time."""
        rows = self._db.execute(
            'SELECT node, camera, rule, at, class, direction FROM "cross" WHERE node = ? AND camera = ?'
            " ORDER BY at, seq",
            (node, camera),
        )
        return [Crossed(*row) for row in rows]

    def last_intervals(self, kind: str, *, since: str) -> list[Message]:
        """The latest interval of every rule, of those that start at `since` or later; `kind` is flow or zone."""
        rows = self._db.execute(
            f"SELECT node, camera, rule, max(start), seconds, body FROM {kind} WHERE start >= ?"  # noqa: S608 - own names
            " GROUP BY node, camera, rule ORDER BY node, camera, rule",
            (since,),
        )
        return [_message(row) for row in rows]

    def volumes(self, *, since: str) -> dict[tuple[str, str, str], tuple[int, int]]:
        """(node, camera, line) -> crossings of all classes in both directions, in intervals from `since` on."""
        rows = self._db.execute(
            "SELECT node, camera, rule, sum(a), sum(b) FROM flow_count WHERE start >= ? GROUP BY node, camera, rule",
            (since,),
        )
        return {(node, camera, rule): (a, b) for node, camera, rule, a, b in rows}

    def present(self) -> dict[tuple[str, str, str], Body]:
        """How devices and cameras stand: (node, camera or nothing, status or info or health) -> the message."""
        rows = self._db.execute("SELECT node, camera, kind, body FROM present ORDER BY node, camera, kind")
        return {(node, camera, kind): json.loads(body) for node, camera, kind, body in rows}

    def seen_ranges(self, node: str | None = None) -> dict[Series, Ranges]:
        """The numbers that have come."""
        ledger = Ledger(self._db)
        return {series: ledger.received(series) for series in ledger.known(node)}

    def holes(self, node: str | None = None) -> dict[Series, Ranges]:
        """The numbers that are missing and not known to be lost; a series without a hole is left out."""
        ledger = Ledger(self._db)
        return {series: missing for series in ledger.known(node) if (missing := ledger.holes(series))}

    def lost(self, node: str | None = None) -> list[Lost]:
        """The numbers that are known to be lost; one that came after all is not among them."""
        rows = self._db.execute(
            "SELECT node, epoch, first, last, reason FROM lost WHERE ?1 IS NULL OR node = ?1"
            " ORDER BY node, epoch, first",
            (node,),
        )
        received = self.seen_ranges(node)
        return [
            Lost(Series(node, epoch), *each, reason)
            for node, epoch, first, last, reason in rows
            for each in minus(((first, last),), received[Series(node, epoch)])
        ]

    def rejected(self) -> list[tuple[str, str]]:
        """The latest rejected messages, oldest first: topic and reason."""
        return self._db.execute("SELECT topic, reason FROM rejected ORDER BY id").fetchall()

    def tally(self) -> dict[str, int]:
        """Messages stored, duplicates and rejected since the file was made."""
        return {"stored": 0, "duplicates": 0, "rejected": 0} | dict(self._db.execute("SELECT name, number FROM tally"))

    def _intervals(self, table: str, since: str, key: tuple[str | None, str | None]) -> list[Message]:
        rows = self._db.execute(
            f"SELECT node, camera, rule, start, seconds, body FROM {table} WHERE start >= ?1"  # noqa: S608 - own names
            " AND (?2 IS NULL OR node = ?2) AND (?3 IS NULL OR camera = ?3) ORDER BY start, node, camera, rule",
            (since, *key),
        )
        return [_message(row) for row in rows]


def _message(row: tuple[Any, ...]) -> Message:
    node, camera, rule, start, seconds, body = row
    return Message(node, camera, rule, start, seconds, json.loads(body))
