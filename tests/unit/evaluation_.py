"""A truth and what was seen of it, for the tests of `edge evaluate`."""

from __future__ import annotations

from edge.dataflow import Crossing, Instant
from edge.evaluation import Observed
from edge.measurements.visits import Visit

SQUARE = [[0, 0], [1, 0], [1, 1], [0, 1]]
TRUTH = {
    "lines": [
        {
            "id": "l1",
            "points": [[0, 0.5], [1, 0.5]],
            "events": [{"t": t, "direction": 0, "class": "car"} for t in range(1, 10)],
        }
    ],
    "zones": [
        {"id": "z1", "points": SQUARE, "people": [[t / 10, 2] for t in range(100)]},
        {"id": "z2", "points": SQUARE, "visits_s": [[1, 11], [20, 40]]},
    ],
}


def visit(begin, end):
    return Visit(begin, end, whole=True)


def seen():
    crossings = tuple(Crossing(Instant(t + 0.2, t), "l1", 0, "car", t) for t in range(1, 9))
    return Observed(
        seconds=10.0,
        coverage=0.95,
        crossings=crossings,
        people={"z1": tuple((t / 5, 2.0 if t % 2 else 3.0) for t in range(50)), "z2": ()},
        visits={"z1": (), "z2": (visit(1, 12),)},
    )
