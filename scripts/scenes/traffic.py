"""Road users on their ways: who comes when, and where everyone is at every moment.

Along a way each follows the nearest one ahead that is in its breadth (Intelligent Driver Model: Treiber, Hennecke,
Helbing, Phys. Rev. E 62, 2000); across it each seeks the place with the most room, narrow ones readily, so that
motorbikes come to the front of a queue between the cars and stand there side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.dataflow import CLASSES
from scenes.roads import STEP, Signal, Way

Floats = NDArray[np.float64]

TICK = 0.1
"""Seconds between two states."""
SIDE = 9
"""Places across its way that each considers."""
LOOK = 25.0
"""Metres of free way beyond which more makes no difference."""
SIDEWAYS_ACCELERATION = 2.0
"""What riders and drivers bear in a bend, m/s²."""


@dataclass(frozen=True, slots=True)
class Build:
    """Metres and metres a second of a kind: `size` length, width, height; desired speed and its spread; IDM's
    acceleration, comfortable braking, time headway, distance at rest; `elbow` room kept to each side; what a metre
    to the side must gain in metres of free way (`reluctance`)."""

    size: tuple[float, float, float]
    speed: float
    spread: float
    acceleration: float = 1.5
    braking: float = 2.5
    headway: float = 1.0
    rest: float = 1.5
    elbow: float = 0.25
    reluctance: float = 8.0


BUILDS = {
    "pedestrian": Build((0.4, 0.55, 1.68), 1.35, 0.2, headway=0.2, rest=0.3, elbow=0.0),
    "bicycle": Build((1.8, 0.65, 1.65), 3.9, 0.7, 0.9, 2.0, 0.8, 0.5, 0.15, 3.0),
    "motorcycle": Build((1.9, 0.8, 1.6), 9.0, 1.6, 2.2, 3.0, 0.7, 0.4, 0.12, 2.0),
    "car": Build((4.5, 1.8, 1.55), 10.5, 1.6, 1.6, 2.5, 1.1),
    "bus": Build((11.0, 2.5, 3.1), 8.5, 1.0, 1.0, 2.0, 1.4, 2.0, 0.3, 12.0),
    "truck": Build((7.5, 2.3, 2.9), 8.5, 1.2, 1.0, 2.0, 1.4, 2.0, 0.3, 12.0),
}


MANNERS = ("acceleration", "braking", "headway", "rest", "elbow", "reluctance")


@dataclass(frozen=True, slots=True)
class Order:
    """One road user to come: at `at` seconds on the way with that number, `start` metres along it and `side` metres
    right of its middle (None: anywhere). It halts for `halt` = (metres along, seconds); a parked one halts for ever
    where it starts. `speed` in m/s is what it wishes (None: as its kind does)."""

    at: float
    way: int
    kind: str
    start: float = 0.0
    side: float | None = None
    speed: float | None = None
    halt: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Flow:
    """So many of a kind an hour on a way, at random; from `begin` to `end` seconds."""

    way: int
    kind: str
    per_hour: float
    begin: float = 0.0
    end: float = np.inf

    def orders(self, random: np.random.Generator, *, seconds: float) -> list[Order]:
        """A Poisson process."""
        span = max(0.0, min(seconds, self.end) - self.begin)
        times = self.begin + np.sort(random.uniform(0, span, random.poisson(self.per_hour * span / 3600)))
        return [Order(float(at), self.way, self.kind) for at in times]


@dataclass(frozen=True, slots=True)
class History:
    """Where everyone was: `poses` (ticks, n, 3) x, y, heading and `speeds` (ticks, n) in m/s every TICK seconds, NaN
    while not there; `along` (ticks, n) metres on the way; `sizes` (n, 3), `kinds` (n,) and `ways` (n,)."""

    poses: Floats
    speeds: Floats
    along: Floats
    sizes: Floats
    kinds: NDArray[np.int8]
    ways: NDArray[np.int64]


class Traffic:
    """The road users of one scene, tick by tick; the same random generator gives the same history."""

    def __init__(
        self, ways: Sequence[Way], orders: Sequence[Order], random: np.random.Generator, *, signal: Signal | None = None
    ) -> None:
        self._ways, self._signal, self._random = tuple(ways), signal, random
        self._orders = sorted(orders, key=lambda o: o.at)
        n = len(self._orders)
        builds = [BUILDS[o.kind] for o in self._orders]
        self._kinds = np.array([CLASSES.index(o.kind) for o in self._orders], dtype=np.int8)
        self._way = np.array([o.way for o in self._orders], dtype=np.int64)
        stretch = np.clip(random.normal(1, 0.06, (n, 1)), 0.85, 1.2)
        self._size = np.array([b.size for b in builds]).reshape(n, 3) * stretch
        wished = np.array([b.speed for b in builds]) + random.normal(0, 1, n) * [b.spread for b in builds]
        told = np.array([np.nan if o.speed is None else o.speed for o in self._orders])
        self._wish = np.where(np.isnan(told), np.maximum(wished, 0.7), told)
        self._acceleration, self._braking, self._headway, self._rest, self._elbow, self._reluctance = (
            np.array([getattr(b, name) for b in builds], dtype=np.float64) for name in MANNERS
        )
        self._room = np.array(
            [max(0.0, ways[o.way].width - s[1]) / 2 for o, s in zip(self._orders, self._size, strict=True)]
        )
        anywhere = random.uniform(-1, 1, n) * self._room
        self._side = np.array([a if o.side is None else o.side for o, a in zip(self._orders, anywhere, strict=True)])
        self._along = np.array([o.start for o in self._orders], dtype=np.float64)
        self._halt = np.array([o.halt or (np.inf, 0.0) for o in self._orders]).reshape(n, 2)
        self._speed = np.where(self._halt[:, 0] <= self._along, 0.0, self._wish)
        self._aim = self._side.copy()
        self._here = np.zeros(n, dtype=np.bool_)
        self._waiting = list(range(n))
        self._walks = self._kinds == CLASSES.index("pedestrian")
        longest = max(len(w.course) for w in self._ways)
        self._courses = np.stack([np.pad(w.course, ((0, longest - len(w.course)), (0, 0)), mode="edge") for w in ways])
        bent = [np.pad(w.curvature, (0, longest - len(w.course)), mode="edge") for w in ways]
        self._calm = np.sqrt(SIDEWAYS_ACCELERATION / np.maximum(np.stack(bent), 1e-3))
        self._ends = np.array([w.length for w in self._ways])
        self._stops = np.array([np.inf if w.stop is None else w.stop for w in self._ways])

    def run(self, seconds: float) -> History:
        """The history of so many seconds, its first tick at 0."""
        ticks, n = int(seconds / TICK) + 1, len(self._orders)
        poses = np.full((ticks, n, 3), np.nan, dtype=np.float32)
        speeds, along = np.full((2, ticks, n), np.nan, dtype=np.float32)
        for tick in range(ticks):
            self._enter(tick * TICK)
            rows = np.flatnonzero(self._here)
            pose = self._pose(rows)
            poses[tick, rows], speeds[tick, rows], along[tick, rows] = pose, self._speed[rows], self._along[rows]
            self._move(rows, pose, tick)
        return History(poses, speeds, along, self._size, self._kinds, self._way)

    def _pose(self, rows: NDArray[np.int64]) -> Floats:
        """x, y and heading of these: (n, 3)."""
        at = self._along[rows] / STEP
        below = np.clip(at.astype(np.int64), 0, self._courses.shape[1] - 2)
        share = (at - below)[:, None]
        way = self._way[rows]
        pose: Floats = self._courses[way, below] * (1 - share) + self._courses[way, below + 1] * share
        pose[:, 0] += self._side[rows] * np.cos(pose[:, 2])
        pose[:, 1] -= self._side[rows] * np.sin(pose[:, 2])
        return pose

    def _enter(self, now: float) -> None:
        """Let those in whose time has come and who have room; the others wait outside."""
        for row in [r for r in self._waiting if self._orders[r].at <= now]:
            same = self._here & (self._way == self._way[row])
            near = same & (np.abs(self._along - self._along[row]) < (self._size[:, 0] + self._size[row, 0]) / 2 + 2)
            if (
                near & (np.abs(self._side - self._side[row]) < (self._size[:, 1] + self._size[row, 1]) / 2 + 0.2)
            ).any():
                self._side[row] = self._aim[row] = self._random.uniform(-1, 1) * self._room[row]
                continue
            ahead = same & (self._along > self._along[row]) & (self._along < self._along[row] + 40)
            if ahead.any():
                self._speed[row] = min(self._speed[row], self._speed[ahead].min() + 1.0)
            self._here[row] = True
            self._waiting.remove(row)

    def _move(self, rows: NDArray[np.int64], pose: Floats, tick: int) -> None:
        """Everyone's next tick."""
        if not len(rows):
            return
        view = _View.of(pose, self._size[rows], self._elbow[rows], drives=~self._walks[rows])
        free, leader = view.ahead(self._speed[rows])
        stop = self._stop_ahead(rows, tick * TICK)
        leader = np.where(stop < free, 0.0, leader)
        free = np.minimum(free, stop)
        if tick % 5 == 0:
            self._aim[rows] = self._seek(rows, view)
        self._side[rows] = self._aside(rows, view)
        speed, wish = self._speed[rows], np.minimum(self._wish[rows], self._bend(rows))
        a, b = self._acceleration[rows], self._braking[rows]
        wanted = self._rest[rows] + np.maximum(
            0, speed * self._headway[rows] + speed * (speed - leader) / (2 * np.sqrt(a * b))
        )
        push = a * (1 - (speed / wish) ** 4 - (wanted / np.maximum(free, 0.1)) ** 2)
        faster = np.clip(speed + np.clip(push, -8, a) * TICK, 0, None)
        self._speed[rows] = np.where(free < 0.05, 0, faster)
        self._along[rows] += (speed + self._speed[rows]) / 2 * TICK
        held = (self._halt[rows, 0] - self._along[rows] < 2.5) & (self._speed[rows] < 0.2)
        self._halt[rows[held], 1] -= TICK
        self._halt[rows[held & (self._halt[rows, 1] <= 0)], 0] = np.inf
        self._here[rows] = self._along[rows] < self._ends[self._way[rows]] - STEP

    def _bend(self, rows: NDArray[np.int64]) -> Floats:
        """The speed that the bend ahead allows."""
        ahead = ((self._along[rows] + self._speed[rows] * 0.7) / STEP).astype(np.int64)
        return np.asarray(self._calm[self._way[rows], np.minimum(ahead, self._calm.shape[1] - 1)])

    def _stop_ahead(self, rows: NDArray[np.int64], now: float) -> Floats:
        """Metres of way before a halt, or before a stop line that shows red, for those who can still stop."""
        nose = self._along[rows] + self._size[rows, 0] / 2
        halt = np.where(self._halt[rows, 0] < np.inf, self._halt[rows, 0] - self._along[rows] + 1.0, np.inf)
        halt[halt < 0.5] = 0.02
        if self._signal is None:
            return halt
        red = np.array([w.group is not None and not self._signal.is_green(w.group, now) for w in self._ways])
        line = self._stops[self._way[rows]] - nose + self._rest[rows]
        able = (line > 0) & (self._speed[rows] ** 2 / (2 * 4.0) < line)
        return np.minimum(halt, np.where(red[self._way[rows]] & able, line, np.inf))

    def _seek(self, rows: NDArray[np.int64], view: _View) -> Floats:
        """The place across its way that each would like."""
        places = np.linspace(-1, 1, SIDE) * self._room[rows, None]
        shift = places - self._side[rows, None]
        worth = np.minimum(view.room(shift), LOOK) - self._reluctance[rows, None] * np.abs(shift)
        stays = np.minimum(view.room(np.zeros((len(rows), 1)))[:, 0], LOOK)
        best = worth.argmax(axis=1)
        better = worth[np.arange(len(rows)), best] > stays + 1.0
        moves = better & ~self._walks[rows] & (self._speed[rows] > 0.1)
        return np.where(moves, places[np.arange(len(rows)), best], self._aim[rows])

    def _aside(self, rows: NDArray[np.int64], view: _View) -> Floats:
        """Where each is across its way one tick later: nobody pushes into a neighbour."""
        way = self._aim[rows] - self._side[rows]
        most = np.minimum(0.3 * self._speed[rows], 1.2) * TICK
        step = np.clip(way, -most, most)
        left, right = view.pressed()
        return np.asarray(self._side[rows] + np.where((step > 0) & right | (step < 0) & left, 0, step))


@dataclass(frozen=True, slots=True)
class _View:
    """How each sees each other: metres ahead and to the right (n, n), how long and how broad both are together, who
    matters to whom, and whether both go the same way."""

    ahead_by: Floats
    right_by: Floats
    length: Floats
    breadth: Floats
    matters: NDArray[np.bool_]
    along: Floats

    @classmethod
    def of(cls, pose: Floats, sizes: Floats, elbow: Floats, *, drives: NDArray[np.bool_]) -> _View:
        """From poses (n, 3) and sizes (n, 3)."""
        away = pose[None, :, :2] - pose[:, None, :2]
        sine, cosine = np.sin(pose[:, 2])[:, None], np.cos(pose[:, 2])[:, None]
        ahead = away[..., 0] * sine + away[..., 1] * cosine
        right = away[..., 0] * cosine - away[..., 1] * sine
        length = (sizes[:, 0][:, None] + sizes[:, 0][None]) / 2
        breadth = (sizes[:, 1][:, None] + sizes[:, 1][None]) / 2 + elbow[:, None]
        matters = drives[:, None] & drives[None] & ~np.eye(len(pose), dtype=np.bool_)
        return cls(ahead, right, length, breadth, matters, np.cos(pose[:, 2][None] - pose[:, 2][:, None]))

    def ahead(self, speeds: Floats) -> tuple[Floats, Floats]:
        """Metres to the next one in the same breadth that goes the same way (inf: nobody), and its speed."""
        blocks = self.matters & (self.along > 0.3) & (self.ahead_by > 0) & (np.abs(self.right_by) < self.breadth)
        gap = np.where(blocks, self.ahead_by - self.length, np.inf)
        nearest = gap.argmin(axis=1)
        rows = np.arange(len(gap))
        return gap[rows, nearest], speeds[nearest] * self.along[rows, nearest]

    def room(self, shift: Floats) -> Floats:
        """Metres of free way at so many metres to the right (n, places); none where a neighbour is in between."""
        near = self.matters & (self.ahead_by > -self.length - 0.3) & (self.ahead_by < LOOK + 12)
        distance = np.where(near, np.maximum(self.ahead_by - self.length, 0), np.inf)
        result = np.empty_like(shift)
        for column in range(shift.shape[1]):
            by = shift[:, column, None]
            hit = np.abs(self.right_by - by) < self.breadth
            beside = (self.right_by * np.sign(by) > 0) & (np.abs(self.right_by) < np.abs(by)) & (distance == 0)
            result[:, column] = np.where(hit | beside, distance, np.inf).min(axis=1, initial=np.inf)
        return result

    def pressed(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Whether somebody is close beside each, on its left and on its right."""
        close = self.matters & (np.abs(self.ahead_by) < self.length) & (np.abs(self.right_by) < self.breadth + 0.1)
        return (close & (self.right_by < 0)).any(axis=1), (close & (self.right_by > 0)).any(axis=1)
