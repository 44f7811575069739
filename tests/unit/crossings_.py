"""A line across the picture, and who passes it."""

from __future__ import annotations

import numpy as np

from edge.config.rules import Line
from edge.dataflow import CLASSES, Instant, Tracks
from edge.measurements.crossings import CrossingCounter

ACROSS = Line(id="l1", points=((0.2, 0.5), (0.8, 0.5)))
"""Walked to the right, so its left is up: downwards is direction 0."""
HEIGHT = 0.1


def seen(t, places, *, kind="car", confirmed=True, ended=(), aspect=1.0):
    """Tracks at time t: places maps ids to the bottom centre of a box 0.1 high and wide."""
    boxes = [(x - HEIGHT / 2, y - HEIGHT, x + HEIGHT / 2, y) for x, y in places.values()]
    return Tracks(
        at=Instant(t, 1000.0 + t),
        aspect=aspect,
        ids=np.array(list(places), dtype=np.int64),
        boxes=np.array(boxes, dtype=np.float32).reshape(-1, 4),
        classes=np.full(len(places), CLASSES.index(kind), dtype=np.int8),
        confirmed=np.full(len(places), confirmed),
        ended=tuple(ended),
    )


def count(path, *, lines=(ACROSS,), dt=0.2, **how):
    """The crossings of one object along a path."""
    counter = CrossingCounter(lines)
    found = []
    for i, place in enumerate(path):
        found += counter.update(seen(i * dt, {1: place}, **how))
    return found


def way(*ys, x=0.5):
    return [(x, y) for y in ys]


def stood(y, count):
    """So many looks at one who stands there and shivers."""
    return list(y + np.random.default_rng(5).normal(0, 0.004, count))
