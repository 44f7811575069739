"""Picture to ground: exact where the points are, refused where they cannot be right, honest about far places."""

from __future__ import annotations

import numpy as np
import pytest
from tracks_ import PinHole, ground_of

from edge.errors import EdgeError
from edge.measurements.calibration import Ground

CAMERA = PinHole(height=8, tilt=22, heading=10)
CORNERS = [(-3.5, 12.0), (3.5, 12.0), (3.5, 32.0), (-3.5, 32.0)]


def pairs(places, *, camera=CAMERA, told=None):
    picture = camera.to_picture(np.array(places, dtype=float)).tolist()
    return [(tuple(p), tuple(g)) for p, g in zip(picture, told or places, strict=True)]


@pytest.mark.parametrize("extra", [[], [(0.0, 20.0), (5.0, 25.0)]])
def test_ground_of_a_pin_hole_camera_is_exact_everywhere(extra):
    ground = Ground(pairs(CORNERS + extra))
    places = np.random.default_rng(1).uniform([-10, 8], [10, 60], (50, 2))
    assert ground.residual_m < 1e-9
    assert ground.metres(CAMERA.to_picture(places)) == pytest.approx(places, abs=1e-6)


@pytest.mark.parametrize("turn", [0, 30, 180, 271])
def test_distances_stand_whatever_way_the_metres_run(turn):
    a = np.radians(turn)
    told = np.array(CORNERS) @ [[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]] + [1_864_000.0, 560_000.0]
    mirrored = told[:, ::-1]
    places = CAMERA.to_picture(np.array([(0.0, 15.0), (3.0, 19.0)]))
    for axes in (told, mirrored):
        metres = Ground(pairs(CORNERS, told=axes.tolist())).metres(places)
        assert np.hypot(*(metres[1] - metres[0])) == pytest.approx(5.0, abs=1e-4)


def test_jacobian_is_what_small_steps_show():
    ground = Ground(pairs(CORNERS))
    points = np.array([[0.4, 0.6], [0.7, 0.4]])
    for axis in (0, 1):
        step = np.eye(2)[axis] * 1e-6
        shown = (ground.metres(points + step) - ground.metres(points - step)) / 2e-6
        assert ground.jacobian(points)[:, :, axis] == pytest.approx(shown, rel=1e-4)


def test_spread_is_what_shaken_points_show_and_grows_with_the_distance():
    ground = Ground(pairs(CORNERS))
    points = CAMERA.to_picture(np.array([(0.0, 10.0), (0.0, 20.0), (0.0, 40.0)]))
    told = ground.spread(points, np.array([[0.001, 0.002]] * 3))
    shaken = points + np.random.default_rng(2).normal(0, [0.001, 0.002], (20_000, 3, 2))
    shown = (ground.metres(shaken.reshape(-1, 2)) - np.tile(ground.metres(points), (20_000, 1))).reshape(-1, 3, 2)
    assert told == pytest.approx(np.sqrt((shown**2).sum(axis=2).mean(axis=0)), rel=0.03)
    assert told[0] < told[1] < told[2]
    assert ground.spread(points, 0.001) == pytest.approx(ground.spread(points, np.full((3, 2), 0.001)))


def test_nothing_is_told_near_the_horizon_and_above_it():
    ground = Ground(pairs(CORNERS))
    points = np.column_stack([np.full(100, 0.5), np.linspace(-0.5, 1.0, 100)])
    metres, told = CAMERA.to_ground(points), ground.in_front(points)
    assert not told[np.isnan(metres[:, 1])].any()
    assert np.hypot(*metres[told].T).max() < 120
    assert told[points[:, 1] > 0.3].all()


@pytest.mark.parametrize("off", [2.5, 16.0, -30.0])
def test_one_bad_point_of_six_is_refused_by_name(off):
    good = pairs([*CORNERS, (2.0, 26.0)])
    with pytest.raises(EdgeError, match=r"do not fit one plane.*; measure point 3 again, without it") as refused:
        Ground([*good[:2], *pairs([(0.0, 20.0)], told=[(0.0, 20.0 + off)]), *good[2:]])
    assert "\n" not in str(refused.value)


def test_small_errors_of_the_tape_are_taken_and_told():
    told = [(x + e, y - e) for (x, y), e in zip([*CORNERS, (0.0, 20.0)], (0.1, -0.1, 0.1, -0.2, 0.1), strict=True)]
    ground = Ground(pairs([*CORNERS, (0.0, 20.0)], told=told))
    assert 0.01 < ground.residual_m < 0.3


@pytest.mark.parametrize(
    ("places", "told", "text"),
    [
        ([(0, 10), (0, 20), (0, 30), (0, 40)], None, "on one line in the picture"),
        ([(0, 10), (0, 20), (0, 30), (5, 20)], None, "tell no plane"),
        ([(0, 10), (0.05, 20), (0, 30), (5, 20)], None, "tell no plane"),
        (CORNERS, [(0, 0), (0, 5), (0, 10), (0, 15)], "on one line on the ground"),
        (CORNERS, [CORNERS[0], CORNERS[0], CORNERS[2], CORNERS[3]], "twice the same"),
        (CORNERS, [CORNERS[1], CORNERS[0], CORNERS[2], CORNERS[3]], "found a horizon that runs between them"),
        (CORNERS, [CORNERS[0], CORNERS[2], CORNERS[1], CORNERS[3]], "found a horizon that runs between them"),
    ],
)
def test_points_that_cannot_be_right_are_refused_in_one_line(places, told, text):
    with pytest.raises(EdgeError, match=text) as refused:
        Ground(pairs(places, told=told))
    assert "\n" not in str(refused.value)
    assert "; " in str(refused.value)


def test_the_order_of_the_points_makes_no_difference():
    points = pairs([*CORNERS, (0.0, 20.0)])
    place = CAMERA.to_picture(np.array([(2.0, 17.0)]))
    metres = [Ground([points[i] for i in order]).metres(place) for order in ([0, 1, 2, 3, 4], [4, 2, 0, 3, 1])]
    assert metres[0] == pytest.approx(metres[1])


def test_calibration_of_the_tests_is_that_of_its_camera():
    assert ground_of(CAMERA).metres(CAMERA.to_picture(np.array([(1.0, 30.0)]))) == pytest.approx(
        np.array([[1.0, 30.0]])
    )


@pytest.mark.parametrize(
    ("scale", "told"),
    [
        (
            [9e-6, 9e-6],
            "too near together for metres on the ground, expected 2 to 500 m between the outermost, found 0.0",
        ),
        ([0.001, 0.001], "too near together"),
        (
            [100, 100],
            "too far apart for metres on the ground, expected 2 to 500 m between the outermost, found 2119; mea",
        ),
        ([1e200, 1e200], "too far apart"),
    ],
)
def test_degrees_kilometres_and_centimetres_are_no_metres(scale, told):
    places = (np.array(CORNERS) * scale + [107.58, 16.46]).tolist()
    with pytest.raises(EdgeError, match=told) as caught:
        Ground(pairs(CORNERS, told=places))
    assert str(caught.value).endswith("such as [0, 0] and [3.5, 12], not in degrees, feet or centimetres")


@pytest.mark.parametrize("across", [2.1, 499])
def test_a_crossing_and_a_plaza_are_metres(across):
    metres = np.array(CORNERS) * across / np.hypot(*np.ptp(CORNERS, axis=0))
    assert Ground(pairs(CORNERS, told=metres.tolist())).residual_m < 1e-6
