"""Who comes into a zone, how long they stay, when they leave: visits that survive short losses of a track."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge.dataflow import FloatArray, Tracks
from edge.geometry import Point, bottom_centres, in_picture, inside, polygon_area

BAND = (0.1, 0.1)
"""Half-width of the band along the edge of a zone in which nobody enters or leaves: share of the person's height, and
at most that of the zone's size (the root of its area)."""
SHORTEST_SECONDS = 1.0
"""A shorter stay is no visit: a corner cut, or a box that flickers."""
AWAY_SECONDS = 2.0
"""Who is outside for so long has left; who is back sooner never was away."""
JOINED_SECONDS = 4.0
"""A visitor who vanished in the middle of the zone is waited for so long: who appears near there goes on with the
visit."""
REACH = (0.5, 0.8)
"""How near, in heights of a person: at once, and more for each second. People walk 1.34 m/s (Weidmann 1993), 0.8 of
their height."""
BORDER = 0.005
"""A box that comes so near to the border of the picture, a fraction of it, may be cut by it."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A stay in a zone from `begin` to `end`, seconds of the steady clock; `whole` where the beginning was seen, which
    it was not of those who were there when watching began."""

    begin: float
    end: float
    whole: bool


@dataclass(slots=True)
class _Stay:
    track: int
    begin: float
    whole: bool
    seen: float = 0.0
    point: Point = (0.0, 0.0)
    height: float = 0.0
    gone: bool = False
    """Last seen outside, or at the border of the picture: nobody else goes on with this visit."""
    told: bool = False


@dataclass(slots=True)
class _Person:
    """One row of a picture, in picture heights: how far `within` the zone (negative: outside) beyond the band."""

    track: int
    point: Point
    height: float
    within: float
    border: bool


@dataclass(slots=True)
class Visits:
    """The visits of one zone, a polygon in fractions of the picture."""

    polygon: Sequence[Point]
    _stays: list[_Stay] = field(default_factory=list)
    _known: set[int] = field(default_factory=set)
    """Tracks that were seen before: who of them comes in comes from outside."""
    _began: float = -math.inf
    _last: float = -math.inf

    def update(self, people: Tracks) -> tuple[int, list[Visit]]:
        """How many have entered, told when they have stayed for SHORTEST_SECONDS, and the visits that are over, told
        when nobody went on with them. A pause of the camera that outlasts every visit ends them untold."""
        now = people.at.seconds
        if now - self._last > JOINED_SECONDS:
            self._stays.clear()
            self._began = now
        self._last = now
        persons = _persons(people, self.polygon)
        held = {stay.track: stay for stay in self._stays}
        for person in persons:
            if person.track in held:
                self._follow(held[person.track], person, now)
        for person in persons:
            if person.track not in held and person.within > 0:
                self._enter(person, now)
        self._known.update(people.ids.tolist())
        self._known.difference_update(people.ended)
        return self._entered(), self._over(now)

    def _follow(self, stay: _Stay, person: _Person, now: float) -> None:
        stay.gone = person.within < 0 or person.border
        if person.within >= 0:
            stay.seen, stay.point, stay.height = now, person.point, person.height

    def _enter(self, person: _Person, now: float) -> None:
        """Begins a visit, or goes on with that of somebody who vanished near there."""
        stay = None if person.track in self._known else self._vanished(person, now)
        if stay is None:
            settled = now - self._began > SHORTEST_SECONDS or person.track in self._known or person.border
            stay = _Stay(person.track, now, settled and now > self._began)
            self._stays.append(stay)
        stay.track = person.track
        self._follow(stay, person, now)

    def _vanished(self, person: _Person, now: float) -> _Stay | None:
        """The nearest visit without its person that this one can be."""
        near = []
        for stay in self._stays:
            reach = (REACH[0] + REACH[1] * (now - stay.seen)) * max(stay.height, person.height)
            distance = math.dist(stay.point, person.point)
            if stay.seen < now and not stay.gone and distance <= reach:
                near.append((distance, stay.track, stay))
        return min(near)[2] if near else None

    def _entered(self) -> int:
        new = [stay for stay in self._stays if not stay.told and stay.seen - stay.begin >= SHORTEST_SECONDS]
        for stay in new:
            stay.told = True
        return sum(stay.whole for stay in new)

    def _over(self, now: float) -> list[Visit]:
        over = [s for s in self._stays if now - s.seen > (AWAY_SECONDS if s.gone else JOINED_SECONDS)]
        self._stays = [stay for stay in self._stays if stay not in over]
        return [Visit(stay.begin, stay.seen, stay.whole) for stay in over if stay.told]


def at_border(boxes: FloatArray) -> NDArray[np.bool_]:
    """Which boxes may be cut by the border of the picture, (n, 4) -> (n,)."""
    cut = np.hstack([boxes[:, :2] < BORDER, boxes[:, 2:] > 1 - BORDER])
    border: NDArray[np.bool_] = np.any(cut, axis=1)
    return border


def _persons(people: Tracks, polygon: Sequence[Point]) -> list[_Person]:
    points = in_picture(bottom_centres(people.boxes))
    heights = people.boxes[:, 3] - people.boxes[:, 1]
    scale = np.array([people.aspect, 1.0])
    corners = np.array(polygon) * scale
    size = math.sqrt(polygon_area(corners.tolist()))
    distances = _to_edge(points * scale, polygon, scale)
    bands = np.minimum(BAND[0] * heights, BAND[1] * size)
    sides = np.where(inside(points, polygon), 1.0, -1.0)
    within = np.where(distances > bands, sides, 0.0)
    rows = zip(people.ids.tolist(), (points * scale).tolist(), heights.tolist(), within.tolist(),
               at_border(people.boxes).tolist(), strict=True)  # fmt: skip
    return [_Person(track, (p[0], p[1]), height, side, border) for track, p, height, side, border in rows]


def _to_edge(points: NDArray[np.float64], polygon: Sequence[Point], scale: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far each point (n, 2) is from the edge of the zone, except where that is the border of the picture."""
    nearest = np.full(len(points), np.inf)
    for first, last in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        if any(first[i] == last[i] and not BORDER < first[i] < 1 - BORDER for i in (0, 1)):
            continue
        a, along = np.array(first) * scale, (np.array(last) - np.array(first)) * scale
        share = ((points - a) @ along / max(float(along @ along), 1e-12)).clip(0, 1)
        nearest = np.minimum(nearest, np.hypot(*(points - a - share[:, None] * along).T))
    return nearest
