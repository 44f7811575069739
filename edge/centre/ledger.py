"""Which numbers of each device have been received and which are lost, as one transaction sees and changes them."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass

from edge.centre.database import Database, Row
from edge.centre.ranges import Range, Ranges, complete_to, contains, holes, minus, union
from edge.dataflow import Stamp

IN_ORDER = "SELECT node, epoch FROM epoch{0} ORDER BY id"


@dataclass(frozen=True, slots=True, order=True)
class Series:
    """The numbers of one epoch of one device."""

    node: str
    epoch: str


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
        self._series = [Series(*each) for each in self._read(IN_ORDER)]
        self._before = {series: dict[int, int]() for series in self._series}
        self._received = dict.fromkeys(self._series, Ranges())
        self._lost = dict.fromkeys(self._series, Ranges())
        for node, epoch, first, last in self._read("SELECT node, epoch, first, last FROM received{0}"):
            self._before[Series(node, epoch)][first] = last
        for series, ranges in self._before.items():
            self._received[series] = union(ranges.items())
        lost: dict[Series, list[Range]] = {series: [] for series in self._series}
        for node, epoch, first, last in self._read("SELECT node, epoch, first, last FROM lost{0}"):
            lost[Series(node, epoch)].append((first, last))
        for series, told in lost.items():
            self._lost[series] = union(told)
        self._told: list[tuple[str, str, int, int, str, float]] = []

    @property
    def series(self) -> list[Series]:
        """Every series, in the order in which they were first seen."""
        return self._series

    def received(self, series: Series) -> Ranges:
        """The numbers that have come."""
        return self._received.get(series, ())

    def standing(self) -> Standing:
        """How far these devices have come."""
        complete: Complete = {}
        missing: dict[Series, Ranges] = {}
        for series in self._series:
            known = self._known(series)
            stamp = Stamp(series.epoch, complete_to(known))
            complete[series.node] = (*complete.get(series.node, ()), stamp)
            if found := holes(known):
                missing[series] = found
        return Standing(complete, missing)

    def receive(self, series: Series, number: int) -> bool:
        """Puts a number on record; False where it had come before."""
        if contains(self.received(series), number):
            return False
        self._meet(series)
        self._received[series] = union(self._received[series], ((number, number),))
        return True

    def lose(self, series: Series, numbers: Range, *, reason: str) -> bool:
        """Puts numbers on record as lost, where they have not come; False where that says nothing new."""
        news = minus((numbers,), self._known(series))
        if news:
            self._meet(series)
            self._lost[series] = union(self._lost[series], news)
            self._told += [(series.node, series.epoch, *each, reason, time.time()) for each in news]
        return bool(news)

    def save(self) -> None:
        """Writes what receive() and lose() have changed."""
        met = [each for each in self._series if each not in self._before]
        self._db.write("INSERT INTO epoch (node, epoch) VALUES (?, ?)", [(each.node, each.epoch) for each in met])
        gone, new = [], []
        for series, ranges in self._received.items():
            before, now = self._before.get(series, {}), dict(ranges)
            gone += [(series.node, series.epoch, first) for first in before.keys() - now.keys()]
            new += [(series.node, series.epoch, *each) for each in now.items() - before.items()]
        self._db.write("DELETE FROM received WHERE node = ? AND epoch = ? AND first = ?", gone)
        self._db.write(
            "INSERT INTO received VALUES (?, ?, ?, ?)"
            " ON CONFLICT (node, epoch, first) DO UPDATE SET last = excluded.last",
            new,
        )
        self._db.write("INSERT INTO lost VALUES (?, ?, ?, ?, ?, ?)", self._told)

    def _known(self, series: Series) -> Ranges:
        return union(self.received(series), self._lost.get(series, ()))

    def _meet(self, series: Series) -> None:
        if series not in self._received:
            self._series.append(series)
            self._received[series], self._lost[series] = (), ()

    def _read(self, query: str) -> list[Row]:
        if self._nodes is None:
            return self._db.rows(query.format(""))
        if not self._nodes:
            return []
        chosen = ", ".join("?" * len(self._nodes))
        return self._db.rows(query.format(f" WHERE node IN ({chosen})"), self._nodes)
