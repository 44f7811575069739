"""Tracks -> the state of traffic in a zone: 0 free, 1 dense, 2 slow, 3 jammed."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge.config.parts import points_of
from edge.config.rules import Zone
from edge.dataflow import Tracks
from edge.geometry import bottom_centres, in_picture, inside, polygon_area

Floats = NDArray[np.float64]

FREE, DENSE, SLOW, JAMMED = range(4)
SLICE_SECONDS, SLICES = 15.0, 8
"""Speeds are told of slices of time, and the fastest of the last two minutes counts: who waits at a red light and then
goes is in no jam, and no cycle of lights is longer."""
LEAST = 0.3
"""A slice tells a speed if so many vehicles were there on average, or more."""
SLOW_BELOW, JAMMED_BELOW = 0.5, 0.3
"""Speed, as a share of free flow: the limits of levels of service D/E and E/F of an urban street (HCM 2010, 16-4)."""
FULL_ABOVE, LOOSE_BELOW = 0.1, 0.06
"""Share of the zone that vehicles cover, from which on traffic is dense, and below which nothing is slow or jammed: a
single one that stands is no jam. Area occupancy, for traffic without lanes (Mallikarjuna and Rao 2006)."""
AGAIN = 0.8
"""A state is left downwards only when its limit is passed by so much (1 / 0.8 of a speed, 0.8 of a density)."""
PACE_MS = 15 / 3.6
"""Free flow is at least this fast."""
LEARN = 0.005
"""The share by which one vehicle moves what is known of free flow, which is the 85th percentile of speeds."""
PERCENTILE = 0.85
FOOTPRINT = 0.45
"""The share of a box's height that stands on the road."""


@dataclass(slots=True)
class _Slice:
    """Seconds `watched`, seconds `spent` in the zone by all vehicles, metres `driven`, seconds x share `covered`."""

    watched: float = 0.0
    spent: float = 0.0
    driven: float = 0.0
    covered: float = 0.0


@dataclass(slots=True)
class _Flow:
    """What is known of one zone: its last slices, the speed of `free` flow in m/s."""

    slices: deque[_Slice] = field(default_factory=lambda: deque([_Slice()], maxlen=SLICES))
    free: float = PACE_MS
    state: int = FREE
    fastest: dict[int, float] = field(default_factory=dict)
    """The greatest speed of each track that has been in the zone."""

    def note(self, seconds: float, paces: Floats, covered: float) -> None:
        """Adds one picture, which stands for so many seconds."""
        if self.slices[-1].watched >= SLICE_SECONDS:
            self.slices.append(_Slice())
        now = self.slices[-1]
        now.watched += seconds
        now.spent += seconds * len(paces)
        now.driven += seconds * float(paces.sum())
        now.covered += seconds * covered

    @property
    def speed(self) -> float:
        """Metres driven by seconds spent, the space-mean speed (Edie 1963), of the fastest slice; inf where none."""
        speeds = [s.driven / s.spent for s in self.slices if s.spent >= LEAST * SLICE_SECONDS]
        return max(speeds, default=float("inf"))

    @property
    def density(self) -> float:
        """The share of the zone that was covered, over all slices."""
        return sum(s.covered for s in self.slices) / max(sum(s.watched for s in self.slices), 1e-9)


class Congestion:
    """The state of traffic in the zones of one camera, in the four states of the German MARZ (free, dense, slow,
    jammed; BASt 2018), by its method: speed and density, each with hysteresis. Where there is nothing to see it is 0.

    What is free flow is learned from traffic that is free or dense; until then a jam must be slower than 15 km/h x 0.3.
    """

    def __init__(self, zones: Sequence[Zone]) -> None:
        self._zones = [(zone, _Flow(), polygon_area(points_of(zone.points))) for zone in zones]
        self._at: float | None = None

    def update(self, tracks: Tracks, paces: Floats) -> Mapping[str, int]:
        """The state of each zone; `paces` (n,) are the tracks' speeds in m/s, NaN where unknown."""
        passed = 0.0 if self._at is None else min(max(tracks.at.seconds - self._at, 0.0), 1.0)
        self._at = tracks.at.seconds
        points = in_picture(bottom_centres(tracks.boxes))
        vehicle = tracks.confirmed & (tracks.classes > 0)
        area = np.prod(tracks.boxes[:, 2:] - tracks.boxes[:, :2], axis=1) * FOOTPRINT
        for zone, flow, whole in self._zones:
            there = vehicle & inside(points, points_of(zone.points))
            known = there & ~np.isnan(paces)
            flow.note(passed, paces[known], min(1.0, float(area[there].sum()) / whole))
            flow.state = _state(flow)
            for track, pace in zip(tracks.ids[known].tolist(), paces[known].tolist(), strict=True):
                flow.fastest[track] = max(pace, flow.fastest.get(track, 0.0))
            for track in tracks.ended:
                _learn(flow, flow.fastest.pop(track, None))
        return {zone.id: flow.state for zone, flow, _ in self._zones}


def _learn(flow: _Flow, fastest: float | None) -> None:
    """A vehicle counts for free flow once, by its greatest speed; one that is slow in slow traffic tells nothing."""
    if fastest is not None and fastest > flow.free:
        flow.free *= 1 + LEARN * PERCENTILE
    elif fastest is not None and flow.state in (FREE, DENSE):
        flow.free = max(PACE_MS, flow.free * (1 - LEARN * (1 - PERCENTILE)))


def _state(flow: _Flow) -> int:
    """The state that speed and density make, easier to keep than to reach."""
    speed, density = flow.speed / flow.free, flow.density

    def holds(state: int, limit: float) -> bool:
        return speed < (limit / AGAIN if flow.state >= state else limit)

    loose = LOOSE_BELOW * (AGAIN if flow.state >= SLOW else 1.0)
    if density >= loose and holds(SLOW, SLOW_BELOW):
        return JAMMED if holds(JAMMED, JAMMED_BELOW) else SLOW
    return DENSE if density >= FULL_ABOVE * (AGAIN if flow.state >= DENSE else 1.0) else FREE
