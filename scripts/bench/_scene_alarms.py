"""When an alarm of a scene is due and when it may be: told against what was raised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from _scene_queues import can_be_known
from _scene_rules import QUEUE_CLEARS, QUEUE_LIMIT, QUEUE_ON_SECONDS, STANDS_SECONDS, forbidden_line
from numpy.typing import NDArray
from scenes.noise import Noise
from scenes.scene import Scene
from scenes.traffic import TICK

from edge.config.schema import Camera
from edge.dataflow import Alarm
from edge.geometry import in_picture, inside

Floats = NDArray[np.float64]
Span = tuple[float, float]

EARLY, LATE = 6.0, 20.0
"""An alarm is found if it stands at some moment from so long before it is due until so long after."""
STILL_MS, SLOW_MS, MOVES_MS = 0.1, 1.0, 5.0
"""Who is slower than the first stands; who is slower than the second may be told to; where the mean is above the third
traffic is not slow."""
EDGE_OFF = 0.1
"""The edges of a standing box are off by so much of it (0.065 and 0.035 of its size, scripts/scenes/noise.py): who
stands so close to the border of a zone may be told in it or out of it."""
JAM_SECONDS, JAM_VEHICLES, JAM_TOLD_SECONDS = 180.0, 12, 150.0
"""Where so many stand for so long, a jam is due so much after they began to: two minutes, for it is none that a light
makes, and the alarm's own delay of half a minute."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Of one alarm: the moments at which it is `due`, and the spans in which it `may` be raised."""

    kind: str
    due: tuple[float, ...]
    may: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many alarms of one kind were due, found of them, and raised without reason."""

    kind: str
    due: int
    found: int
    false: int


def asked(scene: Scene, camera: Camera, *, noise: Noise) -> list[Asked]:
    """What the truth of a scene asks of the alarms of its camera, whose net has this noise."""
    wanted = [_wrong_way(scene, camera)] if forbidden_line(camera) else []
    whole = _in_zone(scene.truth.points, camera)
    surely, maybe = _seen_in_zone(scene, camera)
    wanted += [_stopped(scene, whole & surely, whole | maybe), _congestion(scene, whole)]
    if camera.queues:
        wanted.append(_queue(scene, noise))
    return wanted


def judged(wanted: Asked, alarms: Sequence[Alarm], *, seconds: float) -> Verdict:
    """What was raised against what was asked."""
    of_kind = [a for a in alarms if a.kind == wanted.kind]
    begins = [a.at.seconds for a in of_kind if a.state == "raised"]
    ends = [a.at.seconds for a in of_kind if a.state == "cleared"]
    standing = [(t, next((e for e in ends if e > t), seconds)) for t in begins]
    found = sum(any(begin <= due + LATE and end >= due - EARLY for begin, end in standing) for due in wanted.due)
    false = sum(not any(first <= t <= last for first, last in wanted.may) for t in begins)
    return Verdict(wanted.kind, len(wanted.due), found, false)


def _wrong_way(scene: Scene, camera: Camera) -> Asked:
    line = forbidden_line(camera)
    assert line is not None
    wrong = {trip.user for trip in scene.truth.trips if trip.wrong_way}
    over = [c for c in scene.truth.crossings([line]) if c.direction == line.forbidden]
    due = tuple(c.at for c in over if c.user in wrong)
    return Asked("wrong_way", due, tuple((c.at - 1.0, c.at + 8.0) for c in over))


def _in_zone(points: Floats, camera: Camera) -> NDArray[np.bool_]:
    """Which of the points (ticks, n, 2) are in the zones of the camera, which are one place."""
    return inside(points.reshape(-1, 2).astype(np.float32), camera.zones[0].points).reshape(points.shape[:2])


def _seen_in_zone(scene: Scene, camera: Camera) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Who must and who may be seen in the zone (ticks, n): by what the picture shows of each, whose edges may be
    EDGE_OFF off."""
    boxes = scene.truth.views[0]
    cut = np.clip(boxes, 0.0, 1.0)
    points = np.stack([(cut[..., 0] + cut[..., 2]) / 2, cut[..., 3]], axis=-1)
    with np.errstate(invalid="ignore"):
        there = (boxes[..., :2] < 1).all(axis=-1) & (boxes[..., 2:] > 0).all(axis=-1)
    off = EDGE_OFF * (cut[..., 2:] - cut[..., :2])
    aside = ([0, 0], [0, 1], [0, -1], [1, 0], [-1, 0])
    moved = (np.where(there[..., None], in_picture(points + off * way), np.nan) for way in aside)
    told = np.array([_in_zone(each, camera) for each in moved])
    return told.all(axis=0), told.any(axis=0)


def _stopped(scene: Scene, surely: NDArray[np.bool_], maybe: NDArray[np.bool_]) -> Asked:
    """A vehicle that keeps its place in the zone: due where it is `surely` there, allowed where it is `maybe`."""
    with np.errstate(invalid="ignore"):
        still, slow = surely & (scene.truth.history.speeds < STILL_MS), maybe & (scene.truth.history.speeds < SLOW_MS)
    due = [begin + STANDS_SECONDS for begin, end in _spans(still) if end - begin >= STANDS_SECONDS + EARLY]
    may = [
        (begin + STANDS_SECONDS - EARLY, end + EARLY)
        for begin, end in _spans(slow)
        if end - begin >= STANDS_SECONDS - 8
    ]
    return Asked("stopped_vehicle", tuple(due[:1]), tuple(may))


def _congestion(scene: Scene, there: NDArray[np.bool_]) -> Asked:
    """Vehicles of the zone that hardly move; their mean over ten seconds."""
    number = there.sum(axis=1)
    total = np.where(there, np.nan_to_num(scene.truth.history.speeds), 0.0).sum(axis=1)
    mean = _smooth(np.where(number > 0, total / np.maximum(number, 1), 10.0), 10.0)
    jams = _spans(((mean < SLOW_MS) & (number >= JAM_VEHICLES))[:, None])
    due = [begin + JAM_TOLD_SECONDS for begin, end in jams if end - begin >= JAM_SECONDS]
    return Asked("congestion", tuple(due), tuple((a, b + 40.0) for a, b in _spans((mean < MOVES_MS)[:, None])))


def _queue(scene: Scene, noise: Noise) -> Asked:
    """A mean number over five seconds, as the alarm has it; within 1.5 vehicles of the limit anything may be. Due where
    so many can be known, allowed where so many wait."""
    vehicles = _smooth(scene.truth.queue(scene.ways[0].entry)[0].astype(np.float64), 5.0)
    known = _smooth(can_be_known(scene, noise).astype(np.float64), 5.0)
    full = _spans((known >= QUEUE_LIMIT + 1.5)[:, None])
    due = [begin + QUEUE_ON_SECONDS for begin, end in full if end - begin >= QUEUE_ON_SECONDS + 5]
    near = _spans((vehicles >= (QUEUE_LIMIT + QUEUE_CLEARS) / 2)[:, None])
    return Asked("queue", tuple(due), tuple((begin, end + QUEUE_ON_SECONDS) for begin, end in near))


def _smooth(values: Floats, seconds: float) -> Floats:
    """The mean over the last seconds at every tick."""
    width = int(seconds / TICK)
    total = np.cumsum(np.concatenate([np.full(width, values[0]), values]))
    return np.asarray((total[width:] - total[:-width]) / width)


def _spans(there: NDArray[np.bool_]) -> list[Span]:
    """From when to when it holds in any column (ticks, n), in seconds, each column for itself."""
    spans = []
    for column in there.T[there.any(axis=0)]:
        edges = np.flatnonzero(np.diff(np.concatenate([[0], column.astype(np.int8), [0]])))
        spans += [(first * TICK, (end - 1) * TICK) for first, end in edges.reshape(-1, 2).tolist()]
    return sorted(spans)
