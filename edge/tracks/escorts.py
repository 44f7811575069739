"""Which weak boxes go along with a vehicle that is surely there, and so are no vehicle of their own: the cone of its
headlights on a wet road, its shadow, a second box around half of a lorry."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from edge.geometry import iou
from edge.tracks.association import corners
from edge.tracks.lives import Indices
from edge.tracks.motion import Floats, sizes


@dataclass(frozen=True, slots=True)
class Companionship:
    """A track escorts another when, with both boxes enlarged `reach` times, they touched in at least `share` of the
    sights of the one, and its offset from the other never varied by more than `sway` of their sizes, either way: of the
    root of both, for beside a bus a motorcycle that overtakes is soon many of its own sizes further."""

    reach: float = 1.7
    share: float = 0.8
    sway: float = 0.6


@dataclass(slots=True)
class _Pair:
    """How often an escort and its vehicle were seen to touch, and within what the offset between them lay, in sizes."""

    sights: int = 0
    left: float = math.inf
    right: float = -math.inf
    top: float = math.inf
    bottom: float = -math.inf

    def see(self, x: float, y: float) -> None:
        self.sights += 1
        self.left, self.right = min(self.left, x), max(self.right, x)
        self.top, self.bottom = min(self.top, y), max(self.bottom, y)

    @property
    def sway(self) -> float:
        return max(self.right - self.left, self.bottom - self.top)


class Escorts:
    """Follows pairs of tracks, each an (id, box) whose box is centre x, centre y, width, height."""

    def __init__(self, companionship: Companionship) -> None:
        self._rule = companionship
        self._pairs: dict[int, dict[int, _Pair]] = {}

    def watch(self, weak: tuple[Indices, Floats], sure: tuple[Indices, Floats]) -> None:
        """Sees which of the weak tracks touch which of the sure ones in this picture."""
        (ids, boxes), (others, their_boxes) = weak, sure
        enlarged = [1, 1, self._rule.reach, self._rule.reach]
        rows, columns = np.nonzero(iou(corners(boxes * enlarged), corners(their_boxes * enlarged)) > 0)
        size = np.sqrt(sizes(boxes[rows]) * sizes(their_boxes[columns]))
        offsets = (boxes[rows, :2] - their_boxes[columns, :2]) / size[:, None]
        for track, other, (x, y) in zip(ids[rows].tolist(), others[columns].tolist(), offsets.tolist(), strict=True):
            self._pairs.setdefault(track, {}).setdefault(other, _Pair()).see(x, y)

    def escorts(self, track: int, sights: int) -> bool:
        """Whether this track, seen so often, went along with one and the same other."""
        often = self._rule.share * (sights - 1)
        return any(pair.sights >= often and pair.sway < self._rule.sway for pair in self._pairs.get(track, {}).values())

    def forget(self, tracks: Iterable[int]) -> None:
        """Drops what is kept of tracks that ended."""
        for track in tracks:
            self._pairs.pop(track, None)
            for others in self._pairs.values():
                others.pop(track, None)
