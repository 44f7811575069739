"""How long a failed camera is left alone, and which pictures fill the slots of a rate."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from edge.frames.patience import JITTER, Backoff, Pace


def waits(reason: str, count: int) -> list[float]:
    backoff = Backoff()
    return [backoff.after(reason) for _ in range(count)]


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("refused", [1, 2, 4, 8, 16, 30, 30]),
        ("timeout", [1, 2, 4, 8, 16, 30, 30]),
        ("ended", [1, 2, 4, 8, 16, 30, 30]),
        ("auth", [60, 900, 900]),
        ("busy", [20, 60, 60]),
        ("notfound", [30, 60, 120, 240, 300, 300, 300]),
        ("codec", [60, 120, 240, 480, 900, 900, 900]),
        ("novideo", [60, 120, 240, 480, 900, 900, 900]),
    ],
)
def test_backoff_grows_to_the_longest_wait_of_its_cause(reason: str, expected: list[float]) -> None:
    for wait, least in zip(waits(reason, len(expected)), expected, strict=True):
        assert least <= wait <= least * (1 + JITTER)


def test_backoff_of_a_login_goes_on_after_other_failures() -> None:
    backoff = Backoff()
    backoff.after("auth")
    backoff.after("refused")
    assert backoff.after("auth") >= 900


def test_backoff_starts_again_after_the_stream_ran_well() -> None:
    backoff = Backoff()
    for _ in range(5):
        backoff.after("ended")
    backoff.forget()
    assert backoff.after("ended") <= 1 + JITTER


def test_backoff_differs_between_cameras() -> None:
    assert len({waits("refused", 1)[0] for _ in range(20)}) > 15


def test_backoff_of_weeks_does_not_overflow() -> None:
    assert waits("refused", 20_000)[-1] <= 30 * (1 + JITTER)


def taken(pace: Pace, times: list[float]) -> list[float]:
    got = []
    for seconds in times:
        if pace.is_due(seconds):
            pace.take(seconds)
            got.append(seconds)
    return got


@pytest.mark.parametrize(
    ("camera", "rate"), [(25, 5), (25, 6), (30, 8), (10, 5), (10, 6), (12.5, 3), (5.01, 5), (60, 7)]
)
def test_pace_holds_the_rate_evenly(camera: float, rate: float) -> None:
    jitter = random.Random(3)
    got = taken(Pace(rate), [n / camera + jitter.uniform(0, 0.01) for n in range(int(camera * 60))])
    assert len(got) == pytest.approx(60 * rate, rel=0.03)
    steps = [b - a for a, b in pairwise(got)][3:]
    assert max(steps) <= 1 / rate + 1 / camera + 0.02
    assert min(steps) >= 1 / rate - 1 / camera - 0.02


@pytest.mark.parametrize("camera", [1, 2.5, 4.9, 5])
def test_pace_takes_every_frame_of_a_slow_camera(camera: float) -> None:
    times = [n / camera for n in range(300)]
    assert taken(Pace(5), times) == times


def test_pace_does_not_make_up_for_a_pause() -> None:
    pace = Pace(5)
    taken(pace, [0.0, 0.2, 0.4])
    assert len(taken(pace, [60 + n / 25 for n in range(25)])) <= 6
