"""Ways over the ground, and what stands beside them: lines and signals of a layout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Metres = tuple[float, float]

STEP = 0.5
"""Metres between the points in which a way is kept."""


@dataclass(frozen=True)
class Way:
    """A course from `entry` to `exit` through `points` (metres), rounded where it bends, `width` metres free to both
    sides together. Traffic on it waits at `stop` metres for the signal `group`; `wrong` marks one against the rule."""

    entry: str
    exit: str
    points: tuple[Metres, ...]
    width: float = 3.5
    stop: float | None = None
    group: int | None = None
    wrong: bool = False

    @cached_property
    def course(self) -> Floats:
        """x, y and heading (radians, 0 = y, clockwise) every STEP metres: (n, 3)."""
        corners = np.array(self.points, dtype=np.float64)
        steps = np.hypot(*np.diff(corners, axis=0).T)
        at = np.concatenate([[0.0], np.cumsum(steps)])
        fine = np.arange(0.0, at[-1], STEP)
        x, y = np.interp(fine, at, corners[:, 0]), np.interp(fine, at, corners[:, 1])
        heading = np.arctan2(np.gradient(x), np.gradient(y))
        return np.stack([x, y, np.unwrap(heading)], axis=1)

    @property
    def length(self) -> float:
        """Metres from one end to the other."""
        return (len(self.course) - 1) * STEP

    @cached_property
    def curvature(self) -> Floats:
        """Radians a metre along the course, over 4 m: (n,)."""
        turned = np.abs(np.gradient(self.course[:, 2])) / STEP
        return np.convolve(np.pad(turned, 4, mode="edge"), np.full(9, 1 / 9), mode="valid")


def bend(start: Metres, corner: Metres, end: Metres, *, pieces: int = 16) -> tuple[Metres, ...]:
    """Points of the quadratic Bezier curve from start to end, drawn to the corner."""
    t = np.linspace(0.0, 1.0, pieces + 1)[:, None]
    curve = (1 - t) ** 2 * np.array(start) + 2 * t * (1 - t) * np.array(corner) + t**2 * np.array(end)
    return tuple((float(x), float(y)) for x, y in curve)


@dataclass(frozen=True, slots=True)
class Signal:
    """Each group in turn is green for so many seconds, then all are red for `clear`; `offset` seconds into the cycle
    at the start."""

    green: tuple[float, ...]
    clear: float = 3.0
    offset: float = 0.0

    def is_green(self, group: int, at: float) -> bool:
        """Whether a group may go."""
        starts = np.cumsum([0.0, *(g + self.clear for g in self.green)])
        within = (at + self.offset) % starts[-1]
        return bool(starts[group] <= within < starts[group] + self.green[group])


def offset_way(points: Sequence[Metres], by: float) -> tuple[Metres, ...]:
    """The same course so many metres to the right."""
    corners = np.array(points)
    along = np.gradient(corners, axis=0)
    along /= np.hypot(*along.T)[:, None]
    moved = corners + by * np.stack([along[:, 1], -along[:, 0]], axis=1)
    return tuple((float(x), float(y)) for x, y in moved)
