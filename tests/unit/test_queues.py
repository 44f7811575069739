"""Queues: who waits in a lane behind the stop line, how far back, for how long."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from tracks_ import SCENES, PinHole, box_at, ground_of, line, noisy_tracks, seen, true_tracks

from edge.config.rules import Queue
from edge.measurements.crossings import CrossingCounter
from edge.measurements.queues import HIDDEN_SECONDS, Queues
from edge.measurements.trails import Trails

CAMERA = PinHole(height=8, tilt=24)
STOP = 12.0


def layout(camera, stop, *, middle=0.0, half=3.6):
    """A stop line, and the lane of 60 m behind it."""
    rule = line(camera, "stop", (middle - half, stop), (middle + half, stop))
    corners = np.array([(-half, -0.8), (half, -0.8), (half, 60.0), (-half, 60.0)]) + np.array([middle, stop])
    lane = np.clip(camera.to_picture(corners), 0, 1).round(4)
    return rule, Queue(id="q", stop_line="stop", lane=tuple(map(tuple, lane.tolist())))


RULE, LANE = layout(CAMERA, STOP)


def measure(pictures, *, ground=True, camera=CAMERA, rules=(RULE, LANE)):
    """The samples of the queue."""
    plane = ground_of(camera) if ground else None
    trails, counter, queues = Trails(plane), CrossingCounter(rules[:1]), Queues(rules[1:], rules[:1], ground=plane)
    for tracks in pictures:
        paces = trails.update(tracks)
        yield from queues.update(tracks, paces, counter.update(tracks))


def standing(places, *, seconds=6.0, rate=5.0, begin=0.0, shake=0.0, kind="motorcycle", ids=None):
    """Pictures of motorbikes that stand at these places (x, y), looking into the camera."""
    random = np.random.default_rng(1)
    for i in range(int(seconds * rate)):
        boxes = {}
        for number, (x, y) in zip(ids or range(1, 99), places, strict=False):
            box = box_at(CAMERA, x, y)
            boxes[number] = box + random.normal(0, shake, 4) * np.sqrt(np.prod(box[2:] - box[:2]))
        yield seen(begin + i / rate, boxes, kind=kind, aspect=CAMERA.aspect)


def weak(pictures, ids, *, lives=1.0):
    """The same pictures, in which nobody is ever sure of these ids: each ends and begins anew after `lives` seconds."""
    for tracks in pictures:
        doubted = np.isin(tracks.ids, ids)
        life = int(tracks.at.seconds / lives)
        new = np.where(doubted, 1000 * life + tracks.ids, tracks.ids)
        ended = tuple(int(1000 * (life - 1) + each) for each in ids) if life else ()
        yield replace(tracks, ids=new, confirmed=~doubted, ended=ended)


def last(pictures, **how):
    *_, sample = measure(pictures, **how)
    return sample


@pytest.mark.parametrize("ground", [True, False])
@pytest.mark.parametrize("shake", [0.0, 0.05])
def test_each_of_those_side_by_side_counts(ground, shake):
    places = [(x, y) for y in (14.0, 17.0) for x in (-2.4, -1.2, 0.0, 1.2, 2.4)]
    assert last(standing(places, shake=shake), ground=ground).present["vehicles"] == 10


@pytest.mark.parametrize("ground", [True, False])
def test_those_of_whom_no_sight_is_sure_are_of_the_queue_once_they_stood_there(ground):
    places = [(0, 14.0), (0.3, 18.0), (0, 22.0)]
    told = list(measure(weak(standing(places, seconds=10.0), [2, 3]), ground=ground))
    assert {s.present["vehicles"] for s in told if 1.0 < s.at.seconds < 2.8} == {1}
    assert {s.present["vehicles"] for s in told if s.at.seconds > 8.0} == {3}


def test_what_is_weakly_taken_for_a_vehicle_where_nobody_surely_waits_is_no_queue():
    told = list(measure(weak(standing([(0, 14.0), (0.3, 18.0)], seconds=60.0), [1, 2])))
    assert {s.present["vehicles"] for s in told} == {0}
    assert {s.present["metres"] for s in told} == {0}


def test_weak_sights_for_a_moment_are_not_of_the_queue():
    flash = weak(standing([(0, 14.0), (0.3, 18.0)], seconds=2.0), [2])
    rest = standing([(0, 14.0)], begin=2.0, seconds=10.0)
    assert {s.present["vehicles"] for s in measure([*flash, *rest]) if s.at.seconds > 1} == {1}


def test_metres_reach_from_the_stop_line_to_the_rear_of_the_last():
    sample = last(standing([(0, 14.0), (0, 18.0), (0.5, 22.0)]))
    assert sample.present["metres"] == pytest.approx(22.0 + 1.9 / 2 - STOP, abs=0.5)
    assert "metres" not in last(standing([(0, 14.0)]), ground=False).present


def test_metres_of_those_who_look_away_reach_to_the_rear_too():
    camera = PinHole(height=8, tilt=24)
    rule, lane = layout(camera, 40.0)
    lane = lane.model_copy(update={"lane": layout(camera, 10.0)[1].lane})
    pictures = [
        seen(i / 5, {1: box_at(camera, 0, 30.0, size=(11.0, 2.5, 3.1), heading=0.0)}, kind="bus", aspect=camera.aspect)
        for i in range(20)
    ]
    sample = last(pictures, camera=camera, rules=(rule, lane))
    assert sample.present["metres"] == pytest.approx(40.0 - (30.0 - 5.5), abs=1.0)


def test_one_far_behind_a_gap_is_not_of_the_queue():
    near, far = [(0, 14.0), (0, 18.0)], [(0, 44.0)]
    assert last(standing(near + far)).present["vehicles"] == 2
    assert last(standing([*near, (0, 30.0), *far])).present["vehicles"] == 4
    assert last(standing([(0, 40.0)])).present == {"vehicles": 0, "metres": 0}


def test_who_stands_beside_the_lane_or_walks_is_not_of_the_queue():
    assert last(standing([(7.0, 16.0)])).present["vehicles"] == 0
    assert last(standing([(0.0, 16.0)], kind="pedestrian")).present["vehicles"] == 0


def driving(speed, *, begin=0.0, start=40.0, track=1):
    for i in range(200):
        y = start - speed * i / 5
        if y > 8:
            yield seen(begin + i / 5, {track: box_at(CAMERA, 0.0, y)}, aspect=CAMERA.aspect)


@pytest.mark.parametrize("ground", [True, False])
def test_who_drives_through_never_waits(ground):
    samples = list(measure(driving(8.0), ground=ground))
    assert {sample.present["vehicles"] for sample in samples} == {0}
    assert sum(sample.added["waits"] for sample in samples) == 0


def test_speeds_between_the_limits_change_nothing():
    """Slower than 5 km/h joins, faster than 10 km/h leaves; 7 km/h does neither (PTV VISSIM)."""
    creep = 7 / 3.6
    assert max(s.present["vehicles"] for s in measure(driving(creep, start=30.0))) == 0
    pictures = list(standing([(0, 30.0)], seconds=4)) + list(driving(creep, begin=4.0, start=30.0))
    assert next(s for s in measure(pictures) if s.at.seconds > 8).present["vehicles"] == 1


@pytest.mark.parametrize("ground", [True, False])
def test_wait_is_told_when_it_leaves_over_the_stop_line(ground):
    pictures = [*standing([(0, 15.0)], seconds=20.0), *driving(6.0, begin=20.0, start=15.0)]
    total = Counter()
    for sample in measure(pictures, ground=ground):
        total.update(sample.added)
    assert total["waits"] == 1
    assert total["wait"] == pytest.approx(20.0, abs=2.0)


def test_no_wait_is_told_of_one_that_stands_or_vanishes():
    gone = (seen(20 + i / 5, {}) for i in range(int(HIDDEN_SECONDS * 5) + 10))
    samples = list(measure([*standing([(0, 15.0)], seconds=20.0), *gone]))
    assert sum(sample.added["waits"] for sample in samples) == 0
    assert samples[-1].present["vehicles"] == 0


def test_those_who_are_hidden_wait_on_until_the_queue_moves():
    """One of two is hidden by the other; seconds after the other has left over the stop line it is thought gone too."""
    both = standing([(0, 15.0), (1.0, 17.0)], seconds=10.0)
    one = standing([(0, 15.0)], begin=10.0, seconds=20.0)
    after = [*driving(6.0, begin=30.0, start=15.0), *(seen(34 + i / 5, {}) for i in range(60))]
    told = {round(s.at.seconds, 1): s.present["vehicles"] for s in measure([*both, *one, *after])}
    assert told[29.0] == 2
    assert told[36.0] == 1
    assert told[45.0] == 0


def test_one_that_is_hidden_for_a_while_waits_on_and_under_another_id_too():
    hidden = [seen(10 + i / 5, {}, ended=(1,) if i == 9 else (), aspect=CAMERA.aspect) for i in range(20)]
    again = standing([(0, 15.1)], begin=14.0, seconds=10.0, ids=[7])
    pictures = [*standing([(0, 15.0)], seconds=10.0), *hidden, *again]
    leaves = [seen(24 + i / 5, {7: box_at(CAMERA, 0, 15.1 - 6 * i / 5)}, aspect=CAMERA.aspect) for i in range(6)]
    samples = list(measure([*pictures, *leaves]))
    assert {s.present["vehicles"] for s in samples if 2 < s.at.seconds < 23} == {1}
    assert sum(s.added["wait"] for s in samples) == pytest.approx(24.0, abs=2.0)


def test_those_who_hide_each_other_make_a_lower_bound():
    close = [(x, y) for y in (16.0, 17.2, 18.4) for x in (-0.5, 0.2)]
    assert last(standing(close)).flags == {"saturated"}
    assert last(standing([(x, y) for y in (14.0, 26.0) for x in (-2.0, 0.0, 2.0)])).flags == frozenset()


def queue_of(scene, tracks, *, ground):
    """Vehicles told and true, metres told and true, in every picture of a scene with a light; and the samples' sums."""
    way = scene.ways[0]
    rules = layout(scene.camera, way.points[0][1] - way.stop, middle=way.points[0][0])
    vehicles, metres = scene.truth.queue("n")
    total, rows = Counter(), []
    for sample in measure(tracks, ground=ground, camera=scene.camera, rules=rules):
        tick = int(sample.at.seconds / 0.1)
        rows.append((sample.present["vehicles"], vehicles[tick], sample.present.get("metres", 0), metres[tick]))
        total.update(sample.added)
    return np.array(rows), total


@pytest.mark.parametrize(("ground", "error"), [(True, 0.6), (False, 1.0)])
def test_queue_of_a_scene_by_its_true_boxes(ground, error):
    scene = SCENES["signal"](1)
    rows, total = queue_of(scene, true_tracks(scene), ground=ground)
    assert rows[:, 1].mean() > 2
    assert np.abs(rows[:, 0] - rows[:, 1]).mean() < error
    assert not ground or np.abs(rows[:, 2] - rows[:, 3]).mean() < 1.5
    assert total["waits"] > 20


def test_queue_of_a_scene_as_detected_is_a_lower_bound_that_says_so():
    scene = SCENES["signal"](1)
    way = scene.ways[0]
    rules = layout(scene.camera, way.points[0][1] - way.stop, middle=way.points[0][0])
    vehicles, _ = scene.truth.queue("n")
    samples = list(measure(noisy_tracks(scene), camera=scene.camera, rules=rules))
    short = [s for s in samples if s.present["vehicles"] < vehicles[int(s.at.seconds / 0.1)] - 4]
    assert sum("saturated" in s.flags for s in short) >= 0.6 * len(short)
    told = np.mean([s.present["vehicles"] for s in samples])
    assert 0.35 * vehicles.mean() < told < 1.15 * vehicles.mean()
