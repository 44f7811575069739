"""Speeds from trails: with their uncertainty, never an absurd one; in scenes, and of the walkers of vtest."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pytest
from tracks_ import SCENES, Pace, PinHole, box_at, ground_of, noisy_tracks, seen, true_tracks

from edge.config.rules import Line
from edge.config.settings import Settings
from edge.dataflow import CLASSES, Instant, Tracks
from edge.detections.card import find_card
from edge.detections.detector import Detector
from edge.frames.clip import frames
from edge.geometry import iou
from edge.measurements.calibration import Ground
from edge.measurements.crossings import CrossingCounter
from edge.measurements.trails import Trails
from edge.tracks.tracker import Tracker

CAMERA = PinHole(height=8, tilt=24)
GROUND = ground_of(CAMERA)


def test_no_speed_of_one_that_stands_and_shakes():
    trails = Trails(GROUND)
    random, box = np.random.default_rng(5), box_at(CAMERA, 0.0, 25.0)
    size = np.sqrt(np.prod(box[2:] - box[:2]))
    told = 0
    for i in range(300):
        trails.update(seen(i / 5, {1: box + random.normal(0, 0.07, 4) * size}, aspect=CAMERA.aspect))
        told += trails.speed(1, i / 5 - 1.0) is not None
    assert told <= 6


@pytest.mark.parametrize("jump", [3.0, 10.0, 30.0])
def test_no_speed_of_a_track_that_hops_to_another_vehicle(jump):
    trails = Trails(GROUND)
    for i in range(11):
        y = 15.0 + (jump if i > 5 else 0.0)
        trails.update(seen(i / 5, {1: box_at(CAMERA, 0.0, y)}, aspect=CAMERA.aspect))
    assert trails.speed(1, 1.1) is None


def test_uncertainty_is_as_large_as_the_error():
    errors = []
    for seed in range(3):
        errors += [(told - true) / sd for told, true, sd in _in_scene("free flow", seed, rate=5.0)]
    assert len(errors) > 50
    assert 0.5 < np.sqrt(np.mean(np.square(errors))) < 1.6


@pytest.mark.parametrize("rate", [3.0, 5.0])
def test_harmonic_mean_speed_in_scenes_is_near_the_true_one(rate):
    told, true = np.array([s[:2] for seed in range(3) for s in _in_scene("free flow", seed, rate=rate)]).T
    assert 1 / np.mean(1 / told) == pytest.approx(1 / np.mean(1 / true), rel=0.04)
    assert told.max() < 25


def test_no_absurd_speed_in_a_swarm_at_a_light():
    told = [speed for speed, *_ in _in_scene("signal", 0, match=False)]
    assert len(told) > 15
    assert max(told) < 20


def test_speeds_of_the_walkers_of_vtest_by_their_true_boxes(media):
    told, true = _walkers(media, _annotated(media), by_overlap=False)
    assert len(told) > 90
    assert 1 / np.mean(1 / told) == pytest.approx(1 / np.mean(1 / true), rel=0.05)
    assert np.median(np.abs(told / true - 1)) < 0.06


@pytest.mark.long
def test_speeds_of_the_walkers_of_vtest_as_detected(media, vtest, shared_models):
    path = (shared_models, *Settings().models)
    detector, tracker = Detector(find_card("omz_pvb_2002", path=path), path=path), Tracker()
    tracked = (tracker.update(detector.detect(frame)) for frame in frames(vtest, rate=10))
    told, true = _walkers(media, tracked, by_overlap=True)
    assert len(told) > 80
    assert 1 / np.mean(1 / told) == pytest.approx(1 / np.mean(1 / true), rel=0.1)
    assert np.median(np.abs(told / true - 1)) < 0.1


@cache
def _in_scene(name, seed, *, rate=5.0, match=True):
    """Speeds (m/s) told in a scene as a detector sees it, the true ones, and the uncertainty told."""
    scene = SCENES[name](seed)
    trails, counter = Trails(ground_of(scene.camera)), CrossingCounter(scene.lines)
    truth = scene.truth.crossings(scene.lines)
    result = []
    for tracks in noisy_tracks(scene, Pace(rate=rate)):
        trails.update(tracks)
        for crossing in counter.update(tracks):
            speed = trails.speed(crossing.track, crossing.at.seconds)
            near = [c for c in truth if c.direction == crossing.direction and abs(c.at - crossing.at.seconds) < 0.6]
            if speed and not match:
                result.append((speed.metres_per_second, 0.0, speed.uncertainty))
            elif speed and len(near) == 1:
                result.append((speed.metres_per_second, near[0].speed_kmh / 3.6, speed.uncertainty))
    return result


SIZE = np.array([768, 576, 768, 576])


def _rows(media):
    """The truth of vtest: frame, person, boxes (n, 4) in fractions, metres (n, 2)."""
    rows = np.loadtxt(media / "peds_pets09_gt_mot15.txt", delimiter=",")
    corner = rows[:, 2:4] - 1
    return (
        rows[:, 0].astype(int),
        rows[:, 1].astype(int),
        np.hstack([corner, corner + rows[:, 4:6]]) / SIZE,
        rows[:, 7:9],
    )


def _annotated(media):
    frame, person, boxes, _ = _rows(media)
    before = set()
    for number in range(1, 796):
        here = frame == number
        at, now = Instant((number - 1) / 10, (number - 1) / 10), set(person[here].tolist())
        yield Tracks(
            at, 768 / 576, person[here].astype(np.int64), boxes[here].astype(np.float32),
            np.zeros(here.sum(), np.int8), np.ones(here.sum(), np.bool_), tuple(before - now),
        )  # fmt: skip
        before = now


def _walkers(media, tracked, *, by_overlap):
    """Speeds told and true at every crossing of the four lines, calibrated by sixty of the annotated points."""
    frame, person, boxes, metres = _rows(media)
    feet = np.stack([boxes[:, ::2].mean(axis=1), boxes[:, 3]], axis=1)
    some = np.linspace(0, len(feet) - 1, 60).astype(int)
    ground = Ground([(tuple(p), tuple(m)) for p, m in zip(feet[some].tolist(), metres[some].tolist(), strict=True)])
    told_lines = json.loads((media / "peds_pets09_vtest.truth.json").read_text())["lines"]
    lines = [Line(id=each["id"], points=each["points"]) for each in told_lines]
    trails, counter, result = Trails(ground), CrossingCounter(lines), []
    for tracks in tracked:
        trails.update(tracks)
        for crossing in counter.update(tracks):
            who = crossing.track
            if by_overlap:
                here = np.flatnonzero(frame == round(tracks.at.seconds * 10) + 1)
                overlap = iou(tracks.boxes[tracks.ids == crossing.track], boxes[here].astype(np.float32))[0]
                who = person[here[overlap.argmax()]] if overlap.max(initial=0) > 0.3 else None
            at = (frame - 1) / 10
            his = (person == who) & (np.abs(at - crossing.at.seconds) <= 0.75)
            speed = trails.speed(crossing.track, crossing.at.seconds)
            if speed and his.sum() > 4:
                true = np.hypot(*(np.polyfit(at[his], metres[his, axis], 1)[0] for axis in (0, 1)))
                result.append((speed.metres_per_second, true))
    return np.array(result).T


def test_the_trail_of_a_track_is_forgotten():
    trails = Trails(GROUND)
    for i in range(200):
        trails.update(seen(i / 5, {i: (0.4, 0.4, 0.5, 0.5)}, kind=CLASSES[1 + i % 5]))
    assert len(trails.seen(100)[0]) == 0
    assert len(trails.seen(199)[0]) == 1


def test_no_speed_over_a_pause_in_which_another_may_have_taken_the_id():
    """It rides at 5 m/s; 1.2 s later who has its id is back where the ride began."""
    trails, ride = Trails(GROUND), [box_at(CAMERA, 0.0, 20.0 - i) for i in range(6)]
    before, after = ([trails.update(seen(t + i / 5, {1: b}, aspect=CAMERA.aspect))[0] for i, b in enumerate(ride)]
                     for t in (0.0, 2.2))  # fmt: skip
    assert before[-1] == pytest.approx(5.0, rel=0.2)
    assert np.isnan(after[0])
    assert after[-1] == pytest.approx(5.0, rel=0.2)
    speed = trails.speed(1, 2.4)
    assert speed
    assert speed.metres_per_second == pytest.approx(5.0, rel=0.2)


def test_pace_of_one_that_the_picture_cuts_is_known_by_its_other_edge():
    trails = Trails(None)
    paces = [
        trails.update(seen(i / 5, {1: (0.4, 0.7, 0.6, 1.0), 2: (0.1, 0.5 + i / 50, 0.3, 1.0)}))[:2] for i in range(8)
    ]
    assert paces[-1][0] == pytest.approx(0.0, abs=0.05)
    assert paces[-1][1] > 0.5


def test_true_boxes_of_a_scene_give_true_speeds():
    scene = SCENES["free flow"](1)
    trails, counter = Trails(ground_of(scene.camera)), CrossingCounter(scene.lines)
    truth = {(c.user + 1, c.line): c.speed_kmh for c in scene.truth.crossings(scene.lines)}
    errors = []
    for tracks in true_tracks(scene):
        trails.update(tracks)
        for crossing in counter.update(tracks):
            speed = trails.speed(crossing.track, crossing.at.seconds)
            if speed:
                errors.append(speed.metres_per_second * 3.6 / truth[crossing.track, crossing.line] - 1)
    assert len(errors) > 20
    assert np.percentile(np.abs(errors), 90) < 0.03
