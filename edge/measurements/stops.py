"""Tracks -> how long the longest-standing vehicle of a zone has stood there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.config.parts import points_of
from edge.config.rules import Zone
from edge.dataflow import FloatArray, Tracks
from edge.geometry import bottom_centres, in_picture, inside, iou, sizes

Floats = NDArray[np.float64]

LEEWAY = 0.3
"""How far from its place a vehicle still stands, in sizes of its box: four times what a standing box shakes."""
LEAST_SECONDS = 3.0
"""Below this nobody stands: who passes is for a moment near any place."""
SAME = 0.4
"""Overlap (IoU) with a standing vehicle that is not seen any more, from which on a new track is that vehicle; and with
where it was first seen, below which it came from there: what was always in its place may be a cone or a shadow."""
HELD_SECONDS = 20.0
"""How long one that stood is waited for when it is not seen: a bus before it, a weak sight. It does not stand longer in
that time, but may go on when it is seen again."""
LEFT_SECONDS = 3.0
"""How long a place that a track went from is held for it to come back, or for one that begins there: a bus that passes
hides a part of it, or takes its track along."""
STEADY, GLIMPSE_SECONDS = 0.8, 0.5
"""What did not come must be seen surely for this share of the time; a sight tells of no more than so long before it."""
SETTLES = 0.1
"""How fast the place follows the box, of what is new in each second: the first sights are no better than the others."""


@dataclass(slots=True)
class _Place:
    """Where a vehicle has been `since` some moment, as its box there and as it was `first` seen anywhere; when it was
    `last` seen, for how many seconds since then it was surely `watched`, and when its track has `taken` it."""

    box: FloatArray
    since: float
    last: float
    first: FloatArray
    taken: float
    watched: float = 0.0

    def stood(self) -> float:
        return self.last - self.since

    def believed(self) -> bool:
        """Whether it is a vehicle that stands: it is surely there, or came."""
        if self.stood() < LEAST_SECONDS or self.watched >= STEADY * self.stood():
            return self.stood() >= LEAST_SECONDS
        return float(iou(self.first[None], self.box[None])[0, 0]) < SAME


class Stops:
    """Who stands in the zones of one camera. A vehicle stands as long as it keeps its place, whatever the reason; one
    that creeps on leaves it. Kept for `HELD_SECONDS` after it was last seen."""

    def __init__(self, zones: Sequence[Zone]) -> None:
        self._zones = tuple(zones)
        self._places: dict[int, _Place] = {}
        self._firsts: dict[int, FloatArray] = {}
        """Where each track that lives was first seen, surely or not."""
        self._left: dict[int, _Place] = {}
        """Where each track stood that has just gone elsewhere."""

    def update(self, tracks: Tracks) -> Mapping[str, float]:
        """The seconds that the longest-standing vehicle now seen has stood, by zone; 0 where none stands. It stands in
        the zones of its place: one that drives off into the next zone has not stood there."""
        self._forget(tracks)
        seen = set(tracks.ids.tolist())
        for track, box in zip(tracks.ids.tolist(), tracks.boxes, strict=True):
            self._firsts.setdefault(track, box)
        here = [
            self._stand(int(tracks.ids[row]), tracks.boxes[row], tracks, seen)
            if tracks.confirmed[row]
            else self._stay(int(tracks.ids[row]), tracks.boxes[row], tracks)
            for row in np.flatnonzero(tracks.classes > 0).tolist()
        ]
        places = [place for place in here if place and place.believed()]
        stood = np.array([place.stood() for place in places])
        points = in_picture(bottom_centres(np.array([place.box for place in places], np.float32).reshape(-1, 4)))
        return {zone.id: float(max(stood[inside(points, points_of(zone.points))], default=0.0)) for zone in self._zones}

    def _forget(self, tracks: Tracks) -> None:
        now = tracks.at.seconds
        for track in [t for t, place in self._places.items() if _over(place, now, ended=t in tracks.ended)]:
            del self._places[track]
        for track in tracks.ended:
            self._firsts.pop(track, None)
        self._left = {track: place for track, place in self._left.items() if now - place.last <= LEFT_SECONDS}

    def _stand(self, track: int, box: FloatArray, tracks: Tracks, seen: set[int]) -> _Place:
        """One sure sight of a vehicle: in its place, or in a new one."""
        now = tracks.at.seconds
        before = self._places.get(track)
        place = before or self._inherited(box, tracks, seen)
        if place is None or not _near(place.box, box, tracks.aspect):
            place = self._left.get(track)
            if place is None or not _near(place.box, box, tracks.aspect):
                place = _Place(box, now, now, self._firsts[track], taken=now)
            else:
                del self._left[track]
            if before and before.last - before.taken >= LEAST_SECONDS:
                self._left[track] = before
        place.watched += min(now - place.last, GLIMPSE_SECONDS)
        _settle(place, box, now)
        self._places[track] = place
        return place

    def _stay(self, track: int, box: FloatArray, tracks: Tracks) -> _Place | None:
        """One weak sight: who was surely seen to stand in its place stands on, but nobody begins to."""
        place = self._places.get(track)
        if place is None or place.watched < LEAST_SECONDS or not _near(place.box, box, tracks.aspect):
            return None
        _settle(place, box, tracks.at.seconds)
        return place

    def _inherited(self, box: FloatArray, tracks: Tracks, seen: set[int]) -> _Place | None:
        """The place of one that stood here, if its track has gone."""
        gone = [(t, place) for t, place in self._places.items() if t not in seen and place.stood() >= LEAST_SECONDS]
        gone += self._left.items()
        if not gone:
            return None
        overlap = iou(box[None], np.stack([place.box for _, place in gone]))[0]
        track, place = gone[int(overlap.argmax())]
        if overlap.max() < SAME or not _near(place.box, box, tracks.aspect):
            return None
        place.taken = tracks.at.seconds
        for held in (self._places, self._left):
            if held.get(track) is place:
                del held[track]
        return place


def _settle(place: _Place, box: FloatArray, now: float) -> None:
    """Notes that one was seen in its place, which follows it slowly."""
    share = min(1.0, SETTLES * (now - place.last))
    place.box, place.last = place.box + np.float32(share) * (box - place.box), now


def _over(place: _Place, now: float, *, ended: bool) -> bool:
    """Whether a place need not be kept: one that stood is, for a while, even when its track has ended."""
    return now - place.last > HELD_SECONDS or (ended and place.stood() < LEAST_SECONDS)


def _near(place: FloatArray, box: FloatArray, aspect: float) -> bool:
    """Whether a box is still in its place: by the better of its upper and lower edge, for the other may be hidden."""
    off = np.abs(box - place) * [aspect, 1.0, aspect, 1.0]
    return bool(
        np.hypot(min(off[0], off[2], (off[0] + off[2]) / 2), min(off[1], off[3])) <= LEEWAY * sizes(place, aspect)
    )
