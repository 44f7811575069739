"""`edge camera ID` with a witness: what its pictures gave is noted in a file before it goes on record, so that what the
centre has in the end can be held against it. Run as `python witness.py ID FOLDER` in the place of the unit's command.

The file FOLDER/ID.jsonl is as tests/e2e/chaos_truth.py reads it, with a line `end` for a life that ended in order.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from edge import worker
from edge.cli import main
from edge.dataflow import Crossing, Instant, Sample
from edge.events import utc
from edge.recorder import Recorder

NOTES = os.open(Path(sys.argv[2]) / f"{sys.argv[1]}.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
LIFE = f"{sys.argv[1]} from {time.time():.3f}"


def note(what: str, **more: object) -> None:
    """One write, so that SIGKILL leaves whole lines."""
    os.write(NOTES, json.dumps({"what": what, "life": LIFE, "at": time.time()} | more).encode() + b"\n")


class Witnessed(Recorder):
    """The recorder, and before it the notes."""

    def record(self, at: Instant, crossings: Sequence[Crossing], samples: Sequence[Sample]) -> None:
        label = self._timeline.label
        for each in crossings:
            about = {"line": each.line, "direction": each.direction, "kind": each.kind}
            note("crossing", when=datetime.fromisoformat(utc(label(each.at).utc, millis=True)).timestamp(), **about)
        note("seen", at=label(at).utc)
        super().record(at, crossings, samples)

    def tick(self, now: Instant) -> None:
        super().tick(now)
        note("tick")

    def stop(self, now: float) -> None:
        super().stop(now)
        note("end")


worker.Recorder = Witnessed  # type: ignore[misc]
if __name__ == "__main__":
    sys.exit(main(["camera", sys.argv[1]]))
