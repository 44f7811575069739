"""Where a camera looks, compared with where it looked when it was installed."""

from __future__ import annotations

import cmath
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge.frames.glance import GRID, PLACES, Edges, Numbers, Spell, summed
from edge.frames.reference import EDGED, FEWEST, Reference
from edge.geometry import Point

PADDED = (128, 224)
"""Size of the Fourier transforms: the grid and the largest shift looked for, of products of small primes."""
FARTHEST = (32, 56)
"""The largest shift looked for, rows and columns of the grid: a third of the picture."""
OVERLAP = 0.35
"""The share of the edges that must be in both pictures at a shift for it to be judged."""
REACH = 6
"""How far around the common shift each place is looked for, pixels of the grid: a roll of 4 degrees at the corner."""
ALIKE = 0.4
"""A place is found again from this likeness on; measured 0.5 to 1 where it is, mostly below 0.3 where not."""
ASTRAY = 1.5
"""A place that is found so far from where the others say, in pixels of the grid, does not agree with them."""
RECOGNISED = 0.4
ELSEWHERE = 0.3
"""The share of the places with edges in both views that agree, from which it is the view, below which it is not."""
STANDING = 0.4
"""As a share of the places of the reference, so many must stand still to say that the view is another."""
STILL = 0.5
"""A place stands still from this share of its edges on: measured in 16 to 38 places of 40 of another view or
behind drops, in at most 11 with a crowd before them, in 4 in falling rain."""
REFINED = 2
"""How often a motion is measured again with what was found of it undone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """How the view moved: its middle by `dx`, `dy` in fractions of the picture, and around it turned by `roll`
    degrees, clockwise as seen, and grown by `scale`; `aspect` is the picture's width by its height."""

    dx: float = 0.0
    dy: float = 0.0
    roll: float = 0.0
    scale: float = 1.0
    aspect: float = 16 / 9

    @property
    def farthest(self) -> float:
        """How far the corner that moved most is from where it was, in fractions of the picture."""
        return self.distance(Shift(aspect=self.aspect))

    @property
    def inverse(self) -> Shift:
        """The shift that undoes this one."""
        back = Shift(roll=-self.roll, scale=1 / self.scale, aspect=self.aspect)
        ((x, y),) = aligned([(0.5 + self.dx, 0.5 + self.dy)], back)
        return replace(back, dx=0.5 - x, dy=0.5 - y)

    def distance(self, other: Shift) -> float:
        """How far apart two shifts bring the same corner at most, in fractions of the picture."""
        corners = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)]
        pairs = zip(aligned(corners, self), aligned(corners, other), strict=True)
        return max(math.dist(a, b) for a, b in pairs)


def aligned(points: Sequence[Point], shift: Shift) -> list[Point]:
    """Where points drawn on the view of the installation are now; may lie outside 0 to 1."""
    angle = math.radians(shift.roll)
    c, s = shift.scale * math.cos(angle), shift.scale * math.sin(angle)
    turned = []
    for x, y in points:
        px, py = (x - 0.5) * shift.aspect, y - 0.5
        turned.append(((c * px - s * py) / shift.aspect + 0.5 + shift.dx, s * px + c * py + 0.5 + shift.dy))
    return turned


@dataclass(frozen=True, slots=True)
class View:
    """What a comparison says: the `same` view, moved by `shift`; `elsewhere`; `hidden`, the same where anything of it
    is seen, but mostly behind something else that stands still; or `unknown`: too few edges that stand still, as by
    night, in heavy rain, or where a crowd fills the picture."""

    kind: Literal["same", "elsewhere", "hidden", "unknown"]
    shift: Shift | None = None
    agreeing: int = 0
    judged: int = 0


def compare(known: Reference, now: Spell, *, aspect: float) -> View:
    """Finds the reference in what is seen now."""
    if not known.knows_moves:
        return View("unknown")
    row, column = _common(known.edges, now.edges)
    start = _Motion(1, complex(column / GRID[1] * aspect, row / GRID[0]))
    motion, agree, judged = _matched(known, now.edges, start, aspect)
    for _ in range(REFINED if agree.sum() >= FEWEST else 0):
        motion, agree, judged = _matched(known, now.edges, motion, aspect)
    agreeing, total = int(agree.sum()), int(judged.sum())
    if agreeing >= FEWEST and agreeing >= RECOGNISED * total:
        return View("same", motion.shift(aspect), agreeing, total)
    still = int(((now.still > STILL) & (summed(np.abs(now.edges) ** 2) / _PIXELS > EDGED)).sum())
    if still < max(2 * FEWEST, STANDING * known.edged.sum()) or agreeing > ELSEWHERE * total:
        return View("unknown", None, agreeing, total)
    inner = slice(GRID[0] // PLACES[0], -GRID[0] // PLACES[0])  # without the names and clocks that cameras write
    hidden = _common(known.edges[inner], now.edges[inner]) == (0, 0)
    return View("hidden" if hidden else "elsewhere", None, agreeing, total)


_PIXELS = GRID[0] * GRID[1] // (PLACES[0] * PLACES[1])


def _correlated(a: NDArray[np.generic], b: NDArray[np.generic]) -> NDArray[np.float32]:
    """For each shift the sum over pixels of a there and b where it is moved to."""
    product = np.conj(np.fft.fft2(a, PADDED)) * np.fft.fft2(b, PADDED)
    return np.asarray(np.fft.ifft2(product).real, np.float32)


def _common(a: Edges, b: Edges) -> tuple[int, int]:
    """Rows and columns by which b is most like a moved (orientation correlation: Fitch et al., BMVC 2002, here of
    doubled angles and normalised by the edges in the overlap)."""
    whole = np.ones(a.shape, np.float32)
    there, here = _correlated(np.abs(a) ** 2, whole), _correlated(whole, np.abs(b) ** 2)
    enough = (there > OVERLAP * there[0, 0]) & (here > OVERLAP * here[0, 0])
    likeness = np.where(enough, _correlated(a, b) / np.sqrt(np.maximum(there * here, 1e-3)), -1)
    rows, columns = (np.fft.fftfreq(n, 1 / n).round().astype(int) for n in PADDED)
    likeness[np.abs(rows) > FARTHEST[0]] = -1
    likeness[:, np.abs(columns) > FARTHEST[1]] = -1
    row, column = np.unravel_index(int(likeness.argmax()), PADDED)
    return int(rows[row]), int(columns[column])


@dataclass(frozen=True, slots=True)
class _Motion:
    """Where points went, x + iy from the middle in picture heights: p to turn * p + move."""

    turn: complex
    move: complex

    def after(self, other: _Motion) -> _Motion:
        """Both, the other one first."""
        return _Motion(self.turn * other.turn, self.turn * other.move + self.move)

    def shift(self, aspect: float) -> Shift:
        """The same in fractions and degrees."""
        roll, scale = math.degrees(cmath.phase(self.turn)), abs(self.turn)
        return Shift(
            dx=float(self.move.real / aspect), dy=float(self.move.imag), roll=roll, scale=float(scale), aspect=aspect
        )


def _matched(
    known: Reference, edges: Edges, near: _Motion, aspect: float
) -> tuple[_Motion, NDArray[np.bool_], NDArray[np.bool_]]:
    """The motion that most places agree with, close to one that is given; which agree; which have edges in both."""
    undone = _undone(edges, near, aspect)
    likeness, rows, columns = _search(known.edges, undone)
    judged = known.edged & (summed(np.abs(undone) ** 2) / _PIXELS > EDGED)
    found = judged & (likeness > ALIKE)
    moved = columns / GRID[1] * aspect + 1j * rows / GRID[0]
    motion, off = _fit(moved, np.where(found, likeness, 0), aspect)
    return near.after(motion), found & (off < ASTRAY), judged


def _undone(edges: Edges, motion: _Motion, aspect: float) -> Edges:
    """The edges as they would be seen without the motion; none where the view does not reach."""
    height, width = GRID
    y, x = np.mgrid[0:height, 0:width]
    here = ((x + 0.5) / width - 0.5) * aspect + 1j * ((y + 0.5) / height - 0.5)
    there = motion.turn * here + motion.move
    column, row = (there.real / aspect + 0.5) * width - 0.5, (there.imag + 0.5) * height - 0.5
    left, top = np.floor(column).astype(int), np.floor(row).astype(int)
    wide = np.pad(edges, 1)
    total = np.zeros(GRID, np.complex64)
    for di, dj in np.ndindex(2, 2):
        share = (1 - np.abs(row - top - di)) * (1 - np.abs(column - left - dj))
        i, j = np.clip(top + di + 1, 0, height + 1), np.clip(left + dj + 1, 0, width + 1)
        total += (share * wide[i, j]).astype(np.complex64)
    return total * np.complex64(cmath.exp(-2j * cmath.phase(motion.turn)))


def _search(a: Edges, b: Edges) -> tuple[Numbers, Numbers, Numbers]:
    """For each place of a the best likeness in b within REACH, and the rows and columns by which it is there."""
    (height, width), side = GRID, 2 * REACH + 1
    window = np.pad(b, REACH)
    energy, power = summed(np.abs(a) ** 2), np.abs(window) ** 2
    likeness = np.empty((side, side, *PLACES))
    for i, j in np.ndindex(side, side):
        part = np.s_[i : i + height, j : j + width]
        there = summed(power[part])
        alike = summed(a.real * window.real[part] + a.imag * window.imag[part])
        likeness[i, j] = np.where(there > 0.2 * energy, alike / np.sqrt(np.maximum(energy * there, 1e-3)), -1)
    i, j = np.divmod(likeness.reshape(side * side, *PLACES).argmax(axis=0), side)
    places = np.ogrid[: PLACES[0], : PLACES[1]]
    rows, columns = (_peak(likeness, i, j, step) - REACH for step in ((1, 0), (0, 1)))
    return likeness[i, j, *places], rows, columns


def _peak(likeness: Numbers, i: NDArray[np.intp], j: NDArray[np.intp], step: tuple[int, int]) -> Numbers:
    """The peak between the pixels one way, by a parabola through three values."""
    last, (di, dj) = len(likeness) - 1, step
    places = np.ogrid[: PLACES[0], : PLACES[1]]
    before = likeness[np.maximum(i - di, 0), np.maximum(j - dj, 0), *places]
    after = likeness[np.minimum(i + di, last), np.minimum(j + dj, last), *places]
    bend = before - 2 * likeness[i, j, *places] + after
    at = i * di + j * dj
    inside = (at > 0) & (at < last) & (before > -1) & (after > -1) & (bend < -1e-6)
    return np.asarray(at + np.where(inside, (before - after) / (2 * np.where(inside, bend, 1)), 0))


def _fit(moved: NDArray[np.complex128], weights: Numbers, aspect: float) -> tuple[_Motion, Numbers]:
    """The similarity that most places agree with (least squares, reweighted by Geman and McClure's function, a little
    drawn to no turn), and how far from it each was found, in pixels of the grid."""
    if not weights.any():
        return _Motion(1, 0), np.full(PLACES, np.inf)
    rows, columns = PLACES
    y, x = np.mgrid[0:rows, 0:columns]
    points = ((x + 0.5) / columns - 0.5) * aspect + 1j * ((y + 0.5) / rows - 0.5)
    found = moved[weights > 0]
    turn, move = 0j, complex(np.median(found.real), np.median(found.imag))
    for spread in (3.0, 2.0, 1.5, 1.0, 1.0, 1.0):
        trusted = weights / (1 + (np.abs(moved - turn * points - move) * GRID[0] / spread) ** 2) ** 2
        total = trusted.sum()
        middle, mean = (trusted * points).sum() / total, (trusted * moved).sum() / total
        apart = points - middle
        turn = (trusted * apart.conj() * (moved - mean)).sum() / ((trusted * np.abs(apart) ** 2).sum() + 0.002 * total)
        move = mean - turn * middle
    return _Motion(1 + turn, move), np.abs(moved - turn * points - move) * GRID[0]
