"""Tracks -> how long the longest-standing vehicle of a zone has stood there."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.config.parts import points_of
from edge.config.rules import Zone
from edge.dataflow import FloatArray, Tracks
from edge.geometry import bottom_centres, cut_edges, in_picture, inside, iou, sizes

LEEWAY = 0.3
"""How far from its place a vehicle still stands, in sizes of its box: four times what a standing box shakes."""
LEAST_SECONDS = 3.0
"""Below this nobody stands: who passes is for a moment near any place."""
SAME = 0.4
"""Overlap (IoU) with a standing vehicle that is not seen any more, from which on a new track is that vehicle; and with
where it was first seen, below which it came from there: what was always in its place may be a cone or a shadow."""
SITS, LEAP_SECONDS = 0.7, 0.7
"""Overlap (IoU) with one that stood no longer ago, from which on any track, sure or not, is that one: what stands looks
the same in the next picture, and who drives up behind a motorbike that sets off needs 0.8 s to be where it stood."""
HELD_SECONDS = 20.0
"""How long one that stood is waited for when it is not seen: a bus before it, a weak sight. It does not stand longer in
that time, but may go on when it is seen again."""
LEFT_SECONDS = 3.0
"""How long a place that a track went from is held for it to come back, or for one that begins there: a bus that passes
hides a part of it, or takes its track along."""
HIDDEN = 0.5
"""Covered by so much of its box, one that stands need not be seen: detectors keep one of two such boxes."""
SEEN = 3.0
"""No more than so many times the seconds that it was surely seen does one stand whom others hide: it may have driven
off behind them."""
MEAN_SECONDS = 60.0
"""Over so long at most its place is the mean of its boxes: one that drives off does not take it along, but a camera
that is moved a little, and light that changes by the hour, do."""
STEADY, GLIMPSE_SECONDS = 0.8, 0.5
"""What did not come must be seen surely for this share of the time; a sight tells of no more than so long before it."""


@dataclass(slots=True)
class _Place:
    """Where a vehicle has been `since` some moment, as its mean box there and as it was `first` seen anywhere; when it
    was `last` there, for how many seconds it was surely `watched`, when its track has `taken` it, and when it was last
    `proven`: by a track that had been there for LEAST_SECONDS itself."""

    box: FloatArray
    since: float
    last: float
    first: FloatArray
    taken: float
    watched: float = 0.0
    proven: float = -math.inf

    def stood(self) -> float:
        return self.last - self.since

    def believed(self) -> bool:
        """Whether it is a vehicle that stands: it is surely there, or came."""
        if self.stood() < LEAST_SECONDS or self.watched >= STEADY * self.stood():
            return self.stood() >= LEAST_SECONDS
        return float(iou(self.first[None], self.box[None])[0, 0]) < SAME

    def settle(self, box: FloatArray, now: float) -> None:
        """Notes a sight in its place."""
        share = (now - self.last) / min(now - self.since, MEAN_SECONDS) if now > self.since else 1.0
        self.box, self.last = self.box + np.float32(share) * (box - self.box), now
        if now - self.taken >= LEAST_SECONDS:
            self.proven = now

    def behind(self, other: _Place) -> bool:
        """Whether one hides it that came while it stood, and stands nearer."""
        if not self.since < other.since <= self.last or other.box[3] <= self.box[3]:
            return False
        both = np.minimum(self.box[2:], other.box[2:]) - np.maximum(self.box[:2], other.box[:2])
        return bool(np.maximum(both, 0).prod() >= HIDDEN * (self.box[2:] - self.box[:2]).prod())


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
        """The seconds that the longest-standing vehicle has stood that is seen now, or hidden by one that stands, by
        zone; 0 where none stands. It stands in the zones of its place: one that drives off into the next zone has not
        stood there."""
        self._forget(tracks)
        seen = dict(zip(tracks.ids.tolist(), tracks.boxes, strict=True))
        for track, box in seen.items():
            self._firsts.setdefault(track, box)
        rows = np.flatnonzero(tracks.classes > 0)
        self._follow(tracks, rows)
        here = [
            (self._stand if tracks.confirmed[row] else self._stay)(int(tracks.ids[row]), seen, tracks)
            for row in rows.tolist()
        ]
        places = self._standing([place for place in here if place], tracks.at.seconds)
        stood = np.array([place.stood() for place in places])
        points = in_picture(bottom_centres(np.array([place.box for place in places], np.float32).reshape(-1, 4)))
        return {zone.id: float(max(stood[inside(points, points_of(zone.points))], default=0.0)) for zone in self._zones}

    def _forget(self, tracks: Tracks) -> None:
        """Drops the places that need not be kept; one where one stood is, for a while, without a track."""
        now, ended = tracks.at.seconds, set(tracks.ended)
        for track, place in list(self._places.items()):
            if now - place.last > HELD_SECONDS or (track in ended and place.stood() < LEAST_SECONDS):
                del self._places[track]
        for track in ended:
            self._firsts.pop(track, None)
        self._left = {track: place for track, place in self._left.items() if now - place.last <= LEFT_SECONDS}

    def _follow(self, tracks: Tracks, vehicles: NDArray[np.int64]) -> None:
        """Who stands goes on under the track whose box sits in its place now, wherever its own has leapt to. A second
        box on one whose own track is there takes nothing."""
        now = tracks.at.seconds
        held = [track for track, place in self._places.items() if now - place.proven <= LEAP_SECONDS]
        if not held or not len(vehicles):
            return
        overlap = iou(np.stack([self._places[track].box for track in held]), tracks.boxes[vehicles])
        ids, sits = tracks.ids[vehicles], overlap >= SITS
        still = set(np.array(held)[(sits & (ids == np.array(held)[:, None])).any(axis=1)].tolist())
        takes = zip(held, ids[overlap.argmax(axis=1)].tolist(), overlap.max(axis=1) >= SITS, strict=True)
        leapt = [(heir, self._places.pop(track)) for track, heir, so in takes if so and not {track, heir} & still]
        for heir, place in leapt:
            self._leave(heir)
            self._places[heir], place.taken = place, now

    def _stand(self, track: int, seen: Mapping[int, FloatArray], tracks: Tracks) -> _Place:
        """One sure sight of a vehicle: in its place, in one where it stood before, or in a new one."""
        now, box = tracks.at.seconds, seen[track]
        place = self._places.get(track)
        if place is None or not _near(place.box, box, tracks.aspect):
            place = self._before(track, seen, tracks) or _Place(box, now, now, self._firsts[track], taken=now)
            self._leave(track)
        place.watched += min(now - place.last, GLIMPSE_SECONDS)
        place.settle(box, now)
        self._places[track] = place
        return place

    def _stay(self, track: int, seen: Mapping[int, FloatArray], tracks: Tracks) -> _Place | None:
        """One weak sight: who was surely seen to stand in its place stands on, but nobody begins to."""
        place = self._places.get(track)
        if place is None or place.watched < LEAST_SECONDS or not _near(place.box, seen[track], tracks.aspect):
            return None
        place.settle(seen[track], tracks.at.seconds)
        return place

    def _before(self, track: int, seen: Mapping[int, FloatArray], tracks: Tracks) -> _Place | None:
        """The place of one that stood here: of this track, or if it has none yet, of one that has gone."""
        new, box = track not in self._places, seen[track]
        held = [(self._left, whose) for whose in self._left if new or whose == track]
        gone = [whose for whose in self._places if new and whose not in seen]
        held += [(self._places, whose) for whose in gone if self._places[whose].stood() >= LEAST_SECONDS]
        if not held:
            return None
        overlap = iou(box[None], np.stack([places[whose].box for places, whose in held]))[0]
        places, whose = held[int(overlap.argmax())]
        if overlap.max() < SAME or not _near(places[whose].box, box, tracks.aspect):
            return None
        place = places.pop(whose)
        place.taken = tracks.at.seconds
        return place

    def _leave(self, track: int) -> None:
        """A track goes from its place, which is held for a moment if it stood there."""
        place = self._places.pop(track, None)
        if place and place.last == place.proven:
            self._left[track] = place

    def _standing(self, here: Sequence[_Place], now: float) -> list[_Place]:
        """Those of `here`, where somebody is in this picture, that are believed to stand, and those that they hide."""
        standing = [place for place in here if place.believed()]
        held = [place for place in (*self._places.values(), *self._left.values()) if place.last < now]
        held = [place for place in held if place.believed() and now - place.since < SEEN * place.watched]
        hidden = [place for place in held if any(map(place.behind, standing))]
        for place in hidden:
            place.last = place.proven = now
        return standing + hidden


def _near(place: FloatArray, box: FloatArray, aspect: float) -> bool:
    """Whether a box is still in its place: by the better of its upper and lower, and of its left and right edge, for
    the others may be hidden. One that the picture cuts stays whoever drives there, and tells nothing."""
    off = np.abs(box - place) * [aspect, 1.0, aspect, 1.0]
    off[cut_edges(place) | cut_edges(box)] = np.inf
    away = np.minimum(off[:2], off[2:])
    return bool(math.hypot(*away[np.isfinite(away)]) <= LEEWAY * sizes(place, aspect))
