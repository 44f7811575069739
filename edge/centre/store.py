"""What the centre writes down: a batch of arrivals at a time, all of it or nothing, in any order and any number of
times with the same outcome. The statements are the same for every database."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edge.centre.arrivals import Arrival, Forgone, Numbered, Present, Rejected
from edge.centre.database import Value, open_to_write
from edge.centre.ledger import REJECTED, Ledger, Lost, Series, Standing
from edge.centre.places import PUT_REJECTED, placed

REJECTED_KEPT = 1000
"""Rejected messages kept to be looked at, the latest ones."""

PUT_PRESENT = """
INSERT INTO present VALUES (?, ?, ?, ?, ?)
ON CONFLICT (node, camera, kind) DO UPDATE SET body = excluded.body, stored = excluded.stored
"""
TAKE_BACK = "DELETE FROM present WHERE node = ? AND camera = ? AND kind = ?"
COUNT = "INSERT INTO tally VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET number = tally.number + excluded.number"
FORGET_REJECTED = "DELETE FROM rejected WHERE id <= (SELECT max(id) FROM rejected) - ?"
LEAD = """
INSERT INTO lease VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
WHERE lease.holder = excluded.holder OR lease.until < ?
"""


@dataclass(slots=True)
class Written:
    """What became of a batch: messages stored, how many had been stored before, those rejected, numbers that are now
    known to be lost, and how far the devices stand whose numbers were told, with what everybody has committed."""

    stored: list[Numbered] = field(default_factory=list)
    duplicates: int = 0
    rejected: list[Rejected] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)
    standing: Standing = field(default_factory=lambda: Standing({}, {}))


class Store:
    """The centre's database: a file, or an address for several writers. AwayError where it cannot be used just now;
    EdgeError where it cannot be opened or waiting does not help."""

    def __init__(self, where: str | Path) -> None:
        self.where = where
        self._db = open_to_write(where)

    def close(self) -> None:
        """Closes it."""
        self._db.close()

    def write(self, arrivals: Sequence[Arrival]) -> Written:
        """Stores them in one transaction; when it returns they are on the disk."""
        nodes = {arrival.node for arrival in arrivals if arrival.node}
        with self._db.transaction(nodes):
            batch = _Batch(Ledger(self._db, nodes))
            for arrival in arrivals:
                batch.take(arrival)
            batch.ledger.save()
            for statement, rows in batch.statements():
                self._db.write(statement, rows)
            batch.written.standing = batch.standing()
        return batch.written

    def standing(self) -> Standing:
        """How far every device stands that has sent a numbered message."""
        with self._db.snapshot():
            return Ledger(self._db).standing()

    def lead(self, name: str, *, holder: str, seconds: float) -> bool:
        """Whether `holder` is the one of several instances that may do what only one does, for so many seconds from
        now; it stays so while it asks in time."""
        now = time.time()
        with self._db.transaction():
            self._db.write(LEAD, [(name, holder, now + seconds, now)])
            return self._db.rows("SELECT holder FROM lease WHERE name = ?", (name,)) == [(holder,)]


class _Batch:
    """The rows that a batch of arrivals comes to."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.written = Written()
        self._numbered: set[str] = set()
        self._rows: defaultdict[str, list[tuple[Value, ...]]] = defaultdict(list)
        self._present: dict[tuple[str, str, str], str | None] = {}

    def take(self, arrival: Arrival) -> None:
        """Adds one."""
        match arrival:
            case Numbered(node):
                self._numbered.add(node)
                if self.ledger.receive(Series(node, arrival.stamp.epoch), arrival.stamp.seq):
                    self._put(arrival)
                    self.written.stored.append(arrival)
                else:
                    self.written.duplicates += 1
            case Forgone(node, gap):
                self._numbered.add(node)
                told = self.ledger.lose(Series(node, gap.epoch), (gap.first, gap.last), reason=gap.reason)
                self.written.lost += told
            case Present():
                self._present[arrival.node, arrival.camera, arrival.kind] = arrival.body
            case Rejected():
                self._reject(arrival)

    def statements(self) -> Iterable[tuple[str, list[tuple[Value, ...]]]]:
        """What to write, the rows that all writers share at the end, so that they are held shortly."""
        now = time.time()
        yield from self._rows.items()
        yield TAKE_BACK, [key for key, body in self._present.items() if body is None]
        yield PUT_PRESENT, [(*key, body, now) for key, body in self._present.items() if body is not None]
        numbers = {
            "stored": len(self.written.stored),
            "duplicates": self.written.duplicates,
            "rejected": len(self.written.rejected),
        }
        yield COUNT, [(name, number) for name, number in numbers.items() if number]
        if PUT_REJECTED in self._rows:
            yield FORGET_REJECTED, [(REJECTED_KEPT,)]

    def standing(self) -> Standing:
        """How far the devices stand whose numbers were told."""
        whole = self.ledger.standing()
        complete = {node: stamps for node, stamps in whole.complete.items() if node in self._numbered}
        return Standing(complete, {each: ranges for each, ranges in whole.holes.items() if each.node in complete})

    def _put(self, message: Numbered) -> None:
        statement, row = placed(message)
        self._rows[statement].append(row)

    def _reject(self, message: Rejected) -> None:
        """A rejected number is lost: asking for it would only bring the same message again."""
        self.written.rejected.append(message)
        if message.stamp:
            self._numbered.add(message.node)
            series, seq = Series(message.node, message.stamp.epoch), message.stamp.seq
            if not self.ledger.lose(series, (seq, seq), reason=f"{REJECTED} {message.reason}"):
                return
        self._rows[PUT_REJECTED].append((time.time(), message.topic, message.reason, message.body))
