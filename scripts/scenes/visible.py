"""How much of each box can be seen past the nearer ones and within the picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

GRID = 7
"""Points a side of each box that are looked at."""
FILLED = 0.9
"""Share of its box's breadth and height that an object hides; the corners of a box are mostly air."""


def clipped(boxes: Floats) -> Floats:
    """The part of each box that lies in the picture: (n, 4)."""
    return np.clip(boxes, 0.0, 1.0)


def visible_share(boxes: Floats, depths: Floats) -> Floats:
    """The share of each whole box (n, 4) that is seen past those of a lesser depth (n,) and in the picture: (n,)."""
    step = (np.arange(GRID) + 0.5) / GRID
    x = boxes[:, 0, None] + step * (boxes[:, 2] - boxes[:, 0])[:, None]
    y = boxes[:, 1, None] + step * (boxes[:, 3] - boxes[:, 1])[:, None]
    seen = ((x > 0) & (x < 1))[:, None, :] & ((y > 0) & (y < 1))[:, :, None]
    centre, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2 * FILLED
    nearer = (depths[None] < depths[:, None]) & (np.abs(centre[:, None] - centre[None]) < _reach(boxes)).all(axis=2)
    hidden, by = np.nonzero(nearer)
    covers = (np.abs(x[hidden] - centre[by, 0, None]) < half[by, 0, None])[:, None, :]
    covers = covers & (np.abs(y[hidden] - centre[by, 1, None]) < half[by, 1, None])[:, :, None]
    np.logical_and.at(seen, hidden, ~covers)
    return np.asarray(seen.mean(axis=(1, 2)))


def _reach(boxes: Floats) -> Floats:
    """How near two boxes must be, centre to centre, to touch: (n, n, 2)."""
    side = boxes[:, 2:] - boxes[:, :2]
    return (side[:, None] + side[None]) / 2
