"""Tracks -> how long the longest-standing vehicle of a zone has stood there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.config.parts import points_of
from edge.config.rules import Zone
from edge.dataflow import FloatArray, Tracks
from edge.geometry import bottom_centres, in_picture, inside, iou

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
CAME = 1.0
"""Who was seen to come from so far, in its sizes, is a vehicle; what was always there may be a cone or a shadow."""
STEADY, GLIMPSE_SECONDS = 0.8, 0.5
"""That must be seen surely for this share of the time; a sight tells of no more than so long before it."""
SETTLES = 0.1
"""How fast the place follows the box, of what is new in each second: the first sights are no better than the others."""


@dataclass(slots=True)
class _Place:
    """Where a vehicle has been `since` some moment, as its box there and as it was `first` seen anywhere; when it was
    `last` seen, and for how many seconds since then it was `watched`."""

    box: FloatArray
    since: float
    last: float
    first: FloatArray
    watched: float = 0.0

    def stood(self) -> float:
        return self.last - self.since

    def believed(self, aspect: float) -> bool:
        """Whether it is a vehicle that stands: it came, or is surely there."""
        way = (self.box + self.box[[2, 3, 0, 1]] - self.first - self.first[[2, 3, 0, 1]])[:2] / 2 * [aspect, 1.0]
        came = float(np.hypot(*way)) > CAME * _size(self.box, aspect)
        return self.stood() >= LEAST_SECONDS and (came or self.watched >= STEADY * self.stood())


class Stops:
    """Who stands in the zones of one camera. A vehicle stands as long as it keeps its place, whatever the reason; one
    that creeps on leaves it. Kept for `HELD_SECONDS` after it was last seen."""

    def __init__(self, zones: Sequence[Zone]) -> None:
        self._zones = tuple(zones)
        self._places: dict[int, _Place] = {}

    def update(self, tracks: Tracks) -> Mapping[str, float]:
        """The seconds that the longest-standing vehicle now seen has stood, by zone; 0 where none stands. It stands in
        the zones of its place: one that drives off into the next zone has not stood there."""
        now, vehicle = tracks.at.seconds, tracks.confirmed & (tracks.classes > 0)
        for track in [t for t, place in self._places.items() if _over(place, now, ended=t in tracks.ended)]:
            del self._places[track]
        seen, rows = set(tracks.ids.tolist()), np.flatnonzero(vehicle).tolist()
        for row in rows:
            self._stand(int(tracks.ids[row]), tracks.boxes[row], tracks, seen)
        places = [self._places[track] for track in tracks.ids[rows].tolist()]
        stood = np.array([place.stood() if place.believed(tracks.aspect) else 0.0 for place in places])
        points = in_picture(bottom_centres(np.array([place.box for place in places], np.float32).reshape(-1, 4)))
        return {zone.id: float(max(stood[inside(points, points_of(zone.points))], default=0.0)) for zone in self._zones}

    def _stand(self, track: int, box: FloatArray, tracks: Tracks, seen: set[int]) -> None:
        """One sight of a vehicle: in its place, or in a new one."""
        now = tracks.at.seconds
        place = self._places.get(track) or self._inherited(box, seen)
        if place is None or not _near(place.box, box, tracks.aspect):
            place = _Place(box, now, now, box if place is None else place.first)
        place.watched += min(now - place.last, GLIMPSE_SECONDS)
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
    off = np.abs(box - place) * [aspect, 1.0, aspect, 1.0]
    return bool(
        np.hypot(min(off[0], off[2], (off[0] + off[2]) / 2), min(off[1], off[3])) <= LEEWAY * _size(place, aspect)
    )


def _size(box: FloatArray, aspect: float) -> float:
    """The root of a box's area, in picture heights."""
    return float(np.sqrt(np.prod((box[2:] - box[:2]) * [aspect, 1.0])))
