"""Of which class a track is, and what the classes of its detections decide."""

from __future__ import annotations

from tracker_ import CAR, MOTORCYCLE, PEDESTRIAN, TRUCK, car, follow, ids_of, seen, times

from edge.tracks.tracker import Tracker


def test_class_is_the_vote_weighted_by_score():
    kinds = [(TRUCK, 0.5), (CAR, 0.6), (CAR, 0.6), (TRUCK, 0.55), (CAR, 0.9), (TRUCK, 0.5)]
    results = follow([seen(t, car(0.1 + 0.1 * t, score=s, kind=k)) for t, (k, s) in zip(times(5), kinds, strict=False)])
    assert ids_of(results) == {1}
    assert [int(tracks.classes[0]) for tracks in results] == [TRUCK, CAR, CAR, CAR, CAR, CAR]


def test_walker_taken_for_a_motorcycle_once_stays_one_track():
    kinds = [PEDESTRIAN, PEDESTRIAN, MOTORCYCLE, PEDESTRIAN, PEDESTRIAN]
    frames = [seen(t, (0.3 + 0.02 * t, 0.5, 0.03, 0.12, 0.8, k)) for t, k in zip(times(5), kinds, strict=False)]
    results = follow(frames)
    assert ids_of(results) == {1}
    assert all(int(tracks.classes[0]) == PEDESTRIAN for tracks in results)


def test_class_decides_between_places_equally_near():
    tracker = Tracker()
    for t in times(5, 1):
        tracker.update(seen(t, (0.50, 0.5, 0.03, 0.1, 0.8, PEDESTRIAN), (0.53, 0.5, 0.03, 0.1, 0.8, MOTORCYCLE)))
    after = tracker.update(seen(1.0, (0.515, 0.5, 0.03, 0.1, 0.8, MOTORCYCLE)))
    assert list(after.ids) == [2]


def test_second_box_of_one_object_starts_no_track():
    frames = [seen(t, car(0.1 + 0.1 * t), car(0.103 + 0.1 * t, score=0.7, kind=TRUCK)) for t in times(5)]
    assert ids_of(follow(frames)) == {1}
