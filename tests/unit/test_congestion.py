"""Four states of traffic: free, dense, slow, jammed."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from tracks_ import SCENES, WHOLE, ground_of, noisy_tracks, seen, true_tracks

from edge.config.rules import Zone
from edge.measurements.congestion import Congestion
from edge.measurements.trails import Trails

ZONE = Zone(id="z", points=WHOLE, vehicles=True)
FREE, DENSE, SLOW, JAMMED = range(4)


def states(steps, *, rate=5.0):
    """The state after each stretch (seconds, vehicles, speed in m/s); each vehicle covers 0.0045 of the zone, and
    every half minute all are replaced by others."""
    congestion, now, told, track = Congestion([ZONE]), 0.0, [], 1
    for seconds, vehicles, speed in steps:
        for i in range(int(seconds * rate)):
            old = ()
            if i % int(30 * rate) == 0:
                old, track = tuple(range(track, track + 200)), track + 200
            boxes = {track + k: (0.01 + k / 200, 0.4, 0.11 + k / 200, 0.5) for k in range(vehicles)}
            state = congestion.update(seen(now, boxes, kind="car", ended=old), np.full(vehicles, float(speed)))
            now += 1 / rate
        told.append(state["z"])
    return told


def test_an_empty_zone_is_free():
    assert states([(300, 0, 0)]) == [FREE]


def test_states_by_speed_and_density():
    learned = (900, 10, 10.0)
    assert states([learned, (300, 10, 9.0)]) == [FREE, FREE]
    assert states([learned, (300, 40, 8.0)]) == [FREE, DENSE]
    assert states([learned, (300, 40, 4.0)]) == [FREE, SLOW]
    assert states([learned, (300, 60, 1.0)]) == [FREE, JAMMED]


def test_jam_dissolves():
    assert states([(300, 10, 10.0), (300, 60, 0.5), (300, 10, 10.0), (200, 0, 0)]) == [FREE, JAMMED, FREE, FREE]


def test_jam_from_the_first_picture_on_is_one():
    assert states([(300, 60, 0.6)]) == [JAMMED]


def test_long_jam_does_not_become_the_free_flow():
    assert states([(900, 20, 10.0), (7200, 60, 1.5)], rate=1.0) == [FREE, JAMMED]


def test_free_flow_is_learned_where_traffic_is_slow_by_nature():
    assert states([(3600, 40, 12.0), (300, 40, 5.0), (300, 40, 12.0)], rate=1.0) == [DENSE, SLOW, DENSE]
    assert states([(3600, 40, 5.0), (300, 40, 4.5)], rate=1.0) == [DENSE, DENSE]


def test_red_light_is_no_jam():
    cycle = [(40, 30, 0.0), (30, 30, 7.0)]
    assert JAMMED not in states([(300, 10, 9.0), *cycle * 6])
    assert SLOW not in states([(300, 10, 9.0), *cycle * 6])


def test_one_that_stands_alone_is_no_jam():
    assert states([(300, 5, 10.0), (1200, 1, 0.0)]) == [FREE, FREE]


def test_state_does_not_flicker_at_a_limit():
    random = np.random.default_rng(1)
    told = states([(600, 10, 10.0), *((15, 40, 5.0 + random.normal(0, 0.25)) for _ in range(60))])[10:]
    assert sum(a != b for a, b in pairwise(told)) <= 1


def test_unknown_paces_and_people_on_foot_say_nothing():
    congestion = Congestion([ZONE])
    for i in range(600):
        boxes = {k: (0.01 + k / 200, 0.4, 0.11 + k / 200, 0.5) for k in range(60)}
        assert congestion.update(seen(i / 5, boxes, kind="pedestrian"), np.zeros(60)) == {"z": FREE}
    for i in range(600, 1200):
        assert congestion.update(seen(i / 5, boxes, kind="car"), np.full(60, np.nan))["z"] <= DENSE


def road(scene):
    """The part of the first way from 10 to 35 m before the camera, as a zone."""
    course = scene.ways[0].course
    seen_at = scene.camera.to_picture(course[:, :2])
    away = np.hypot(course[:, 0], course[:, 1])
    course = course[((seen_at > 0.02) & (seen_at < 0.98)).all(axis=1) & (away > 10) & (away < 35)][::8]
    aside = np.stack([np.cos(course[:, 2]), -np.sin(course[:, 2])], axis=1) * scene.ways[0].width / 2
    corners = np.concatenate([course[:, :2] + aside, (course[:, :2] - aside)[::-1]])
    points = np.clip(scene.camera.to_picture(corners), 0, 1).round(4).tolist()
    return Zone(id="z", points=tuple(map(tuple, points)), vehicles=True)


@pytest.mark.parametrize("calibrated", [True, False])
@pytest.mark.parametrize(
    ("name", "make", "worst", "final"),
    [
        ("free flow", noisy_tracks, FREE, FREE),
        ("signal", true_tracks, SLOW, None),
        ("standing queue", noisy_tracks, JAMMED, JAMMED),
    ],
)
def test_state_of_a_scene(name, make, worst, final, calibrated):
    scene = SCENES[name](0)
    trails, congestion, told = Trails(ground_of(scene.camera) if calibrated else None), Congestion([road(scene)]), []
    for tracks in make(scene):
        if tracks.at.seconds > 270:
            break
        told.append(congestion.update(tracks, trails.update(tracks))["z"])
    assert max(told) <= worst
    assert final is None or told[-1] == final
