"""Times of live pictures: smooth through the network's jitter, sane through the camera's faults."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from edge.frames.times import DRIFT, StreamClock


def run(pairs: list[tuple[float | None, float]]) -> list[float]:
    """The times of pictures given as (presented, arrived)."""
    clock = StreamClock()
    return [clock.seconds(presented, arrived=arrived) for presented, arrived in pairs]


def regular(count: int, *, rate: float = 10.0, start: float = 100.0) -> list[tuple[float, float]]:
    return [(n / rate, start + n / rate) for n in range(count)]


def test_clock_removes_the_jitter_of_arrival() -> None:
    late = random.Random(1)
    pairs = [(shown, arrived + late.uniform(0, 0.08)) for shown, arrived in regular(300)]
    steps = [b - a for a, b in pairwise(run(pairs)[50:])]
    arrivals = [b[1] - a[1] for a, b in pairwise(pairs[50:])]
    assert max(abs(step - 0.1) for step in steps) < 0.5 * max(abs(step - 0.1) for step in arrivals)


def test_clock_spreads_a_burst() -> None:
    pairs = [(shown, max(arrived, 102.5) if shown >= 2.0 else arrived) for shown, arrived in regular(40)]
    got = run(pairs)
    assert [got[n] for n in range(20, 26)] == pytest.approx([102.0 + n * 0.1 for n in range(6)], abs=0.06)


@pytest.mark.parametrize("jump", [3600.0, -3600.0, 2.0, -2.0])
def test_clock_follows_arrival_over_a_jump_of_the_stream(jump: float) -> None:
    pairs = [(shown + (jump if shown >= 5 else 0), arrived) for shown, arrived in regular(100)]
    assert run(pairs) == pytest.approx([arrived for _, arrived in pairs], abs=0.02)


def test_clock_ignores_a_stream_that_stands_still() -> None:
    pairs = [(0.0, arrived) for _, arrived in regular(100)]
    assert run(pairs) == pytest.approx([arrived for _, arrived in pairs])


def test_clock_takes_arrival_where_pictures_have_no_time() -> None:
    pairs = [(None if n % 3 else shown, arrived) for n, (shown, arrived) in enumerate(regular(60))]
    assert run(pairs) == pytest.approx([arrived for _, arrived in pairs], abs=0.02)


@pytest.mark.parametrize("speed", [0.5, 0.9, 1.1, 2.0])
def test_clock_ignores_a_stream_that_drifts_too_far(speed: float) -> None:
    pairs = [(shown * speed, arrived) for shown, arrived in regular(600)]
    got = run(pairs)
    assert got[110:] == pytest.approx([arrived for _, arrived in pairs[110:]], abs=0.02)


@pytest.mark.parametrize("speed", [1 - DRIFT / 2, 1 - DRIFT / 20, 1 + DRIFT / 20, 1 + DRIFT / 2])
def test_clock_follows_a_stream_that_drifts_a_little(speed: float) -> None:
    pairs = [(shown * speed, arrived) for shown, arrived in regular(36_000)]
    assert max(arrived - at for at, (_, arrived) in zip(run(pairs), pairs, strict=True)) < 0.05


def test_clock_never_goes_back_nor_ahead() -> None:
    chance = random.Random(2)
    arrived, pairs = 50.0, []
    for _ in range(2000):
        arrived += chance.choice([0.0, 0.01, 0.04, 0.04, 0.3, 3.0])
        pairs.append((chance.choice([None, arrived - 50, arrived - 50.2, chance.uniform(0, 1e5)]), arrived))
    got = run(pairs)
    assert all(b > a for a, b in pairwise(got))
    assert all(at <= arrived + 0.5 for at, (_, arrived) in zip(got, pairs, strict=True))
