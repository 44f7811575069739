"""Crossings in a forbidden direction -> those that somebody really rode."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge.config.rules import Line
from edge.dataflow import CLASSES, Crossing, Tracks
from edge.geometry import bottom_centres, right_of, sizes
from edge.measurements.trails import PAUSE_SECONDS, Trails

Floats = NDArray[np.float64]

LOOK_SECONDS = 2.0
"""How long before and after the crossing the way is looked at: from where it was farthest on the one side to where it
is farthest on the other, for two that meet may have changed their ids, and the picture's edge cuts who leaves."""
RIDDEN = 1.0
"""Sizes of itself that a rider must have come across the line, `ASIDE` of them on each side; what it went while the
camera was lost for more than a moment does not count, for another may have taken its id."""
ASIDE = 0.3
SIGHTS, SEEN = 5, 0.7
"""In how many pictures of that way it must have been seen, and in what share of them."""
SMOOTH = 0.15
"""How far it may be from a steadily accelerated way, root mean square in sizes: a track that hops from one vehicle of a
jam to the one behind it is seen rarely and goes in steps. Each place is the middle one of three in a row (running
median, Tukey 1977), which leaves steps as they are: a single sight may be of one that it meets."""
ON_FOOT_MS = 3.5
"""Faster than this nobody walks: what is called a pedestrian then is a rider whose machine was overlooked. Without a
calibration paces of pedestrians are told too low for that, so there only fast riders are found out."""


class WrongWay:
    """Who rides over a line in the direction that is forbidden there, told once the way on both sides proves it."""

    def __init__(self, lines: Sequence[Line], trails: Trails) -> None:
        self._lines = {line.id: line for line in lines if line.forbidden is not None}
        self._trails = trails
        self._suspects: list[Crossing] = []

    def update(self, tracks: Tracks, crossings: Sequence[Crossing]) -> Counter[str]:
        """How many there are more than at the picture before, by line. Who walks is none; one
        that is called a pedestrian, of whom there may be many, is looked at once, at the end."""
        for crossing in crossings:
            line = self._lines.get(crossing.line)
            if line and crossing.direction == line.forbidden:
                self._suspects.append(crossing)
        over = {each for each in self._suspects if tracks.at.seconds - each.at.seconds > LOOK_SECONDS}
        over |= {each for each in self._suspects if each.track in tracks.ended}
        ripe = [each for each in self._suspects if each.kind != CLASSES[0] or each in over]
        proven = [each for each in ripe if self._ridden(each, tracks.aspect)]
        self._suspects = [each for each in self._suspects if each not in over and each not in proven]
        return Counter(each.line for each in proven)

    def _ridden(self, crossing: Crossing, aspect: float) -> bool:
        times, boxes, paces = self._trails.seen(crossing.track)
        near = np.flatnonzero(np.abs(times - crossing.at.seconds) <= LOOK_SECONDS)
        if len(near) < SIGHTS:
            return False
        across, own = self._across(crossing, boxes[near], aspect)
        way = slice(int(across.argmin()), int(across.argmax()) + 1)
        near, across, size = near[way], across[way], float(np.median(own))
        if len(near) < SIGHTS or not _over(across, np.diff(times[near]) <= PAUSE_SECONDS, size):
            return False
        at = times[near] - crossing.at.seconds
        if len(near) < SEEN * self._trails.pictures(times[near[0]], times[near[-1]]):
            return False
        if crossing.kind == CLASSES[0] and not _fast(paces[near]):
            return False
        middle = np.median([across[:-2], across[1:-1], across[2:]], axis=0)
        went = np.concatenate([across[:1], middle, across[-1:]])
        off = went - np.polyval(np.polyfit(at, went, 2), at)
        return bool(np.sqrt(np.mean(off**2)) <= SMOOTH * size)

    def _across(self, crossing: Crossing, boxes: Floats, aspect: float) -> tuple[Floats, Floats]:
        """How far boxes (n, 4) are beyond the line (n,), and the roots of their areas (n,), in picture heights."""
        line = np.array(self._lines[crossing.line].points) * [aspect, 1.0]
        across = right_of(line, bottom_centres(boxes.astype(np.float32)) * [aspect, 1.0])
        return across * (1 if crossing.direction == 0 else -1), sizes(boxes, aspect)


def _over(across: Floats, watched: NDArray[np.bool_], size: float) -> bool:
    """Whether the steps that were watched (n - 1,) of a way across a line (n,) suffice on both sides, and in all."""
    before, after = (float(np.diff(side)[watched].sum()) for side in (across.clip(max=0.0), across.clip(min=0.0)))
    return min(before, after) >= ASIDE * size and before + after >= RIDDEN * size


def _fast(paces: Floats) -> bool:
    """Whether these paces (n,), NaN where unknown, are too fast for anybody on foot."""
    known = paces[~np.isnan(paces)]
    return bool(len(known) and np.median(known) > ON_FOOT_MS)
