"""Detections for the tests of the tracker, and what it makes of them."""

from __future__ import annotations

import numpy as np

from edge.dataflow import CLASSES, Detections, Instant
from edge.tracks.habits import Learning
from edge.tracks.tracker import Tracker, TrackerSettings

ASPECT = 16 / 9
PEDESTRIAN, BICYCLE, MOTORCYCLE, CAR, BUS, TRUCK = range(len(CLASSES))
KNOWN = TrackerSettings(learning=Learning(kept=20.0))
"""One lane is known as well as a street of several."""


def seen(at, *objects):
    """Detections from (centre x, centre y, width, height, score, class), all in fractions."""
    rows = np.array([o[:5] for o in objects], dtype=np.float64).reshape(-1, 5)
    boxes = np.hstack([rows[:, :2] - rows[:, 2:4] / 2, rows[:, :2] + rows[:, 2:4] / 2])
    classes = np.array([o[5] for o in objects], dtype=np.int8)
    return Detections(Instant(at, 1e9 + at), ASPECT, boxes.astype(np.float32), rows[:, 4].astype(np.float32), classes)


def car(x, y=0.5, score=0.9, kind=CAR):
    return (x, y, 0.08, 0.1, score, kind)


def motorcycle(x, y=0.5, score=0.8):
    return (x, y, 0.02, 0.06, score, MOTORCYCLE)


def follow(frames, settings=TrackerSettings()):  # noqa: B008 - it is frozen
    tracker = Tracker(settings)
    return [tracker.update(frame) for frame in frames]


def times(rate, seconds=4.0):
    return np.arange(0, seconds, 1 / rate)


def ids_of(results):
    return {int(i) for tracks in results for i in tracks.ids}


def confirmed_in(results):
    return {int(i) for tracks in results for i in tracks.ids[tracks.confirmed]}
