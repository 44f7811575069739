"""What one look at a picture says of its health, and what ten seconds of looks say together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import av
import numpy as np
from av.video.reformatter import Interpolation
from numpy.typing import NDArray

from edge.dataflow import Frame, Instant

FINE = (180, 320)
GRID = (90, 160)
PLACES = (5, 8)
"""Rows and columns of the small picture, of the half of it, and of the places that it is cut into, whatever the size
and shape of the camera's picture: all is in fractions, so that another sub-stream is the same view."""
EDGE_LEVELS = 2.0
"""Grey levels a pixel of the grid at which an edge counts half: above noise (0.5), below worn road paint (4)."""
FEW_EDGES = 0.005
"""So small a share of pixels with edges is none."""
CLIPPED = 230
"""From here on a pixel of limited range is as good as white."""

Plane = NDArray[np.float32]
Cells = NDArray[np.float32]
Edges = NDArray[np.complex64]
Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Glance:
    """One look: `edges` complex64 GRID, a unit vector of twice the angle of the gradient, so that an edge is the same
    bright on dark or dark on bright, shorter where it is weak; mean squared gradients of each place at three scales,
    `fine`, `middle`, `coarse`, and its mean `level`, float32 PLACES; the `level90` that nine of ten pixels are below,
    the share `clipped`, and `prints` uint64 PLACES, alike only where the picture is."""

    at: Instant
    edges: Edges
    fine: Cells
    middle: Cells
    coarse: Cells
    level: Cells
    level90: float
    clipped: float
    prints: NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Spell:
    """Looks one after the other: `edges` their mean, in which what moves or is noise cancels out, and `still` how much
    of the edges of each place is left of it, 0 to 1; of the rest the median. `began` is the first look's."""

    began: Instant
    edges: Edges
    still: Cells
    fine: Cells
    middle: Cells
    coarse: Cells
    level: Cells
    level90: float
    clipped: float

    @property
    def contrast(self) -> Cells:
        """Gradient of each place against its light, so that it stays by day and by night, and goes in fog."""
        return contrast(self.middle, self.level)


def contrast(middle: Cells, level: Cells) -> Cells:
    """Root mean squared gradient by light above black, which counts as a little more than it is, for noise."""
    return np.asarray(np.sqrt(middle) / (np.maximum(level - 16, 0) + 12), np.float32)


def glance(frame: Frame) -> Glance:
    """Looks at a picture."""
    picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame.y), format="gray")
    height, width = FINE
    reduced = picture.reformat(width=width, height=height, interpolation=Interpolation.AREA, threads=1).planes[0]
    fine = np.frombuffer(memoryview(reduced), np.uint8).reshape(height, -1)[:, :width].astype(np.float32)
    half = _halved(fine)
    gx, gy = _gradient(half)
    vector = gx + 1j * gy
    strength = gx * gx + gy * gy
    return Glance(
        at=frame.at,
        edges=np.asarray(vector * vector / (strength + EDGE_LEVELS**2), np.complex64),
        fine=_places(_squared(fine)),
        middle=_places(strength),
        coarse=_places(_squared(_smooth(_smooth(half)))),
        level=_places(fine),
        level90=float(np.percentile(half, 90)),
        clipped=float((fine >= CLIPPED).mean()),
        prints=_prints(frame.y),
    )


def spell(glances: Sequence[Glance]) -> Spell:
    """What these looks say together."""
    of = {name: np.median([getattr(g, name) for g in glances], axis=0) for name in _MEDIANS}
    stack = np.stack([g.edges for g in glances])
    edges = np.asarray(stack.mean(axis=0), np.complex64)
    power = _places(np.asarray((np.abs(stack) ** 2).mean(axis=0), np.float32))
    still = np.asarray(_places(np.abs(edges) ** 2) / np.maximum(power, FEW_EDGES), np.float32)
    return Spell(glances[0].at, edges, still, **of)


_MEDIANS = ("fine", "middle", "coarse", "level", "level90", "clipped")


def _halved(picture: Plane) -> Plane:
    height, width = picture.shape
    return np.asarray(picture.reshape(height // 2, 2, width // 2, 2).mean((1, 3)), np.float32)


def summed(values: NDArray[np.floating]) -> Numbers:
    """The sum in each place: any size that PLACES divides -> PLACES."""
    (height, width), (rows, columns) = values.shape, PLACES
    cut = values.reshape(rows, height // rows, columns, width // columns)
    return np.asarray(cut.sum((1, 3)), np.float64)


def _places(picture: Plane) -> Cells:
    """The mean of each place."""
    return np.asarray(summed(picture) * (PLACES[0] * PLACES[1]) / picture.size, np.float32)


def _gradient(picture: Plane) -> tuple[Plane, Plane]:
    """Central differences; nothing at the border."""
    gx, gy = np.zeros_like(picture), np.zeros_like(picture)
    gx[:, 1:-1] = (picture[:, 2:] - picture[:, :-2]) / 2
    gy[1:-1] = (picture[2:] - picture[:-2]) / 2
    return gx, gy


def _squared(picture: Plane) -> Plane:
    gx, gy = _gradient(picture)
    return gx * gx + gy * gy


def _smooth(picture: Plane) -> Plane:
    """The mean of three by three."""
    padded = np.pad(picture, 1, mode="edge")
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    return np.asarray((rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) / 9, np.float32)


@cache
def _weights() -> NDArray[np.uint64]:
    rng = np.random.default_rng(0)
    return rng.integers(1, 2**63, (FINE[0] // PLACES[0], FINE[1] // PLACES[1]), np.uint64) | np.uint64(1)


def _prints(y: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """A number for each place from some of its pixels as they were decoded: means would hide the last bit."""
    rows = np.arange(FINE[0]) * y.shape[0] // FINE[0]
    columns = np.arange(FINE[1]) * y.shape[1] // FINE[1]
    sample = y[rows[:, None], columns].astype(np.uint64)
    cut = sample.reshape(PLACES[0], FINE[0] // PLACES[0], PLACES[1], FINE[1] // PLACES[1])
    return np.asarray(np.einsum("aibj,ij->ab", cut, _weights()), np.uint64)
