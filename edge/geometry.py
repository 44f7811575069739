"""Plane geometry on points in fractions of the picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]

EDGE = 0.004
"""Nearer to the edge of the picture than this, a box is cut by it."""


def bottom_centres(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """The point of each object, the middle of its lower edge: (n, 4) x1 y1 x2 y2 -> (n, 2)."""
    return np.stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]], axis=1)


def sizes(boxes: NDArray[np.floating], aspect: float) -> NDArray[np.float64]:
    """The root of the area of each box, in picture heights: (..., 4) x1 y1 x2 y2 -> (...)."""
    return np.asarray(np.sqrt(np.prod((boxes[..., 2:] - boxes[..., :2]) * [aspect, 1.0], axis=-1)))


def right_of(line: NDArray[np.float64], points: NDArray[np.floating]) -> NDArray[np.float64]:
    """How far points (n, 2) lie to the right of a line (2, 2) walked first to last, as it looks with y downwards: (n,),
    in the unit of both."""
    along = (line[1] - line[0]) / np.hypot(*(line[1] - line[0]))
    away = points - line[0]
    return np.asarray(along[0] * away[:, 1] - along[1] * away[:, 0])


def cut_edges(boxes: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Which edges x1 y1 x2 y2 of boxes (..., 4) the picture's own edge cuts: (..., 4)."""
    return np.asarray(np.concatenate([boxes[..., :2] < EDGE, boxes[..., 2:] > 1 - EDGE], axis=-1))


def in_picture(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Points (n, 2) on the border of the picture, where it cuts who stands there, moved just inside: so polygons that
    reach the border hold them."""
    return points.clip(1e-6, 1 - 1e-6)


def inside(points: NDArray[np.float32], polygon: Sequence[Point]) -> NDArray[np.bool_]:
    """Which of the points (n, 2) lie in the polygon, by the even-odd rule (W. R. Franklin's PNPOLY)."""
    x, y = points[:, 0], points[:, 1]
    result = np.zeros(len(points), dtype=bool)
    for (x1, y1), (x2, y2) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        if y1 == y2:
            continue
        spans = (y1 > y) != (y2 > y)
        result ^= spans & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
    return result


def iou(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intersection over union of every pair of boxes: (n, 4), (m, 4) -> (n, m); 0 where both are empty."""
    corner = np.maximum(a[:, None, :2], b[None, :, :2])
    opposite = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.prod(np.clip(opposite - corner, 0, None), axis=2)
    area_a = np.prod(np.clip(a[:, 2:] - a[:, :2], 0, None), axis=1)
    area_b = np.prod(np.clip(b[:, 2:] - b[:, :2], 0, None), axis=1)
    union = area_a[:, None] + area_b[None, :] - shared
    overlap: NDArray[np.float32] = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return overlap


def segments_cross(a: tuple[Point, Point], b: tuple[Point, Point]) -> bool:
    """Whether two segments share an inner point (touching at an end does not count)."""

    def turn(p: Point, q: Point, r: Point) -> float:
        return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])

    (p, q), (r, s) = a, b
    return turn(p, q, r) * turn(p, q, s) < 0 and turn(r, s, p) * turn(r, s, q) < 0


def polygon_area(corners: Sequence[Point]) -> float:
    """The area of a simple polygon, by the trapezoid formula, in the square of its unit."""
    sides = zip(corners, [*corners[1:], *corners[:1]], strict=True)
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in sides)) / 2
