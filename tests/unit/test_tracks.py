"""One object is one track, at any rate and over gaps, and all tracks end."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tracker_ import ASPECT, CAR, car, follow, ids_of, motorcycle, seen, times

from edge.tracks.motion import Motion, Noise
from edge.tracks.tracker import Tracker, TrackerSettings

IRREGULAR = np.cumsum([0.0, 0.12, 0.2, 0.45, 0.13, 0.3, 0.12, 0.6, 0.2, 0.15, 0.33, 0.5, 0.2, 0.15])


@pytest.mark.parametrize(
    "moments", [times(3), times(5), times(8), times(30), IRREGULAR], ids=["3", "5", "8", "30", "gaps"]
)
def test_one_motion_is_one_track_at_any_rate(moments):
    """A car at 2.5 of its lengths a second, and one that comes towards the camera: 1/height falls evenly with time."""
    scale = 1 / (1 - 0.17 * moments)
    frames = [
        seen(t, car(0.02 + 0.2 * t, 0.8), (0.3 + 0.1 * k, 0.1 + 0.09 * k, 0.05 * k, 0.07 * k, 0.9, CAR))
        for t, k in zip(moments, scale, strict=True)
    ]
    results = follow(frames)
    assert ids_of(results) == {1, 2}
    assert all(len(tracks) == 2 for tracks in results)
    assert all(tracks.confirmed.all() for tracks in results[1:])


@pytest.mark.parametrize("rate", [5, 8])
def test_fast_motorcycles_in_a_column_keep_their_ids(rate):
    """Five in a row, 0.12 picture heights apart, each moving 2 of its own lengths between pictures at 5 a second."""
    speed = 0.4 / ASPECT
    frames = [
        seen(t, *(motorcycle(0.05 + 0.12 * k + speed * t, 0.3 + 0.1 * k) for k in range(5))) for t in times(rate, 1.5)
    ]
    results = follow(frames)
    assert ids_of(results) == {1, 2, 3, 4, 5}
    assert all(list(tracks.ids) == [1, 2, 3, 4, 5] for tracks in results)


@pytest.mark.parametrize("rate", [4, 8])
def test_crossing_objects_keep_their_ids(rate):
    """Two cars pass through one another: for the pictures around the meeting their boxes overlap."""
    frames = [seen(t, car(0.1 + 0.2 * t, 0.5), car(0.9 - 0.2 * t, 0.52)) for t in times(rate, 4)]
    results = follow(frames)
    last = results[-1]
    assert ids_of(results) == {1, 2}
    assert last.boxes[list(last.ids).index(1), 0] > last.boxes[list(last.ids).index(2), 0]


def test_track_goes_on_behind_an_occlusion():
    frames = [seen(t, *([] if 1.0 < t < 2.0 else [car(0.1 + 0.15 * t)])) for t in times(5)]
    results = follow(frames)
    assert ids_of(results) == {1}
    assert [len(tracks) for tracks in results].count(0) == sum(1.0 < t < 2.0 for t in times(5))


def test_ended_names_each_track_once():
    frames = [
        seen(t, *([car(0.1 + 0.1 * t)] if t < 1 else []), *([car(0.5, 0.9)] if t > 3 else [])) for t in times(5, 9)
    ]
    results = follow([*frames, seen(60.0)])
    ended = [i for tracks in results for i in tracks.ended]
    assert ended == [1, 2]
    first = next(tracks.at.seconds for tracks in results if 1 in tracks.ended)
    assert TrackerSettings().lost_seconds < first - 0.8 <= TrackerSettings().lost_seconds + 0.21


def test_long_gap_ends_all_tracks():
    tracker = Tracker()
    for t in times(5, 1):
        tracker.update(seen(t, car(0.3), car(0.7)))
    after = tracker.update(seen(0.8 + TrackerSettings().gap_seconds + 0.01, car(0.3), car(0.7)))
    assert after.ended == (1, 2)
    assert list(after.ids) == [3, 4]
    assert not after.confirmed.any()


def test_gap_just_short_of_the_limit_is_bridged():
    tracker = Tracker()
    for t in times(5, 2):
        tracker.update(seen(t, car(0.1 + 0.1 * t)))
    after = tracker.update(seen(1.8 + 1.9, car(0.1 + 0.1 * 3.7)))
    assert list(after.ids) == [1]


@pytest.mark.parametrize("later", [0.0, -0.5])
def test_picture_that_is_no_later_changes_nothing(later):
    tracker, other = Tracker(), Tracker()
    for t in times(5, 1):
        tracker.update(seen(t, car(0.1 + 0.2 * t)))
        other.update(seen(t, car(0.1 + 0.2 * t)))
    stale = tracker.update(seen(0.8 + later, car(0.9), car(0.2)))
    assert len(stale) == 0
    assert stale.ended == ()
    assert_same(tracker.update(seen(1.0, car(0.3))), other.update(seen(1.0, car(0.3))))


def assert_same(one, two):
    for name in ("ids", "boxes", "classes", "confirmed"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    assert one.ended == two.ended


def random_frames(count, objects, seed=3):
    random = np.random.default_rng(seed)
    place, speed = random.uniform(0.1, 0.9, (objects, 2)), random.normal(0, 0.05, (objects, 2))
    for index in range(count):
        at = index / 5
        here = place + speed * at + random.normal(0, 0.003, (objects, 2))
        kept = random.random(objects) < 0.8
        kinds, scores = random.integers(0, 6, objects), random.uniform(0.1, 1, objects)
        yield seen(
            at, *((x, y, 0.02, 0.06, s, k) for (x, y), s, k in zip(here[kept], scores[kept], kinds[kept], strict=True))
        )


def test_same_detections_give_the_same_tracks():
    for one, two in zip(follow(random_frames(60, 40)), follow(random_frames(60, 40)), strict=True):
        assert_same(one, two)


def test_invariants_on_a_crowd():
    """Ids in order and used once, boxes as detected, nothing after its end, everything ends."""
    frames = list(random_frames(100, 60))
    gone, known = set(), set()
    tracker = Tracker()
    for frame in frames:
        tracks = tracker.update(frame)
        ids = [int(i) for i in tracks.ids]
        assert ids == sorted(set(ids))
        assert not gone & set(ids)
        assert len({tuple(box) for box in tracks.boxes}) == len(tracks)
        assert {tuple(box) for box in tracks.boxes} <= {tuple(box) for box in frame.boxes}
        assert not gone & set(tracks.ended)
        gone |= set(tracks.ended)
        known |= set(ids)
    gone |= set(tracker.update(seen(1000.0)).ended)
    assert gone == known


def test_empty_pictures_are_no_trouble():
    results = follow([seen(t) for t in times(5)])
    assert all(len(tracks) == 0 and tracks.ended == () and tracks.boxes.shape == (0, 4) for tracks in results)


def test_tracks_are_bounded_in_number():
    settings = replace(TrackerSettings(), most=10)
    results = follow(random_frames(20, 40), settings)
    assert max(len(tracks) for tracks in results) == 10


def test_flat_boxes_at_the_edge_are_no_trouble():
    frames = [seen(t, (1.0, 0.5, 0.0, 0.1, 0.9, CAR), (0.5, 1.0, 0.1, 0.0, 0.9, CAR)) for t in times(5)]
    results = follow(frames)
    assert ids_of(results) == {1, 2}
    assert all(np.isfinite(tracks.boxes).all() for tracks in results)


@pytest.mark.parametrize(
    ("sides", "scale"),
    [((0.2, 0.0), 1.0), ((0.2, -0.02), 1.0), ((0.2, 0.1), 1 / 0.8), ((0.04, 0), 1 / 0.96), ((0.3, 0.3), 1 / 0.75)],
)
def test_great_growth_is_believed_as_far_as_both_sides_agree(sides, scale):
    """Who comes into the picture grows in breadth alone: that is no approach, and it does not speed up."""
    box, nothing = np.array([[0.5, 0.5, 0.1, 0.1]]), np.zeros((1, 4))
    velocity = np.array([[0.2, 0.0, *sides]])
    later = Motion(box, velocity, nothing, nothing, nothing).predicted(0.2, Noise())
    assert later.velocity[0, 0] == pytest.approx(0.2 * scale**2)
    assert later.box[0, 0] == pytest.approx(0.5 + 0.04 * scale)


def test_what_grows_while_unseen_stays_finite():
    """A car driving into the camera and then hidden: growth in perspective must not run away."""
    growing = [seen(t, (0.5, 0.5, 0.05 / (1 - 0.9 * t), 0.07 / (1 - 0.9 * t), 0.9, CAR)) for t in times(8, 1)]
    hidden = [seen(1 + t) for t in times(30, 1.8)]
    with np.errstate(all="raise"):
        results = follow([*growing, *hidden, seen(2.9, car(0.5))])
    assert np.isfinite(results[-1].boxes).all()
