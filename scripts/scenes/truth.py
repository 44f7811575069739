"""What really happens in a scene, by the definitions of the design."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from edge.config.rules import Line
from edge.dataflow import CLASSES
from edge.geometry import Point, inside
from scenes.camera import PinHole
from scenes.roads import Way
from scenes.traffic import TICK, History

Floats = NDArray[np.float64]

STOPPED_MS = 0.5
"""Slower than this is standing, m/s."""
JOINS_MS, LEAVES_MS = 5 / 3.6, 10 / 3.6
"""Who falls below the first, behind a stop line, is in its queue until faster than the second (PTV VISSIM)."""
QUEUE_GAP = 20.0
"""The largest distance between two of one queue, in metres (PTV VISSIM)."""


@dataclass(frozen=True, slots=True)
class TrueCrossing:
    """The bottom centre of a true, whole box over a line: when (seconds), in which direction, at what real speed."""

    at: float
    line: str
    direction: int
    kind: str
    user: int
    speed_kmh: float


@dataclass(frozen=True, slots=True)
class Trip:
    """One road user: where it came in and went out of the world, when its box was in the picture, when it stood there
    (spans of seconds), and whether it went against the rule."""

    user: int
    kind: str
    entry: str
    exit: str
    seen: tuple[tuple[float, float], ...]
    stopped: tuple[tuple[float, float], ...]
    wrong_way: bool


@dataclass(frozen=True)
class Truth:
    """The history of a scene as its camera would see it without any fault."""

    history: History
    ways: tuple[Way, ...]
    camera: PinHole

    @property
    def seconds(self) -> float:
        """How long the scene lasts."""
        return (len(self.history.poses) - 1) * TICK

    @cached_property
    def views(self) -> tuple[Floats, Floats]:
        """The whole boxes (ticks, n, 4) in fractions and their depths (ticks, n) in metres; NaN where there is none."""
        there = ~np.isnan(self.history.speeds)
        sizes = self.history.sizes[np.nonzero(there)[1]]
        boxes, depths = np.full((*there.shape, 4), np.nan), np.full(there.shape, np.nan)
        boxes[there], depths[there] = self.camera.boxes(self.history.poses[there].astype(np.float64), sizes)
        return boxes, depths

    @cached_property
    def points(self) -> Floats:
        """The bottom centres of the whole boxes: (ticks, n, 2)."""
        boxes = self.views[0]
        return np.stack([(boxes[..., 0] + boxes[..., 2]) / 2, boxes[..., 3]], axis=-1)

    def at(self, seconds: float) -> tuple[NDArray[np.int64], Floats, Floats]:
        """Who stands in the picture (users (k,)), their whole boxes (k, 4) and depths (k,), between two ticks."""
        boxes, depths = self.views
        below = min(int(seconds / TICK), len(boxes) - 2)
        share = seconds / TICK - below
        box = boxes[below] * (1 - share) + boxes[below + 1] * share
        depth = depths[below] * (1 - share) + depths[below + 1] * share
        with np.errstate(invalid="ignore"):
            there = (box[:, :2] < 1).all(axis=1) & (box[:, 2:] > 0).all(axis=1)
        users = np.flatnonzero(there)
        return users, box[users], depth[users]

    def crossings(self, lines: Sequence[Line]) -> list[TrueCrossing]:
        """Every time that a point comes over a line, on the segment, oldest first."""
        found = [crossing for line in lines for crossing in self._over(line)]
        return sorted(found, key=lambda c: (c.at, c.line, c.user))

    def _over(self, line: Line) -> list[TrueCrossing]:
        scale = np.array([self.camera.aspect, 1.0])
        first, last = np.array(line.points) * scale
        along, away = last - first, self.points * scale - first
        distance = along[0] * away[..., 1] - along[1] * away[..., 0]
        place = away @ along / (along @ along)
        with np.errstate(invalid="ignore"):
            changes = (distance[:-1] < 0) & (distance[1:] >= 0) | (distance[:-1] >= 0) & (distance[1:] < 0)
        result = []
        for tick, user in np.argwhere(changes).tolist():
            share = distance[tick, user] / (distance[tick, user] - distance[tick + 1, user])
            meets = place[tick, user] + share * (place[tick + 1, user] - place[tick, user])
            if 0 <= meets <= 1:
                way = 0 if distance[tick + 1, user] >= 0 else 1
                speed = float(self.history.speeds[tick, user]) * 3.6
                kind = CLASSES[self.history.kinds[user]]
                result.append(TrueCrossing((tick + share) * TICK, line.id, way, kind, user, speed))
        return result

    def inside(self, polygon: Sequence[Point], seconds: float) -> NDArray[np.int64]:
        """Whose point is in a polygon of the picture at a moment: users (k,)."""
        users, boxes, _ = self.at(seconds)
        points = np.stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]], axis=1)
        return users[inside(points.astype(np.float32), polygon)]

    @cached_property
    def trips(self) -> list[Trip]:
        """One for each road user that came."""
        points = self.points
        with np.errstate(invalid="ignore"):
            seen = ((points > 0) & (points < 1)).all(axis=2)
            still = seen & (self.history.speeds < STOPPED_MS)
        result = []
        for user in np.flatnonzero(~np.isnan(self.history.speeds).all(axis=0)).tolist():
            way = self.ways[self.history.ways[user]]
            spans = _spans(seen[:, user]), _spans(still[:, user])
            kind = CLASSES[self.history.kinds[user]]
            result.append(Trip(user, kind, way.entry, way.exit, *spans, way.wrong))
        return result

    def queue(self, entry: str) -> tuple[NDArray[np.int64], Floats]:
        """The queue behind the stop line of an entry, every tick: vehicles (ticks,) and metres from the line to the
        rear of its last one (ticks,)."""
        queued = self.queued(entry)
        stops = np.array([self.ways[w].stop or 0.0 for w in self.history.ways])
        with np.errstate(invalid="ignore"):
            nose = stops - self.history.along - self.history.sizes[:, 0] / 2
        vehicles, metres = np.zeros(len(queued), dtype=np.int64), np.zeros(len(queued))
        for tick in np.flatnonzero(queued.any(axis=1)).tolist():
            users = np.flatnonzero(queued[tick])
            users = users[np.argsort(nose[tick, users])]
            rears = np.maximum.accumulate(nose[tick, users] + self.history.sizes[users, 0])
            gaps = nose[tick, users] - np.concatenate([[0.0], rears[:-1]])
            count = int(np.argmax(np.append(gaps, np.inf) > QUEUE_GAP))
            vehicles[tick], metres[tick] = count, rears[count - 1] if count else 0.0
        return vehicles, metres

    def queued(self, entry: str) -> NDArray[np.bool_]:
        """Who stands in the queue of an entry, every tick: (ticks, n)."""
        of_entry = np.array([w.entry == entry and w.stop is not None for w in self.ways])[self.history.ways]
        of_entry &= self.history.kinds != CLASSES.index("pedestrian")
        stops = np.array([self.ways[w].stop or 0.0 for w in self.history.ways])
        result = np.zeros(self.history.speeds.shape, dtype=np.bool_)
        now = np.zeros(result.shape[1], dtype=np.bool_)
        with np.errstate(invalid="ignore"):
            behind = (self.history.along + self.history.sizes[:, 0] / 2 < stops + 1.0) & of_entry
            for tick, speed in enumerate(self.history.speeds):
                now = behind[tick] & ((speed < JOINS_MS) | (now & (speed < LEAVES_MS)))
                result[tick] = now
        return result


def counted(crossings: Sequence[TrueCrossing]) -> Mapping[tuple[str, int, str], int]:
    """How many by line, direction and class."""
    result: dict[tuple[str, int, str], int] = {}
    for c in crossings:
        key = (c.line, c.direction, c.kind)
        result[key] = result.get(key, 0) + 1
    return result


def _spans(there: NDArray[np.bool_]) -> tuple[tuple[float, float], ...]:
    """From when to when it holds, in seconds."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], there.astype(np.int8), [0]])))
    return tuple((first * TICK, (end - 1) * TICK) for first, end in edges.reshape(-1, 2).tolist())
