from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge.dataflow import CLASSES, Detections, Instant
from edge.tracks.habits import Habits, Learning
from edge.tracks.motion import Motion, Noise
from edge.tracks.tracker import Tracker, TrackerSettings

ASPECT = 16 / 9
PEDESTRIAN, BICYCLE, MOTORCYCLE, CAR, BUS, TRUCK = range(len(CLASSES))


def seen(at, *objects):
    """Detections from (centre x, centre y, width, height, score, class), all in fractions."""
    rows = np.array([o[:5] for o in objects], dtype=np.float64).reshape(-1, 5)
    boxes = np.hstack([rows[:, :2] - rows[:, 2:4] / 2, rows[:, :2] + rows[:, 2:4] / 2])
    classes = np.array([o[5] for o in objects], dtype=np.int8)
    return Detections(Instant(at, 1e9 + at), ASPECT, boxes.astype(np.float32), rows[:, 4].astype(np.float32), classes)


def car(x, y=0.5, score=0.9, kind=CAR):
    return (x, y, 0.08, 0.1, score, kind)


def motorcycle(x, y=0.5, score=0.8):
    return (x, y, 0.02, 0.06, score, MOTORCYCLE)


def follow(frames, settings=TrackerSettings()):  # noqa: B008 - it is frozen
    tracker = Tracker(settings)
    return [tracker.update(frame) for frame in frames]


def ids_of(results):
    return {int(i) for tracks in results for i in tracks.ids}


def times(rate, seconds=4.0):
    return np.arange(0, seconds, 1 / rate)


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


def test_flicker_in_one_picture_is_never_confirmed():
    random = np.random.default_rng(7)
    frames = []
    for index, t in enumerate(times(5, 20)):
        flicker = [car(random.uniform(0.1, 0.9), random.uniform(0.55, 0.95))] if index % 4 == 0 else []
        frames.append(seen(t, car(0.01 + 0.04 * t, 0.2), *flicker))
    results = follow(frames)
    assert {int(i) for tracks in results for i in tracks.ids[tracks.confirmed]} == {1}
    assert len(ids_of(results)) > 20


def confirmed_in(results):
    return {int(i) for tracks in results for i in tracks.ids[tracks.confirmed]}


def test_weak_detections_continue_a_track_but_confirm_none_that_stands():
    scores = [0.9, 0.9, 0.3, 0.2, 0.3, 0.9]
    frames = [
        seen(t, car(0.1 + 0.1 * t, score=s), car(0.8, 0.9, score=0.3)) for t, s in zip(times(5), scores, strict=False)
    ]
    results = follow(frames)
    assert confirmed_in(results) == {1}
    assert [1 in tracks.ids for tracks in results] == [True] * 6


KNOWN = TrackerSettings(learning=Learning(kept=20.0))
"""One lane is known as well as a street of several."""


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


USUAL = np.array([42.0, 42.0, 1.4])
VEHICLES = np.array([2])


def passed(habits, tracks, *, speed=0.4, sights=12):
    """So many cars of size 0.1 to the right at this speed, from the same place."""
    for track in range(tracks):
        for k in range(sights):
            habits.watch([(track, 2, k + 1)], np.array([[0.3 + speed * k / 5, 0.5, 0.1, 0.1]]), track * 60 + k / 5)
        habits.forget([track])


def test_habits_tell_how_those_before_went():
    habits = Habits(Learning(), families=3)
    passed(habits, 20)
    mean, variance = habits.expected(VEHICLES, np.array([[0.5, 0.5, 0.1, 0.1]]), USUAL)
    assert mean[0] == pytest.approx([2.9, 0.0, 0.0], abs=0.3)
    assert (variance[0] < USUAL / 2).all()


def test_habits_never_outweigh_the_doubt():
    """However many passed: those who go otherwise than most must be found too."""
    variances = []
    for tracks in (20, 2000):
        habits = Habits(Learning(), families=3)
        passed(habits, tracks)
        variances.append(habits.expected(VEHICLES, np.array([[0.5, 0.5, 0.1, 0.1]]), USUAL)[1][0])
    assert variances[1] == pytest.approx(variances[0])
    assert (variances[1] > USUAL / 5).all()


def test_habits_know_nothing_of_other_places_and_families():
    habits = Habits(Learning(), families=3)
    passed(habits, 20)
    for families, box in ((VEHICLES, [0.5, 0.9, 0.1, 0.1]), (np.array([1]), [0.5, 0.5, 0.1, 0.1])):
        mean, variance = habits.expected(families, np.array([box]), USUAL)
        assert (mean[0] == 0).all()
        assert variance[0] == pytest.approx(USUAL)


def test_habits_learn_nothing_from_what_stands_or_is_seen_twice_only():
    habits = Habits(Learning(), families=3)
    passed(habits, 20, speed=0.0, sights=200)
    passed(habits, 20, speed=2.0, sights=2)
    mean, variance = habits.expected(VEHICLES, np.array([[0.5, 0.5, 0.1, 0.1]]), USUAL)
    assert (mean[0] == 0).all()
    assert variance[0] == pytest.approx(USUAL)
    assert habits._courses == {}


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


def test_weak_sight_between_sure_ones_keeps_the_track():
    scores = ([0.7] + [0.2] * 5) * 6
    results = follow([seen(t, car(0.3, score=s)) for t, s in zip(np.arange(36) / 5, scores, strict=True)])
    assert ids_of(results) == {1}
    assert len(results[-1]) == 1


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


def test_tracks_are_bounded_in_number():
    settings = replace(TrackerSettings(), most=10)
    results = follow(random_frames(20, 40), settings)
    assert max(len(tracks) for tracks in results) == 10


def test_flat_boxes_at_the_edge_are_no_trouble():
    frames = [seen(t, (1.0, 0.5, 0.0, 0.1, 0.9, CAR), (0.5, 1.0, 0.1, 0.0, 0.9, CAR)) for t in times(5)]
    results = follow(frames)
    assert ids_of(results) == {1, 2}
    assert all(np.isfinite(tracks.boxes).all() for tracks in results)


def test_what_grows_while_unseen_stays_finite():
    """A car driving into the camera and then hidden: growth in perspective must not run away."""
    growing = [seen(t, (0.5, 0.5, 0.05 / (1 - 0.9 * t), 0.07 / (1 - 0.9 * t), 0.9, CAR)) for t in times(8, 1)]
    hidden = [seen(1 + t) for t in times(30, 1.8)]
    with np.errstate(all="raise"):
        results = follow([*growing, *hidden, seen(2.9, car(0.5))])
    assert np.isfinite(results[-1].boxes).all()
