"""What the centre has stored, read while it goes on storing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from edge.centre.database import AwayError, Database, Row, Value, open_to_read
from edge.centre.ledger import Fate, Ledger, Lost, Series
from edge.centre.ranges import Range, Ranges, minus, size, union
from edge.dataflow import Stamp

Body = dict[str, Any]
LATEST = """
SELECT node, camera, rule, seconds, body
FROM (SELECT *, row_number() OVER (PARTITION BY node, camera, rule ORDER BY start DESC) AS place
  FROM {0} WHERE start >= ? AND start <= ?) AS each
WHERE place = 1 ORDER BY node, camera, rule
"""
NEXT = """
SELECT node, camera, rule, seconds, body FROM {0} WHERE start >= ?{1}
ORDER BY start, node, camera, rule, seconds LIMIT ?
"""
AFTER = " AND (start, node, camera, rule, seconds) > (?, ?, ?, ?, ?)"
CROSSED = "node, epoch, seq, body, camera, rule, class, direction"
NEXT_AT = 'SELECT {0} FROM "{1}" WHERE at >= ?{2} ORDER BY at, node, epoch, seq LIMIT ?'
AFTER_AT = " AND (at, node, epoch, seq) > (?, ?, ?, ?)"
CLEARED = "SELECT 1 FROM alarm WHERE node = ? AND alarm = ? AND state = 'cleared'"
PAGE = 5000
BEGINNING, END = "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"


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
    """One single crossing; `at` in RFC 3339, UTC; `stamp` of its message."""

    node: str
    camera: str
    line: str
    at: str
    kind: str
    direction: int
    stamp: Stamp


class Records:
    """A reader of the centre's file or database. AwayError where there is none just now, or not yet."""

    def __init__(self, where: str | Path) -> None:
        self._db: Database = open_to_read(where)

    @classmethod
    def of(cls, path: Path) -> Self | None:
        """A reader of a centre's file that it may have just begun: None where its tables are not there yet."""
        if not path.exists():
            return None
        records = cls(path)
        try:
            records.tally()
        except AwayError:
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

    def pages(self, kind: str, *, since: str = "") -> Iterator[list[Message]]:
        """Intervals of every rule of a kind (one of tables.INTERVALS) in order of time, PAGE at a time, for there may
        be more of them than memory holds."""
        key: tuple[Value, ...] = ()
        while rows := self._db.rows(NEXT.format(kind, AFTER * bool(key)), (since or BEGINNING, *key, PAGE)):
            messages = [_message(row) for row in rows]
            yield messages
            last = messages[-1]
            key = (last.start, last.node, last.camera, last.rule, last.seconds)

    def crossings(self, *, node: str, camera: str) -> list[Crossed]:
        """Single crossings, in order of time."""
        rows = self._db.rows(
            f'SELECT {CROSSED} FROM "cross" WHERE node = ? AND camera = ? ORDER BY at, epoch, seq',  # noqa: S608 - own
            (node, camera),
        )
        return [_crossed(row) for row in rows]

    def crossing_pages(self, *, since: str = "") -> Iterator[list[Crossed]]:
        """Every single crossing from `since` (RFC 3339) on in order of time, PAGE at a time."""
        for rows in self._pages_at("cross", CROSSED, since):
            yield [_crossed(row) for row in rows]

    def alarm_pages(self, *, since: str = "") -> Iterator[list[tuple[str, Body]]]:
        """Every change of an alarm from `since` (RFC 3339) on in order of time, as node and message, PAGE at a time."""
        for rows in self._pages_at("alarm", "node, epoch, seq, body", since):
            yield [(row[0], json.loads(row[3])) for row in rows]

    def last_intervals(self, kind: str, *, since: str, until: str) -> list[Message]:
        """The latest interval of every rule, of those that start from `since` to `until`; `kind` is one of
        tables.INTERVALS."""
        rows = self._db.rows(LATEST.format(kind), (since, until))
        return [_message(row) for row in rows]

    def volumes(self, *, since: str, until: str = END) -> dict[tuple[str, str, str], tuple[int, int]]:
        """(node, camera, line) -> crossings of all classes in both directions, in intervals that start from `since` to
        `until`."""
        rows = self._db.rows(
            "SELECT node, camera, rule, sum(a), sum(b) FROM flow_count WHERE start >= ? AND start <= ?"
            " GROUP BY node, camera, rule",
            (since or BEGINNING, until),
        )
        return {(node, camera, rule): (int(a), int(b)) for node, camera, rule, a, b in rows}

    def present(self) -> dict[tuple[str, str, str], Body]:
        """How devices and cameras stand: (node, camera or nothing, kind) -> the message. Kinds are
        status, info, health, and alarm/{rule} where one stands."""
        rows = self._db.rows("SELECT node, camera, kind, body FROM present ORDER BY node, camera, kind")
        present = {(node, camera, kind): json.loads(body) for node, camera, kind, body in rows}
        return {key: body for key, body in present.items() if not self._over(*key, body)}

    def _over(self, node: str, _: str, kind: str, body: Body) -> bool:
        """Whether this is an alarm that was cleared, and the empty message that says so has passed the centre by."""
        return kind.startswith("alarm/") and bool(self._db.rows(CLEARED, (node, body["alarm"])))

    def alarm_rules(self) -> list[tuple[str, str, str]]:
        """(node, camera, rule) of every alarm that there has been."""
        rows = self._db.rows("SELECT DISTINCT node, camera, rule FROM alarm ORDER BY node, camera, rule")
        return [(node, camera, rule) for node, camera, rule in rows]

    def seen_ranges(self, node: str | None = None) -> dict[Series, Ranges]:
        """The numbers that have come, for every series."""
        where, values = _where(node=node)
        series = self._db.rows(f"SELECT node, epoch FROM epoch{where} ORDER BY id", values)  # noqa: S608 - own
        found: dict[Series, list[Range]] = {Series(*each): [] for each in series}
        query = f"SELECT node, epoch, first, last FROM received{where}"  # noqa: S608 - own
        for name, epoch, first, last in self._db.rows(query, values):
            found.setdefault(Series(name, epoch), []).append((first, last))
        return {each: union(ranges) for each, ranges in found.items()}

    def holes(self, node: str | None = None) -> dict[Series, Ranges]:
        """The numbers that are missing and not known to be lost; a series without a hole is left out."""
        with self._db.snapshot():
            return Ledger(self._db, None if node is None else (node,)).standing().holes

    def lost(self, node: str | None = None) -> list[Lost]:
        """The numbers that are known to be lost or never used; one that came after all is not among them."""
        where, values = _where(node=node)
        query = f"SELECT node, epoch, first, last, reason, stored FROM lost{where} ORDER BY node, epoch, first"  # noqa: S608
        rows = self._db.rows(query, values)
        received = self.seen_ranges(node) if rows else {}
        return [
            Lost(series, *each, reason, told)
            for name, epoch, first, last, reason, told in rows
            for series in (Series(name, epoch),)
            for each in minus(((first, last),), received[series])
        ]

    def absent(self) -> dict[str, int]:
        """How many numbers are missing, and how many there are of each Fate."""
        numbers = {"missing": sum(size(each) for each in self.holes().values())}
        numbers |= {fate.value: 0 for fate in Fate}
        for each in self.lost():
            numbers[each.fate.value] += each.size
        return numbers

    def rejected(self) -> list[tuple[str, str]]:
        """The latest rejected messages, oldest first: topic and reason."""
        return [(topic, reason) for topic, reason in self._db.rows("SELECT topic, reason FROM rejected ORDER BY id")]

    def tally(self) -> dict[str, int]:
        """Messages stored, duplicates and rejected since the file was made."""
        tally = {"stored": 0, "duplicates": 0, "rejected": 0}
        return tally | {name: int(number) for name, number in self._db.rows("SELECT name, number FROM tally")}

    def _pages_at(self, table: str, columns: str, since: str) -> Iterator[list[Row]]:
        """Rows of a table of moments; `columns` begin with node, epoch, seq, body."""
        key: tuple[Value, ...] = ()
        while rows := self._db.rows(
            NEXT_AT.format(columns, table, AFTER_AT * bool(key)), (since or BEGINNING, *key, PAGE)
        ):
            yield rows
            node, epoch, seq, body = rows[-1][:4]
            key = (json.loads(body)["at"], node, epoch, seq)

    def _intervals(self, table: str, since: str, key: tuple[str | None, str | None]) -> list[Message]:
        where, values = _where(node=key[0], camera=key[1])
        rows = self._db.rows(
            f"SELECT node, camera, rule, seconds, body FROM {table}{where or ' WHERE true'} AND start >= ?"  # noqa: S608 - own
            " ORDER BY start, node, camera, rule",
            (*values, since or BEGINNING),
        )
        return [_message(row) for row in rows]


def _where(**wanted: str | None) -> tuple[str, list[str]]:
    """A condition on the columns for which a value is given, and the values."""
    given = {name: value for name, value in wanted.items() if value is not None}
    return " WHERE " * bool(given) + " AND ".join(f"{name} = ?" for name in given), list(given.values())


def _crossed(row: Row) -> Crossed:
    node, epoch, seq, body, camera, line, kind, direction = row
    return Crossed(node, camera, line, json.loads(body)["at"], kind, direction, Stamp(epoch, seq))


def _message(row: Row) -> Message:
    node, camera, rule, seconds, text = row
    body: Body = json.loads(text)
    return Message(node, camera, rule, body["start"], seconds, body)
