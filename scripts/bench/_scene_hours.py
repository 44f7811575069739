"""A street for as long as two thousand need to pass, a single one of whom rides against the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from _scene_alarms import Asked, asked
from _scene_rules import camera_of, forbidden_line
from _scene_scores import Numbers, alarms_of, rows_of, volumes, watch
from scenes.library import mixed, wrong_way
from scenes.noise import Noise
from scenes.scene import Pace, Scene

from edge.dataflow import Crossing, Detections, Instant

ONE_OF_MANY = "one rider of 2,000"
PASS = 2000
"""So many at least go over the watched line the right way."""
PER_HOUR = (2000.0, 1000.0)
"""On the watched way, and on the one beside it."""
EARLY_SLICES = 20
"""The rider comes in one of the first slices; fewer than `PASS` have gone by then."""
Slice = tuple[float, Scene]


def measured_hours(seed: int, noise: Noise, *, rate: float, confident: float) -> Numbers:
    """What one camera tells of all slices, without a break, against their truth; `passed`: over the watched line."""
    street = list(slices(seed))
    camera = camera_of(street[0][1])
    looks = (_later(look, begin) for begin, scene in street for look in scene.detections(noise, Pace(rate)))
    seen = watch(camera, looks, confident=confident)
    seconds = street[-1][0] + street[-1][1].seconds
    row: Numbers = {"passed": float(sum(_passed(scene) for _, scene in street))}
    wanted = [[_asked_later(each, begin) for each in asked(scene, camera, noise=noise)] for begin, scene in street]
    row |= alarms_of([_joined(each) for each in zip(*wanted, strict=True)], seen.alarms, seconds=seconds)
    counts = rows_of([volumes(scene, _between(seen.crossings, begin, scene.seconds)) for begin, scene in street])
    return row | counts | {"scenes": 1.0, "seconds": seconds}


def slices(seed: int) -> Iterator[Slice]:
    """The street of a seed, two minutes after two minutes, each with the second at which it begins, until `PASS` have
    gone. Whoever is there when a slice ends is gone, and the next begins with an empty street: the history of hours in
    one piece would take gigabytes."""
    plain = wrong_way(seed)
    flows = tuple(flow for way, per_hour in enumerate(PER_HOUR) for flow in mixed(way, per_hour))
    turn = int(np.random.default_rng([seed, 13]).integers(EARLY_SLICES))
    passed = number = 0
    while passed < PASS:
        orders = plain.orders if number == turn else ()
        scene = replace(plain, flows=flows, orders=orders, seed=seed * 1000 + number)
        passed += _passed(scene)
        yield number * plain.seconds, scene
        number += 1


def _passed(scene: Scene) -> int:
    """How many go over the watched line the right way."""
    line = forbidden_line(camera_of(scene))
    assert line is not None
    return sum(crossing.direction != line.forbidden for crossing in scene.truth.crossings([line]))


def _later(look: Detections, seconds: float) -> Detections:
    return replace(look, at=Instant(look.at.seconds + seconds, look.at.utc + seconds))


def _between(crossings: Sequence[Crossing], begin: float, seconds: float) -> list[Crossing]:
    """Those of a slice, at their times in it."""
    return [
        replace(each, at=Instant(each.at.seconds - begin, each.at.utc - begin))
        for each in crossings
        if begin <= each.at.seconds < begin + seconds
    ]


def _asked_later(part: Asked, seconds: float) -> Asked:
    may = tuple((first + seconds, last + seconds) for first, last in part.may)
    return Asked(part.kind, tuple(due + seconds for due in part.due), may)


def _joined(parts: Sequence[Asked]) -> Asked:
    """What the slices ask of one kind of alarm."""
    due, may = (tuple(x for part in parts for x in getattr(part, name)) for name in ("due", "may"))
    return Asked(parts[0].kind, due, may)
