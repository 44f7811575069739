"""The forbidden way: what its proof asks of a way over the line, one thing at a time. All of these tracks cross."""

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
STEADY = np.arange(-2.0, 2.01, 0.2)
"""One size of itself a second, from two sizes before the line to two beyond."""


def told(places, *, shake=0.0):
    """How many riders are told of one track that was at these places, in sizes beyond the line, picture by picture;
    NaN where it was not seen. Each place is off by `shake` sizes."""
    places = np.asarray(places) + np.random.default_rng(7).normal(0, shake, len(places))
    sights = np.flatnonzero(~np.isnan(places))
    over = sights[places[sights] > 0][0]
    trails = Trails(None)
    traffic, total = Traffic([LINE], trails, ground=None), 0.0
    for i in range(len(places) + 1):
        boxes = {1: _box(places[i])} if i in sights else {}
        tracks = seen(i / RATE, boxes, ended=(1,) if i == len(places) else ())
        crossings = [Crossing(Instant(i / RATE, 1000 + i / RATE), "l1", 0, "motorcycle", 1)] if i == over else []
        trails.update(tracks)
        total += traffic.update(tracks, crossings)[0].added["wrong_way"]
    return total


def _box(place):
    foot = AT + place * SIZE
    return (0.5 - SIZE / 2, foot - SIZE, 0.5 + SIZE / 2, foot)


def test_steady_ride_that_is_seen_all_the_way_is_told():
    assert told(STEADY, shake=0.04) == 1


@pytest.mark.parametrize(("missed", "proven"), [(5, 1), (4, 1), (2, 0)])
def test_track_that_is_seen_only_now_and_then_proves_nothing(missed, proven):
    """Every fifth picture may lack a rider; what shows in every other one is put together from several."""
    places = np.where(np.arange(len(STEADY)) % missed == 1, np.nan, STEADY)
    assert told(places) == proven


@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize(("far", "proven"), [(0.4, 1), (0.2, 0)])
def test_track_that_only_grazes_one_side_proves_nothing(far, proven, side):
    """One creeps over the stop line and turns off there; another is first seen on the line, when it pulls out."""
    places = np.arange(-2.0, far + 0.01, 0.2)
    assert told(places if side > 0 else -places[::-1]) == proven


@pytest.mark.parametrize(("gap", "places", "stays", "proven"), [(0.25, 9, 2, 1), (0.9, 5, 5, 0)])
def test_track_that_hops_from_vehicle_to_vehicle_of_a_jam_proves_nothing(gap, places, stays, proven):
    """It is seen in every picture, and stays with each for a second; one who creeps in small steps is a rider."""
    queue = (np.arange(places) - places // 2) * gap + 0.05
    assert told(np.repeat(queue, stays)) == proven


@pytest.mark.parametrize(("far", "proven"), [(0.6, 1), (0.4, 0)])
def test_track_that_only_shifts_on_the_line_proves_nothing(far, proven):
    assert told(np.linspace(-far, far, 10)) == proven


@pytest.mark.parametrize(("pictures", "proven"), [(6, 1), (4, 0)])
def test_track_of_a_few_pictures_proves_nothing(pictures, proven):
    assert told(np.linspace(-1.5, 1.5, pictures)) == proven
