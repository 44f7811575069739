"""The forbidden way when sights are lost or wrong: who rides is told all the same, who takes another's id is not."""

from __future__ import annotations

import numpy as np
import pytest
from tracks_ import seen

from edge.config.rules import Line
from edge.dataflow import Crossing, Instant
from edge.measurements.traffic import Traffic
from edge.measurements.trails import Trails

SIZE, RATE, AT = 0.1, 5.0, 0.5
"""The side of every box, pictures a second, and where the line lies."""
LINE = Line(id="l1", points=((0.05, AT), (0.95, AT)), forbidden=0)


def told(places, *, paused=(0.0, 0.0), kind="motorcycle"):
    """How many are told of one track that is at these places, in sizes beyond the line, at RATE, while of the seconds
    between the two of `paused` no picture comes. It is over the line halfway between its sights on both sides."""
    times = np.arange(len(places)) / RATE
    came = (times <= paused[0]) | (times >= paused[1])
    times, places = times[came], np.asarray(places)[came]
    first = int(np.argmax(places > 0))
    over = float(times[first - 1 : first + 1].mean())
    trails = Trails(None)
    traffic, total = Traffic([LINE], trails, ground=None), 0.0
    for i, (seconds, place) in enumerate(zip(times, places, strict=True)):
        tracks = seen(seconds, {1: box(place)}, kind=kind)
        trails.update(tracks)
        crossings = [Crossing(Instant(over, 1000 + over), "l1", 0, kind, 1)] if i == first else []
        total += traffic.update(tracks, crossings)[0].added["wrong_way"]
    gone = seen(times[-1] + 1 / RATE, {}, ended=(1,))
    trails.update(gone)
    return total + traffic.update(gone, [])[0].added["wrong_way"]


def box(place):
    foot = AT + place * SIZE
    return (0.5 - SIZE / 2, foot - SIZE, 0.5 + SIZE / 2, foot)


@pytest.mark.parametrize("kind", ["motorcycle", "pedestrian"])
@pytest.mark.parametrize("begins", [1.0, 1.8, 2.2])
def test_rider_is_told_though_the_camera_is_lost_for_a_moment(begins, kind):
    """Before it is over the line, while it crosses, and after: 4 sizes of itself a second, a fast one."""
    ride = np.arange(-8.1, 8.1, 4.0 / RATE)
    assert told(ride, paused=(begins, begins + 1.3), kind=kind) == 1


def test_place_that_changes_while_the_camera_is_lost_proves_nothing():
    """One of a jam stands on each side of the line, and after the pause the second has the first one's id."""
    jam = np.repeat([-0.6, 0.6], 10)
    assert told(jam, paused=(0.9, 2.9)) == 0


@pytest.mark.parametrize("pause", [1.1, 1.8, 2.5])
@pytest.mark.parametrize("stands", [-0.5, -1.0])
def test_one_that_rides_off_beyond_the_line_with_the_id_of_one_that_stood_before_it_proves_nothing(stands, pause):
    before, lost = np.full(11, stands), round(pause * RATE) - 1
    rides = 0.3 + 0.2 * np.arange(15)
    assert told(np.concatenate([before, np.full(lost, stands), rides]), paused=(2.0, 2.0 + pause - 0.01)) == 0


@pytest.mark.parametrize(("sights", "proven"), [(1, 1), (2, 0)])
def test_rider_is_told_though_a_single_sight_is_of_one_that_it_meets(sights, proven):
    ride = np.arange(-2.1, 2.1, 1.0 / RATE)
    ride[6 : 6 + sights] -= 0.8
    assert told(ride) == proven
