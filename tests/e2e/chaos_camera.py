"""The camera of the chaos proofs: a process that hands random crossings to the real Recorder as edge/worker.py does,
and first writes them to a file. What the centre has in the end is held against that file.

Run as `python chaos_camera.py NAME TRUTH SEED`, with EDGE_CONFIG, EDGE_STATE and EDGE_RUN as for `edge camera`. It
stops making crossings, though not looking, once there is a file NIGHT beside TRUTH.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.config.load import load_camera
from edge.config.schema import Camera
from edge.config.settings import Settings
from edge.dataflow import CLASSES, Crossing, Instant, Sample
from edge.recorder import Recorder
from edge.store.flush import Flusher
from edge.store.journal import Journal
from edge.store.lock import sole

NIGHT = "night"
CROWDED = 2.0
"""Crossings of one picture, on average."""
LATEST_SECONDS = 1.2
"""How long ago a crossing may be that becomes known now: a track counts only when it is confirmed."""


@contextmanager
def counting(name: str, settings: Settings) -> Iterator[tuple[Recorder, Camera]]:
    """A recorder with all that the worker has around it."""
    camera = load_camera(settings.config / "cameras" / f"{name}.yaml")
    with sole(settings.memory, f"camera-{name}"):
        flusher = Flusher(settings.database, settings.state)
        flusher.start()
        journal = Journal(settings.database, camera=name, disk=settings.state)
        kept = Recorder(journal, name=name, camera=camera, now=now())
        try:
            yield kept, camera
            kept.write(time.time())
            journal.close()
        finally:
            flusher.close()


def now() -> Instant:
    return Instant(time.monotonic(), time.time())


class Truth:
    """What the camera truly had, a JSON line each: `crossing`, `seen` for a picture, `tick` for a turn that is done."""

    def __init__(self, path: Path, life: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._life = life

    def say(self, what: str, at: float, **more: object) -> None:
        """One write, so that SIGKILL leaves whole lines."""
        line = json.dumps({"what": what, "life": self._life, "at": at, **more})
        os.write(self._file, line.encode() + b"\n")


class Street:
    """Random road users."""

    def __init__(self, camera: Camera, seed: str) -> None:
        self._random = random.Random(seed)
        self._lines = [line.id for line in camera.lines]
        self._zones = [zone.id for zone in camera.zones]
        self._track = 0

    def crossings(self, at: Instant) -> list[Crossing]:
        found = []
        while self._random.random() < CROWDED / (1 + CROWDED):  # geometric, so there are empty pictures and bursts
            ago = self._random.uniform(0, LATEST_SECONDS) ** 2 / LATEST_SECONDS
            when = Instant(at.seconds - ago, round(at.utc - ago, 3))
            self._track += 1
            line, way, kind = (self._random.choice(each) for each in (self._lines, (0, 1), CLASSES))
            found.append(Crossing(when, line, way, kind, self._track))
        return found

    def people(self, at: Instant) -> list[Sample]:
        return [Sample(at, zone, {CLASSES[0]: self._random.randrange(1, 40)}) for zone in self._zones]


def main(name: str, truth: Path, seed: str) -> None:
    """Until SIGTERM."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with counting(name, Settings()) as (kept, camera):
        night, told, street = truth.with_name(NIGHT), Truth(truth, seed), Street(camera, seed)
        while not stop.wait(1 / camera.analyse.rate):
            at = now()
            crossings = [] if night.exists() else street.crossings(at)
            for each in crossings:
                told.say("crossing", at.utc, when=each.at.utc, line=each.line, direction=each.direction, kind=each.kind)
            told.say("seen", at.utc)
            kept.record(at, crossings, street.people(at))
            turn = now()
            kept.tick(turn)
            told.say("tick", turn.utc)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
