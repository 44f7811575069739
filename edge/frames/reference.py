"""The view of a camera's installation, as little of it as is needed to know it again."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from edge.errors import EdgeError
from edge.frames.glance import GRID, PLACES, Cells, Edges, Spell, summed

EDGED = 0.03
"""A place has edges to know it by from this share of its pixels on."""
FEWEST = 6
"""Places with edges that it takes to know a view."""
STEADY = 0.2
"""What of the edges is shorter stood still too seldom to be kept."""
STEPS = 15
"""To how many lengths each way an edge is rounded."""
VERSION = 1


@dataclass(frozen=True, slots=True)
class Reference:
    """The view of the installation: the direction of edges that stood still for minutes on a grid of 160 by 90, and
    the light and detail of 40 places.

    No person can be seen in it: there is no brightness and no colour, what moves cancels out, and a face in a
    street is smaller than a pixel of it.
    """

    edges: Edges
    fine: Cells
    middle: Cells
    coarse: Cells
    level: Cells

    @property
    def edged(self) -> NDArray[np.bool_]:
        """Which places have edges to know them by, bool PLACES."""
        return np.asarray(summed(np.abs(self.edges) ** 2) * len(self.level.ravel()) / self.edges.size > EDGED)

    @property
    def knows_moves(self) -> bool:
        """Whether there are enough edges to tell when the camera is moved; an empty road seen from above has few."""
        return int(self.edged.sum()) >= FEWEST and int(self.edged[1:-1].sum()) >= FEWEST

    def to_bytes(self) -> bytes:
        """The reference as bytes of about 20 kB."""
        file = io.BytesIO()
        steps = np.stack([self.edges.real, self.edges.imag])
        np.savez_compressed(
            file,
            version=np.array(VERSION),
            edges=np.rint(steps * STEPS).astype(np.int8),
            cells=np.stack([self.fine, self.middle, self.coarse, self.level]).astype(np.float32),
        )
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes, *, where: str) -> Self:
        """The reference that `to_bytes` wrote; `where` names its place in errors.

        Raises:
            EdgeError: it is none, or damaged.
        """
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as kept:
                version, edges, cells = int(kept["version"]), kept["edges"], kept["cells"]
        except (ValueError, KeyError, TypeError, RuntimeError, OSError, EOFError, zipfile.BadZipFile, zlib.error):
            raise _unusable(where) from None
        if (version, edges.shape, cells.shape) != (VERSION, (2, *GRID), (4, *PLACES)):
            raise _unusable(where)
        vectors = edges.astype(np.float32) / STEPS
        return cls((vectors[0] + 1j * vectors[1]).astype(np.complex64), *cells.astype(np.float32))


def _unusable(where: str) -> EdgeError:
    return EdgeError(where, "is no reference view, or damaged", do="take the camera's reference anew")


def reference(spells: Sequence[Spell]) -> Reference:
    """The view that these spells have in common."""
    mean = sum((s.edges for s in spells), np.zeros(GRID, np.complex64)) / np.float32(len(spells))
    edges = np.where(np.abs(mean) < STEADY, 0, mean).astype(np.complex64)
    cells = (np.median([getattr(s, name) for s in spells], axis=0) for name in ("fine", "middle", "coarse", "level"))
    return Reference(edges, *(np.asarray(cell, np.float32) for cell in cells))
