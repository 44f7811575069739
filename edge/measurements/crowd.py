"""Tracks -> samples: who stands in which zone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from edge.config.schema import Zone
from edge.dataflow import CLASSES, Sample, Tracks
from edge.geometry import bottom_centres, inside


def occupancies(tracks: Tracks, zones: Sequence[Zone]) -> list[Sample]:
    """How many confirmed road users of each class have their point in each zone; riders are no people. Vehicles are
    among them where the zone asks."""
    points = bottom_centres(tracks.boxes)
    result = []
    for zone in zones:
        there = inside(points, zone.points) & tracks.confirmed
        counts = Counter(CLASSES[kind] for kind in tracks.classes[there])
        classes = CLASSES if zone.vehicles else CLASSES[:1]
        result.append(Sample(tracks.at, zone.id, {kind: counts[kind] for kind in classes}))
    return result
