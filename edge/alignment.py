"""A camera that moved a little: what it sees goes back to where it was at the installation, so that lines, zones and
the ground stay where they were drawn, and with them everything that is counted there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from edge.dataflow import FloatArray, Tracks
from edge.frames.view import Shift, aligned
from edge.geometry import Point, bottom_centres


class Alignment:
    """The shift that is followed. A track keeps to the one under which it began as long as it lives: so none leaps
    over a line when another shift is found, and nothing that is known of it is lost."""

    def __init__(self) -> None:
        self._shift: Shift | None = None
        self._begun: dict[int, Shift | None] = {}

    def follow(self, shift: Shift | None) -> bool:
        """Follows that shift from now on; whether it is another one."""
        before, self._shift = self._shift, shift
        return before != shift

    def undone(self, tracks: Tracks) -> Tracks:
        """The tracks as they would be seen if the camera had not moved; boxes may reach beyond 0 to 1."""
        shifts = [self._begun.setdefault(track, self._shift) for track in tracks.ids.tolist()]
        for track in tracks.ended:
            self._begun.pop(track, None)
        if self._shift and len(tracks.unsure):
            tracks = replace(tracks, unsure=_undone(tracks.unsure, self._shift))
        if not any(shifts):
            return tracks
        boxes = tracks.boxes.copy()
        for shift in set(shifts):
            if shift:
                rows = [row for row, each in enumerate(shifts) if each == shift]
                boxes[rows] = _undone(tracks.boxes[rows], shift)
        return replace(tracks, boxes=boxes)


def _undone(boxes: FloatArray, shift: Shift) -> FloatArray:
    """Boxes (n, 4) whose lower middle goes back to where it was, and their size to what it was."""
    x, y = np.array(aligned(bottom_centres(boxes).tolist(), shift.inverse)).T
    half, height = (boxes[:, 2] - boxes[:, 0]) / (2 * shift.scale), (boxes[:, 3] - boxes[:, 1]) / shift.scale
    return np.stack([x - half, y - height, x + half, y], axis=1).astype(np.float32)


def moved(mask: Sequence[Sequence[Point]], shift: Shift | None) -> list[list[Point]]:
    """Where the polygons of a mask are now. One that reached the border of the picture still does: what comes into
    view beyond it is as hidden."""
    polygons = [list(polygon) for polygon in mask]
    if shift is None:
        return polygons
    return [aligned(polygon, shift) for polygon in (*polygons, *(b for p in polygons for b in _beyond(p)))]


def _beyond(polygon: Sequence[Point]) -> list[list[Point]]:
    """What lies outside of the picture along the sides that a polygon has on its border."""
    sides = zip(polygon, [*polygon[1:], polygon[0]], strict=True)
    on_border = [(a, b) for a, b in sides if any(a[i] == b[i] and a[i] in (0, 1) for i in (0, 1))]
    return [[a, b, _outside(b), _outside(a)] for a, b in on_border]


def _outside(point: Point) -> Point:
    """A point on the border, a picture further out; a corner goes out both ways."""
    x, y = ((value - 1) if value == 0 else (value + 1) if value == 1 else value for value in point)
    return x, y
