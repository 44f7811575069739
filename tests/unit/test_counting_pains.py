"""What users of other counting systems suffer from, each as a test.

The thirteen pains as far as they concern what is counted: which have a test on this page, and which tests elsewhere
hold them.

1 flicker, backwards counts, one that waits on the line: here
    test_tracks_weak.py: test_flicker_in_one_picture_is_never_confirmed
    test_crossings.py: test_unconfirmed_track_that_ends_counts_nothing
    test_crossings_queue.py: test_queue_that_stands_on_the_line_for_ten_minutes_counts_nothing_and_is_told
2 fast ones skip the line: here
    test_crossings.py: test_crossing_is_found_at_any_speed
    test_counting_properties.py: test_journey_over_the_line_counts_once_in_its_direction
3 a line that can never fire, rules that change silently (here), absurd speeds (here)
    test_idle.py: test_rule_that_can_never_count_is_told_with_its_place
    test_periods.py: test_changed_rule_ends_its_interval_early_and_never_overlaps
    test_trails.py: test_no_speed_of_a_track_that_hops_to_another_vehicle
    test_trails.py: test_no_absurd_speed_in_a_swarm_at_a_light
4 rain, headlights, parked cars and shadows as ghosts: here
    test_counting_properties.py: test_parked_jittering_and_flickering_object_counts_nothing
    test_tracks_weak.py: test_what_is_seen_weakly_and_shivers_at_its_place_is_never_confirmed
    test_picture_counting.py: test_fault_of_the_picture_marks_its_intervals_and_leaves_alarms_in_doubt
5 alive, and nothing is looked at
    test_periods.py: test_interval_without_video_is_told_with_coverage_zero
    test_supervisor.py: test_silent_child_is_aborted_and_started_again
    test_frames_rtsp.py: test_reader_stuck_in_the_library_is_told_to_the_process
7 wrong times of pictures (here), pauses between them
    test_frames_times.py: test_clock_never_goes_back_nor_ahead
    test_frames_faults.py: test_camera_with_a_wrong_clock_is_dated_by_arrival
    test_counting_properties.py: test_picture_that_is_older_than_the_one_before_changes_nothing
    test_periods.py: test_pause_that_tracks_cannot_bridge_is_not_covered
    test_visits.py: test_visit_that_a_pause_cuts_has_no_end
8 counts dropped while the broker is away
    test_publisher.py: test_publisher_broker_killed_loses_nothing
    test_chaos.py: test_chaos_few_rounds_lose_nothing
10 a wrong file stops counting, or half applies
    test_bad_input.py: test_wrong_camera_stays_alone_and_no_broker_is_one_line
    test_boot.py: test_wrong_file_leaves_the_last_good_version_and_is_told
11 counts lost in a power cut
    test_store_flush.py: test_power_cut_costs_what_came_after_the_last_flush
    test_boot.py: test_power_cut_loses_at_most_the_last_flush
13 a camera that was turned
    test_picture_counting.py: test_lines_follow_a_camera_that_moved_a_little
    test_worker_picture.py: test_worker_follows_a_camera_that_was_turned_a_little_and_counts_on
    test_frames_health.py: test_picture_of_the_highway

6 (locked accounts), 9 (threads of onnxruntime) and 12 (names) change no count.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from counting_ import ACROSS, RATE, ROAD_USERS, SIDE, counted, down, looks
from tracks_ import SCENES, box_at, ground_of, noisy_tracks, seen
from tracks_ import PinHole as Pole

from edge.config.schema import Camera
from edge.config.settings import OWN_MODELS
from edge.dataflow import CLASSES, Detections, Instant
from edge.frames.clip import frames
from edge.measurements.crossings import CrossingCounter
from edge.measurements.periods import rules_of
from edge.measurements.trails import Trails
from edge.pipeline import Pipeline
from edge.tracks.tracker import Tracker

TESTS = Path(__file__).resolve().parents[1]


def test_every_test_that_is_named_above_exists():
    named = re.findall(r"(test_\w+\.py): (test_\w+)", __doc__ or "")
    assert len(named) >= 20
    for file, test in named:
        (path,) = TESTS.rglob(file)
        assert f"def {test}(" in path.read_text(encoding="utf-8"), (file, test)


def test_pain_1_flicker_of_one_picture_never_counts():
    """Unconfirmed tracks inflated counts from 7 to 97."""
    random = np.random.default_rng(2)
    found = []
    for seed in range(40):
        x, y = random.uniform(0.2, 0.8), 0.5 + random.uniform(0.2, 0.5) * SIDE
        pair = [(x, y), (x, 1 - y)] if seed % 2 else [(x, 1 - y), (x, y)]
        found += counted(looks([*pair, *[None] * 20, (x, y), *[None] * 20], seed=seed))
    assert found == []


@pytest.mark.parametrize("seed", range(4))
def test_pain_1_flicker_of_one_picture_never_counts_backwards(seed):
    """One that has gone over the line, whose box shrinks to its upper half in every fifth picture after that."""
    path = down(0.02)
    flickers = [place[1] > 0.51 and i % 5 == 0 for i, place in enumerate(path)]
    pictures = [
        replace(d, boxes=d.boxes - np.float32([0, 0, 0, 0.7 * SIDE]) if short else d.boxes)
        for d, short in zip(looks(path, shake=0.04, seed=seed), flickers, strict=True)
    ]
    assert counted(pictures) == [0]


@pytest.mark.parametrize("seed", range(4))
def test_pain_1_car_that_waits_on_the_stop_line_counts_once(seed):
    """It was counted 15 times."""
    waits = [*down()[:8], *[(0.5, 0.505)] * 1500, *[(0.5, 0.505 + 0.03 * k) for k in range(1, 14)]]
    assert counted(looks(waits, shake=0.06, seed=seed)) == [0]


@pytest.mark.parametrize("step", [0.02, 0.06, 0.12, 0.2, 0.3])
def test_pain_2_fast_ones_do_not_skip_the_line(step):
    """Of 25 all were counted at 5 pixels a picture, 11 at 40 and 6 at 60; here up to four sizes of theirs."""
    random, path = np.random.default_rng(5), []
    for _ in range(25):
        path += [(0.5, y) for y in np.arange(0.1 + random.uniform(0, step), 0.99, step).tolist()] + [None] * 12
    assert counted(looks(path)) == [0] * 25


def test_pain_3_rules_that_change_are_told_by_their_fingerprint():
    """Counting rules changed silently between versions of a camera's file."""
    plain = Camera(lines=(ACROSS,))
    moved = Camera(lines=(ACROSS.model_copy(update={"points": ((0.05, 0.51), (0.95, 0.5))}),))
    assert rules_of(plain)[0].fingerprint != rules_of(moved)[0].fingerprint
    assert rules_of(plain)[0].fingerprint == rules_of(Camera(name="Ngã tư", lines=(ACROSS,)))[0].fingerprint


@pytest.mark.parametrize("seed", range(20))
def test_pain_3_no_speed_is_absurd(seed):
    """1,536 km/h was told of a track that leapt."""
    pole, random = Pole(height=8, tilt=24), np.random.default_rng(seed)
    trails = Trails(ground_of(pole))
    for i in range(15):
        box = box_at(pole, float(random.uniform(-6, 6)), float(random.uniform(10, 60)))
        trails.update(seen(i / RATE, {1: box}, aspect=pole.aspect))
    speed = trails.speed(1, 7 / RATE)
    assert speed is None or speed.metres_per_second < 40


def test_pain_4_parked_car_seen_on_and_off_counts_nothing():
    random = np.random.default_rng(3)
    places = [(0.5, 0.49) if random.random() < 0.6 else None for _ in range(1000)]
    assert counted(looks(places, shake=0.06, scores=random.uniform(0.15, 0.9, 1000))) == []


def test_pain_4_rain_and_headlights_count_nothing():
    """Weak boxes all over the picture, several at once, none of which goes anywhere."""
    random, tracker, counter, found = np.random.default_rng(4), Tracker(), CrossingCounter([ACROSS]), []
    for i in range(600):
        n = random.poisson(4)
        corner = random.uniform(0, 0.9, (n, 2))
        boxes = np.hstack([corner, corner + random.uniform(0.02, 0.1, (n, 2))]).astype(np.float32)
        scores = np.minimum(random.exponential(0.15, n), 0.45).astype(np.float32)
        at = Instant(i / RATE, 1000 + i / RATE)
        found += counter.update(tracker.update(Detections(at, 1.0, boxes, scores, np.full(n, 2, dtype=np.int8))))
    assert found == []


def test_pain_4_four_times_the_ghosts_among_traffic_change_counts_little():
    """False boxes that last, as of shadows and cones, and such that flash, a quarter of them half on a vehicle."""
    false = ROAD_USERS.false
    noise = replace(ROAD_USERS, false=replace(false, things=4 * false.things, flashes=4 * false.flashes))
    true = told = 0
    for seed in (1, 3):
        scene = SCENES["free flow"](seed)
        counter = CrossingCounter(scene.lines)
        told += sum(len(counter.update(tracks)) for tracks in noisy_tracks(scene, noise=noise))
        true += len(list(scene.truth.crossings(scene.lines)))
    assert true > 100
    assert 0.94 * true <= told <= 1.06 * true


@pytest.mark.parametrize(("kind", "scores"), [("car", (0.2, 0.45)), ("pedestrian", (0.6, 0.9))])
def test_pain_4_cones_by_a_line_and_people_at_the_kerb_are_no_queue_on_it(kind, scores):
    """One of 25 fast cars was counted beside two cones that the net took for vehicles, weakly, all day."""
    line = ACROSS.model_copy(update={"classes": ("car",)})
    random, tracker, counter, told = np.random.default_rng(1), Tracker(), CrossingCounter([line]), []
    places, queued = np.array([(0.15, 0.46), (0.3, 0.46)]), set()
    for i, place in enumerate([*[(0.7, y) for y in np.arange(0.15, 0.98, 0.2).tolist()], *[None] * 10] * 25):
        points = [*(places + random.normal(0, 0.002, (2, 2))).tolist(), *([] if place is None else [place])]
        sides = np.array([0.03, 0.03, 0.05])[: len(points), None]
        boxes = np.hstack([np.array(points) - sides * [1, 2], np.array(points) + sides * [1, 0]]).astype(np.float32)
        sure = np.float32([*random.uniform(*scores, 2), 0.8])[: len(points)]
        kinds = np.array([*[CLASSES.index(kind)] * 2, CLASSES.index("car")], dtype=np.int8)[: len(points)]
        at = Instant(i / RATE, 1000 + i / RATE)
        told += counter.update(tracker.update(Detections(at, 1.0, boxes, sure, kinds)))
        queued |= counter.queued
    assert (len(told), queued) == (25, set())


ROADS = {
    "foreste": [("road", 1, (0.2, 0.6), (0.63, 0.6)), ("verge", None, (0.7, 0.15), (0.98, 0.98))],
    "milanoest": [("road", 1, (0.25, 0.75), (0.75, 0.75)), ("verge", None, (0.85, 0.3), (0.98, 0.95))],
    "salitona": [("road", 1, (0.36, 0.72), (0.58, 0.72)), ("slope", None, (0.0, 0.4), (0.6, 0.3))],
    "tunnelligure": [
        ("come", 0, (0.0, 0.62), (0.4, 0.62)),
        ("go", 1, (0.66, 0.62), (0.98, 0.62)),
        ("green", None, (0.12, 0.98), (0.58, 0.98)),
    ],
}
"""Lines over carriageways and the way that traffic goes there, and lines that nobody crosses."""


@pytest.mark.parametrize("name", ROADS)
def test_pain_4_haze_low_sun_and_headlights_make_no_ghost_go_where_nobody_goes(media, name):
    lines = [{"id": line, "points": [first, last]} for line, _, first, last in ROADS[name]]
    pipeline = Pipeline(Camera.model_validate({"analyse": {"rate": 6}, "lines": lines}), models=[OWN_MODELS])
    found = Counter()
    for frame in frames(media / f"lowvis_autostrade_{name}.mp4", rate=6):
        found.update((each.line, each.direction) for each in pipeline.analyse(frame).crossings)
    assert set(found) == {(line, way) for line, way, *_ in ROADS[name] if way is not None}


def test_pain_7_camera_whose_pictures_come_in_bursts_counts_and_measures_as_one_that_is_even():
    """False frame rates: the times of pictures shake by half their distance, and some come in pairs."""
    pole, random = Pole(height=8, tilt=24), np.random.default_rng(9)
    speeds = []
    for shake in (0.0, 0.45):
        trails, told = Trails(ground_of(pole)), []
        for track in range(12):
            at = 20.0 * track + np.arange(20) / RATE
            at[1:] += random.uniform(-shake, shake, 19) / RATE
            for t in at.tolist():
                trails.update(seen(t, {track: box_at(pole, 0, 10 + 8 * (t - 20 * track))}, aspect=pole.aspect))
            speed = trails.speed(track, at[-8])
            told.append(speed.metres_per_second if speed else None)
        speeds.append(told)
    assert speeds[0] == pytest.approx([8.0] * 12, rel=0.03)
    assert speeds[1] == pytest.approx([8.0] * 12, rel=0.05)
