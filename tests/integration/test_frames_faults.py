"""The camera reader against each fault that a camera's stream and login can have."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from cameras import PASSWORD, USER, CameraProcess
from clips import CODECS, clip, slope
from watching import QUICK, Open, Watching, settle, take
from wire import Wire

from edge.dataflow import Frame
from edge.frames.connection import Source, connect, parcels
from edge.frames.rtsp import RtspCamera

Start = Callable[..., CameraProcess]
SIZE, OTHER_SIZE = (320, 192), (480, 272)


@pytest.fixture
def watch() -> Iterator[Watching]:
    """Opens cameras that close with the test."""
    watching = Watching()
    yield watching
    watching.close()


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Makes clips once each."""
    folder = tmp_path_factory.mktemp("clips")

    def made(codec: str, size: tuple[int, int] = SIZE) -> Path:
        path = folder / f"{codec}-{size[0]}{'.mov' if codec == 'mjpeg' else '.mp4'}"
        return path if path.exists() else clip(path, codec, size=size)

    return made


def take_until(camera: RtspCamera, wanted: Callable[[Frame], bool]) -> Frame:
    until = time.monotonic() + 30
    while not wanted(frame := take(camera, 1)[0]):
        assert time.monotonic() < until, str(camera.state)
    return frame


@pytest.mark.parametrize("codec", [name for name in CODECS if "-" not in name or "10bit" in name])
def test_camera_of_any_codec_gives_the_same_planes(
    codec: str, camera_process: Start, clips: Callable[..., Path], watch: Open
) -> None:
    camera = watch(camera_process(f"street={clips(codec)}").url())
    for frame in take(camera, 3):
        assert (frame.width, frame.height, frame.u.shape) == (*SIZE, (SIZE[1] // 2, SIZE[0] // 2))
        shades = np.sort(frame.y[SIZE[1] // 2].astype(float))
        expected = np.sort(slope(*SIZE)[0].astype(float))
        assert np.abs(shades - expected).mean() < 3
        assert np.abs(frame.u.astype(int) - 128).mean() < 2
    assert camera.state.corrupt == 0


@pytest.mark.parametrize(
    ("before", "after"), [("h264", "h265"), ("h265", "h264"), ("h264", "mjpeg"), ("mjpeg", "h264")]
)
def test_camera_that_changes_its_codec_is_opened_anew_soon(
    before: str, after: str, camera_process: Start, clips: Callable[..., Path], watch: Open
) -> None:
    server = camera_process(f"street={clips(before)}", f"other={clips(after, OTHER_SIZE)}")
    camera = watch(server.url())
    take(camera, 3)
    server.fault("change street other")
    settle(camera, lambda state: state.cause in ("changed", "timeout") and state.retry_seconds > 0)
    take_until(camera, lambda frame: (frame.width, frame.height) == OTHER_SIZE)
    assert camera.state.reconnects == 1


@pytest.mark.parametrize("codec", ["h264", "h265", "mjpeg"])
def test_camera_that_changes_its_resolution_goes_on(
    codec: str, camera_process: Start, clips: Callable[..., Path], watch: Open
) -> None:
    server = camera_process(f"street={clips(codec)}", f"other={clips(codec, OTHER_SIZE)}")
    camera = watch(server.url())
    before = take(camera, 3)[-1]
    server.fault("change street other")
    after = take_until(camera, lambda frame: (frame.width, frame.height) == OTHER_SIZE)
    assert after.at.seconds - before.at.seconds < 30
    assert (camera.state.state, camera.state.reconnects) == ("ok", 0)


def test_camera_without_key_frames_is_told_and_comes_back_with_the_next(
    camera_process: Start, clips: Callable[..., Path], watch: Open
) -> None:
    server = camera_process(f"street={clips('h264')}")
    server.fault("keyless street")
    camera = watch(server.url())
    state = settle(camera, lambda state: state.state == "nostream")
    assert state.cause in ("nokey", "damaged")
    server.fault("keyed street")
    settle(camera, lambda state: state.state == "ok")


@pytest.mark.parametrize(
    "clock",
    [
        "frozen",
        "jumping",
        pytest.param("fast", marks=pytest.mark.long),
        pytest.param("slow", marks=pytest.mark.long),
    ],
)
def test_camera_with_a_wrong_clock_is_dated_by_arrival(
    clock: str, camera_process: Start, clips: Callable[..., Path], watch: Open
) -> None:
    server = camera_process(f"street={clips('h264')}")
    server.fault(f"clock street {clock}")
    server.fault("wall street -25200")
    camera = watch(server.url())
    got: list[Frame] = []
    until = time.monotonic() + 60
    while camera.state.cause != "clock":
        assert time.monotonic() < until, str(camera.state)
        got += take(camera, 1)
        age = time.monotonic() - got[-1].at.seconds
        assert -0.1 < age < 6, "half a picture's time for as long as nobody can know, at most"
        assert abs((time.time() - got[-1].at.utc) - age) < 0.1
    assert camera.state.state == "ok"
    assert all(after.at.seconds > before.at.seconds for before, after in pairwise(got))
    for frame in take(camera, 20):
        assert abs(time.monotonic() - frame.at.seconds) < 3.5
    server.fault("clock street right")


def test_camera_passes_the_end_of_the_timestamps_evenly(
    camera_process: Start, clips: Callable[..., Path], watch: Open
) -> None:
    server = camera_process(f"street={clips('h264')}")
    server.fault("wrap street")
    camera = watch(server.url())
    got = take(camera, 60)
    steps = [after.at.seconds - before.at.seconds for before, after in pairwise(got)]
    assert got[-1].at.seconds - got[0].at.seconds > 5, "past the end"
    assert max(steps) < 1.5
    assert (camera.state.state, camera.state.cause, camera.state.reconnects) == ("ok", "", 0)


def test_camera_tells_its_own_clock(camera_process: Start, clips: Callable[..., Path]) -> None:
    server = camera_process(f"street={clips('h264')}")
    server.fault("wall street -0.6")
    source = Source(server.url(), (USER, PASSWORD), "tcp")
    with connect(source, QUICK) as container, closing(parcels(container, QUICK)) as arriving:
        unit = float(container.streams.video[0].time_base)
        shown = (parcel for parcel in arriving if parcel.zero is not None and parcel.pictures)
        for parcel, _ in zip(shown, range(5), strict=False):
            taken = parcel.zero + parcel.pictures[0].pts * unit
            assert time.time() - 0.6 - taken == pytest.approx(0.1, abs=0.5), "a picture comes with the next one"


@pytest.mark.long
def test_camera_that_stops_for_a_second_every_ten_is_well(
    camera_process: Start, clips: Callable[..., Path], watch: Open
) -> None:
    server = camera_process(f"street={clips('h264')}")
    server.fault("stutter street")
    camera = watch(server.url(), patience=None)
    got = take(camera, 130)
    steps = [after.at.seconds - before.at.seconds for before, after in pairwise(got)]
    assert any(0.95 < step < 1.5 for step in steps)
    assert (camera.state.state, camera.state.cause, camera.state.reconnects) == ("ok", "", 0)


def test_camera_full_of_viewers_is_busy_and_asked_again(
    camera_process: Start, clips: Callable[..., Path], watch: Open
) -> None:
    server = camera_process(f"street={clips('h264')}")
    server.fault("lock 5")
    camera = watch(server.url())
    take(camera, 3)
    server.fault("room 0")
    server.fault("reset street")
    state = settle(camera, lambda state: state.cause == "busy")
    assert state.state == "nostream"
    assert 20 <= state.retry_seconds <= 25
    assert server.logins() == {"wrong": 0, "locked": False}


def test_camera_whose_password_was_changed_has_seen_one_wrong_login(
    camera_process: Start, clips: Callable[..., Path], watch: Open
) -> None:
    server = camera_process(f"street={clips('h264')}")
    server.fault("lock 5")
    camera = watch(server.url(), credentials=(USER, f"not {PASSWORD}"))
    state = settle(camera, lambda state: state.state == "auth")
    assert state.retry_seconds >= 60
    assert server.logins() == {"wrong": 1, "locked": False}


def test_camera_that_resets_every_second_is_called_unsteady(
    camera_process: Start, clips: Callable[..., Path], watch: Open
) -> None:
    server = camera_process(f"street={clips('h264')}")
    server.fault("break street 1.5")
    camera = watch(server.url())
    settle(camera, lambda state: (state.state, state.cause) == ("ok", "unsteady"))
    server.fault("break street 0")
    settle(camera, lambda state: (state.state, state.cause) == ("ok", ""))


def test_camera_reopened_again_and_again_grows_nothing() -> None:
    """300 times; scripts/bench/reopen itself goes on to 10,000."""
    script = Path(__file__).resolve().parents[2] / "scripts" / "bench" / "reopen"
    argv = [sys.executable, str(script), "--opens", "300", "--every", "100"]
    _, *lines = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=True).stdout.splitlines()
    warm, *_, last = [[int(word) for word in line.split()] for line in lines]
    assert last[0] - warm[0] == 200
    assert last[3] - warm[3] < 200 * 0.1, "KiB: 100 bytes each; an iterator of packets not closed is 200"
    assert last[4:] == warm[4:]


def test_camera_whose_account_would_lock_is_left_alone_by_the_next_process_too(
    camera_process: Start, clips: Callable[..., Path], watch: Open, tmp_path: Path
) -> None:
    server = camera_process(f"street={clips('h264')}")
    server.fault("lock 5")
    wrong = (USER, f"not {PASSWORD}")
    for _ in range(4):
        camera = watch(server.url(), credentials=wrong, refusals=tmp_path)
        settle(camera, lambda state: state.state == "auth")
        camera.close()
    camera = watch(server.url(), credentials=wrong, refusals=tmp_path)
    state = settle(camera, lambda state: state.state == "auth")
    assert state.retry_seconds > 1700
    camera.close()  # which ends the wait, and makes no attempt
    assert server.logins() == {"wrong": 3, "locked": False}
    take(watch(server.url(), refusals=tmp_path), 1)  # another password is another matter


def test_camera_switched_off_is_called_unreachable(
    camera_process: Start, clips: Callable[..., Path], watch: Open
) -> None:
    if not Wire.possible():
        pytest.skip("a network of its own for the camera needs root")
    wire = Wire()
    try:
        server = camera_process(f"street={clips('h264')}", host=wire.host, within=wire.within)
        camera = watch(server.url(), patience=replace(QUICK, connect=8))
        take(camera, 3)
        wire.pull()
        settle(camera, lambda state: state.cause == "unreachable")
        wire.mend()
        settle(camera, lambda state: state.state == "ok")
        wire.swallow()
        assert settle(camera, lambda state: state.state == "nostream").cause == "timeout"
        camera.close()
        server.stop()
    finally:
        wire.close()


@pytest.mark.parametrize(
    ("fault", "cause", "wait"),
    [
        ("hide street", "notfound", 30),
        ("decline", "declined", 1),
        ("sound street", "novideo", 60),
        ("room 0", "auth", 60),
    ],
)
def test_camera_that_refuses_from_the_start_says_why(
    fault: str, cause: str, wait: float, camera_process: Start, clips: Callable[..., Path], watch: Open
) -> None:
    server = camera_process(f"street={clips('h264')}")
    server.fault(fault)
    state = settle(watch(server.url()), lambda state: state.state not in ("connecting", "ok"))
    assert state.cause == cause
    assert wait <= state.retry_seconds <= 1.25 * wait
