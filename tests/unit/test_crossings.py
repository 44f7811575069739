"""What a line counts, and what it must never count."""

from __future__ import annotations

import numpy as np
import pytest
from crossings_ import ACROSS, HEIGHT, count, seen, stood, way

from edge.config.rules import Line
from edge.measurements.crossings import CrossingCounter


def test_crossing_downwards_counts_once_with_its_time_on_the_line():
    (crossing,) = count(way(0.3, 0.4, 0.45, 0.55, 0.65, 0.8))
    assert (crossing.direction, crossing.line, crossing.kind, crossing.track) == (0, "l1", "car", 1)
    assert crossing.at.seconds == pytest.approx(0.5, abs=0.01)
    assert crossing.at.utc == pytest.approx(1000.5, abs=0.01)


def test_crossing_mirrored_line_swaps_the_direction():
    mirrored = Line(id="l1", points=(ACROSS.points[1], ACROSS.points[0]))
    path = way(0.1, 0.3, 0.7, 0.9)
    assert [c.direction for c in count(path)] == [0]
    assert [c.direction for c in count(path, lines=(mirrored,))] == [1]
    assert [c.direction for c in count(path[::-1])] == [1]


@pytest.mark.parametrize("step", [0.02, 0.05, 0.1, 0.2, 0.45])
def test_crossing_is_found_at_any_speed(step):
    assert len(count(way(*np.arange(0.05, 0.999, step)))) == 1


def test_crossing_round_the_end_counts_nothing():
    assert count([(0.9, 0.3), (0.9, 0.45), (0.9, 0.6), (0.5, 0.7)]) == []


def test_crossing_after_going_round_the_end_counts_the_way_back_only():
    path = [(0.9, 0.3), (0.9, 0.7), (0.5, 0.7), (0.5, 0.6), (0.5, 0.45), (0.5, 0.3)]
    assert [c.direction for c in count(path)] == [1]


def test_standing_on_the_line_and_shivering_counts_at_most_once():
    rng = np.random.default_rng(1)
    shiver = 0.5 + rng.normal(0, 0.012, 3000)
    assert len(count(way(0.3, 0.4, *shiver))) <= 1


def test_queue_moving_up_to_the_line_and_shivering_adds_nothing_backwards():
    rng = np.random.default_rng(2)
    path = way(0.3, 0.4, 0.48, *(0.52 + rng.normal(0, 0.012, 3000)))
    assert [c.direction for c in count(path)] in ([], [0])


def test_turning_back_well_beyond_the_line_counts_both_ways():
    assert [c.direction for c in count(way(0.3, 0.45, 0.6, 0.7, 0.6, 0.4, 0.3))] == [0, 1]


def test_parked_beside_the_line_counts_nothing():
    rng = np.random.default_rng(3)
    assert count(way(*(0.45 + rng.normal(0, 0.004, 2000)))) == []


@pytest.mark.parametrize("off", [0.0, 0.003, 0.006])
@pytest.mark.parametrize("shake", [0.05, 0.074])
def test_parked_on_the_line_and_shivering_counts_nothing(off, shake):
    """A detector's edges shake by up to 0.074 of the box (`trails.py`)."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        assert count(way(*(0.5 + off + rng.normal(0, shake * HEIGHT, 2000)))) == []


def test_unconfirmed_track_does_not_count_until_confirmed():
    counter = CrossingCounter([ACROSS])
    for i, y in enumerate((0.42, 0.45, 0.48, 0.51, 0.54, 0.57)):
        assert counter.update(seen(0.2 * i, {1: (0.5, y)}, confirmed=False)) == []
    (late,) = counter.update(seen(1.2, {1: (0.5, 0.6)}))
    assert late.at.seconds == pytest.approx(0.533, abs=0.01)
    assert counter.update(seen(1.4, {1: (0.5, 0.63)})) == []


def test_unconfirmed_track_that_ends_counts_nothing():
    counter = CrossingCounter([ACROSS])
    counter.update(seen(0.0, {1: (0.5, 0.3)}, confirmed=False))
    counter.update(seen(0.2, {1: (0.5, 0.7)}, confirmed=False))
    assert counter.update(seen(0.4, {}, ended=(1,))) == []
    assert counter._paths == {}


def test_state_dies_with_its_track():
    counter = CrossingCounter([ACROSS])
    for track in range(500):
        counter.update(seen(track, {track: (0.5, 0.3)}, ended=(track - 1,) if track else ()))
    assert len(counter._paths) == 1


def test_class_that_the_line_does_not_count_is_left_out():
    line = ACROSS.model_copy(update={"classes": ("pedestrian",)})
    path = way(0.1, 0.3, 0.7, 0.9)
    assert count(path, lines=(line,)) == []
    assert len(count(path, lines=(line,), kind="pedestrian")) == 1


def test_missing_pictures_change_nothing():
    path = way(*np.arange(0.1, 0.95, 0.03))
    rng = np.random.default_rng(4)
    counter = CrossingCounter([ACROSS])
    found = []
    for i, place in enumerate(path):
        if rng.random() < 0.5:
            found += counter.update(seen(i * 0.2, {1: place}))
    assert [c.direction for c in found] == [0]


@pytest.mark.parametrize("aspect", [0.5, 1.0, 1.78])
def test_slanted_line_counts_the_same_in_every_shape_of_picture(aspect):
    slanted = Line(id="l1", points=((0.2, 0.2), (0.8, 0.8)))
    path = [(0.7, 0.3), (0.6, 0.4), (0.4, 0.6), (0.3, 0.7)]
    assert [c.direction for c in count(path, lines=(slanted,), aspect=aspect)] == [0]


def test_many_objects_over_two_lines_are_each_counted_once_a_line():
    second = Line(id="l2", points=((0.0, 0.7), (1.0, 0.7)))
    counter = CrossingCounter([ACROSS, second])
    found = []
    for i in range(20):
        places = {n: (0.25 + 0.05 * n, 0.2 + 0.04 * i) for n in range(10)}
        found += counter.update(seen(i * 0.2, places, kind="motorcycle"))
    assert sorted((c.line, c.track) for c in found) == sorted((line, n) for line in ("l1", "l2") for n in range(10))


def test_class_that_is_settled_late_still_counts():
    line = ACROSS.model_copy(update={"classes": ("motorcycle",)})
    counter = CrossingCounter([line])
    counter.update(seen(0.0, {1: (0.5, 0.2)}, kind="bicycle"))
    counter.update(seen(0.2, {1: (0.5, 0.4)}, kind="bicycle"))
    assert counter.update(seen(0.4, {1: (0.5, 0.6)}, kind="bicycle")) == []
    (late,) = counter.update(seen(0.6, {1: (0.5, 0.75)}, kind="motorcycle"))
    assert (late.kind, late.at.seconds) == ("motorcycle", pytest.approx(0.3))
    assert counter.update(seen(0.8, {1: (0.5, 0.8)}, kind="motorcycle")) == []


def test_one_that_is_seen_twice_only_counts_where_others_go():
    """A fast one on a fast road; two false boxes on an empty one."""
    counter = CrossingCounter([ACROSS])
    found = []
    for begin, ys in ((0, (0.7, 0.3)), (10, (0.1, 0.3, 0.7, 0.9)), (20, (0.3, 0.7)), (30, (0.7, 0.3))):
        for i, y in enumerate(ys):
            found += counter.update(seen(begin + i * 0.2, {begin: (0.5, y)}))
        counter.update(seen(begin + 5, {}, ended=(begin,)))
    assert [(c.track, c.direction) for c in found] == [(10, 0), (20, 0)]


def test_leap_of_a_track_between_two_who_stand_counts_nothing():
    """A queue beside the line: one before it is hidden, and its track goes over to one beyond."""
    assert count(way(*stood(0.44, 12), *stood(0.56, 12))) == []


def test_one_who_stood_and_drives_over_the_line_counts():
    path = way(*stood(0.44, 12), 0.445, 0.46, 0.49, 0.53, 0.58, 0.65, 0.73)
    assert [c.direction for c in count(path)] == [0]


@pytest.mark.parametrize("first", [0.4885, 0.493, 0.4965])
def test_one_that_is_first_seen_just_before_the_line_counts(first):
    assert [c.direction for c in count(way(first, *np.arange(0.51, 0.7, 0.03)))] == [0]


def test_one_that_is_first_seen_just_beyond_the_line_counts_nothing():
    assert count(way(0.501, *np.arange(0.52, 0.7, 0.03))) == []


@pytest.mark.parametrize("born", [0.488, 0.495, 0.499, 0.501, 0.505])
def test_one_that_is_born_on_the_line_and_stands_there_counts_nothing(born):
    assert count(way(born, *stood(0.5, 200))) == []
