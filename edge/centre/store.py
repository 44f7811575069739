"""What the centre writes down: a batch of arrivals at a time, all of it or nothing, in any order and any number of
times with the same outcome."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edge.centre.arrivals import Arrival, Forgone, Numbered, Present, Rejected
from edge.centre.database import connect
from edge.centre.ledger import Ledger, Series
from edge.centre.ranges import Ranges
from edge.dataflow import Stamp
from edge.errors import EdgeError
from edge.events import Cross, Interval

REJECTED_KEPT = 1000
"""Rejected messages kept to be looked at, the latest ones."""


@dataclass(slots=True)
class Written:
    """What became of a batch: messages stored, those that had been stored before, those rejected, and the devices
    whose numbers were told."""

    stored: list[Numbered] = field(default_factory=list)
    duplicates: int = 0
    rejected: list[Rejected] = field(default_factory=list)
    nodes: set[str] = field(default_factory=set)


class Store:
    """The centre's database, written by one process. EdgeError where it cannot be opened or written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db = connect(path)

    def close(self) -> None:
        """Closes the file."""
        self._db.close()

    def write(self, arrivals: Sequence[Arrival]) -> Written:
        """Stores them in one transaction; when it returns they are on the disk."""
        written = Written()
        ledger = Ledger(self._db)
        try:
            self._db.execute("BEGIN IMMEDIATE")
            for arrival in arrivals:
                self._take(arrival, ledger, written)
            ledger.save()
            self._count(written)
            self._db.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            do = "free some space or mend the disk; nothing of it was confirmed, so the devices keep it"
            raise EdgeError(str(self.path), "messages cannot be stored", found=str(error), do=do) from None
        return written

    def complete(self, node: str) -> list[Stamp]:
        """For each epoch of a device, oldest first, the number up to which everything is stored or known as lost."""
        ledger = Ledger(self._db)
        return [Stamp(series.epoch, ledger.complete_to(series)) for series in ledger.known(node)]

    def nodes(self) -> list[str]:
        """Every device that has sent a numbered message."""
        return sorted({series.node for series in Ledger(self._db).known()})

    def holes(self, node: str) -> dict[Series, Ranges]:
        """The numbers that are missing, for each epoch of a device."""
        ledger = Ledger(self._db)
        return {series: ledger.holes(series) for series in ledger.known(node)}

    def _take(self, arrival: Arrival, ledger: Ledger, written: Written) -> None:
        match arrival:
            case Numbered():
                written.nodes.add(arrival.node)
                if ledger.receive(Series(arrival.node, arrival.stamp.epoch), arrival.stamp.seq):
                    self._put(arrival)
                    written.stored.append(arrival)
                else:
                    written.duplicates += 1
            case Forgone(node, gap):
                written.nodes.add(node)
                ledger.lose(Series(node, gap.epoch), (gap.first, gap.last), reason=gap.reason)
            case Present():
                self._replace(arrival)
            case Rejected():
                self._reject(arrival, ledger, written)

    def _put(self, message: Numbered) -> None:
        event, node = message.event, message.node
        if isinstance(event, Interval):
            self._upsert(message, event)
        elif isinstance(event, Cross):
            self._db.execute(
                'INSERT INTO "cross" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
                (node, event.epoch, event.seq, event.camera, event.rule, event.at, event.kind, event.direction,
                 message.body),
            )  # fmt: skip
        else:
            self._db.execute(
                "INSERT INTO other VALUES (?, ?, ?, ?, ?, ?, ?)",
                (node, event.epoch, event.seq, message.kind, event.camera, event.rule, message.body),
            )

    def _upsert(self, message: Numbered, event: Interval) -> None:
        """Of two messages on one interval the one with the greater number stays, whichever came first."""
        self._db.execute(
            f"INSERT INTO {message.kind} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - flow or zone
            " ON CONFLICT DO UPDATE SET epoch = excluded.epoch, seq = excluded.seq, coverage = excluded.coverage,"
            " body = excluded.body WHERE (excluded.seq, excluded.epoch) > (seq, epoch)",
            (message.node, event.camera, event.rule, event.start, float(event.seconds), event.epoch, event.seq,
             event.coverage, message.body),
        )  # fmt: skip

    def _replace(self, present: Present) -> None:
        key = (present.node, present.camera, present.kind)
        if present.body is None:
            self._db.execute("DELETE FROM present WHERE node = ? AND camera = ? AND kind = ?", key)
        else:
            self._db.execute("INSERT OR REPLACE INTO present VALUES (?, ?, ?, ?, ?)", (*key, present.body, time.time()))

    def _reject(self, message: Rejected, ledger: Ledger, written: Written) -> None:
        """A rejected number is lost: asking for it would only bring the same message again."""
        written.rejected.append(message)
        if message.stamp:
            written.nodes.add(message.node)
            series, seq = Series(message.node, message.stamp.epoch), message.stamp.seq
            if not ledger.lose(series, (seq, seq), reason=f"rejected: {message.reason}"):
                return
        self._db.execute(
            "INSERT INTO rejected (stored, topic, reason, body) VALUES (?, ?, ?, ?)",
            (time.time(), message.topic, message.reason, message.body),
        )
        self._db.execute("DELETE FROM rejected WHERE id <= (SELECT max(id) FROM rejected) - ?", (REJECTED_KEPT,))

    def _count(self, written: Written) -> None:
        numbers = {
            "stored": len(written.stored),
            "duplicates": written.duplicates,
            "rejected": len(written.rejected),
        }
        self._db.executemany(
            "INSERT INTO tally VALUES (?, ?) ON CONFLICT DO UPDATE SET number = number + excluded.number",
            [(name, number) for name, number in numbers.items() if number],
        )
