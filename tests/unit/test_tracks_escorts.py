"""Weak boxes beside a vehicle: which are a vehicle of their own, and which are its headlights, its shadow, its half."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest
from counting_ import ACROSS

from edge.dataflow import CLASSES, Detections, Instant
from edge.measurements.crossings import CrossingCounter
from edge.tracks.escorts import Companionship, Escorts
from edge.tracks.tracker import Tracker

PEDESTRIAN, BICYCLE, MOTORCYCLE, CAR = (CLASSES.index(kind) for kind in ("pedestrian", "bicycle", "motorcycle", "car"))
CARS = 25
CAR_SIDE, CONE_SIDE = 0.1, 0.08
CONES = [(0.09, 0.0), (0.08, 0.05), (0.0, 0.11), (0.0, -0.1), (0.13, 0.0)]
"""Where the cone or the shadow is, from the car: beside, askew, before, behind, and hardly touching."""
Row = tuple[float, float, float, float, int]
"""The lower middle of a box, its side, its score and its class."""


def picture(at: float, rows: list[Row]) -> Detections:
    table = np.array(rows, dtype=float).reshape(-1, 5)
    x, y, side, score, kind = table.T
    boxes = np.stack([x - side / 2, y - side, x + side / 2, y], axis=1).astype(np.float32)
    return Detections(Instant(at, 1e6 + at), 1.0, boxes, score.astype(np.float32), kind.astype(np.int8))


class Street:
    """Pictures of one after another who comes down the street, and what is counted of them."""

    def __init__(self, rate: float, seed: int = 3) -> None:
        self.rate, self.at, self.random = rate, 0.0, np.random.default_rng(seed)
        self.counted: Counter[str] = Counter()
        self.tracker, self._counter = Tracker(), CrossingCounter([ACROSS])

    def look(self, rows: list[Row]) -> None:
        tracks = self.tracker.update(picture(self.at, [row for row in rows if row[3] >= 0.15]))
        self.counted.update(crossing.kind for crossing in self._counter.update(tracks))
        self.at += 1 / self.rate

    def pause(self) -> None:
        """Until everybody who left is forgotten."""
        for _ in range(int(2.2 * self.rate)):
            self.look([])

    def down(self, speed: float = 0.3) -> Iterator[float]:
        """Heights of somebody who drives down the picture, so far in a second, and the pause after."""
        yield from np.arange(0.12 + self.random.uniform(0, 0.06), 0.98, speed / self.rate).tolist()
        self.pause()

    def near(self, place: float, side: float) -> float:
        """The place, as exactly as a detector knows it."""
        return place + float(self.random.normal(0, 0.04 * side))

    def cars(self, count: int, *, cone: tuple[float, float] | None = None, kind: int = CAR) -> None:
        """Sure ones, each with a weak box at this place from it: .2 to .45 sure, now more, now less."""
        for _ in range(count):
            x, shine = 0.5 + self.random.normal(0, 0.03), self.random.uniform(0.2, 0.45)
            for y in self.down():
                score = self.random.uniform(0.6, 0.95)
                rows = [(self.near(x, CAR_SIDE), self.near(y, CAR_SIDE), CAR_SIDE, score, kind)]
                if cone:
                    score = float(np.clip(shine + self.random.normal(0, 0.08), 0.05, 0.49))
                    there = self.near(x + cone[0], CONE_SIDE), self.near(y + cone[1], CONE_SIDE)
                    rows.append((*there, CONE_SIDE, score, CAR))
                self.look(rows)

    def weak(self, low: float, high: float, *, kind: int = CAR) -> None:
        """One that nobody is ever sure of, on the way of those before it, alone."""
        for y in self.down():
            there = self.near(0.5, CAR_SIDE), self.near(y, CAR_SIDE)
            self.look([(*there, CAR_SIDE, self.random.uniform(low, high), kind)])


@pytest.mark.parametrize(("cone", "rate"), [*((cone, 5.0) for cone in CONES), (CONES[2], 3.0), (CONES[2], 6.0)])
def test_cars_with_a_weak_box_going_along_count_once_each(cone, rate):
    street = Street(rate)
    street.cars(CARS, cone=cone)
    assert street.counted.total() == CARS


@pytest.mark.parametrize("rate", [3.0, 5.0, 6.0])
def test_cars_with_a_weak_box_going_along_count_once_each_where_it_is_known_how_cars_go(rate):
    """Where others passed, weak boxes may begin a track."""
    street = Street(rate)
    street.cars(CARS)
    for cone in (CONES[0], CONES[2]):
        street.cars(CARS, cone=cone)
    assert street.counted.total() == 3 * CARS


@pytest.mark.parametrize("rate", [3.0, 5.0, 6.0])
@pytest.mark.parametrize(("scores", "counted"), [((0.3, 0.45), 5), ((0.15, 0.22), 0)], ids=["weak", "hardly seen"])
def test_weak_vehicle_that_goes_alone_where_others_went_counts_unless_it_is_hardly_seen(scores, counted, rate):
    street = Street(rate)
    street.cars(CARS)
    for _ in range(5):
        street.weak(*scores)
    assert street.counted.total() == CARS + counted


@pytest.mark.parametrize("apart", [0.06, 0.08, 0.1])
@pytest.mark.parametrize("rate", [3.0, 5.0, 6.0])
def test_motorcycles_side_by_side_each_sure_now_and_then_are_two(rate, apart):
    """Overlapping a little or not, as fast as each other, each now sure and now weak."""
    street = Street(rate)
    for _ in range(10):
        for y in street.down():
            scores = street.random.uniform(0.3, 0.8, 2)
            places = zip((0.5 - apart / 2, 0.5 + apart / 2), scores, strict=True)
            street.look([(street.near(x, 0.07), street.near(y, 0.07), 0.07, score, MOTORCYCLE) for x, score in places])
    assert street.counted == {"motorcycle": 20}


@pytest.mark.parametrize("rate", [3.0, 5.0, 6.0])
def test_weak_motorcycles_side_by_side_with_nobody_sure_are_two(rate):
    street = Street(rate)
    street.cars(CARS, kind=MOTORCYCLE)
    for y in street.down():
        street.look([(street.near(x, 0.07), street.near(y, 0.07), 0.07, 0.4, MOTORCYCLE) for x in (0.46, 0.54)])
    assert street.counted == {"motorcycle": CARS + 2}


@pytest.mark.parametrize("rate", [3.0, 5.0, 6.0])
def test_weak_bicycle_whose_rider_is_surely_a_person_counts(rate):
    """A person is no vehicle that the bicycle could go along with."""
    street = Street(rate)
    street.cars(CARS, kind=BICYCLE)
    for y in street.down():
        bicycle = (street.near(0.5, CAR_SIDE), street.near(y, CAR_SIDE), CAR_SIDE, 0.4, BICYCLE)
        street.look([bicycle, (street.near(0.5, 0.06), street.near(y - 0.05, 0.06), 0.06, 0.8, PEDESTRIAN)])
    assert street.counted["bicycle"] == CARS + 1


@pytest.mark.parametrize("rate", [3.0, 5.0, 6.0])
def test_weak_vehicle_that_is_overtaken_counts(rate):
    """A sure car comes from behind, passes close by, and drives on."""
    street = Street(rate)
    street.cars(CARS)
    for y in street.down():
        ahead = -0.6 + 2.0 * y
        rows = [(street.near(0.5, CAR_SIDE), street.near(y, CAR_SIDE), CAR_SIDE, 0.4, CAR)]
        if 0.0 < ahead < 1.0:
            rows.append((street.near(0.62, CAR_SIDE), street.near(ahead, CAR_SIDE), CAR_SIDE, 0.9, CAR))
        street.look(rows)
    assert street.counted.total() == CARS + 2


def test_weak_motorcycle_that_overtakes_a_bus_counts():
    """It passes by 2.5 of its own sizes, half of one of the bus."""
    street = Street(5.0)
    street.cars(CARS, kind=MOTORCYCLE)
    side, bus = 0.07, 0.3
    for y in street.down():
        own = 1.2 * y - 0.11
        rows = [(street.near(0.705, side), street.near(y + 0.05, side), bus, 0.9, CAR)]
        if 0 < own < 1:
            rows.append(
                (street.near(0.5, side), street.near(own, side), side, street.random.uniform(0.3, 0.45), MOTORCYCLE)
            )
        street.look(rows)
    assert street.counted == {"motorcycle": CARS + 1, "car": 1}


def boxes(*rows):
    """Ids from 1, and boxes of side 0.1 at these centres."""
    return np.arange(1, len(rows) + 1), np.array([[x, y, 0.1, 0.1] for x, y in rows], dtype=float)


def watched(offsets: list[tuple[float, float]], companionship: Companionship) -> Escorts:
    """A weak track 1 at these places from a sure track 1."""
    escorts = Escorts(companionship)
    for k, (dx, dy) in enumerate(offsets):
        escorts.watch(boxes((0.3 + dx, 0.1 * k + dy)), boxes((0.3, 0.1 * k)))
    return escorts


def test_escort_touches_in_most_sights():
    """4 of the 6 sights after the first: of `share` 0.6, not of 0.8."""
    offsets = [(0.1, 0.0)] * 4 + [(0.3, 0.0)] * 2
    assert watched(offsets, Companionship(share=0.6)).escorts(1, 7)
    assert not watched(offsets, Companionship(share=0.8)).escorts(1, 7)


def test_escort_keeps_its_place():
    """Its offset varies by 0.5 sizes of the other."""
    offsets = [(0.1, 0.0), (0.1, 0.05), (0.1, 0.02)]
    assert watched(offsets, Companionship(sway=0.6)).escorts(1, 4)
    assert not watched(offsets, Companionship(sway=0.4)).escorts(1, 4)


def test_reach_says_how_far_boxes_may_be_apart():
    """0.06 between boxes of 0.1: they touch when each is 1.7 times as large, not when 1.5."""
    offsets = [(0.16, 0.0)] * 4
    assert watched(offsets, Companionship(reach=1.7)).escorts(1, 5)
    assert not watched(offsets, Companionship(reach=1.5)).escorts(1, 5)


def test_one_after_another_are_no_companion():
    """Beside a column that it overtakes, it touches somebody always, but nobody for long."""
    escorts = Escorts(Companionship())
    for k in range(8):
        column = np.array([[0.4, 0.2 * i, 0.1, 0.1] for i in range(8)])
        escorts.watch(boxes((0.3, 0.2 * k)), (np.arange(1, 9), column))
    assert not escorts.escorts(1, 9)


def test_ended_tracks_are_forgotten():
    escorts = watched([(0.1, 0.0)] * 4, Companionship())
    escorts.forget([1])
    assert not escorts.escorts(1, 5)


def test_nothing_is_kept_of_tracks_that_ended():
    """Also not of those that passed one that stays, and is weakly seen nearly always."""
    street = Street(5.0)
    for k in range(120):
        y, parked = 0.1 + 0.06 * (k % 15), (0.62, 0.5, CAR_SIDE, 0.4 if k % 60 else 0.55, CAR)
        street.look([(street.near(0.5, CAR_SIDE), y, CAR_SIDE, 0.9, CAR), parked])
    kept = street.tracker._escorts._pairs
    assert sum(map(len, kept.values())) <= 2
    street.pause()
    assert not kept
