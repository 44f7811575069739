"""A device's store in two folders, one that a power cut wipes and one that it does not."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from edge.dataflow import Crossing, Instant, Period, Stamp
from edge.store.flush import Bounds, Flusher
from edge.store.journal import Journal
from edge.store.outbox import Outbox

START = 1_795_000_020.0
"""The beginning of a minute, Unix seconds."""
KINDS = ("motorcycle", "motorcycle", "motorcycle", "car", "bus")


def render(period: Period, tally, stamp: Stamp) -> bytes:
    counts = {kind: list(pair) for kind, pair in tally.counts.items()}
    return json.dumps({"seq": stamp.seq, "start": period.start, "count": counts, "total": tally.totals}).encode()


@dataclass
class Device:
    """Cameras with one line each, on a clock of their own. Nothing here sleeps."""

    folder: Path
    cameras: int = 2
    now: float = START
    number: int = 0
    opened: list = field(default_factory=list)

    @property
    def run(self) -> Path:
        return self.folder / "run"

    @property
    def disk(self) -> Path:
        return self.folder / "disk"

    def start(self) -> Device:
        """The processes of the device, in what the folders hold now."""
        path = self.run / "edge.db"
        self.flusher = Flusher(path, self.disk, Bounds(flush_seconds=0), clock=lambda: self.now)
        self.journals = [Journal(path, camera=f"c{i}", disk=self.disk) for i in range(self.cameras)]
        self.outbox = Outbox(path, disk=self.disk)
        self.opened = [*self.journals, self.outbox]
        return self

    def kill(self) -> None:
        """Every process at once, without a word."""
        for each in self.opened:
            each.close()
        self.flusher.abandon()

    def cut_power(self) -> Device:
        """Takes what is in memory away, and starts again."""
        self.kill()
        shutil.rmtree(self.run)
        return self.start()

    def stop(self) -> None:
        for each in self.opened:
            each.close()
        self.flusher.close()

    def count(self, seconds: float = 60, *, per_camera: int = 7) -> None:
        """So much of the street: crossings, and the intervals that end with the minute."""
        begin = self.now
        self.now += seconds
        for i, journal in enumerate(self.journals):
            crossings = [self._crossing(begin + k * seconds / per_camera) for k in range(per_camera)]
            start = begin - begin % 60
            period = Period("l1", "flow", start, 60, analysed=round(self.now - start, 3), fingerprint=f"rule {i}")
            journal.write(crossings, [period], seen=self.now)
            if self.now >= start + 60:
                journal.finish(period, render, life=600_000)

    def _crossing(self, at: float) -> Crossing:
        self.number += 1
        kind = KINDS[self.number % len(KINDS)]
        return Crossing(Instant(at, at), "l1", self.number % 2, kind, track=self.number)

    def state(self) -> dict:
        """All that must survive: numbers, totals, open intervals, messages that wait."""
        rows = self.outbox._db.rows
        counted = "SELECT camera, rule, kind, direction, sum(number) FROM crossing GROUP BY 1, 2, 3, 4"
        return {
            "last": self.outbox.last,
            "totals": rows("SELECT * FROM total ORDER BY camera"),
            "periods": rows("SELECT * FROM period ORDER BY camera"),
            "crossings": rows(f"{counted} ORDER BY 1, 2, 3, 4"),
            "messages": rows("SELECT seq, body FROM outbox ORDER BY seq"),
        }
