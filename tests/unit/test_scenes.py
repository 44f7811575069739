"""The scene simulator itself: its geometry, its traffic, its truth, and that its noise is what it says."""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "scripts"))

from scenes.camera import PinHole
from scenes.library import SCENES, line
from scenes.noise import NONE, OMZ, NoisyDetector, Quality
from scenes.roads import Signal, Way, bend
from scenes.scene import Pace, Scene
from scenes.traffic import TICK, Flow, Order
from scenes.visible import visible_share

from edge.dataflow import CLASSES, Instant
from edge.geometry import iou
from edge.measurements.crossings import CrossingCounter
from edge.tracks.tracker import Tracker

MOTORCYCLE, CAR = CLASSES.index("motorcycle"), CLASSES.index("car")
CAMERA = PinHole(height=8, tilt=25, focal=1.0)
ROAD = Way("near", "far", ((0, 2), (0, 90)), width=7)


def scene(*orders, ways=(ROAD,), seconds=30.0, **more):
    return Scene("test", ways, CAMERA, seconds, 1, orders=orders, **more)


def test_point_on_the_axis_is_in_the_middle_of_the_picture():
    ahead = 8 / np.tan(np.radians(25))
    assert CAMERA.to_picture(np.array([0.0, ahead])) == pytest.approx([0.5, 0.5])


def test_ground_and_picture_are_inverse():
    camera = PinHole(height=7, tilt=30, heading=-40, focal=0.8, aspect=4 / 3)
    ground = np.array([[-9.0, 14.0], [-3.0, 9.0], [-20.0, 30.0]])
    assert camera.to_ground(camera.to_picture(ground)) == pytest.approx(ground)


def test_above_the_horizon_is_no_ground():
    assert np.isnan(CAMERA.to_ground(np.array([0.5, -0.2]))).all()


def test_box_of_a_cuboid_by_hand():
    """A level camera 1 m high: a cube of 2 m whose near face is 9 m off spans 2/9 of the focal length."""
    boxes, depth = PinHole(height=1, tilt=0, focal=1, aspect=1).boxes(
        np.array([[0.0, 10.0, 0.0]]), np.full((1, 3), 2.0)
    )
    assert boxes[0] == pytest.approx([0.5 - 1 / 9, 0.5 - 1 / 9, 0.5 + 1 / 9, 0.5 + 1 / 9])
    assert depth[0] == pytest.approx(10)


def test_box_turns_with_the_vehicle():
    poses = np.array([[0.0, 30.0, 0.0], [0.0, 30.0, np.pi / 2]])
    boxes, _ = CAMERA.boxes(poses, np.tile([11.0, 2.5, 3.0], (2, 1)))
    along, across = boxes[:, 2] - boxes[:, 0]
    assert across > 3 * along


def test_what_reaches_behind_the_lens_has_no_box():
    boxes, _ = CAMERA.boxes(np.array([[0.0, -4.0, 0.0]]), np.array([[11.0, 2.5, 3.0]]))
    assert np.isnan(boxes).all()


def test_nearer_hides_farther_and_not_the_other_way():
    boxes = np.array([[0.4, 0.4, 0.6, 0.8], [0.4, 0.4, 0.6, 0.6]])
    near_first = visible_share(boxes, np.array([10.0, 20.0]))
    assert near_first[0] == 1
    assert near_first[1] < 0.2
    assert visible_share(boxes, np.array([20.0, 10.0])) == pytest.approx([4 / 7, 1], abs=0.15)


def test_what_is_out_of_the_picture_is_not_seen():
    boxes = np.array([[-0.1, 0.4, 0.1, 0.6], [1.2, 0.1, 1.3, 0.2]])
    assert visible_share(boxes, np.array([1.0, 1.0])) == pytest.approx([0.5, 0], abs=0.1)


def test_bend_ends_where_it_should_and_courses_turn_by_its_angle():
    way = Way("s", "e", (*bend((0, 0), (0, 10), (10, 10)), (30, 10)))
    assert way.course[0, 2] == pytest.approx(0, abs=0.1)
    assert way.course[-1, 2] == pytest.approx(np.pi / 2, abs=0.01)


def test_same_seed_gives_the_same_scene_whatever_watches_it():
    one, two = SCENES["signal"](5), SCENES["signal"](5)
    seen = [list(islice(s.detections(OMZ, Pace(rate=5)), 150)) for s in (one, two)]
    for first, second in zip(*seen, strict=True):
        np.testing.assert_array_equal(first.boxes, second.boxes)
        np.testing.assert_array_equal(first.scores, second.scores)
    assert len(list(islice(two.detections(NONE, Pace(rate=8)), 50))) == 50
    assert one.truth.crossings(one.lines) == two.truth.crossings(two.lines) != []
    other = SCENES["signal"](6)
    assert other.truth.crossings(other.lines) != one.truth.crossings(one.lines)


@pytest.mark.parametrize("name", [name for name in SCENES if name != "standing queue"])
def test_nobody_drives_through_the_one_ahead(name):
    """On one way, whose bodies overlap along it keep apart across it, but for a brush of elbows."""
    truth = SCENES[name](3).truth
    history = truth.history
    pressed = total = 0
    for tick in range(0, len(history.speeds), 10):
        there = np.flatnonzero(~np.isnan(history.speeds[tick]))
        places = history.poses[tick, there, :2]
        away = places[:, None] - places[None]
        heading = history.poses[tick, there, 2]
        ahead = np.abs(away[..., 0] * np.sin(heading)[:, None] + away[..., 1] * np.cos(heading)[:, None])
        aside = np.abs(away[..., 0] * np.cos(heading)[:, None] - away[..., 1] * np.sin(heading)[:, None])
        size = history.sizes[there]
        same = history.ways[there][:, None] == history.ways[there][None]
        np.fill_diagonal(same, val=False)
        length, width = ((size[:, i][:, None] + size[:, i][None]) / 2 for i in (0, 1))
        pressed += int((same & (ahead < 0.8 * length) & (aside < 0.6 * width)).sum())
        total += int(same.sum())
    assert total > 100
    assert pressed <= 0.01 * total


def test_red_holds_and_green_lets_go():
    way = Way("s", "n", ((0, 0), (0, 90)), width=7, stop=45, group=0)
    flows = (Flow(0, "motorcycle", 1800), Flow(0, "car", 200))
    stood = scene(ways=(way,), flows=flows, signal=Signal((20.0, 30.0)), seconds=110)
    noses = stood.truth.history.along + stood.truth.history.sizes[:, 0] / 2
    over = ((noses[:-1] <= 45.2) & (noses[1:] > 45.2)).any(axis=1)
    moments = (np.flatnonzero(over) + 1) * TICK % 56
    assert len(moments) > 10
    assert (moments < 24).all()
    vehicles, metres = stood.truth.queue("s")
    assert vehicles[int(50 / TICK)] >= 8
    assert vehicles[int(75 / TICK)] <= 2
    assert metres[int(50 / TICK)] > 3


def test_motorbikes_gather_side_by_side_at_the_stop_line():
    way = Way("s", "n", ((0, 0), (0, 90)), width=7, stop=45, group=0)
    stood = scene(ways=(way,), flows=(Flow(0, "motorcycle", 2400),), signal=Signal((1.0, 200.0), offset=5), seconds=60)
    front = stood.truth.history.along[-1] > 45 - 3
    assert front.sum() >= 3


def test_crossing_of_the_truth_is_that_of_the_point_of_the_whole_box():
    rider = scene(Order(1.0, 0, "motorcycle", side=0.0, speed=5.0), lines=(line(CAMERA, "l1", (-6, 20), (6, 20)),))
    (crossing,) = rider.truth.crossings(rider.lines)
    assert (crossing.direction, crossing.kind) == (1, "motorcycle")
    assert crossing.speed_kmh == pytest.approx(18, abs=0.5)
    near_end = 20 - rider.truth.history.sizes[0, 0] / 2
    after = crossing.at - 1.0
    assert 2 + 5 * after == pytest.approx(near_end + rider.truth.history.sizes[0, 0], abs=0.5)


def test_crossing_beside_the_segment_is_none():
    rider = scene(Order(1.0, 0, "motorcycle", side=3.0), lines=(line(CAMERA, "l1", (-6, 20), (0, 20)),))
    assert rider.truth.crossings(rider.lines) == []


@pytest.mark.parametrize("rate", [5, 8])
def test_count_of_a_faultless_detector_is_the_truth(rate):
    """Where nobody hides anybody the tracker and the counter have no excuse."""
    orders = [
        Order(2.0 + 4 * k, 0, kind, side=0.0, speed=7.0) for k, kind in enumerate(("car", "motorcycle", "bus") * 2)
    ]
    passing = scene(*orders, lines=(line(CAMERA, "l1", (-6, 20), (6, 20)),), seconds=45)
    tracker, counter = Tracker(), CrossingCounter(passing.lines)
    seen = passing.detections(NONE, Pace(rate=rate, shake=0, lost=0, pause_every=1e9))
    found = [c for look in seen for c in counter.update(tracker.update(look))]
    true = passing.truth.crossings(passing.lines)
    assert [(c.kind, c.direction) for c in found] == [(c.kind, c.direction) for c in true] != []
    assert [c.at.seconds for c in found] == pytest.approx([c.at for c in true], abs=0.05)


def test_trips_tell_who_stopped_and_who_went_the_wrong_way():
    stopped = SCENES["stopped vehicle"](2).truth.trips
    assert any(end - begin == pytest.approx(60, abs=3) for t in stopped if t.kind == "car" for begin, end in t.stopped)
    (wrong,) = [t for t in SCENES["wrong way"](2).truth.trips if t.wrong_way]
    assert (wrong.kind, wrong.entry, wrong.exit) == ("motorcycle", "far", "near")
    assert wrong.seen


def test_junction_has_every_movement_and_lines_that_see_it():
    crossing = SCENES["junction"](1)
    truth = crossing.truth
    assert {(t.entry, t.exit) for t in truth.trips} >= {("n", "s"), ("s", "n"), ("e", "w"), ("w", "e")}
    by_user: dict[int, list[str]] = {}
    for c in truth.crossings(crossing.lines):
        by_user.setdefault(c.user, []).append(c.line)
    through = [t for t in truth.trips if len(by_user.get(t.user, [])) == 2]
    assert len(through) > 20
    assert all(by_user[t.user] == [t.entry, t.exit] for t in through)


def test_pace_keeps_the_rate_and_loses_its_share():
    pace = Pace(rate=6, shake=0.2, lost=0.1, pause_every=1e9)
    times = np.array(pace.times(1000, np.random.default_rng(1)))
    assert (np.diff(times) > 0).all()
    assert len(times) == pytest.approx(6000 * 0.9, rel=0.02)


def looks(noise, *, box, moves=0.0, count=400, kind=CAR):
    """So many looks at one road user, which moves by that share of its width between them."""
    detector = NoisyDetector(noise, np.array([kind], dtype=np.int8), np.random.default_rng(3), aspect=1.0)
    boxes = np.array(box) + np.array([1, 0, 1, 0]) * (np.arange(count)[:, None] * moves * (box[2] - box[0]) % 0.5)
    return [detector.look(Instant(k / 5, k / 5), np.array([0]), b[None], np.ones(1)) for k, b in enumerate(boxes)]


ALONE = replace(OMZ, false=replace(OMZ.false, things=0.0, flashes=0.0))


def test_small_ones_are_missed_more_often():
    found = [
        np.mean([len(d) for d in looks(ALONE, box=[0.1, 0.5, 0.1 + s, 0.5 + s], moves=1.0, kind=MOTORCYCLE)])
        for s in (0.03, 0.06, 0.2)
    ]
    assert found[0] < found[1] < found[2]
    assert found[2] > 0.97


def test_what_stands_is_seen_alike_from_look_to_look():
    def wander(moves):
        seen = looks(ALONE, box=[0.1, 0.5, 0.2, 0.6], moves=moves)
        return np.std(np.diff([d.boxes[0, 3] for d in seen if len(d)])) / 0.1

    assert wander(0.0) < 0.015
    assert wander(1.0) > 0.06


def test_misses_of_what_moves_come_in_runs():
    """One look in a fifth of a second after a miss is a miss more often than any."""
    noise = replace(ALONE, quality=Quality(plain=(0.0,) * 4, doubling=(0.0,) * 4))
    missed = np.array([len(d) == 0 for d in looks(noise, box=[0.1, 0.5, 0.2, 0.6], moves=0.2, count=3000)])
    assert missed[1:][missed[:-1]].mean() > 2 * missed.mean()


def test_overlapping_boxes_of_one_family_become_one():
    detector = NoisyDetector(
        replace(NONE, overlap=0.5), np.array([CAR, CAR], np.int8), np.random.default_rng(3), aspect=1.0
    )
    boxes = np.array([[0.1, 0.1, 0.3, 0.3], [0.12, 0.1, 0.32, 0.3]])
    assert len(detector.look(Instant(0.0, 0.0), np.arange(2), boxes, np.ones(2))) == 1


def test_names_are_said_as_often_as_the_table_tells():
    said = np.array(
        [d.classes[0] for d in looks(ALONE, box=[0.1, 0.4, 0.3, 0.6], kind=MOTORCYCLE, moves=0.5, count=2000) if len(d)]
    )
    assert set(said.tolist()) <= {CLASSES.index("pedestrian"), MOTORCYCLE, CAR}
    assert (said == MOTORCYCLE).mean() > 0.8


def test_false_boxes_are_as_many_as_asked_and_some_last():
    noise = replace(OMZ, false=replace(OMZ.false, things=1.0, flashes=0.0, quality=3.0, quality_spread=0.0))
    detector = NoisyDetector(noise, np.zeros(0, np.int8), np.random.default_rng(4), aspect=1.0)
    nobody = np.zeros(0, np.int64), np.zeros((0, 4)), np.zeros(0)
    seen = [detector.look(Instant(k / 5, k / 5), *nobody) for k in range(1500)]
    assert np.mean([len(d) for d in seen]) == pytest.approx(1.0, rel=0.4)
    again = [iou(a.boxes, b.boxes).max() > 0.9 for a, b in pairwise(seen) if len(a) and len(b)]
    assert np.mean(again) > 0.9
