"""Tracks for the tests of measurements: drawn by hand, or of a simulated scene as it is and as a detector sees it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from edge.dataflow import CLASSES, Instant, Tracks
from edge.measurements.calibration import Ground
from edge.tracks.tracker import Tracker

sys.path.append(str(Path(__file__).resolve().parents[2] / "scripts"))
from scenes.camera import PinHole
from scenes.library import SCENES, line
from scenes.noise import OMZ
from scenes.scene import START_UTC, Pace

__all__ = ["PACE", "SCENES", "Pace", "PinHole", "line"]

PACE = Pace()
"""Five pictures a second, with the faults of a real camera."""

WHOLE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


def seen(t, boxes, *, kind="motorcycle", ended=(), aspect=1.0):
    """Tracks at time t: boxes maps ids to x1 y1 x2 y2; kind is one for all, or a class by id."""
    kinds = [kind.get(i, "motorcycle") if isinstance(kind, dict) else kind for i in boxes]
    return Tracks(
        at=Instant(t, 1000.0 + t),
        aspect=aspect,
        ids=np.array(list(boxes), dtype=np.int64),
        boxes=np.array(list(boxes.values()), dtype=np.float32).reshape(-1, 4),
        classes=np.array([CLASSES.index(k) for k in kinds], dtype=np.int8),
        confirmed=np.ones(len(boxes), dtype=np.bool_),
        ended=tuple(ended),
    )


def box_at(camera, x, y, *, size=(1.9, 0.8, 1.6), heading=np.pi):
    """The box of something of that length, width and height in metres that stands at a place of the ground."""
    return camera.boxes(np.array([x, y, heading]), np.array(size))[0]


def ground_of(camera):
    """A calibration of the camera by five points along its axis."""
    turn = np.radians(camera.heading)
    places = np.array([(-4.0, 10), (4, 10), (5, 40), (-5, 40), (0, 20)])
    places = places @ [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    return Ground(
        [(tuple(p), tuple(g)) for p, g in zip(camera.to_picture(places).tolist(), places.tolist(), strict=True)]
    )


def true_tracks(scene, pace=PACE):
    """The true boxes of a scene, cut where the picture ends, as tracks without fault."""
    before = set()
    for at in pace.times(scene.seconds, np.random.default_rng([scene.seed, 1])):
        users, boxes, _ = scene.truth.at(at)
        ids = users.astype(np.int64) + 1
        yield Tracks(
            at=Instant(at, START_UTC + at),
            aspect=scene.camera.aspect,
            ids=ids,
            boxes=np.clip(boxes, 0, 1).astype(np.float32),
            classes=scene.truth.history.kinds[users].astype(np.int8),
            confirmed=np.ones(len(ids), dtype=np.bool_),
            ended=tuple(before - set(ids.tolist())),
        )
        before = set(ids.tolist())


def noisy_tracks(scene, pace=PACE, *, noise=OMZ):
    """What the tracker makes of what a real detector would report."""
    tracker = Tracker()
    for detections in scene.detections(noise, pace):
        yield tracker.update(detections)
