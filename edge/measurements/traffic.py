"""Tracks and crossings -> samples of lines: occupancy, speeds, headways, who goes the forbidden way."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge.config.rules import Line
from edge.dataflow import CLASSES, Crossing, Sample, Tracks
from edge.geometry import bottom_centres
from edge.measurements.calibration import Ground
from edge.measurements.trails import PAUSE_SECONDS, PLAIN_VIEW, Trails
from edge.measurements.wrong_way import WrongWay

Floats = NDArray[np.float64]

PEDESTRIAN = CLASSES[0]
KMH = 3.6
LENGTH_HEIGHT_M = {
    "pedestrian": (0.4, 1.7), "bicycle": (1.8, 1.65), "motorcycle": (1.9, 1.6),
    "car": (4.5, 1.55), "bus": (11.0, 3.1), "truck": (7.5, 2.9),
}  # fmt: skip
_BUILT = np.array([LENGTH_HEIGHT_M[kind] for kind in CLASSES])


class Traffic:
    """The lines of one camera. `trails` has seen each picture before `update` does."""

    def __init__(self, lines: Sequence[Line], trails: Trails, *, ground: Ground | None) -> None:
        self._lines, self._trails, self._ground = tuple(lines), trails, ground
        self._wrong_way = WrongWay(lines, trails)
        self._fronts: dict[tuple[str, int], float] = {}
        self._at: float | None = None

    def update(self, tracks: Tracks, crossings: Sequence[Crossing]) -> list[Sample]:
        """One sample a line. The time occupancy is the share of time that a vehicle covers the line (May, Traffic Flow
        Fundamentals, 1990, 6.1); the space-mean speed is the harmonic mean of the speeds at it (Wardrop 1952), so
        their inverses are added; a headway lasts from one front over the line to the next in that direction."""
        if self._at is not None and not 0 <= tracks.at.seconds - self._at <= PAUSE_SECONDS:
            self._fronts.clear()
        self._at = tracks.at.seconds
        contact = _contact(tracks, self._ground)
        wrong = self._wrong_way.update(tracks, crossings)
        samples = []
        for line in self._lines:
            here = [c for c in crossings if c.line == line.id and _measured(line, c.kind)]
            added = {**self._speeds(here), **self._headways(here)}
            if line.forbidden is not None:
                added["wrong_way"] = float(wrong[line.id])
            present = {"occupied": float(_covers(contact, line).any())}
            samples.append(Sample(tracks.at, line.id, present, added))
        return samples

    def _speeds(self, crossings: Sequence[Crossing]) -> dict[str, float]:
        added: dict[str, float] = {}
        for crossing in crossings:
            speed = self._trails.speed(crossing.track, crossing.at.seconds)
            if speed is not None:
                _add(added, f"speeds.{crossing.direction}", 1)
                _add(added, f"slowness.{crossing.direction}", 1 / (speed.metres_per_second * KMH))
        return added

    def _headways(self, crossings: Sequence[Crossing]) -> dict[str, float]:
        """Times between crossings; one told late lies between two others, and only splits the time between them."""
        added: dict[str, float] = {}
        for crossing in sorted(crossings, key=lambda c: c.at.seconds):
            way = (crossing.line, crossing.direction)
            before = self._fronts.get(way)
            self._fronts[way] = max(before or -np.inf, crossing.at.seconds)
            if before is not None:
                _add(added, f"headways.{crossing.direction}", 1)
                _add(added, f"headway.{crossing.direction}", self._fronts[way] - before)
        return added


def _measured(line: Line, kind: str) -> bool:
    """Whether one of this class is of the line's traffic: people on foot are where only they are counted."""
    return kind != PEDESTRIAN or set(line.classes) == {PEDESTRIAN}


def _add(added: dict[str, float], name: str, value: float) -> None:
    added[name] = added.get(name, 0.0) + value


def _contact(tracks: Tracks, ground: Ground | None) -> Floats:
    """The strips along the lower edge of the boxes within which vehicles touch the road: (m, 4) as x1 y1 x2 y2."""
    rows = np.flatnonzero(tracks.confirmed & (tracks.classes != CLASSES.index(PEDESTRIAN)))
    strips = tracks.boxes[rows].astype(np.float64)
    sine = np.full(len(rows), PLAIN_VIEW)
    if ground and len(rows):
        points = bottom_centres(tracks.boxes[rows])
        # a round thing on the ground looks flattened by the sine of the angle at which one looks down on it
        axes = np.linalg.svd(ground.jacobian(points) / [tracks.aspect, 1.0], compute_uv=False)
        sine = np.where(ground.in_front(points), axes[:, 1] / axes[:, 0], PLAIN_VIEW)
    length, height = _BUILT[tracks.classes[rows]].T
    share = length * sine / (length * sine + height * np.sqrt(1 - sine**2))
    strips[:, 1] = strips[:, 3] - share * (strips[:, 3] - strips[:, 1])
    return strips


def _covers(strips: Floats, line: Line) -> NDArray[np.bool_]:
    """Which of the rectangles (m, 4) the line runs through, by clipping it to each (Liang and Barsky 1984): (m,)."""
    first, last = np.array(line.points)
    along = np.where(last == first, 1e-12, last - first)
    sides = (strips.reshape(-1, 2, 2) - first) / along
    enters, leaves = sides.min(axis=1).max(axis=1), sides.max(axis=1).min(axis=1)
    return np.asarray(np.maximum(enters, 0) <= np.minimum(leaves, 1))
