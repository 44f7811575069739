"""Which numbers of each device have been received and which are lost, in the database and within one transaction."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass

from edge.centre.ranges import Range, Ranges, complete_to, contains, holes, minus, union


@dataclass(frozen=True, slots=True, order=True)
class Series:
    """The numbers of one epoch of one device."""

    node: str
    epoch: str


class Ledger:
    """Reads and changes the numbers on record; whoever uses it owns the transaction and ends it with save()."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._db = database
        self._received: dict[Series, Ranges] = {}
        self._stored: dict[Series, Ranges] = {}

    def known(self, node: str | None = None) -> list[Series]:
        """Every series, or those of one device, in the order in which they were first seen."""
        query = "SELECT node, epoch FROM epoch WHERE ?1 IS NULL OR node = ?1 ORDER BY id"
        return [Series(*each) for each in self._db.execute(query, (node,))]

    def received(self, series: Series) -> Ranges:
        """The numbers that have come."""
        if series not in self._received:
            self._received[series] = self._stored[series] = self._ranges("received", series)
        return self._received[series]

    def lost(self, series: Series) -> Ranges:
        """The numbers that will never come, as far as is known."""
        return minus(self._ranges("lost", series), self.received(series))

    def complete_to(self, series: Series) -> int:
        """The number up to which everything has come or is known to be lost; 0 = the first one is missing."""
        return complete_to(union(self.received(series), self._ranges("lost", series)))

    def holes(self, series: Series) -> Ranges:
        """The numbers that are missing below the greatest one seen."""
        return holes(union(self.received(series), self._ranges("lost", series)))

    def receive(self, series: Series, number: int) -> bool:
        """Puts a number on record; False where it had come before."""
        if contains(self.received(series), number):
            return False
        self._meet(series)
        self._received[series] = union(self._received[series], ((number, number),))
        return True

    def lose(self, series: Series, numbers: Range, *, reason: str) -> bool:
        """Puts numbers on record as lost, where they have not come; False where that says nothing new."""
        known = union(self.received(series), self._ranges("lost", series))
        news = minus((numbers,), known)
        if news:
            self._meet(series)
        self._db.executemany(
            "INSERT OR REPLACE INTO lost VALUES (?, ?, ?, ?, ?, ?)",
            [(series.node, series.epoch, first, last, reason, time.time()) for first, last in news],
        )
        return bool(news)

    def save(self) -> None:
        """Writes what receive() has changed."""
        for series, now in self._received.items():
            before = self._stored[series]
            gone, new = set(before) - set(now), set(now) - set(before)
            self._db.executemany(
                "DELETE FROM received WHERE node = ? AND epoch = ? AND first = ?",
                [(series.node, series.epoch, first) for first, _ in gone],
            )
            self._db.executemany(
                "INSERT INTO received VALUES (?, ?, ?, ?)", [(series.node, series.epoch, *each) for each in new]
            )
            self._stored[series] = now

    def _meet(self, series: Series) -> None:
        self._db.execute("INSERT OR IGNORE INTO epoch (node, epoch) VALUES (?, ?)", (series.node, series.epoch))

    def _ranges(self, table: str, series: Series) -> Ranges:
        query = f"SELECT first, last FROM {table} WHERE node = ? AND epoch = ?"  # noqa: S608 - own table names
        return union(self._db.execute(query, (series.node, series.epoch)).fetchall())
