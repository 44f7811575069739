"""A picture in overlapping tiles, for road users that are small in it; and the boxes of all tiles without doubles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.dataflow import FloatArray, Frame
from edge.detections.decode import Candidates
from edge.detections.suppress import KINDS
from edge.geometry import Point

OVERLAP = 0.2
"""Share of a tile's side that it has in common with the next: what is smaller is whole in one of them."""
COVERED = 0.6
"""Share of the smaller of two boxes of a kind that lies in the other, from which they are one road user seen twice."""
EDGE = 0.004
"""A box that comes so near to an inner edge of its tile, as a fraction of the picture, is cut by it."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of the picture, in fractions of it."""

    left: float
    top: float
    right: float
    bottom: float

    def cut(self, frame: Frame) -> Frame:
        """The part as a picture of its own, on even pixels, sharing the memory of the whole."""
        x1, x2 = (round(side * frame.width / 2) * 2 for side in (self.left, self.right))
        y1, y2 = (round(side * frame.height / 2) * 2 for side in (self.top, self.bottom))
        halves = np.s_[y1 // 2 : -(-y2 // 2), x1 // 2 : -(-x2 // 2)]
        return Frame(frame.at, frame.y[y1:y2, x1:x2], frame.u[halves], frame.v[halves])

    def to_picture(self, boxes: FloatArray) -> FloatArray:
        """Boxes (n, 4) from fractions of the tile to fractions of the picture."""
        size = np.array([self.right - self.left, self.bottom - self.top] * 2, np.float32)
        moved: FloatArray = boxes * size + np.array([self.left, self.top] * 2, np.float32)
        return moved

    def from_picture(self, polygon: Sequence[Point]) -> list[Point]:
        """A polygon from fractions of the picture to fractions of the tile; it may reach beyond it."""
        width, height = self.right - self.left, self.bottom - self.top
        return [((x - self.left) / width, (y - self.top) / height) for x, y in polygon]

    def cuts(self, boxes: FloatArray) -> NDArray[np.bool_]:
        """Which boxes (n, 4), in fractions of the picture, end at an edge of the tile that is none of the picture."""
        sides = np.array([self.left, self.top, self.right, self.bottom])
        inner = (sides > 0) & (sides < 1)
        at_edge: NDArray[np.bool_] = ((np.abs(boxes - sides) < EDGE) & inner).any(axis=1)
        return at_edge


WHOLE = Tile(0.0, 0.0, 1.0, 1.0)


def tiles(columns: int, rows: int) -> tuple[Tile, ...]:
    """The whole picture, for what is large, and so many overlapping parts of it, for what is small."""
    if columns * rows == 1:
        return (WHOLE,)
    across, down = _spans(columns), _spans(rows)
    return (WHOLE, *(Tile(left, top, right, bottom) for top, bottom in down for left, right in across))


def _spans(number: int) -> list[tuple[float, float]]:
    side = 1 / (number - (number - 1) * OVERLAP)
    starts = np.linspace(0, 1 - side, number)
    return [(float(start), float(start + side)) for start in starts]


def merged(found: Sequence[tuple[Tile, Candidates]]) -> Candidates:
    """The boxes of all tiles, in fractions of the picture, each road user once.

    Whole boxes come before those that an edge has cut, better ones before worse; of two of a kind the later goes if
    COVERED of the smaller one lies in the other (greedy, intersection over smaller, as in SAHI, Akyon et al. 2022)."""
    boxes = np.concatenate([tile.to_picture(each.boxes) for tile, each in found])
    cut = np.concatenate([tile.cuts(tile.to_picture(each.boxes)) for tile, each in found])
    scores = np.concatenate([each.scores for _, each in found])
    classes = np.concatenate([each.classes for _, each in found])
    kept: list[int] = []
    for row in np.lexsort((-scores, cut)).tolist():
        rivals = [other for other in kept if KINDS[classes[other]] == KINDS[classes[row]]]
        if not rivals or _covered(boxes[row], boxes[rivals]).max() < COVERED:
            kept.append(row)
    return Candidates(boxes[kept], scores[kept], classes[kept])


def _covered(box: FloatArray, others: FloatArray) -> FloatArray:
    """Intersection of one box (4,) with others (n, 4), over the area of the smaller of each pair."""
    sides = np.clip(np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2]), 0, None)
    area = np.prod(box[2:] - box[:2])
    smaller = np.minimum(area, np.prod(others[:, 2:] - others[:, :2], axis=1))
    share: FloatArray = np.prod(sides, axis=1) / np.maximum(smaller, 1e-12)
    return share
