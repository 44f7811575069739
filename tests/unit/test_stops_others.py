"""One that stands among others: its track leaps to them, they take its place, they hide it."""

from __future__ import annotations

import numpy as np
import pytest
from stops_ import CAR, came, car, moved, stood, weakly
from tracks_ import seen


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


@pytest.mark.parametrize("lasts", [1, 2, 4])
@pytest.mark.parametrize("sure", [True, False])
def test_second_box_that_shakes_for_seconds_ends_no_standing(sure, lasts):
    for seed in range(20):
        rng = np.random.default_rng(seed)
        pictures = []
        for i in range(500):
            boxes = {1: CAR} | ({2: CAR} if 200 <= i < 200 + 5 * lasts else {})
            shaken = {track: box + rng.normal(0, 0.03, 4) * 0.1 for track, box in boxes.items()}
            pictures.append(seen(i / 5, shaken, kind="car", ended=(2,) if i == 215 + 5 * lasts else ()))
        told = stood(pictures if sure else weakly(pictures, 2))
        assert list(told.values())[-1] == pytest.approx(99.8, abs=1)


def test_one_that_passes_the_place_of_a_hidden_car_does_not_end_it():
    passes = [seen(60 + i / 5, {2: moved(way)}, kind="car") for i, way in enumerate((0.035, 0.09, 0.2))]
    told = stood([*car(0, 60), *passes, *car(60.6, 70)])
    assert list(told.values())[-1] == pytest.approx(69.8, abs=1)


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


def test_one_hidden_by_a_bus_goes_on_but_after_long_it_is_another():
    def told(until):
        hidden = [seen(40 + i / 5, {}, ended=(1,) if i == 10 else ()) for i in range(int((until - 40) * 5))]
        return stood([*car(0, 40), *hidden, *car(until, 90, track=2)])

    assert told(55)[89.0] == pytest.approx(89, abs=1)
    assert told(70)[89.0] == pytest.approx(19, abs=1)


def test_other_vehicle_beside_it_does_not_inherit():
    told = stood([*car(0, 40), seen(40, {}, ended=(1,)), *car(40.2, 60, track=2, x=0.12)])
    assert told[59.0] == pytest.approx(19, abs=1)


FRONT = {9: np.array([0.35, 0.42, 0.65, 0.9])}
"""A truck that hides the car, and stands outside the zone itself."""


def hidden(until):
    """A car that came, and stands; at 20 s a truck comes behind it, which hides it and drives off at `until`."""
    comes = [seen(20 + i / 5, {1: CAR, 9: FRONT[9] + 0.1 - 0.02 * i}, kind="truck") for i in range(6)]
    waits = [
        seen(21.2 + i / 5, FRONT, kind="truck", ended=(1,) if i == 10 else ()) for i in range(round((until - 21.2) * 5))
    ]
    drives = [seen(until + i / 5, {9: FRONT[9] - 0.03 * i}, kind="truck") for i in range(1, 10)]
    return stood([*came(20), *comes, *waits, *drives])


def test_car_hidden_by_a_truck_that_waits_behind_it_stands_as_long():
    told = hidden(until=50)
    assert list(told.values())[-10] == pytest.approx(46, abs=1)
    assert max(seconds for t, seconds in told.items() if t > 51.5) == 0


def test_car_hidden_for_much_longer_than_it_was_seen_is_told_no_more():
    """It may have driven off behind the truck."""
    told = hidden(until=300)
    assert max(told.values()) == pytest.approx(3 * 17, abs=2)
    assert max(seconds for t, seconds in told.items() if t > 60) == 0


def test_car_that_drives_off_behind_two_lanes_that_creep_past_does_not_stand_on():
    """Trucks nearer than the car, nose to tail, cut by the picture's edge as they come and go."""
    pictures = [*came(9)]
    for i in range(600):
        lanes = {
            100 * lane + k: np.clip([left, 0.38, left + 0.3, 0.6 + 0.12 * lane], 0, 1)
            for lane, speed in ((1, 0.03), (2, 0.04))
            for k, left in enumerate(0.3 - 0.34 * np.arange(60) + speed * i / 5)
            if -0.3 < left < 1
        }
        pictures.append(seen(9 + i / 5, lanes, kind="truck", ended=(1,) if i == 10 else ()))
    assert max(stood(pictures).values()) < 30


def test_car_that_drives_off_behind_a_parked_truck_does_not_stand_on():
    alone = [seen(i / 5, FRONT, kind="truck") for i in range(50)]
    both = [seen(10 + i / 5, {1: CAR} | FRONT, kind="truck") for i in range(100)]
    after = [seen(30 + i / 5, FRONT, kind="truck", ended=(1,) if i == 10 else ()) for i in range(150)]
    assert max(seconds for t, seconds in stood([*alone, *both, *after]).items() if t >= 30) == 0
