"""Tracks -> how fast each moves, from where it was in the last seconds, on the ground or in sizes of its own."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.dataflow import CLASSES, Tracks
from edge.geometry import bottom_centres, cut_edges, sizes
from edge.measurements.calibration import Ground

Floats = NDArray[np.float64]

KEPT_SECONDS = 4.0
PACE_SECONDS = 1.5
"""What the pace of now is measured over."""
PAUSE_SECONDS = 1.0
"""Over a longer pause between two pictures no speed is told: nobody saw what happened in it."""
FEWEST, SHORTEST = 3, 0.3
"""No speed is told from fewer sights; no pace is known from a shorter time."""
HALVES = (0.5, 0.75, 1.0)
"""Seconds before and after the moment that a speed is measured over: as much as its uncertainty needs."""
SURE, UNSURE = 0.1, 0.3
"""Relative uncertainty at which no longer time is taken, and above which no speed is told."""
MISFIT = 2.0
"""Root mean square distance from a steady way, in standard deviations: above it was no single object's way."""
QUICK, SLOW, SLOW_SECONDS = 0.035, 0.065, 0.85
"""How a detector's edges shake, in sizes of the box: anew in each picture, and fading (from scripts/bench/noise)."""
SIZE_M = {"pedestrian": 0.95, "bicycle": 1.2, "motorcycle": 1.35, "car": 2.5, "bus": 4.3, "truck": 3.6}
"""The root of the area of a box, seen from a pole, in metres: where there is no calibration, sizes are made metres."""
_SIZES = np.array([SIZE_M[kind] for kind in CLASSES])
PLAIN_VIEW = float(np.sin(np.radians(25.0)))
"""Sine of the angle at which a camera on a pole looks down on the road, where no calibration tells it."""


@dataclass(frozen=True, slots=True)
class Speed:
    """A speed on the ground and its standard deviation, metres a second."""

    metres_per_second: float
    uncertainty: float


@dataclass(frozen=True, slots=True)
class Way:
    """The steady motion that fits best: `velocity` (n, 2), its standard deviation `sd` (n,) in both directions
    together, and `misfit` (n,) in standard deviations; NaN where too little was seen."""

    velocity: Floats
    sd: Floats
    misfit: Floats


@dataclass(frozen=True, slots=True)
class _Picture:
    """What is kept of a picture, in the order of rising `ids` (n,): `boxes` (n, 4), `places` (n, 2) on the ground in
    metres and their `spread` (n,), NaN where cut by the edge of the picture or too far away; `paces` (n,) as told."""

    seconds: float
    ids: NDArray[np.int64]
    boxes: Floats
    places: Floats
    spread: Floats
    paces: Floats


class Trails:
    """The ways of one camera's tracks in the last seconds; what is older is forgotten, so nothing outlives a track."""

    def __init__(self, ground: Ground | None) -> None:
        self._ground = ground
        self._pictures: deque[_Picture] = deque()
        self._since = float("-inf")
        """When the first picture after the last pause was."""

    def update(self, tracks: Tracks) -> Floats:
        """The pace of each track (n,), metres a second, NaN as long as it is unknown. What a shaking box seems to move
        is taken off. Without calibration, or where a box is cut, it is a guess from the size of such a road user."""
        now = tracks.at.seconds
        if self._pictures and now <= self._pictures[-1].seconds:
            self._pictures.clear()
        if not self._pictures or now - self._pictures[-1].seconds > PAUSE_SECONDS:
            self._since = now
        while self._pictures and now - self._pictures[0].seconds > KEPT_SECONDS:
            self._pictures.popleft()
        order = np.argsort(tracks.ids)
        self._pictures.append(self._noted(tracks, order))
        recent = self._within(now - PACE_SECONDS, now)
        on_ground = _pace(self._way(tracks.ids, recent))
        guess = _pace(_sized_way(tracks, recent))
        paces = np.where(np.isnan(on_ground), guess, on_ground)
        self._pictures[-1].paces[:] = paces[order]
        return paces

    def speed(self, track: int, at: float) -> Speed | None:
        """How fast a track was on the ground at a moment of the last seconds. None where it cannot be told: no
        calibration, too few sights, a way that no single object goes, or an uncertainty above 30 %."""
        best = None
        for half in HALVES:
            near = self._within(at - half, at + half)
            way = self._way(np.array([track]), near, fewest=FEWEST)
            speed, sd = float(np.hypot(*way.velocity[0])), float(way.sd[0])
            if not (way.misfit[0] <= MISFIT and sd <= UNSURE * speed):
                continue
            if best is None or sd < best.uncertainty:
                best = Speed(speed, sd)
            if sd <= SURE * speed:
                break
        return best

    def seen(self, track: int) -> tuple[Floats, Floats, Floats]:
        """When a track was seen in the last seconds (p,), before a pause too, its boxes (p, 4), and the paces that were
        told of it (p,)."""
        found = [(p, row) for p in self._pictures for row in _find(p, np.array([track]))[0].tolist()]
        boxes = np.array([p.boxes[row] for p, row in found]).reshape(-1, 4)
        return np.array([p.seconds for p, _ in found]), boxes, np.array([p.paces[row] for p, row in found])

    def pictures(self, first: float, last: float) -> int:
        """How many pictures there were from one moment of the last seconds to another."""
        return sum(first <= picture.seconds <= last for picture in self._pictures)

    def _within(self, first: float, last: float) -> list[_Picture]:
        """The pictures from one moment to another, but for those before the last pause."""
        return [picture for picture in self._pictures if max(first, self._since) <= picture.seconds <= last]

    def _noted(self, tracks: Tracks, order: NDArray[np.int64]) -> _Picture:
        boxes = tracks.boxes[order].astype(np.float64)
        places, spread = np.full((len(boxes), 2), np.nan), np.full(len(boxes), np.nan)
        if self._ground and len(boxes):
            points = bottom_centres(tracks.boxes[order]).astype(np.float64)
            cut = cut_edges(boxes)
            rows = np.flatnonzero(self._ground.in_front(points) & ~(cut[:, 0] | cut[:, 2] | cut[:, 3]))
            # the middle of two edges shakes less than an edge by the root of 2
            sigma = np.hypot(QUICK, SLOW) * sizes(boxes, tracks.aspect)[rows, None] / [tracks.aspect * 2**0.5, 1.0]
            places[rows] = self._ground.metres(points[rows])
            spread[rows] = self._ground.spread(points[rows], sigma)
        return _Picture(tracks.at.seconds, tracks.ids[order], boxes, places, spread, np.full(len(boxes), np.nan))

    def _way(self, ids: NDArray[np.int64], pictures: list[_Picture], *, fewest: int = 2) -> Way:
        """The ways of these tracks on the ground."""
        places, spread = np.full((len(ids), len(pictures), 2), np.nan), np.full((len(ids), len(pictures)), np.nan)
        for column, picture in enumerate(pictures):
            rows, there = _find(picture, ids)
            places[there, column], spread[there, column] = picture.places[rows], picture.spread[rows]
        return steady(np.array([picture.seconds for picture in pictures]), places, spread, fewest=fewest)


def steady(times: Floats, places: Floats, spread: Floats, *, fewest: int = 2) -> Way:
    """Fits a steady motion to places (n, p, 2) at times (p,) whose standard deviations are `spread` (n, p): weighted
    least squares, thrice reweighted so that a place that is far off counts less (Huber 1964)."""
    if not len(times):
        return Way(np.full((len(places), 2), np.nan), *np.full((2, len(places)), np.nan))
    seen = ~np.isnan(spread)
    x, sigma = np.where(seen[:, :, None], places, 0.0), np.where(seen, np.maximum(spread, 1e-9), np.inf)
    enough = (seen.sum(axis=1) >= fewest) & (_span(times, seen) >= SHORTEST)
    doubt = np.ones_like(sigma)
    for _ in range(3):
        weight = doubt / sigma**2 + 1e-30
        weight /= weight.sum(axis=1, keepdims=True)
        t = times - (weight @ times)[:, None]
        slope = weight * t / np.maximum((weight * t**2).sum(axis=1, keepdims=True), 1e-12)
        velocity = np.einsum("np,npk->nk", slope, x)
        middle = np.einsum("np,npk->nk", weight, x)
        off = np.where(
            seen, np.hypot(*np.moveaxis(x - middle[:, None] - t[:, :, None] * velocity[:, None], 2, 0)) / sigma, 0
        )
        doubt = 1.5 / np.maximum(off, 1.5)
    misfit = np.sqrt((np.minimum(off, 2 * MISFIT) ** 2).sum(axis=1) / np.maximum(seen.sum(axis=1), 1))
    sd = _slope_sd(times, slope * np.where(seen, sigma, 0))
    return Way(*(np.where(enough.reshape(-1, *[1] * (a.ndim - 1)), a, np.nan) for a in (velocity, sd, misfit)))


def _slope_sd(times: Floats, slope: Floats) -> Floats:
    """The standard deviation (n,) of sums of places, with weights `slope` (n, p) times their standard deviations:
    some of a detector's error is new in every picture, the rest fades."""
    together = SLOW**2 * np.exp(-np.abs(times[:, None] - times) / SLOW_SECONDS) + QUICK**2 * np.eye(len(times))
    return np.asarray(np.sqrt(np.einsum("np,pq,nq->n", slope, together / (SLOW**2 + QUICK**2), slope)))


def _span(times: Floats, seen: NDArray[np.bool_]) -> Floats:
    first, last = np.where(seen, times, np.inf).min(axis=1), np.where(seen, times, -np.inf).max(axis=1)
    return np.asarray(np.where(seen.any(axis=1), last - first, 0.0))


def _pace(way: Way) -> Floats:
    """Speeds (n,) without what the shaking adds to them: E[v^2] = v^2 + sd^2."""
    return np.asarray(np.sqrt(np.maximum((way.velocity**2).sum(axis=1) - way.sd**2, 0.0)))


def _sized_way(tracks: Tracks, pictures: list[_Picture]) -> Way:
    """The ways in metres as guessed from sizes. Where the picture cuts an edge of a box, the other side tells."""
    boxes = np.full((len(tracks), len(pictures), 4), np.nan)
    for column, picture in enumerate(pictures):
        rows, there = _find(picture, tracks.ids)
        boxes[there, column] = picture.boxes[rows]
    cut: NDArray[np.bool_] = np.any(cut_edges(boxes.reshape(-1, 4)).reshape(boxes.shape), axis=1)
    x = np.where(cut[:, None, 0], boxes[..., 2], np.where(cut[:, None, 2], boxes[..., 0], boxes[..., ::2].mean(axis=2)))
    y = np.where(cut[:, None, 3], boxes[..., 1], boxes[..., 3])
    size = sizes(boxes, tracks.aspect)
    whole = np.nanmax(size, axis=1, initial=0.0, keepdims=True)
    metre = _SIZES[tracks.classes][:, None] / np.maximum(whole, 1e-6)
    places = np.stack([x * tracks.aspect, y / PLAIN_VIEW], axis=2) * metre[:, :, None]
    times = np.array([picture.seconds for picture in pictures])
    shake = np.hypot(QUICK, SLOW) * np.hypot(0.5**0.5, 1 / PLAIN_VIEW)
    return steady(times, places, np.where(np.isnan(size), np.nan, shake * metre * whole))


def _find(picture: _Picture, ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Which of the tracks (n,) are in a picture, and in which rows of it."""
    rows = np.searchsorted(picture.ids, ids)
    rows = np.minimum(rows, max(0, len(picture.ids) - 1))
    there = picture.ids[rows] == ids if len(picture.ids) else np.zeros(len(ids), dtype=np.bool_)
    return rows[there], there
