"""How long the longest-standing vehicle of a zone has stood there."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from stops_ import CAR, HERE, ZONE, car, moved, stood
from tracks_ import SCENES, WHOLE, Pace, noisy_tracks, seen, true_tracks

from edge.config.rules import Zone
from edge.measurements.stops import Stops


@pytest.mark.parametrize("rate", [3.0, 5.0, 15.0])
@pytest.mark.parametrize("shake", [0.0, 0.05])
def test_seconds_count_while_a_shaking_box_keeps_its_place(rate, shake):
    told = stood(car(0, 300, shake=shake, rate=rate))
    assert list(told.values())[-1] == pytest.approx(300, abs=1)
    assert max(told.values()) <= 300


@pytest.mark.parametrize("speed", [0.02, 0.05, 0.3])
def test_one_that_creeps_on_does_not_stand(speed):
    assert max(stood(car(0, 10, x=-0.2, speed=speed)).values()) < 4


def test_one_that_goes_on_is_over_at_once():
    told = stood([*car(0, 60), *car(60, 62, speed=0.2)])
    assert told[59.8] == pytest.approx(59.8)
    assert max(seconds for t, seconds in told.items() if t > 60.6) == 0


def test_outside_of_the_zone_and_on_foot_nobody_stands():
    assert max(stood(car(0, 30, x=0.4)).values()) == 0
    assert max(stood(car(0, 30, kind="pedestrian")).values()) == 0


def test_one_that_stood_before_the_zone_and_drives_in_has_not_stood_there():
    told = stood([*car(0, 60, x=0.31), *car(60, 63, x=0.31, speed=-0.02), *car(63, 70, x=0.25)])
    assert max(seconds for t, seconds in told.items() if t < 63) == 0
    assert told[69.8] == pytest.approx(7, abs=2)


def test_one_whose_point_shakes_over_the_edge_of_the_zone_stands_on():
    told = stood(car(0, 60, x=0.295, shake=0.05))
    assert all(seconds > 0 for t, seconds in told.items() if t > 10)


def test_id_that_changes_in_place_goes_on():
    told = stood([*car(0, 40), seen(40, {}, ended=(1,)), *car(40.2, 80, track=2, shake=0.03)])
    assert told[79.0] == pytest.approx(79, abs=1)


def glimpsed(begin, end, x=HERE, every=7):
    """A box at one place that is sure, and so confirmed, in two of so many looks."""
    for tracks in car(begin, end, x=x):
        sure = round(tracks.at.seconds * 5) % every < 2
        yield dataclasses.replace(tracks, confirmed=np.full(1, sure))


def test_box_that_was_always_there_and_is_rarely_sure_is_no_vehicle():
    assert max(stood(glimpsed(0, 600)).values()) == 0


def test_car_that_came_stands_though_it_is_rarely_sure():
    told = stood([*car(0, 4, x=-0.2, speed=0.05), *glimpsed(4, 100)])
    assert max(told.values()) == pytest.approx(95, abs=3)


def test_none_seen_is_none_standing():
    assert stood([*car(0, 40), seen(40, {})])[40] == 0


def test_longest_of_several_is_told():
    first, second = list(car(0, 20)), list(car(0, 20, track=2, x=0.2))
    both = [seen(20 + i / 5, {1: first[0].boxes[0], 2: second[0].boxes[0]}, kind="car") for i in range(50)]
    assert list(stood([*first, *both]).values())[-1] == pytest.approx(30, abs=1)


def test_memory_of_tracks_is_bounded():
    stops = Stops([ZONE])
    for i in range(3000):
        stops.update(seen(i / 5, {i: CAR + (i % 7) * 0.01}, kind="car", ended=(i - 1,)))
    assert len(stops._places) < 150


@pytest.mark.parametrize("make", [true_tracks, noisy_tracks])
@pytest.mark.parametrize("rate", [3.0, 5.0])
def test_stopped_car_of_a_scene(make, rate):
    scene = SCENES["stopped vehicle"](1)
    true, until = max((end - begin, end) for trip in scene.truth.trips for begin, end in trip.stopped)
    told = stood(make(scene, Pace(rate=rate)), zones=[Zone(id="z", points=WHOLE, vehicles=True)])
    assert max(told.values()) == pytest.approx(true, abs=6)
    assert max(told, key=told.get) == pytest.approx(until, abs=4)


def test_car_that_came_over_the_edge_and_is_only_weakly_seen_stands_on():
    """A car half out of the picture stops: it moves little, is sure for some seconds, and then only weak."""
    zone = Zone(id="z", points=WHOLE, vehicles=True)
    weak = np.zeros(1, np.bool_)
    comes = dataclasses.replace(seen(0, {1: [0.72, 0.74, 1, 1]}, kind="car"), confirmed=weak)
    there = [seen(0.2 + i / 5, {1: [0.686, 0.53, 0.96, 0.95]}, kind="car") for i in range(300)]
    faint = [
        each if i < 25 or 120 <= i < 140 else dataclasses.replace(each, confirmed=weak) for i, each in enumerate(there)
    ]
    assert list(stood([comes, *faint], [zone]).values())[-1] == pytest.approx(60, abs=1)
    assert max(stood(faint, [zone]).values()) < 10, "what was always there and is rarely sure is no vehicle"


def test_weak_sight_begins_no_standing():
    weak = [dataclasses.replace(each, confirmed=np.zeros(1, np.bool_)) for each in car(2, 60)]
    assert max(stood([*car(0, 2, x=-0.2, speed=0.1), *weak]).values()) == 0


def test_car_whose_box_is_off_for_a_moment_stands_on():
    half = seen(40, {1: CAR + np.array([0.05, 0.04, 0.05, 0.04])}, kind="car")
    told = stood([*car(0, 40), half, *car(40.2, 60)])
    assert list(told.values())[-1] == pytest.approx(60, abs=1)


def test_car_stands_on_though_the_camera_is_nudged_or_the_light_drifts():
    """By a quarter of its size after an hour, and by one and a half in that hour."""
    nudged = [seen(k / 2, {1: moved(0.0 if k < 7200 else 0.025)}, kind="car") for k in range(7400)]
    assert list(stood(nudged).values())[-1] == pytest.approx(3699, abs=1)
    drifts = [seen(k / 2, {1: moved(0.15 * k / 7200)}, kind="car") for k in range(7200)]
    assert list(stood(drifts).values())[-1] == pytest.approx(3599, abs=1)


def test_weak_sight_elsewhere_is_no_standing():
    weak = [dataclasses.replace(each, confirmed=np.zeros(1, np.bool_)) for each in car(20, 40, x=0.2)]
    assert max(seconds for t, seconds in stood([*car(0, 20), *weak]).items() if t > 20.5) == 0


def test_truck_that_drives_off_does_not_take_its_place_into_the_zone():
    """It stood just before it; as it drives away its upper edge moves little."""
    truck = np.array([0.3, 0.35, 0.7, 0.83])
    stands = [seen(i / 5, {1: truck}, kind="truck") for i in range(250)]
    goes = [seen(50 + i / 5, {1: truck - np.array([0, 0, 0.01, 0.02]) * i}, kind="truck") for i in range(15)]
    assert max(stood([*stands, *goes]).values()) == 0
