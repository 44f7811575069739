"""`edge replay`: the pipeline over a file, with the file's own clock and as fast as it goes; same file, same bytes."""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge.config.schema import Camera
from edge.dataflow import Crossing, Instant
from edge.frames.clip import frames
from edge.pipeline import Pipeline, count
from edge.recorder import Recorder
from edge.store.journal import Journal
from edge.store.outbox import Outbox
from edge.watched import Watched

EPOCH = "00000000"
"""Replays number their messages in an epoch of their own, from 1."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """Crossings in order of time, event messages in order of `seq`, and how much of the video was `watched`."""

    crossings: tuple[Crossing, ...]
    messages: tuple[bytes, ...]
    watched: Watched


def replay(
    video: Path, *, name: str, camera: Camera, models: tuple[Path, ...], progress: Callable[[float], None]
) -> Replayed:
    """What a video gives, which begins at 1970-01-01T00:00:00Z.

    `progress` is told the seconds of video done. SourceError where the file gives no pictures.
    """
    pipeline = Pipeline(camera, models=models)
    crossings: list[Crossing] = []
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "replay.db"
        journal = Journal(database, camera=name, epoch=EPOCH)
        recorder = Recorder(journal, name=name, camera=camera, now=Instant(0.0, 0.0))
        watched = Watched(camera.analyse.rate)
        for frame in frames(video, rate=camera.analyse.rate):
            analysis = count(frame, pipeline, recorder)
            crossings += analysis.crossings
            watched.picture(frame.at.seconds, analysed=analysis.analysed)
            recorder.tick(frame.at)
            progress(watched.seconds)
        recorder.close(watched.seconds)
        journal.close()
        outbox = Outbox(database)
        messages = sorted(outbox.waiting(limit=sys.maxsize, now=0.0), key=lambda m: m.stamp.seq)
        outbox.close()
    crossings.sort(key=lambda c: (c.at.seconds, c.line, c.track))
    return Replayed(tuple(crossings), tuple(m.body for m in messages), watched)


def told(replayed: Replayed, camera: Camera) -> str:
    """For a person, in one line: how much was watched, and how many crossings each line has, by direction."""
    watched = replayed.watched
    over = f"{watched.seconds:.1f} s of video, coverage {watched.coverage:.3f}"
    if not camera.lines:
        return f"{over}; no lines to cross in the camera file: what its zones tell is among the messages, --events OUT"
    counts = Counter((c.line, c.direction) for c in replayed.crossings)
    ways = (" / ".join(f"{counts[line.id, way]} {line.names[way]}" for way in (0, 1)) for line in camera.lines)
    lines = (f"{line.id} {each}" for line, each in zip(camera.lines, ways, strict=True))
    return f"{over}; {len(replayed.crossings)} crossings: {', '.join(lines)}"


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
