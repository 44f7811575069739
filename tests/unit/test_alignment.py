"""A camera that moved a little: what is counted goes on as if it had not."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from tracks_ import seen

from edge.alignment import Alignment, moved
from edge.config.schema import Camera
from edge.dataflow import Tracks
from edge.frames.view import Shift, aligned
from edge.geometry import bottom_centres, inside
from edge.measurements.measures import Measures

SHIFT = Shift(dx=0.05, dy=-0.02, roll=1.5, scale=1.03)
LINE = {"id": "l1", "points": ((0.5, 0.2), (0.5, 0.9)), "classes": ("car",)}
CAMERA = Camera.model_validate({"lines": (LINE,)})
CAR = (0.06, 0.05)
"""Width and height of a car's box."""


def cars(seconds: float, *places: tuple[int, float, float], ended: tuple[int, ...] = ()) -> Tracks:
    """Cars (track, x, y of the lower middle), as seen."""
    width, height = CAR
    boxes = {track: (x - width / 2, y - height, x + width / 2, y) for track, x, y in places}
    return seen(seconds, boxes, kind="car", ended=ended, aspect=16 / 9)


@pytest.mark.parametrize("shift", [SHIFT, Shift(dx=0.03), Shift(roll=-4, scale=0.95, aspect=4 / 3), Shift()])
def test_inverse_brings_every_point_back(shift):
    points = [(0.0, 0.0), (0.3, 0.8), (1.0, 0.5)]
    assert np.allclose(aligned(aligned(points, shift), shift.inverse), points)
    assert np.allclose(aligned(aligned(points, shift.inverse), shift), points)


def test_tracks_are_brought_back_with_their_size():
    alignment = Alignment()
    assert alignment.follow(SHIFT)
    assert not alignment.follow(SHIFT)
    ((x, y),) = aligned([(0.4, 0.6)], SHIFT)
    now = cars(0, (1, x, y))
    back = alignment.undone(now)
    assert np.allclose(bottom_centres(back.boxes), [(0.4, 0.6)], atol=1e-6)
    width, height = (back.boxes[0, 2:] - back.boxes[0, :2]) * SHIFT.scale
    assert np.allclose((width, height), CAR, atol=1e-6)
    assert (back.ids == now.ids).all()


def test_who_is_seen_unsurely_is_brought_back_too():
    alignment = Alignment()
    alignment.follow(SHIFT)
    ((x, y),) = aligned([(0.4, 0.6)], SHIFT)
    unsure = np.array([(x - 0.02, y - 0.1, x + 0.02, y)], np.float32)
    back = alignment.undone(replace(cars(0), unsure=unsure))
    assert np.allclose(bottom_centres(back.unsure), [(0.4, 0.6)], atol=1e-6)


def test_tracks_of_a_camera_that_did_not_move_are_left_alone():
    now = cars(0, (1, 0.4, 0.6))
    assert Alignment().undone(now) is now


def run(alignment: Alignment, pictures: list[tuple[Tracks, Shift | None]]) -> list[tuple[int, int]]:
    """Track and direction of what is counted; each picture with the shift that is known by then."""
    measures, counted = Measures(CAMERA), []
    for tracks, shift in pictures:
        alignment.follow(shift)
        counted += [(c.track, c.direction) for c in measures.update(alignment.undone(tracks)).crossings]
    return counted


def drive(begin: float, end: float, *, seconds: float = 4.0) -> list[float]:
    """x of a car, five times a second."""
    return [begin + (end - begin) * step / (5 * seconds) for step in range(int(5 * seconds) + 1)]


@pytest.mark.parametrize("known", [0.0, 1.8, 2.0, 2.2, 3.0])
def test_car_is_counted_once_whenever_the_shift_becomes_known(known):
    """At 2.0 s it is on the line, as seen by the moved camera."""
    pictures = [(cars(i / 5, (7, x, 0.6)), SHIFT if i / 5 >= known else None) for i, x in enumerate(drive(0.2, 0.8))]
    assert run(Alignment(), pictures) == [(7, 1)]


def test_car_that_stands_before_the_line_is_not_counted_when_the_shift_becomes_known():
    still = [cars(i / 5, (7, 0.53, 0.6)) for i in range(100)]
    assert run(Alignment(), [(tracks, SHIFT if i > 50 else None) for i, tracks in enumerate(still)]) == []
    assert aligned([(0.53, 0.6)], SHIFT.inverse)[0][0] < 0.49  # though it is on the other side by the shift


def test_car_that_comes_after_the_shift_is_counted_where_the_line_is_now():
    (on_line,) = aligned([(0.5, 0.6)], SHIFT)
    measures, alignment = Measures(CAMERA), Alignment()
    alignment.follow(SHIFT)
    for i, x in enumerate(drive(0.2, 0.8)):
        for crossing in measures.update(alignment.undone(cars(i / 5, (7, x, on_line[1])))).crossings:
            assert math.isclose(0.2 + 0.6 * crossing.at.seconds / 4, on_line[0], abs_tol=0.01)
            return
    raise AssertionError("not counted")


def test_state_of_a_track_ends_with_it():
    alignment = Alignment()
    alignment.follow(SHIFT)
    alignment.undone(cars(0, (7, 0.5, 0.6)))
    alignment.follow(None)
    assert not np.allclose(alignment.undone(cars(0.2, (7, 0.5, 0.6))).boxes, cars(0, (7, 0.5, 0.6)).boxes)
    alignment.undone(cars(0.4, ended=(7,)))
    assert not alignment._begun


def hidden(mask, *points):
    at = np.array(points, np.float32)
    return [bool(any(inside(at[i : i + 1], polygon)[0] for polygon in mask)) for i in range(len(at))]


def test_mask_moves_with_the_view():
    mask = [[(0.4, 0.4), (0.6, 0.4), (0.6, 0.6), (0.4, 0.6)]]
    assert moved(mask, None) == mask
    assert hidden(moved(mask, Shift(dx=0.05)), (0.42, 0.5), (0.63, 0.5)) == [False, True]


def test_mask_on_the_border_hides_what_comes_into_view_beyond_it():
    top = [[(0.0, 0.0), (1.0, 0.0), (1.0, 0.2), (0.0, 0.2)]]
    down = moved(top, Shift(dx=0.03, dy=0.05))
    assert hidden(down, (0.5, 0.01), (0.5, 0.24), (0.01, 0.01), (0.01, 0.24), (0.99, 0.01)) == [True] * 5
    assert hidden(down, (0.5, 0.26), (0.01, 0.26)) == [False, False]
    up = moved(top, Shift(dy=-0.05))
    assert hidden(up, (0.5, 0.14), (0.5, 0.16)) == [True, False]
