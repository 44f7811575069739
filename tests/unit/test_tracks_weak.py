"""What is seen weakly: when it goes on with a track, when it is somebody, and when it is nobody."""

from __future__ import annotations

import numpy as np
import pytest
from tracker_ import CAR, KNOWN, PEDESTRIAN, car, confirmed_in, follow, ids_of, motorcycle, seen, times

from edge.tracks.tracker import TrackerSettings


def test_flicker_in_one_picture_is_never_confirmed():
    random = np.random.default_rng(7)
    frames = []
    for index, t in enumerate(times(5, 20)):
        flicker = [car(random.uniform(0.1, 0.9), random.uniform(0.55, 0.95))] if index % 4 == 0 else []
        frames.append(seen(t, car(0.01 + 0.04 * t, 0.2), *flicker))
    results = follow(frames)
    assert {int(i) for tracks in results for i in tracks.ids[tracks.confirmed]} == {1}
    assert len(ids_of(results)) > 20


def test_weak_detections_continue_a_track_but_confirm_none_that_stands():
    scores = [0.9, 0.9, 0.3, 0.2, 0.3, 0.9]
    frames = [
        seen(t, car(0.1 + 0.1 * t, score=s), car(0.8, 0.9, score=0.3)) for t, s in zip(times(5), scores, strict=False)
    ]
    results = follow(frames)
    assert confirmed_in(results) == {1}
    assert [1 in tracks.ids for tracks in results] == [True] * 6


@pytest.mark.parametrize("rate", [5, 8])
def test_motorcycle_that_is_seen_weakly_where_others_passed_is_confirmed(rate):
    """Twenty that are seen surely, one after the other, then one that never is."""
    frames = [
        seen(t, *([motorcycle(0.1 + 0.15 * (t % 5), score=0.9 if t < 100 else 0.3)] if t % 5 < 4 else []))
        for t in times(rate, 105)
    ]
    results = follow(frames, KNOWN)
    assert confirmed_in([tracks for tracks in results if tracks.at.seconds >= 100])
    assert not confirmed_in(follow([f for f in frames if f.at.seconds >= 100], KNOWN))


def test_what_is_seen_weakly_and_shivers_at_its_place_is_never_confirmed():
    random = np.random.default_rng(11)
    places = 0.5 + random.normal(0, 0.001, (100, 2))
    results = follow([seen(k / 5, motorcycle(*place, score=0.3)) for k, place in enumerate(places)])
    assert confirmed_in(results) == set()


def test_faint_track_takes_nothing_from_a_sure_one():
    """A shadow beside a car, weak in every picture: the car's detections stay the car's."""
    results = follow([seen(t, car(0.1 + 0.1 * t), car(0.16 + 0.1 * t, 0.55, score=0.2)) for t in times(5)])
    assert all(int(tracks.ids[0]) == 1 and tracks.boxes[0, 3] == np.float32(0.55) for tracks in results)


def test_thing_once_taken_for_somebody_is_not_followed_for_ever():
    """A traffic cone that the net calls a person surely twice, and then weakly in every picture."""
    scores = [0.7, 0.7] + [0.2] * 40
    results = follow([seen(t, car(0.3, score=s)) for t, s in zip(np.arange(42) / 5, scores, strict=True)])
    held = [float(tracks.at.seconds) for tracks in results if tracks.confirmed.any()]
    assert held[-1] <= 0.2 + TrackerSettings().doubted_seconds + 0.21
    assert confirmed_in(results) == {1}


def test_vehicle_that_drove_up_and_stands_is_kept_though_it_is_seen_weakly():
    """A car that stops behind another is half hidden for as long as it stands."""
    way = [car(0.1 + 0.03 * k) for k in range(12)]
    results = follow([seen(k / 5, o) for k, o in enumerate([*way, *[car(0.44, score=0.25)] * 60, car(0.44)])])
    assert ids_of(results) == {1}
    assert all(len(tracks) for tracks in results)


def test_weak_sight_between_sure_ones_keeps_the_track():
    scores = ([0.7] + [0.2] * 5) * 6
    results = follow([seen(t, car(0.3, score=s)) for t, s in zip(np.arange(36) / 5, scores, strict=True)])
    assert ids_of(results) == {1}
    assert len(results[-1]) == 1


def test_people_seen_weakly_whom_no_track_takes_are_told():
    def walker(x, score, kind=PEDESTRIAN):
        return (x, 0.5, 0.03, 0.1, score, kind)

    scores = [0.9, 0.9, 0.4, 0.9]
    frames = [
        seen(t, walker(0.2, score), walker(0.5, 0.4), walker(0.7, 0.25), walker(0.9, 0.4, CAR))
        for t, score in zip(times(5), scores, strict=False)
    ]
    results = follow(frames)
    for tracks, frame in zip(results, frames, strict=False):
        assert 1 in tracks.ids
        assert tracks.unsure.tolist() == [frame.boxes[1].tolist()]
