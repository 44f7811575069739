"""Which numbers of each device have been received and which are lost, as one transaction sees and changes them."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum

from edge.centre.database import Database, Row
from edge.centre.ranges import Range, Ranges, added, complete_to, contains, holes, minus, union
from edge.dataflow import Stamp

IN_ORDER = "SELECT node, epoch, complete FROM epoch{0} ORDER BY id"
RANGES = """
SELECT node, epoch, first, last FROM {0} JOIN epoch USING (node, epoch) WHERE last >= complete{1}
"""
"""Of those that end below the unbroken beginning nothing but the beginning need be known."""
OF_ONE = "SELECT first, last FROM received WHERE node = ? AND epoch = ?"
NEVER_USED, REJECTED = "never used:", "rejected:"
"""How a reason begins where no message was lost, and where one came that could not be read."""


@dataclass(frozen=True, slots=True, order=True)
class Series:
    """The numbers of one epoch of one device."""

    node: str
    epoch: str


class Fate(Enum):
    """What became of numbers under which nothing is stored."""

    LOST = "lost"
    NEVER_USED = "never used"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Lost:
    """Numbers under which nothing will come, why, and since when that is known, in Unix seconds."""

    series: Series
    first: int
    last: int
    reason: str
    told: float

    @property
    def size(self) -> int:
        """How many numbers they are."""
        return self.last - self.first + 1

    @property
    def fate(self) -> Fate:
        """What became of them, by their reason."""
        if self.reason.startswith(NEVER_USED):
            return Fate.NEVER_USED
        return Fate.REJECTED if self.reason.startswith(REJECTED) else Fate.LOST


Complete = dict[str, tuple[Stamp, ...]]


@dataclass(frozen=True, slots=True)
class Standing:
    """How far devices have come: for each the number up to which nothing is missing, of its epochs in the order in
    which they were first seen; and what is missing, for each series that misses something."""

    complete: Complete
    holes: dict[Series, Ranges]


class Ledger:
    """The numbers of some devices (None: of all), read once; save() writes what was changed meanwhile.

    Whoever changes them owns the transaction, which begins before this is made.
    """

    def __init__(self, database: Database, nodes: Collection[str] | None = None) -> None:
        self._db = database
        self._nodes = None if nodes is None else sorted(nodes)
        self._complete = {Series(node, epoch): last for node, epoch, last in self._read(IN_ORDER, " WHERE ")}
        self._known_before = set(self._complete)
        self._before: dict[Series, dict[int, int]] = {series: {} for series in self._complete}
        for node, epoch, first, last in self._read(RANGES.format("received", "{0}"), " AND "):
            self._before[Series(node, epoch)][first] = last
        self._received = {series: union(ranges.items()) for series, ranges in self._before.items()}
        lost: dict[Series, list[Range]] = {series: [] for series in self._complete}
        for node, epoch, first, last in self._read(RANGES.format("lost", "{0}"), " AND "):
            lost[Series(node, epoch)].append((first, last))
        self._lost = {series: union(told) for series, told in lost.items()}
        self._told: list[Lost] = []

    def standing(self) -> Standing:
        """How far these devices have come."""
        complete: Complete = {}
        missing: dict[Series, Ranges] = {}
        for series in self._complete:
            known = self._known(series)
            stamp = Stamp(series.epoch, complete_to(known))
            complete[series.node] = (*complete.get(series.node, ()), stamp)
            if found := holes(known):
                missing[series] = found
        return Standing(complete, missing)

    def receive(self, series: Series, number: int) -> bool:
        """Puts a number on record; False where it had come before."""
        self._meet(series)
        if number <= self._complete[series] and not contains(self._received[series], number):
            self._read_whole(series)
        if contains(self._received[series], number):
            return False
        self._received[series] = added(self._received[series], number, number)
        return True

    def lose(self, series: Series, numbers: Range, *, reason: str) -> list[Lost]:
        """Puts numbers on record as lost, where they have not come; returns those of which that is new."""
        self._meet(series)
        news = minus(minus(minus((numbers,), self._beginning(series)), self._received[series]), self._lost[series])
        for each in news:
            self._lost[series] = added(self._lost[series], *each)
        told = [Lost(series, *each, reason, time.time()) for each in news]
        self._told += told
        return told

    def save(self) -> None:
        """Writes what receive() and lose() have changed."""
        met = [each for each in self._complete if each not in self._known_before]
        self._db.write("INSERT INTO epoch (node, epoch) VALUES (?, ?)", [(each.node, each.epoch) for each in met])
        gone, new, moved = [], [], []
        for series, ranges in self._received.items():
            before, now = self._before[series], dict(ranges)
            gone += [(series.node, series.epoch, first) for first in before.keys() - now.keys()]
            new += [(series.node, series.epoch, *each) for each in now.items() - before.items()]
            if (complete := complete_to(self._known(series))) != self._complete[series]:
                moved.append((complete, series.node, series.epoch))
        self._db.write("DELETE FROM received WHERE node = ? AND epoch = ? AND first = ?", gone)
        self._db.write(
            "INSERT INTO received VALUES (?, ?, ?, ?)"
            " ON CONFLICT (node, epoch, first) DO UPDATE SET last = excluded.last",
            new,
        )
        told = [(e.series.node, e.series.epoch, e.first, e.last, e.reason, e.told) for e in self._told]
        self._db.write("INSERT INTO lost VALUES (?, ?, ?, ?, ?, ?)", told)
        self._db.write("UPDATE epoch SET complete = ? WHERE node = ? AND epoch = ?", moved)

    def _known(self, series: Series) -> Ranges:
        return union(self._beginning(series), self._received[series], self._lost[series])

    def _beginning(self, series: Series) -> Ranges:
        return ((1, last),) if (last := self._complete[series]) else ()

    def _meet(self, series: Series) -> None:
        if series not in self._complete:
            self._complete[series], self._before[series] = 0, {}
            self._received[series], self._lost[series] = (), ()

    def _read_whole(self, series: Series) -> None:
        """Reads the old ranges too, for a number that may lie among them; what came in this batch stays."""
        before = dict[int, int](self._db.rows(OF_ONE, (series.node, series.epoch)))
        self._received[series] = union(before.items(), self._received[series])
        self._before[series] = before

    def _read(self, query: str, word: str) -> list[Row]:
        if self._nodes is None:
            return self._db.rows(query.format(""))
        if not self._nodes:
            return []
        chosen = ", ".join("?" * len(self._nodes))
        return self._db.rows(query.format(f"{word}node IN ({chosen})"), self._nodes)
