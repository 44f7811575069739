"""Lines: space-mean speeds, headways, occupancy, the forbidden way."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from tracks_ import SCENES, PinHole, box_at, ground_of, line, noisy_tracks, seen

from edge.config.rules import Line
from edge.dataflow import Crossing, Instant, Tracks
from edge.measurements.crossings import CrossingCounter
from edge.measurements.traffic import Traffic
from edge.measurements.trails import Trails

CAMERA = PinHole(height=8, tilt=24)
GROUND = ground_of(CAMERA)
ACROSS = line(CAMERA, "l1", (-4.0, 15.0), (4.0, 15.0))
"""Walked to the right, so downwards, towards the camera, is direction 0."""


def ride(speed, *, rate=5.0, start=32.0, x=1.0, track=1, shake=None):
    """Pictures of one motorbike that comes towards the camera at that speed in m/s."""
    random = np.random.default_rng(3)
    for i in range(int(rate * 12)):
        y = start - speed * i / rate
        if not 9 < y <= start:
            continue
        box = box_at(CAMERA, x, y)
        size = np.sqrt((box[2] - box[0]) * (box[3] - box[1]))
        box = box + (random.normal(0, shake, 4) * size if shake else 0)
        yield seen(i / rate, {track: box}, aspect=CAMERA.aspect)


def measure(pictures, *, lines=(ACROSS,), ground=GROUND):
    """What the lines add up to, and every sample."""
    trails, counter = Trails(ground), CrossingCounter(lines)
    traffic, total, samples = Traffic(lines, trails, ground=ground), Counter(), []
    for tracks in pictures:
        trails.update(tracks)
        samples += traffic.update(tracks, counter.update(tracks))
        for name, value in samples[-1].added.items():
            total[name] += value
    return total, samples


def crossed(t, track=1, direction=0, kind="motorcycle"):
    return Crossing(Instant(t, 1000 + t), "l1", direction, kind, track)


@pytest.mark.parametrize("rate", [3.0, 5.0, 15.0])
@pytest.mark.parametrize("speed", [1.5, 5.0, 12.0])
def test_speed_of_a_steady_ride(speed, rate):
    total, _ = measure(ride(speed, rate=rate))
    assert total["speeds.0"] == 1
    assert total["speeds.0"] / total["slowness.0"] == pytest.approx(speed * 3.6, rel=0.02)


def test_speed_is_the_same_whatever_the_pictures_lack():
    whole = list(ride(8.0, rate=10.0))
    for kept in (
        whole[::2],
        [t for i, t in enumerate(whole) if i % 5 != 3],
        [t for i, t in enumerate(whole) if i % 7 < 5],
    ):
        total, _ = measure(kept)
        assert total["speeds.0"] / total["slowness.0"] == pytest.approx(8.0 * 3.6, rel=0.02)


def test_space_mean_speed_is_harmonic():
    fast = [t for speed in (5.0, 15.0) for t in ride(speed, rate=10.0, track=int(speed))]
    total, _ = measure([_later(t, 40) if t.ids[0] == 15 else t for t in fast])
    assert total["speeds.0"] == 2
    assert total["speeds.0"] / total["slowness.0"] == pytest.approx(7.5 * 3.6, rel=0.02)


def test_no_speed_without_calibration_or_from_two_sights():
    assert measure(ride(5.0), ground=None)[0]["speeds.0"] == 0
    trails = Trails(GROUND)
    for tracks in list(ride(5.0))[:2]:
        trails.update(tracks)
    assert trails.speed(1, 0.1) is None


def test_headways_add_up_to_the_time_between_the_first_and_the_last():
    traffic = Traffic([ACROSS], Trails(None), ground=None)
    total = Counter()
    for t, crossings in [
        (1, [crossed(0.8)]),
        (2, []),
        (3, [crossed(2.9, 3), crossed(2.0, 2)]),
        (3.8, [crossed(2.4, 4)]),
    ]:
        for now in (t - 0.5, t):
            (sample,) = traffic.update(seen(now, {}), crossings if now == t else [])
            total.update(sample.added)
    assert total["headways.0"] == 3
    assert total["headway.0"] == pytest.approx(2.9 - 0.8)


def test_headway_is_not_told_over_a_pause_nor_between_directions():
    traffic = Traffic([ACROSS], Trails(None), ground=None)
    added = [
        traffic.update(seen(t, {}), crossings)[0].added
        for t, crossings in [(0.0, [crossed(0.0)]), (0.5, [crossed(0.4, 2, 1)]), (5.0, [crossed(4.9, 3)])]
    ]
    assert all("headways.0" not in each and "headways.1" not in each for each in added)


def test_people_on_foot_are_no_traffic_unless_only_they_are_counted():
    walkers = Line(id="l1", points=ACROSS.points, classes=("pedestrian",))
    for rule, headways in ((ACROSS, 0), (walkers, 1)):
        traffic = Traffic([rule], Trails(None), ground=None)
        samples = [traffic.update(seen(t, {}), [crossed(t, kind="pedestrian")])[0] for t in (0.0, 0.5)]
        assert samples[1].added.get("headways.0", 0) == headways


def test_occupied_as_long_as_something_stands_on_the_line():
    line_ = Line(id="l1", points=((0.2, 0.5), (0.8, 0.5)))
    traffic = Traffic([line_], Trails(None), ground=None)

    def occupied(*box, **how):
        return traffic.update(seen(0.0, {1: box}, **how), [])[0].present["occupied"]

    assert occupied(0.4, 0.42, 0.5, 0.52) == 1
    assert occupied(0.4, 0.40, 0.5, 0.495) == 0, "it has not come to the line"
    assert occupied(0.4, 0.45, 0.5, 0.62) == 0, "only its upper part is before the line"
    assert occupied(0.05, 0.42, 0.15, 0.52) == 0, "beside the end of the line"
    assert occupied(0.4, 0.42, 0.5, 0.52, kind="pedestrian") == 0
    upright = Line(id="l1", points=((0.5, 0.2), (0.5, 0.8)))
    traffic = Traffic([upright], Trails(None), ground=None)
    assert occupied(0.45, 0.42, 0.55, 0.52) == 1
    assert occupied(0.35, 0.42, 0.45, 0.52) == 0


@pytest.mark.parametrize("kind", ["motorcycle", "car", "bus"])
def test_occupancy_is_length_by_speed(kind):
    """Each covers a line for its length divided by its speed (May 1990)."""
    size = {"motorcycle": (1.9, 0.8, 1.6), "car": (4.5, 1.8, 1.55), "bus": (11.0, 2.5, 3.1)}[kind]
    pictures = [
        seen(i / 50, {1: box_at(CAMERA, 0.0, 40 - 8.0 * i / 50, size=size)}, kind=kind, aspect=CAMERA.aspect)
        for i in range(180)
    ]
    _, samples = measure(pictures)
    covered = sum(sample.present["occupied"] for sample in samples) / 50
    assert covered == pytest.approx(size[0] / 8.0, rel=0.35)


def test_wrong_way_rider_is_told_once():
    forbidden = ACROSS.model_copy(update={"forbidden": 0})
    assert measure(ride(5.0, shake=0.03), lines=(forbidden,))[0]["wrong_way"] == 1
    allowed = ACROSS.model_copy(update={"forbidden": 1})
    assert measure(ride(5.0, shake=0.03), lines=(allowed,))[0]["wrong_way"] == 0
    assert "wrong_way" not in measure(ride(5.0))[0]


def test_wrong_way_is_not_told_of_a_track_that_hops_back_in_a_jam():
    forbidden = ACROSS.model_copy(update={"forbidden": 0})
    places = [17.5] * 8 + [12.5] * 8
    pictures = [seen(i / 5, {1: box_at(CAMERA, 0.0, y)}, aspect=CAMERA.aspect) for i, y in enumerate(places)]
    total, _ = measure(pictures, lines=(forbidden,))
    assert total["wrong_way"] == 0


@pytest.mark.parametrize(("speed", "told"), [(5.0, 1), (1.5, 0)])
def test_wrong_way_rider_that_is_called_a_pedestrian_is_told_and_who_walks_is_not(speed, told):
    forbidden = ACROSS.model_copy(update={"forbidden": 0})
    named = [replace(each, classes=np.zeros(1, np.int8)) for each in ride(speed, start=20.0, shake=0.03)]
    gone = seen(named[-1].at.seconds + 0.2, {}, ended=(1,), aspect=CAMERA.aspect)
    assert measure([*named, gone], lines=(forbidden,))[0]["wrong_way"] == told


def test_wrong_way_rider_that_takes_the_id_of_one_it_meets_is_told():
    """The one that comes the right way passes the line, meets the rider and goes on as the rider."""
    forbidden = ACROSS.model_copy(update={"forbidden": 0})
    comes = [box_at(CAMERA, -0.5, 12.5 + 5 * i / 5) for i in range(6)]
    rides = [box_at(CAMERA, 0.5, 17.5 - 5 * i / 5) for i in range(8)]
    pictures = [seen(i / 5, {1: box}, aspect=CAMERA.aspect) for i, box in enumerate([*comes, *rides])]
    assert measure(pictures, lines=(forbidden,))[0]["wrong_way"] == 1


@pytest.mark.long
def test_wrong_way_riders_of_scenes_are_found_and_no_others():
    told = {name: sum(_wrong_way(name, seed) for seed in (0, 2, 4)) for name in ("wrong way", "signal")}
    assert told["wrong way"] >= 2
    assert told["signal"] == 0


def _later(tracks, seconds):
    at = Instant(tracks.at.seconds + seconds, tracks.at.utc + seconds)
    return Tracks(at, tracks.aspect, tracks.ids, tracks.boxes, tracks.classes, tracks.confirmed, tracks.ended)


def _wrong_way(name, seed):
    """How many are told on the way towards which nobody but one may ride, in a scene."""
    scene = SCENES[name](seed)
    way = np.array(scene.ways[0].points)
    ahead = (way[1] - way[0]) / np.hypot(*(way[1] - way[0]))
    right = np.array([ahead[1], -ahead[0]]) * 3.4
    middle = way[0] + ahead * (66 if name == "signal" else 30)
    rule = line(scene.camera, "l1", tuple(middle - right), tuple(middle + right))
    goes = Counter(c.direction for c in scene.truth.crossings([rule])).most_common(1)[0][0]
    total, _ = measure(noisy_tracks(scene), lines=(rule.model_copy(update={"forbidden": 1 - goes}),), ground=None)
    return total["wrong_way"]
