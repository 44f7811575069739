"""Traffic for the tests of counting: one object along a path, whole streets, and all that is measured of either."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from tracks_ import PACE, SCENES

from edge.config.rules import Line
from edge.config.schema import Camera
from edge.dataflow import Detections, Instant, Tracks
from edge.measurements.crossings import CrossingCounter
from edge.measurements.measures import Measures
from edge.tracks.tracker import Tracker

sys.path.append(str(Path(__file__).resolve().parents[2] / "scripts/bench"))
from _scene_rules import camera_of
from scenes.noise import ROAD_USERS

__all__ = ["camera_of"]

ACROSS = Line(id="l1", points=((0.05, 0.5), (0.95, 0.5)))
"""Walked to the right, so downwards is direction 0."""
SIDE, RATE = 0.08, 5.0
"""The side of the boxes of one object, and pictures a second."""
GRID = 4096
"""Places of a street are multiples of 1 / GRID, so that 1 - x is exact and a mirrored street is really the same."""
Place = tuple[float, float]


def looks(
    places: Sequence[Place | None], *, scores: Sequence[float] | None = None, shake: float = 0.0, seed: int = 1
) -> Iterator[Detections]:
    """Detections of one box a picture at these places of its lower middle, None where it is missed; each edge off by
    `shake` of its side."""
    random = np.random.default_rng(seed)
    for i, place in enumerate(places):
        boxes = [] if place is None else [(place[0] - SIDE / 2, place[1] - SIDE, place[0] + SIDE / 2, place[1])]
        array = np.array(boxes, dtype=np.float32).reshape(-1, 4)
        array += random.normal(0, shake * SIDE, array.shape).astype(np.float32)
        score = np.full(len(array), 0.8 if scores is None else scores[i], dtype=np.float32)
        yield Detections(Instant(i / RATE, 1000 + i / RATE), 1.0, array, score, np.full(len(array), 3, dtype=np.int8))


def counted(pictures: Iterable[Detections], *, line: Line = ACROSS) -> list[int]:
    """The directions in which tracks go over the line."""
    tracker, counter = Tracker(), CrossingCounter([line])
    return [c.direction for detections in pictures for c in counter.update(tracker.update(detections))]


def down(step: float = 0.05) -> list[Place]:
    """A way down over the middle of the line."""
    return [(0.5, float(y)) for y in np.arange(0.15, 0.95, step)]


def street(name: str, seed: int = 5) -> tuple[Camera, list[Detections]]:
    """A minute of a scene as the shipped net sees it, with every rule that such a place can have."""
    scene = SCENES[name](seed)
    pictures = [
        replace(d, boxes=(np.rint(d.boxes * GRID) / GRID).astype(np.float32))
        for d in scene.detections(ROAD_USERS, PACE)
        if d.at.seconds < 60
    ]
    return camera_of(scene), pictures


def followed(pictures: Iterable[Detections]) -> list[Tracks]:
    """The tracks of a street."""
    tracker = Tracker()
    return [tracker.update(detections) for detections in pictures]


def measured(camera: Camera, pictures: Iterable[Tracks]) -> Counter[str]:
    """All that adds up over these pictures, by rule and name: crossings by line, direction and class, what happened,
    and what was present times the seconds that it was there."""
    measures, total, before = Measures(camera), Counter[str](), None
    for tracks in pictures:
        told = measures.update(tracks)
        span = 0.0 if before is None else min(1.0, tracks.at.seconds - before)
        before = tracks.at.seconds
        for c in told.crossings:
            total[f"{c.line} crossed {c.kind}.{c.direction}"] += 1
        for sample in told.samples:
            for name, value in sample.added.items():
                total[f"{sample.rule} {name}"] += value
            for name, value in sample.present.items():
                total[f"{sample.rule} present {name}"] += value * span
    return Counter({name: value for name, value in total.items() if value})
