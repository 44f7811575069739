"""Vehicles that wait or crawl are hidden by those before them: weak sights for minutes, and one track all the same."""

from __future__ import annotations

import numpy as np
import pytest
from tracker_ import KNOWN, MOTORCYCLE, PEDESTRIAN, car, confirmed_in, follow, ids_of, motorcycle, seen, times

from edge.tracks.tracker import TrackerSettings


def in_turn(objects, *, rate=5, begin=0.0):
    """One picture for each of these, None for none."""
    return [seen(begin + k / rate, *([each] if each else [])) for k, each in enumerate(objects)]


def test_vehicle_that_crawls_in_a_queue_is_kept_though_it_is_seen_weakly():
    """It drives up and then goes on by its own size in ten seconds, again and again: neither standing nor moving."""
    way = [car(0.1 + 0.03 * k) for k in range(12)]
    crawl = [car(0.44 + 0.0015 * k, score=0.25) for k in range(150)]
    results = follow(in_turn([*way, *crawl]))
    assert ids_of(results) == {1}
    assert all(tracks.confirmed.all() for tracks in results[1:])


def test_vehicle_that_waits_weakly_from_the_first_picture_is_one_track_when_it_drives_off():
    waits = [car(0.3, score=0.35)] * 100
    drives = [car(0.3 + 0.03 * k, score=0.6) for k in range(10)]
    results = follow(in_turn([*waits, *drives]))
    assert ids_of(results) == {1}
    assert confirmed_in(results[:100]) == set()
    assert results[100].confirmed.all()


def test_weak_sight_of_nobody_that_does_not_come_again_begins_no_track():
    random = np.random.default_rng(5)
    flashes = [car(*random.uniform(0.1, 0.9, 2), score=0.35) for _ in range(100)]
    assert ids_of(follow(in_turn(flashes))) == set()
    assert ids_of(follow(in_turn([car(0.3, score=0.35), None, car(0.3, score=0.35)]))) == set()


def test_person_that_is_seen_weakly_twice_begins_no_track():
    person = (0.3, 0.5, 0.03, 0.12, 0.4, PEDESTRIAN)
    rider = (0.3, 0.5, 0.03, 0.12, 0.4, MOTORCYCLE)
    assert ids_of(follow(in_turn([person] * 20))) == set()
    assert ids_of(follow(in_turn([rider, person, person]))) == set()


def test_vehicle_once_seen_surely_that_went_nowhere_is_faint_until_it_is_sure_again():
    """A traffic cone, or a car that came into sight in the queue: which of them, is known when it drives off."""
    sure, weak = [car(0.3, score=0.7)] * 2, [car(0.3, score=0.25)] * 20
    results = follow(in_turn([*sure, *weak, *[car(0.3 + 0.03 * k) for k in range(8)]]))
    assert ids_of(results) == {1}
    assert [bool(tracks.confirmed[0]) for tracks in results] == [False] + [True] * 8 + [False] * 13 + [True] * 8


def test_faint_vehicle_ends_when_it_was_not_sure_for_long():
    seconds = TrackerSettings().standing_seconds
    results = follow(in_turn([car(0.3, score=0.25)] * int(5 * seconds + 12)))
    ended = [(i, float(tracks.at.seconds)) for tracks in results for i in tracks.ended]
    assert ended == [(1, pytest.approx(0.2 + seconds, abs=0.21))]


def test_faint_vehicle_may_be_unseen_for_a_few_pictures():
    gaps = ([car(0.3, score=0.25)] * 4 + [None] * 3) * 5
    assert ids_of(follow(in_turn(gaps))) == {1}


@pytest.mark.parametrize("rate", [5, 8])
def test_vehicle_that_stands_weakly_where_others_drive_fast_is_one_track(rate):
    """Twenty pass, so the next one is looked for where they went; this one was there, half hidden, and stands."""
    frames = [seen(t, *([motorcycle(0.1 + 0.15 * (t % 5))] if t % 5 < 4 else [])) for t in times(rate, 100)] + in_turn(
        [motorcycle(0.4, score=0.3), None, *[motorcycle(0.4, score=0.3)] * 20], rate=rate, begin=102.0
    )
    last = [tracks for tracks in follow(frames) if tracks.at.seconds >= 101]
    assert len(ids_of(last)) == 1


@pytest.mark.parametrize("share", [0.6, 1.0, 1.4])
def test_vehicle_that_is_seen_weakly_is_one_track_though_those_before_it_drove_at_other_speeds(share):
    """Thirty pass, of which each drives at its own speed, then one that is never sure."""
    random = np.random.default_rng(2)
    speeds = [*(0.15 * random.uniform(0.5, 1.5, 30)), 0.15 * share]
    frames = [
        seen(
            t, *([motorcycle(0.1 + speeds[int(t // 5)] * (t % 5), score=0.9 if t < 150 else 0.3)] if t % 5 < 4 else [])
        )
        for t in times(5, 155)
    ]
    assert len(ids_of([tracks for tracks in follow(frames, KNOWN) if tracks.at.seconds >= 150])) == 1
