"""Who stands in a zone."""

from __future__ import annotations

import numpy as np

from edge.config.schema import Zone
from edge.dataflow import CLASSES, Instant, Tracks
from edge.measurements.crowd import occupancies

ZONE = Zone(id="z", points=((0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8)), vehicles=True)


def test_occupancy_counts_the_confirmed_by_class_where_their_feet_are():
    feet = [(0.5, 0.5), (0.5, 0.9), (0.3, 0.3), (0.4, 0.4), (0.6, 0.6)]
    kinds = ["pedestrian", "pedestrian", "pedestrian", "motorcycle", "pedestrian"]
    tracks = Tracks(
        at=Instant(1, 1),
        aspect=1.5,
        ids=np.arange(5),
        boxes=np.array([(x - 0.05, y - 0.3, x + 0.05, y) for x, y in feet], dtype=np.float32),
        classes=np.array([CLASSES.index(k) for k in kinds], dtype=np.int8),
        confirmed=np.array([True, True, True, True, False]),
    )
    (there,) = occupancies(tracks, [ZONE])
    assert {kind: number for kind, number in there.present.items() if number} == {"pedestrian": 2, "motorcycle": 1}
