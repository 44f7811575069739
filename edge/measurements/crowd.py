"""Tracks -> occupancy: who stands in which zone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from edge.config.schema import Zone
from edge.dataflow import CLASSES, Occupancy, Tracks
from edge.geometry import bottom_centres, inside


def occupancies(tracks: Tracks, zones: Sequence[Zone]) -> list[Occupancy]:
    """How many confirmed road users of each class have their point in each zone; riders are no people."""
    points = bottom_centres(tracks.boxes)
    result = []
    for zone in zones:
        there = inside(points, zone.points) & tracks.confirmed
        counts = Counter(CLASSES[kind] for kind in tracks.classes[there])
        result.append(Occupancy(tracks.at, zone.id, dict(counts)))
    return result
