"""Tracks -> how long the longest-standing vehicle of a zone has stood there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.config.parts import points_of
from edge.config.rules import Zone
from edge.dataflow import FloatArray, Tracks
from edge.geometry import bottom_centres, inside, iou

Floats = NDArray[np.float64]

LEEWAY = 0.3
"""How far from its place a vehicle still stands, in sizes of its box: four times what a standing box shakes."""
LEAST_SECONDS = 3.0
"""Below this nobody stands: who passes is for a moment near any place."""
SAME = 0.4
"""Overlap (IoU) with a standing vehicle that is not seen any more, from which on a new track is that vehicle."""
HELD_SECONDS = 20.0
"""How long one that stood is waited for when it is not seen: a bus before it, a weak sight. It does not stand longer in
that time, but may go on when it is seen again."""
SETTLES = 0.1
"""How fast the place follows the box, of what is new in each second: the first sights are no better than the others."""


@dataclass(slots=True)
class _Place:
    """Where a vehicle has been `since` some moment, as its box there; when it was `last` seen."""

    box: FloatArray
    since: float
    last: float

    def stood(self) -> float:
        return self.last - self.since


class Stops:
    """Who stands in the zones of one camera. A vehicle stands as long as it keeps its place, whatever the reason; one
    that creeps on leaves it. Kept for `HELD_SECONDS` after it was last seen."""

    def __init__(self, zones: Sequence[Zone]) -> None:
        self._zones = tuple(zones)
        self._places: dict[int, _Place] = {}

    def update(self, tracks: Tracks) -> Mapping[str, float]:
        """The seconds that the longest-standing vehicle now seen has stood, by zone; 0 where none stands."""
        now, vehicle = tracks.at.seconds, tracks.confirmed & (tracks.classes > 0)
        for track in [t for t, place in self._places.items() if _over(place, now, ended=t in tracks.ended)]:
            del self._places[track]
        seen = set(tracks.ids.tolist())
        for row in np.flatnonzero(vehicle).tolist():
            self._stand(int(tracks.ids[row]), tracks.boxes[row], tracks, seen)
        stood = np.array([self._stood(track) for track in tracks.ids.tolist()])
        points = bottom_centres(tracks.boxes)
        result = {}
        for zone in self._zones:
            there = vehicle & inside(points, points_of(zone.points))
            result[zone.id] = float(max(stood[there], default=0.0))
        return result

    def _stood(self, track: int) -> float:
        place = self._places.get(track)
        return place.stood() if place and place.stood() >= LEAST_SECONDS else 0.0

    def _stand(self, track: int, box: FloatArray, tracks: Tracks, seen: set[int]) -> None:
        """One sight of a vehicle: in its place, or in a new one."""
        now = tracks.at.seconds
        place = self._places.get(track) or self._inherited(box, seen)
        if place is None or not _near(place.box, box, tracks.aspect):
            place = _Place(box, now, now)
        share = min(1.0, SETTLES * (now - place.last))
        place.box, place.last = place.box + np.float32(share) * (box - place.box), now
        self._places[track] = place

    def _inherited(self, box: FloatArray, seen: set[int]) -> _Place | None:
        """The place of one that stood here, if its track has gone."""
        gone = [t for t, place in self._places.items() if t not in seen and place.stood() >= LEAST_SECONDS]
        if not gone:
            return None
        overlap = iou(box[None], np.stack([self._places[t].box for t in gone]))[0]
        return self._places.pop(gone[int(overlap.argmax())]) if overlap.max() >= SAME else None


def _over(place: _Place, now: float, *, ended: bool) -> bool:
    """Whether a place need not be kept: one that stood is, for a while, even when its track has ended."""
    return now - place.last > HELD_SECONDS or (ended and place.stood() < LEAST_SECONDS)


def _near(place: FloatArray, box: FloatArray, aspect: float) -> bool:
    """Whether a box is still in its place: by the better of its upper and lower edge, for the other may be hidden."""
    size = float(np.sqrt(np.prod((place[2:] - place[:2]) * [aspect, 1.0])))
    off = np.abs(box - place) * [aspect, 1.0, aspect, 1.0]
    return bool(np.hypot(min(off[0], off[2], (off[0] + off[2]) / 2), min(off[1], off[3])) <= LEEWAY * size)
