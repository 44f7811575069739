"""All that is measured for one camera: tracks -> crossings, one sample for each rule, changes of alarms."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edge.config.rules import Zone
from edge.config.schema import Camera
from edge.dataflow import Alarm, Crossing, Instant, Sample, Tracks
from edge.geometry import polygon_area
from edge.measurements.alarms import Alarms, Standing
from edge.measurements.calibration import Ground
from edge.measurements.congestion import Congestion
from edge.measurements.crossings import CrossingCounter
from edge.measurements.crowd import Crowd
from edge.measurements.movements import Movements
from edge.measurements.queues import Queues
from edge.measurements.stops import Stops
from edge.measurements.traffic import Traffic
from edge.measurements.trails import Trails


@dataclass(frozen=True, slots=True)
class Measured:
    """What one picture gave."""

    crossings: list[Crossing]
    samples: list[Sample]
    alarms: list[Alarm]


class Measures:
    """The measurements of one camera's rules. EdgeError where its calibration cannot be used."""

    def __init__(self, camera: Camera) -> None:
        ground = ground_of(camera)
        self._counter = CrossingCounter(camera.lines)
        self._trails = Trails(ground)
        self._traffic = Traffic(camera.lines, self._trails, ground=ground)
        self._movements = Movements(camera.turns, camera.lines)
        self._queues = Queues(camera.queues, camera.lines, ground=ground)
        self._crowd = Crowd(camera.zones)
        self._stops = Stops([zone for zone in camera.zones if zone.alarms.stopped_vehicle])
        self._congestion = Congestion([zone for zone in camera.zones if zone.vehicles or zone.alarms.congestion])
        self._alarms = Alarms(camera, areas=areas_of(camera.zones, ground))
        self._levelled = frozenset(zone.id for zone in camera.zones if zone.alarms.one)
        self._at: float | None = None

    def update(self, tracks: Tracks, *, trusted: bool = True) -> Measured:
        """Takes in the tracks of the next picture; alarms do not believe one that is not `trusted`. A picture
        that is no later than the one before it changes nothing and has no samples."""
        if self._at is not None and tracks.at.seconds <= self._at:
            return Measured([], [], [])
        self._at = tracks.at.seconds
        crossings = self._counter.update(tracks)
        paces = self._trails.update(tracks)
        samples = _one_each(
            [
                *self._told_jammed(self._traffic.update(tracks, crossings)),
                *self._movements.update(tracks, crossings),
                *self._queues.update(tracks, paces, crossings),
                *self._crowd.update(tracks),
                *self._traffic_in_zones(tracks, paces),
            ]
        )
        alarms = self._alarms.update(samples) if trusted else self._alarms.lost(tracks.at)
        return Measured(crossings, self._with_levels(samples), alarms)

    def lost(self, at: Instant) -> list[Alarm]:
        """What changes while no picture tells anything; to be called about every second."""
        return self._alarms.lost(at)

    @property
    def standing(self) -> dict[str, Standing]:
        """The alarms that stand, by rule, for the next process."""
        return self._alarms.state()

    def resume(self, standing: Mapping[str, Standing], at: Instant) -> list[str]:
        """Goes on with the alarms of the last process; returns the rules whose alarm is not asked for any more."""
        return self._alarms.resume(standing, at)

    def _traffic_in_zones(self, tracks: Tracks, paces: NDArray[np.float64]) -> list[Sample]:
        stopped = self._stops.update(tracks)
        states = self._congestion.update(tracks, paces)
        return [
            *(Sample(tracks.at, zone, {"stopped": seconds}) for zone, seconds in stopped.items()),
            *(Sample(tracks.at, zone, {"congestion": float(state)}) for zone, state in states.items()),
        ]

    def _told_jammed(self, samples: Iterable[Sample]) -> list[Sample]:
        """The samples of lines; where a queue stands on one, what is counted there is a lower bound, and it says so."""
        queued = self._counter.queued
        return [replace(each, flags=each.flags | {"saturated"}) if each.rule in queued else each for each in samples]

    def _with_levels(self, samples: Iterable[Sample]) -> list[Sample]:
        standing = self._alarms.state()
        levels = {rule: float(standing[rule]["level"]) if rule in standing else 0.0 for rule in self._levelled}
        return [
            replace(each, present={**each.present, "level": levels[each.rule]}) if each.rule in levels else each
            for each in samples
        ]


def _one_each(samples: Iterable[Sample]) -> list[Sample]:
    """One sample a rule, of all that was measured there."""
    merged: dict[str, Sample] = {}
    for each in samples:
        other = merged.get(each.rule)
        merged[each.rule] = (
            each
            if other is None
            else replace(
                other,
                present={**other.present, **each.present},
                added={**other.added, **each.added},
                flags=other.flags | each.flags,
            )
        )
    return list(merged.values())


def ground_of(camera: Camera) -> Ground | None:
    """What the calibration says, None where there is none. EdgeError where it cannot be used."""
    return Ground(camera.calibration.points) if camera.calibration else None


def areas_of(zones: Iterable[Zone], ground: Ground | None) -> dict[str, float]:
    """The square metres of each zone: as its file tells, else by the calibration."""
    areas = {}
    for zone in zones:
        corners = np.array(zone.points, dtype=np.float64)
        if zone.area_m2:
            areas[zone.id] = zone.area_m2
        elif ground and ground.in_front(corners).all():
            areas[zone.id] = polygon_area([(x, y) for x, y in ground.metres(corners).tolist()])
    return areas


def lengths_of(camera: Camera) -> dict[str, float]:
    """The metres of each line, where the calibration tells them."""
    ground = ground_of(camera)
    lengths = {}
    for line in camera.lines:
        ends = np.array(line.points, dtype=np.float64)
        if ground and ground.in_front(ends).all():
            lengths[line.id] = round(math.dist(*ground.metres(ends).tolist()), 2)
    return lengths
