"""Tracks -> where each came by on its way through a junction: for those whose crossing of a line was not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge.config.rules import Line
from edge.dataflow import CLASSES, Tracks
from edge.geometry import bottom_centres, sizes

Floats = NDArray[np.float64]

BY = 1.5
"""Who comes as near to a line as this, in sizes of its own, comes by it: a box shakes by a tenth of its size, and a
track begins or breaks off within a step or two."""
AWAY = 2.0
"""So far from the line that it came by, in sizes, it must be to have gone on from there."""
GAP_SECONDS = 6.0
"""A track that begins so much later than another broke off may be its continuation."""
OVERLAP_SECONDS = 0.5
"""It may have begun so long before the other's last sight, on the same vehicle."""
REACH = (1.0, 1.5)
"""How far from there it may begin, in sizes: at once, and more for each second."""


@dataclass(slots=True)
class Course:
    """One track: when and where it was seen `first` and `last` (seconds, x and y in picture heights), its size and
    class then, how far it is from each line now and was at the `nearest`, in sizes."""

    first: tuple[float, float, float]
    last: tuple[float, float, float]
    size: float
    kind: str
    now: Floats
    nearest: Floats


@dataclass(slots=True)
class Courses:
    """The courses of one junction's tracks, and of those that ended until they are forgotten."""

    lines: Sequence[Line]
    known: dict[int, Course] = field(default_factory=dict)

    def update(self, tracks: Tracks) -> None:
        """Takes in the tracks of the next picture."""
        scale = np.array([tracks.aspect, 1.0])
        points = bottom_centres(tracks.boxes) * scale
        own = sizes(tracks.boxes, tracks.aspect)
        lines = [np.array(line.points) * scale for line in self.lines]
        away = _distances(points, lines) / np.maximum(own, 1e-6)[:, None]
        for row, track in enumerate(tracks.ids.tolist()):
            sight = (tracks.at.seconds, float(points[row, 0]), float(points[row, 1]))
            kind, size = CLASSES[tracks.classes[row]], float(own[row])
            course = self.known.get(track)
            if course is None:
                self.known[track] = Course(sight, sight, size, kind, away[row], away[row])
            else:
                course.last, course.size, course.kind, course.now = sight, size, kind, away[row]
                course.nearest = np.minimum(course.nearest, away[row])

    def came_by(self, track: int, among: Sequence[str]) -> str | None:
        """The one of these lines that a track came by and has gone on from."""
        course = self.known.get(track)
        if course is None:
            return None
        return self._best(np.where(course.now >= AWAY, course.nearest, np.inf), among)

    def ends_at(self, track: int, among: Sequence[str]) -> str | None:
        """The one of these lines by which a track was last seen."""
        course = self.known.get(track)
        return None if course is None else self._best(course.now, among)

    def continues(self, track: int, others: Sequence[int]) -> int | None:
        """The one of these tracks, which broke off, that this one goes on with."""
        after = self.known.get(track)
        fits = [(_gap(self.known[each], after), each) for each in others if after and each in self.known]
        return min((fit for fit in fits if fit[0] <= 1.0), default=(1.0, None))[1]

    def restart(self, track: int) -> None:
        """What lies behind a track is told; it may come again."""
        if track in self.known:
            self.known[track].nearest = np.full(len(self.lines), np.inf)

    def forget(self, track: int) -> None:
        """Drops the course of a track that ended."""
        self.known.pop(track, None)

    def _best(self, away: Floats, among: Sequence[str]) -> str | None:
        near = [(float(away[i]), line.id) for i, line in enumerate(self.lines) if line.id in among and away[i] <= BY]
        return min(near)[1] if near else None


def _distances(points: Floats, lines: Sequence[Floats]) -> Floats:
    """How far points (n, 2) are from segments (2, 2): (n, lines)."""
    result = np.empty((len(points), len(lines)))
    for column, (first, last) in enumerate(lines):
        along = last - first
        share = ((points - first) @ along / max(float(along @ along), 1e-12)).clip(0, 1)
        result[:, column] = np.hypot(*(points - first - share[:, None] * along).T)
    return result


def _gap(before: Course, after: Course) -> float:
    """How far apart the end of a course and the beginning of another are, as a share of what can be; inf: never."""
    seconds = after.first[0] - before.last[0]
    if not -OVERLAP_SECONDS <= seconds <= GAP_SECONDS or (before.kind == CLASSES[0]) != (after.kind == CLASSES[0]):
        return float("inf")
    way = float(np.hypot(after.first[1] - before.last[1], after.first[2] - before.last[2]))
    return way / (max(before.size, after.size) * (REACH[0] + REACH[1] * max(0.0, seconds)))
