"""The camera reader against a real RTSP server on the loopback, well and ill."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from statistics import mean

import pytest
from cameras import CameraProcess
from watching import QUICK, Open, Watching, digest, settle, take

from edge.errors import SourceError
from edge.frames.clip import frames
from edge.frames.patience import Patience

LIMIT_SECONDS = 15.0
STEP = 0.1
"""Seconds from one picture of the street to the next."""


@pytest.fixture
def watch() -> Iterator[Watching]:
    """Opens cameras that close with the test."""
    watching = Watching()
    yield watching
    watching.close()


@pytest.fixture(scope="module")
def numbers(street: Path) -> dict[bytes, int]:
    """Which picture of the street it is, by its content."""
    return {digest(frame): number for number, frame in enumerate(frames(street, rate=1000))}


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_camera_delivers_the_file_fresh_and_whole(
    transport: str, camera_process: Callable[..., CameraProcess], street: Path, watch: Open, numbers: dict[bytes, int]
) -> None:
    server = camera_process(f"street={street}")
    camera = watch(server.url(), transport=transport)
    began = server.told("playing")["utc"]
    shown = []
    for _ in range(20):
        (frame,) = take(camera, 1)
        number = numbers[digest(frame)]
        taken = began + number * STEP
        assert time.time() - taken < 0.5
        assert abs(frame.at.utc - taken) < 0.3
        assert abs((time.time() - frame.at.utc) - (time.monotonic() - frame.at.seconds)) < 0.05
        shown.append((number, frame.at.seconds))
    assert all(after > before for (before, _), (after, _) in pairwise(shown))
    for (before, then), (after, now) in pairwise(
        shown[5:]
    ):  # the first ones may have come late, and none is known that did not
        assert now - then == pytest.approx((after - before) * STEP, abs=0.06)
    assert camera.state.state == "ok"
    assert camera.state.corrupt == 0


def test_camera_is_taken_from_evenly_at_the_rate(
    camera_process: Callable[..., CameraProcess], street: Path, watch: Open
) -> None:
    camera = watch(camera_process(f"street={street}").url(), rate=4)
    steps = [b.at.seconds - a.at.seconds for a, b in pairwise(take(camera, 10))]
    assert mean(steps[1:]) == pytest.approx(0.25, abs=0.03)
    assert max(steps) < 0.45
    assert camera.state.dropped > 5


def test_camera_gives_a_slow_consumer_the_newest_frame(
    camera_process: Callable[..., CameraProcess], street: Path, watch: Open, numbers: dict[bytes, int]
) -> None:
    server = camera_process(f"street={street}")
    camera = watch(server.url())
    began = server.told("playing")["utc"]
    for _ in range(6):
        (frame,) = take(camera, 1)
        assert time.time() - (began + numbers[digest(frame)] * STEP) < 0.5
        time.sleep(0.45)  # the work of a slow consumer
    assert camera.state.dropped >= 10


def test_camera_with_a_wrong_password_waits_minutes_and_tells_no_secret(
    camera_process: Callable[..., CameraProcess], street: Path, watch: Open, capfd: pytest.CaptureFixture[str]
) -> None:
    camera = watch(camera_process(f"street={street}").url(), credentials=("nobody-1", "s3cret-wrong"))
    state = settle(camera, lambda state: state.state != "connecting")
    assert (state.state, state.cause) == ("auth", "auth")
    assert state.retry_seconds >= 60
    assert "login" in state.reason
    told = f"{state} {camera._source} {capfd.readouterr()}"
    assert not [secret for secret in ("nobody-1", "s3cret-wrong", "127.0.0.1") if secret in told]


def test_camera_that_refuses_every_login_is_asked_once(
    camera_process: Callable[..., CameraProcess], street: Path, watch: Open
) -> None:
    server = camera_process(f"street={street}")
    server.fault("refuse-login")
    camera = watch(server.url())
    settle(camera, lambda state: state.state == "auth")
    server.fault("accept-login")
    assert camera.newest(1.5) is None
    assert camera.state.state == "auth"


def test_camera_of_a_refused_port_retries_soon(watch: Open) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    state = settle(watch(f"rtsp://127.0.0.1:{port}/street"), lambda state: state.state != "connecting")
    assert (state.state, state.cause) == ("nostream", "refused")
    assert 1 <= state.retry_seconds < 2


def test_camera_of_an_unknown_path_says_so(
    camera_process: Callable[..., CameraProcess], street: Path, watch: Open
) -> None:
    camera = watch(camera_process(f"street={street}").url("elsewhere"))
    state = settle(camera, lambda state: state.state != "connecting")
    assert state.cause == "notfound"
    assert state.retry_seconds >= 30


@pytest.mark.parametrize("url", ["rtsp://127.0.0.1:99999/x", "nonsense://127.0.0.1/x", "127.0.0.1", "rtsp://[1/x"])
def test_camera_of_a_bad_url_says_so(url: str, watch: Open) -> None:
    state = settle(watch(url), lambda state: state.state != "connecting")
    assert state.cause == "notfound"
    assert "rtsp://HOST" in state.reason


def test_camera_that_accepts_and_never_answers_is_left_in_time(
    camera_process: Callable[..., CameraProcess], street: Path, watch: Open
) -> None:
    server = camera_process(f"street={street}")
    server.fault("hang")
    began = time.monotonic()
    camera = watch(server.url())
    state = settle(camera, lambda state: state.retry_seconds > 0)
    assert (state.state, state.cause) == ("nostream", "timeout")
    assert time.monotonic() - began < 2 * QUICK.connect
    server.fault("answer")
    take(camera, 3)
    assert camera.state.state == "ok"


def test_camera_that_is_no_rtsp_server_says_so(watch: Open) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        camera = watch(f"rtsp://127.0.0.1:{listener.getsockname()[1]}/street")
        client, _ = listener.accept()
        with client:
            client.recv(4096)
            client.sendall(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
        state = settle(camera, lambda state: state.state != "connecting")
    assert "speaks no RTSP" in state.reason


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_camera_that_stalls_is_lost_in_time_and_comes_back(
    transport: str, camera_process: Callable[..., CameraProcess], street: Path, watch: Open
) -> None:
    server = camera_process(f"street={street}")
    camera = watch(server.url(), transport=transport)
    last = take(camera, 5)[-1]
    server.fault("stall street")
    began = time.monotonic()
    lost = settle(camera, lambda state: state.state == "nostream")
    assert time.monotonic() - began < QUICK.silence + 1
    assert lost.cause == "timeout"
    settle(camera, lambda state: state.retry_seconds > 0)
    assert time.monotonic() - began < 2 * QUICK.silence + 1
    server.fault("resume street")
    again = take(camera, 3)
    assert again[0].at.seconds - last.at.seconds > QUICK.silence
    assert camera.state.state == "ok"
    assert camera.state.reconnects == 1
    assert camera.state.since.seconds > lost.since.seconds


def test_camera_that_breaks_the_connection_is_connected_again(
    camera_process: Callable[..., CameraProcess], street: Path, watch: Open, numbers: dict[bytes, int]
) -> None:
    server = camera_process(f"street={street}")
    camera = watch(server.url())
    take(camera, 3)
    server.fault("reset street")
    state = settle(camera, lambda state: state.state == "nostream")
    assert state.cause in ("ended", "reset")
    first, *_ = take(camera, 3)
    assert numbers[digest(first)] % 10 <= 2, "starts at a key frame, or a moment after it"
    assert camera.state.reconnects == 1


def test_camera_of_an_unknown_codec_says_so(
    camera_process: Callable[..., CameraProcess], street: Path, watch: Open
) -> None:
    server = camera_process(f"street={street}")
    server.fault("unknown-codec street")
    state = settle(watch(server.url()), lambda state: state.state != "connecting")
    assert state.cause == "codec"
    assert state.retry_seconds >= 60


@pytest.mark.parametrize(("fault", "transport"), [("corrupt street 0.1", "tcp"), ("loss street 0.005", "udp")])
def test_camera_hands_out_no_damaged_frame(
    fault: str,
    transport: str,
    camera_process: Callable[..., CameraProcess],
    street: Path,
    watch: Open,
    numbers: dict[bytes, int],
) -> None:
    server = camera_process(f"street={street}")
    camera = watch(server.url(), transport=transport)
    got = take(camera, 3)
    server.fault(fault)
    until = time.monotonic() + LIMIT_SECONDS
    while camera.state.corrupt < 3:
        got += [frame] if (frame := camera.newest(0.2)) else []
        assert time.monotonic() < until, camera.state
    server.fault(fault.split()[0] + " street 0")
    got += take(camera, 3)
    assert all(digest(frame) in numbers for frame in got)


def test_camera_with_nothing_but_damage_is_lost_and_says_why(
    camera_process: Callable[..., CameraProcess], street: Path, watch: Open
) -> None:
    server = camera_process(f"street={street}")
    camera = watch(server.url())
    take(camera, 3)
    server.fault("corrupt street 1")
    state = settle(camera, lambda state: state.state == "nostream")
    assert "damaged" in state.reason
    server.fault("corrupt street 0")
    settle(camera, lambda state: state.state == "ok")


def test_reader_stuck_in_the_library_is_told_to_the_process(
    camera_process: Callable[..., CameraProcess], street: Path, watch: Open
) -> None:
    server = camera_process(f"street={street}")
    server.fault("hang")
    camera = watch(server.url(), patience=Patience(connect=3, stuck=0.5))
    with pytest.raises(SourceError, match="hangs inside"):
        settle(camera, lambda state: state.state == "ok")


def test_camera_closes_at_once_while_it_waits_to_retry(watch: Open) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    camera = watch(f"rtsp://127.0.0.1:{port}/street")
    settle(camera, lambda state: state.state == "nostream")
    began = time.monotonic()
    camera.close()
    assert time.monotonic() - began < 0.5
    assert camera.newest(5) is None
    assert time.monotonic() - began < 0.5
