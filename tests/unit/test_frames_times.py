"""Times of live pictures: smooth through the network's jitter, sane through the camera's faults."""

from __future__ import annotations

import random
from itertools import pairwise

import av
import pytest

from edge.dataflow import Instant
from edge.frames.times import DRIFT, LATE_SECONDS, SANE_SECONDS, SLEW, Dating, SenderClock, StreamClock


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


def test_clock_bridges_a_camera_that_stops_for_a_second_every_ten() -> None:
    late = random.Random(4)
    pairs = [(n / 25, 100 + n / 25 + late.uniform(0, 0.05)) for n in range(25 * 120) if n / 25 % 10 >= 1]
    clock = StreamClock()
    for shown, arrived in pairs:
        assert clock.seconds(shown, arrived=arrived) == pytest.approx(100 + shown, abs=0.06)
        assert not clock.wrong


@pytest.mark.parametrize("pause", [1.0, 2.5, 9.0])
def test_clock_bridges_a_pause_before_which_the_library_holds_a_picture_back(pause: float) -> None:
    shown = [n / 10 for n in range(1200) if n / 10 % 20 >= pause]
    clock = StreamClock()
    for now, after in pairwise(shown):
        taken = clock.seconds(now, arrived=100 + after)
        assert taken == pytest.approx(100 + (now if after - now < LATE_SECONDS else after), abs=0.5)
        assert not clock.wrong


def test_clock_bridges_a_second_of_the_network_every_ten() -> None:
    pairs = [(n / 25, 100 + n / 25 + max(0.0, 1 - n / 25 % 10) * (n > 250)) for n in range(25 * 120)]
    clock = StreamClock()
    got = [clock.seconds(shown, arrived=arrived) for shown, arrived in pairs]
    assert got == pytest.approx([100 + shown for shown, _ in pairs], abs=0.35)
    assert not clock.wrong


@pytest.mark.parametrize("speed", [0.5, 1.1, 2.0])
def test_clock_of_another_speed_is_called_wrong_within_a_minute(speed: float) -> None:
    clock = StreamClock()
    told = []
    for shown, arrived in regular(600):
        clock.seconds(shown * speed, arrived=arrived)
        told += [arrived - 100] if clock.wrong else []
    assert told[0] < 35
    assert told[-1] == pytest.approx(59.9)


def test_clock_that_stands_is_called_wrong_at_once() -> None:
    clock = StreamClock()
    for _, arrived in regular(10):
        clock.seconds(5.0, arrived=arrived)
    assert clock.wrong


def test_clock_that_jumps_forth_and_back_is_called_wrong_until_it_has_stopped() -> None:
    clock = StreamClock()
    for shown, arrived in regular(200):
        clock.seconds(shown + 3600 * (int(shown / 4) % 2), arrived=arrived)
    assert clock.wrong
    for shown, arrived in regular(1000)[200:]:
        assert clock.seconds(shown, arrived=arrived) == pytest.approx(arrived, abs=0.02)
    assert not clock.wrong


def test_clock_that_jumps_once_is_not_called_wrong() -> None:
    clock = StreamClock()
    for shown, arrived in regular(300):
        clock.seconds(shown + (3600 if shown > 10 else 0), arrived=arrived)
        assert not clock.wrong


def lags(observed: list[float | None], *, rate: float = 10.0) -> list[float]:
    clock = SenderClock()
    return [clock.lag(each, at=n / rate) for n, each in enumerate(observed)]


def test_sender_clock_is_followed_slowly_after_its_trial() -> None:
    got = lags([0.4] * 400)
    assert got[: int(SANE_SECONDS * 10)] == [0.0] * int(SANE_SECONDS * 10)
    assert got[-1] == pytest.approx(0.4)
    assert max(b - a for a, b in pairwise(got)) <= SLEW / 10 + 1e-9


@pytest.mark.parametrize("wrong", [7 * 3600.0, -7 * 3600.0, 1.5, -0.2, 1e9])
def test_sender_clock_that_is_off_is_not_followed(wrong: float) -> None:
    assert max(lags([wrong] * 400)) == 0.0


def test_sender_clock_that_is_set_wrong_is_left_slowly() -> None:
    got = lags([0.4] * 300 + [3600.0] * 200)
    assert got[299] == pytest.approx(0.4)
    assert got[-1] == 0.0
    assert max(abs(b - a) for a, b in pairwise(got)) <= SLEW / 10 + 1e-9


def test_sender_clock_that_is_silent_keeps_its_word() -> None:
    assert lags([0.4] * 300 + [None] * 100)[-1] == pytest.approx(0.4)
    assert lags([None] * 300) == [0.0] * 300


def test_sender_clock_a_little_ahead_is_no_lag() -> None:
    assert max(lags([-0.05] * 400)) == 0.0


def picture(ticks: int | None) -> av.VideoFrame:
    made = av.VideoFrame(16, 16, "yuv420p")
    made.pts = ticks
    return made


def dated(shift: float, *, count: int = 600) -> list[tuple[Instant, Instant]]:
    """Pictures that have come and when they are said to be taken, where the camera's clock is `shift` ahead of ours."""
    dating, got = Dating(1 / 90_000), []
    for n in range(count):
        now = Instant(100 + n / 10, 1e9 + n / 10)
        got.append((now, dating.of(picture(n * 9000), zero=1e9 + shift, now=now)))
    return got


def test_dating_moves_both_clocks_by_the_lag() -> None:
    for now, taken in dated(-0.5):
        assert taken.utc - taken.seconds == pytest.approx(now.utc - now.seconds, abs=1e-6)
    now, taken = dated(-0.5)[-1]
    assert now.utc - taken.utc == pytest.approx(0.5, abs=0.01)


def test_dating_always_goes_on() -> None:
    taken = [at.seconds for _, at in dated(-0.5)]
    assert all(b > a for a, b in pairwise(taken))


@pytest.mark.parametrize("shift", [7 * 3600.0, -7 * 3600.0, 30.0, -30.0])
def test_dating_never_moves_for_a_wrong_clock(shift: float) -> None:
    assert all(taken.utc == pytest.approx(now.utc, abs=1e-3) for now, taken in dated(shift, count=300))


def test_dating_without_ticks_takes_the_arrival() -> None:
    now = Instant(5.0, 1e9)
    assert Dating(1 / 90_000).of(picture(None), zero=1e9, now=now) == now
