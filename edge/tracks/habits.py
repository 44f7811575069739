"""What passes at each place of the picture, and how: a newcomer there is looked for where those before it went."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.tracks.motion import Floats

Indices = NDArray[np.int64]

WIDEST = 4.0
"""Picture heights to the right of which all is one column."""
SETTLED = 3
"""From so many sights on a track's way is believed."""


@dataclass(frozen=True, slots=True)
class Learning:
    """Places are `cells` to a picture height. What is thought of a place before anyone passed weighs as much as `doubt`
    passages; beyond `kept` passages old ones are forgotten. What was learned must not far outweigh the doubt: surer of
    itself it lost, after minutes, up to a quarter of those that went otherwise than most (decision 0014)."""

    cells: int = 8
    doubt: float = 4.0
    kept: float = 5.0


@dataclass(slots=True)
class _Course:
    """Where a track came into its cell, when and with which box, and what it did in cells before, not yet learnt."""

    cell: int
    at: float
    box: Floats
    motions: list[tuple[int, Floats]]


class Habits:
    """For each family of road users and place the mean and spread of (velocity x, velocity y, growth) of those who
    passed, in sizes a second. Each counts once a place, however long it stands there."""

    def __init__(self, learning: Learning, *, families: int) -> None:
        self._learning = learning
        rows, columns = learning.cells + 2, int(WIDEST * learning.cells) + 2
        self._weight = np.zeros((families, rows, columns))
        self._sum = np.zeros((families, rows, columns, 3))
        self._square = np.zeros((families, rows, columns, 3))
        self._courses: dict[int, _Course] = {}

    def expected(self, families: Indices, boxes: Floats, usual: Floats) -> tuple[Floats, Floats]:
        """Mean (n, 3) and variance (n, 3) of the motion of newcomers with these boxes (n, 4), from their place and its
        neighbours; `usual` (3,) is the variance about rest where nobody is known to pass."""
        row, column = np.divmod(self._cells(boxes), self._weight.shape[2])
        weight, total, square = np.zeros(len(boxes)), np.zeros((len(boxes), 3)), np.zeros((len(boxes), 3))
        for down in (-1, 0, 1):
            for right in (-1, 0, 1):
                at, share = (families, row + down, column + right), 0.5 ** (abs(down) + abs(right))
                weight += share * self._weight[at]
                total += share * self._sum[at]
                square += share * self._square[at]
        passages = (weight + self._learning.doubt)[:, None]
        mean = total / passages
        return mean, (square + self._learning.doubt * usual) / passages - mean**2

    def watch(self, tracks: Iterable[tuple[int, int, int]], boxes: Floats, now: float) -> None:
        """Follows tracks, each (id, family, sights so far) with its box as seen now (n, 4)."""
        for (track, family, sights), cell, box in zip(tracks, self._cells(boxes).tolist(), boxes, strict=True):
            course = self._courses.setdefault(track, _Course(cell, now, box, []))
            if course.cell != cell:
                course.motions.append((course.cell, _motion(course.box, box, now - course.at)))
                course.cell, course.at, course.box = cell, now, box
            if sights >= SETTLED:
                for place, motion in course.motions:
                    self._learn(family, place, motion)
                course.motions.clear()

    def forget(self, tracks: Iterable[int]) -> None:
        """Drops what is kept of tracks that ended."""
        for track in tracks:
            self._courses.pop(track, None)

    def _learn(self, family: int, cell: int, motion: Floats) -> None:
        at = (family, *divmod(cell, self._weight.shape[2]))
        left = min(1.0, self._learning.kept / (self._weight[at] + 1))
        self._weight[at] = self._weight[at] * left + 1
        self._sum[at] = self._sum[at] * left + motion
        self._square[at] = self._square[at] * left + motion**2

    def _cells(self, boxes: Floats) -> Indices:
        """The number of the cell in which the bottom centre of each box lies; a border of empty ones is around all."""
        _, rows, columns = self._weight.shape
        column = (boxes[:, 0] * self._learning.cells).astype(np.int64) + 1
        row = ((boxes[:, 1] + boxes[:, 3] / 2) * self._learning.cells).astype(np.int64) + 1
        return np.asarray(np.clip(row, 1, rows - 2) * columns + np.clip(column, 1, columns - 2))


def _motion(before: Floats, after: Floats, seconds: float) -> Floats:
    """Velocity and growth at the first of two boxes, in sizes a second, if 1/height was linear in time between them."""
    size = np.sqrt(before[2] * before[3])
    growth = 1 - float(np.sqrt(before[2] * before[3] / (after[2] * after[3])))
    way = (after[:2] - before[:2]) * (1 - growth) / size
    return np.array([*way, growth]) / seconds
