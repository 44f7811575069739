"""Which weak boxes go along with a vehicle that is surely there, and so are no vehicle of their own: the cone of its
headlights on a wet road, its shadow, a second box around half of a lorry."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from edge.geometry import iou
from edge.tracks.association import corners
from edge.tracks.lives import Indices
from edge.tracks.motion import Floats, sizes


@dataclass(frozen=True, slots=True)
class Companionship:
    """A track escorts another when, with both boxes enlarged `reach` times, they touched in at least `share` of the
    sights of the one, and its offset from the other never varied by more than `sway` sizes of the other, either way."""

    reach: float = 1.7
    share: float = 0.8
    sway: float = 0.6


@dataclass(slots=True)
class _Pair:
    """How often an escort and its vehicle were seen to touch, and the least and greatest offset (2,) between them."""

    sights: int = 0
    least: Floats = field(default_factory=lambda: np.full(2, np.inf))
    greatest: Floats = field(default_factory=lambda: np.full(2, -np.inf))

    def see(self, offset: Floats) -> None:
        self.sights += 1
        self.least, self.greatest = np.minimum(self.least, offset), np.maximum(self.greatest, offset)

    @property
    def sway(self) -> float:
        return float((self.greatest - self.least).max())


class Escorts:
    """Follows pairs of tracks, each an (id, box) whose box is centre x, centre y, width, height."""

    def __init__(self, companionship: Companionship) -> None:
        self._rule = companionship
        self._pairs: dict[int, dict[int, _Pair]] = {}

    def watch(self, weak: tuple[Indices, Floats], sure: tuple[Indices, Floats]) -> None:
        """Sees which of the weak tracks touch which of the sure ones in this picture."""
        (ids, boxes), (others, their_boxes) = weak, sure
        enlarged, size = [1, 1, self._rule.reach, self._rule.reach], sizes(their_boxes)
        touch = iou(corners(boxes * enlarged), corners(their_boxes * enlarged)) > 0
        for row, column in np.argwhere(touch).tolist():
            pair = self._pairs.setdefault(int(ids[row]), {}).setdefault(int(others[column]), _Pair())
            pair.see((boxes[row, :2] - their_boxes[column, :2]) / size[column])

    def escorts(self, track: int, sights: int) -> bool:
        """Whether this track, seen so often, went along with one and the same other."""
        often = self._rule.share * (sights - 1)
        return any(pair.sights >= often and pair.sway < self._rule.sway for pair in self._pairs.get(track, {}).values())

    def forget(self, tracks: Iterable[int]) -> None:
        """Drops what is kept of tracks that ended."""
        for track in tracks:
            self._pairs.pop(track, None)
