"""A machine whose clock is set, lost and found again, and a camera that counts on it through any of that."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from contract import fits

from edge.config.schema import Camera
from edge.dataflow import Crossing, Instant, Sample
from edge.recorder import Recorder
from edge.store.database import Database
from edge.store.journal import Journal
from edge.store.outbox import Outbox

BEGIN = 1_795_000_020.0
"""What the right clock says when the first machine is started, Unix seconds."""
CAMERA = Camera.model_validate(
    {
        "lines": [{"id": "l1", "points": [[0.1, 0.5], [0.9, 0.5]], "every": 60, "classes": ["car"]}],
        "zones": [{"id": "z1", "points": [[0, 0], [1, 0], [1, 1]], "every": 30}],
    }
)


@dataclass
class Machine:
    """One start of a machine. `true` is the right time, `wrong` how far the wall clock is ahead; nothing sleeps."""

    number: int
    true: float = BEGIN
    wrong: float = 0.0
    synchronised_: bool | None = True
    patience: float = 900.0
    suspended: float = 0.0
    _steady: float = 100.0

    @property
    def boot(self) -> str:
        return f"boot-{self.number}"

    def slept(self) -> float:
        return self.suspended

    def synchronised(self) -> bool | None:
        return self.synchronised_

    @property
    def now(self) -> Instant:
        return Instant(self._steady, self.true + self.wrong)

    def wait(self, seconds: float) -> None:
        self.true += seconds
        self._steady += seconds

    def suspend(self, seconds: float) -> None:
        self.true += seconds
        self.suspended += seconds


@dataclass
class Site:
    """A camera on a machine, and what the centre would get from it."""

    folder: Path
    machine: Machine = field(default_factory=lambda: Machine(1))
    visits: int = 0
    truth: list[float] = field(default_factory=list)
    """When each crossing truly was, Unix seconds."""
    recorder: Recorder | None = None

    @property
    def database(self) -> Path:
        return self.folder / "run" / "edge.db"

    @property
    def disk(self) -> Path:
        return self.folder / "disk"

    @property
    def crossings(self) -> int:
        return len(self.truth)

    def start(self) -> Site:
        """Another process of the camera, whatever became of the last one."""
        self.journal = Journal(self.database, camera="cam", disk=self.disk)
        machine = self.machine
        self.recorder = Recorder(self.journal, name="cam", camera=CAMERA, now=machine.now, clock=machine)
        return self

    def kill(self) -> None:
        """All that is in memory is gone."""
        self.journal.close()

    def count(self, seconds: float, *, every: float = 3.0) -> None:
        """So much of the street, five pictures a second; each crossing is known a picture after it happened."""
        due = self.machine.true + every
        for _ in range(round(seconds * 5)):
            self.machine.wait(0.2)
            at, known, added = self.machine.now, [], {}
            if self.machine.true >= due:
                due += every
                self.visits += 1
                self.truth.append(self.machine.true - 0.1)
                known = [Crossing(Instant(at.seconds - 0.1, at.utc - 0.1), "l1", 0, "car", self.crossings)]
                added = {"entered": 1.0}
            self.recorder.record(at, known, [Sample(at, "z1", {"pedestrian": 1.0}, added)])
            self.recorder.tick(self.machine.now)

    def stop(self) -> None:
        """Waits until everything is written, and ends in order."""
        self.machine.wait(1.1)
        self.recorder.tick(self.machine.now)
        self.recorder.stop(self.machine.now.utc)
        self.journal.close()

    def messages(self, kind: str = "flow") -> list[dict]:
        """Everything that was told, in order of its numbers, with `begin` and `end` in Unix seconds."""
        outbox = Outbox(self.database, disk=self.disk)
        with outbox._db.transaction() as db:
            db.execute("UPDATE meta SET value = '9223372036854775807' WHERE name = 'sendable'")
        rows = outbox._db.rows("SELECT body FROM outbox WHERE kind = ? ORDER BY seq", (kind,))
        outbox.close()
        found = []
        for (body,) in rows:
            fits(body, kind)
            message = json.loads(body)
            if "start" in message:
                begin = datetime.fromisoformat(message["start"]).timestamp()
                message |= {"begin": begin, "end": begin + message["seconds"]}
            found.append(message)
        return found

    def pending(self) -> int:
        """Crossings that no message has told yet."""
        self.recorder.write(self.machine.now.utc)
        database = Database(self.database, disk=self.disk)
        waiting = database.rows("SELECT coalesce(sum(number), 0) FROM crossing")[0][0]
        held = [json.loads(row[0]) for row in database.rows("SELECT body FROM held")]
        database.close()
        return waiting + sum(sum(pair) for each in held for pair in each["counts"].values())


def told(flows: list[dict]) -> int:
    """The crossings in messages of a line."""
    return sum(sum(pair) for each in flows for pair in each.get("count", {}).values())


def none_overlap(messages: list[dict]) -> bool:
    """Whether no two intervals have a moment in common, as a centre reads them."""
    spans = sorted((each["begin"], each["end"]) for each in messages)
    return all(end <= begin for (_, end), (begin, _) in pairwise(spans))
