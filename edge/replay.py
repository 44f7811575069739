"""`edge replay`: the pipeline over a file, with the file's own clock and as fast as it goes; same file, same bytes."""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from edge.config.schema import Camera
from edge.dataflow import Crossing, Instant
from edge.frames.clip import frames
from edge.pipeline import Pipeline, count
from edge.recorder import Recorder
from edge.store.journal import Journal
from edge.store.outbox import Outbox

EPOCH = "00000000"
"""Replays number their messages in an epoch of their own, from 1."""


def replay(
    video: Path, *, name: str, camera: Camera, models: tuple[Path, ...], progress: Callable[[float], None]
) -> tuple[list[Crossing], list[bytes]]:
    """Crossings in order of time and event messages in order of `seq`; the video begins at 1970-01-01T00:00:00Z.

    `progress` is told the seconds of video done. SourceError where the file gives no pictures.
    """
    pipeline = Pipeline(camera, models=models)
    crossings: list[Crossing] = []
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "replay.db"
        journal = Journal(database, camera=name, epoch=EPOCH)
        recorder = Recorder(journal, name=name, camera=camera, now=Instant(0.0, 0.0))
        now = 0.0
        for frame in frames(video, rate=camera.analyse.rate):
            crossings += count(frame, pipeline, recorder).crossings
            now = frame.at.utc
            recorder.tick(frame.at)
            progress(now)
        recorder.close(now)
        journal.close()
        outbox = Outbox(database)
        messages = sorted(outbox.waiting(limit=sys.maxsize, now=0.0), key=lambda m: m.stamp.seq)
        outbox.close()
    return sorted(crossings, key=lambda c: (c.at.seconds, c.line, c.track)), [m.body for m in messages]


def told(crossings: Sequence[Crossing], camera: Camera) -> str:
    """For a person, in one line: how many crossings each line has, by direction."""
    counts = Counter((c.line, c.direction) for c in crossings)
    lines = [f"{line.id} {counts[line.id, 0]} / {counts[line.id, 1]}" for line in camera.lines]
    return f"{len(crossings)} crossings; " + ", ".join(lines)


def as_line(crossing: Crossing) -> str:
    """A crossing as one line of a crossings file."""
    fields = {
        "t": round(crossing.at.seconds, 3),
        "line": crossing.line,
        "direction": crossing.direction,
        "class": crossing.kind,
        "track": crossing.track,
    }
    return json.dumps(fields, ensure_ascii=False)
