"""How long the longest-standing vehicle of a zone has stood there."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tracks_ import SCENES, WHOLE, Pace, noisy_tracks, seen, true_tracks

from edge.config.rules import Zone
from edge.measurements.stops import Stops

ZONE = Zone(id="z", points=((0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8)), vehicles=True)
CAR = np.array([0.45, 0.4, 0.55, 0.5])
HERE, THERE = 0.0, 0.3


def stood(pictures, zones=(ZONE,)):
    """Seconds told at each time."""
    stops = Stops(zones)
    return {tracks.at.seconds: stops.update(tracks)["z"] for tracks in pictures}


def car(begin, end, *, track=1, x=HERE, speed=0.0, shake=0.0, rate=5.0, **how):
    """Pictures of one car."""
    random = np.random.default_rng(4)
    for i in range(int((end - begin) * rate)):
        move = x + speed * i / rate
        box = CAR + np.array([move, 0, move, 0]) + random.normal(0, shake * 0.1, 4)
        yield seen(begin + i / rate, {track: box}, kind=how.get("kind", "car"))


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


def test_one_hidden_by_a_bus_goes_on_but_after_long_it_is_another():
    def told(until):
        hidden = [seen(40 + i / 5, {}, ended=(1,) if i == 10 else ()) for i in range(int((until - 40) * 5))]
        return stood([*car(0, 40), *hidden, *car(until, 90, track=2)])

    assert told(55)[89.0] == pytest.approx(89, abs=1)
    assert told(70)[89.0] == pytest.approx(19, abs=1)


def test_other_vehicle_beside_it_does_not_inherit():
    told = stood([*car(0, 40), seen(40, {}, ended=(1,)), *car(40.2, 60, track=2, x=0.12)])
    assert told[59.0] == pytest.approx(19, abs=1)


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


def leaps(until, *, born):
    """A car that stood 40 s, whose track goes on with a bus; from `until` on its place has the track `born`."""
    on = [seen(40 + i / 5, {1: CAR + np.array([0.1 + i * 0.03, 0, 0.1 + i * 0.03, 0])}, kind="car") for i in range(5)]
    return stood([*car(0, 40), *on, *car(until, until + 40, track=born)])


def test_car_whose_track_leapt_to_a_bus_is_the_one_that_begins_in_its_place():
    assert list(leaps(41.2, born=2).values())[-1] == pytest.approx(81, abs=1)
    assert list(leaps(46, born=2).values())[-1] == pytest.approx(40, abs=1)


def test_one_that_follows_into_the_place_of_one_that_drove_off_has_not_stood_there():
    second = CAR + np.array([-0.12, 0, -0.12, 0])
    both = [seen(i / 5, {1: CAR, 2: second}, kind="car") for i in range(200)]
    drives = [
        seen(
            40 + i / 5, {1: CAR + np.array([i, 0, i, 0]) * 0.03, 2: second + np.array([i, 0, i, 0]) * 0.03}, kind="car"
        )
        for i in range(5)
    ]
    told = stood([*both, *drives, *car(41, 60, track=2)])
    assert list(told.values())[-1] == pytest.approx(19, abs=1)


def test_car_whose_box_is_off_for_a_moment_stands_on():
    half = seen(40, {1: CAR + np.array([0.05, 0.04, 0.05, 0.04])}, kind="car")
    told = stood([*car(0, 40), half, *car(40.2, 60)])
    assert list(told.values())[-1] == pytest.approx(60, abs=1)


def moved(way, slant=0.0):
    return CAR + np.array([way, slant, way, slant])


def test_cars_that_follow_each_other_through_the_place_of_one_that_stood_do_not_stand():
    """Each begins where the one before it has just left."""
    pictures, ways = [*car(0, 1, x=-0.2, speed=0.2), *car(1, 6)], {1: 0.0}
    for k in range(1, 600):
        ways = {track: way + 0.04 for track, way in ways.items() if way < 0.36}
        if k % 12 == 0:
            ways[1 + k // 12] = 0.0
        gone = [track for track in range(1, 1 + k // 12) if track not in ways]
        boxes = {track: moved(way) for track, way in ways.items()}
        pictures.append(seen(5.8 + k / 5, boxes, kind="car", ended=gone))
    assert max(stood(pictures).values()) < 10


def test_second_box_on_one_that_stands_takes_nothing_from_it():
    """Not even where its track had leapt away and come back."""
    leap = [seen(40 + i / 5, {1: moved(0.2)}, kind="car") for i in range(4)]
    second = [seen(80 + i / 5, {1: CAR, 2: moved(0.025, 0.01)}, kind="car") for i in range(5)]
    told = stood([*car(0, 40), *leap, *car(40.8, 80), *second, *car(81, 90)])
    assert list(told.values())[-1] == pytest.approx(89.8, abs=1)


def test_one_that_passes_the_place_of_a_hidden_car_does_not_end_it():
    passes = [seen(60 + i / 5, {2: moved(way)}, kind="car") for i, way in enumerate((0.035, 0.09, 0.2))]
    told = stood([*car(0, 60), *passes, *car(60.6, 70)])
    assert list(told.values())[-1] == pytest.approx(69.8, abs=1)


def test_weak_sight_elsewhere_is_no_standing():
    weak = [dataclasses.replace(each, confirmed=np.zeros(1, np.bool_)) for each in car(20, 40, x=0.2)]
    assert max(seconds for t, seconds in stood([*car(0, 20), *weak]).items() if t > 20.5) == 0


def came(end):
    """Pictures of a car that came, and stands from the fourth second on."""
    return [*car(0, 4, x=-0.2, speed=0.05), *car(4, end)]


def weakly(pictures, *tracks):
    """The same, but of these tracks only weak sights."""
    return [dataclasses.replace(each, confirmed=~np.isin(each.ids, tracks)) for each in pictures]


def away(begin, end):
    """Track 1 goes off with another vehicle; the box in its place is track 2 now."""
    return [
        seen(begin + i / 5, {2: CAR} | ({1: moved(0.2 + 0.03 * i)} if i < 5 else {}), kind="car")
        for i in range(round((end - begin) * 5))
    ]


def test_car_goes_on_under_the_weak_track_that_begins_where_its_own_leapt_away():
    told = stood([*came(40), *weakly(away(40.4, 80), 2)])
    assert told[79.8] == pytest.approx(76, abs=1)


def test_two_tracks_that_change_places_go_on_as_those_who_stood_there():
    both = [seen(i / 5, {1: CAR, 2: moved(0.2)}, kind="car") for i in range(200)]
    changed = [seen(40 + i / 5, {1: moved(0.2), 2: CAR}, kind="car") for i in range(50)]
    gone = [seen(50 + i / 5, {2: CAR}, kind="car") for i in range(50)]
    told = stood([*both, *changed, *gone])
    assert told[49.8] == told[59.8] - 10 == pytest.approx(49.8, abs=0.5)


def test_car_whose_weak_sight_another_track_takes_for_a_moment_stands_on():
    told = stood([*came(20), *weakly(car(20, 40), 1), *away(40, 40.2), *weakly(car(40.2, 60), 1)])
    assert list(told.values())[-1] == pytest.approx(56, abs=1)


def test_truck_that_drives_off_does_not_take_its_place_into_the_zone():
    """It stood just before it; as it drives away its upper edge moves little."""
    truck = np.array([0.3, 0.35, 0.7, 0.83])
    stands = [seen(i / 5, {1: truck}, kind="truck") for i in range(250)]
    goes = [seen(50 + i / 5, {1: truck - np.array([0, 0, 0.01, 0.02]) * i}, kind="truck") for i in range(15)]
    assert max(stood([*stands, *goes]).values()) == 0


FRONT = {9: np.array([0.35, 0.42, 0.65, 0.9])}
"""A truck that hides the car, and stands outside the zone itself."""


def test_car_hidden_by_a_truck_that_waits_behind_it_stands_as_long():
    comes = [seen(20 + i / 5, {1: CAR, 9: FRONT[9] + 0.1 - 0.02 * i}, kind="truck") for i in range(6)]
    waits = [seen(21.2 + i / 5, FRONT, kind="truck", ended=(1,) if i == 10 else ()) for i in range(194)]
    drives = [seen(60 + i / 5, {9: FRONT[9] - 0.03 * i}, kind="truck") for i in range(1, 10)]
    told = stood([*came(20), *comes, *waits, *drives])
    assert list(told.values())[-10] == pytest.approx(56, abs=1)
    assert max(seconds for t, seconds in told.items() if t > 61.5) == 0


def test_car_that_drives_off_behind_a_parked_truck_does_not_stand_on():
    alone = [seen(i / 5, FRONT, kind="truck") for i in range(50)]
    both = [seen(10 + i / 5, {1: CAR} | FRONT, kind="truck") for i in range(100)]
    after = [seen(30 + i / 5, FRONT, kind="truck", ended=(1,) if i == 10 else ()) for i in range(150)]
    assert max(seconds for t, seconds in stood([*alone, *both, *after]).items() if t >= 30) == 0
