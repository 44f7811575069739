"""The simulated camera as a process: what it says, what it refuses, how it ends, and what a plain client sees."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote

import av
import numpy as np
import pytest
from cameras import PASSWORD, ROOT, USER, CameraProcess
from clips import clip


def client(url: str, transport: str = "tcp") -> av.container.InputContainer:
    login = f"{quote(USER, safe='')}:{quote(PASSWORD, safe='')}@"
    options = {"rtsp_transport": transport, "probesize": "32"}
    return av.open(url.replace("rtsp://", f"rtsp://{login}"), options=options, timeout=(10, 5))


def refused(*arguments: str) -> str:
    """What the camera says when it cannot start; it says one line and exits with 1."""
    ended = subprocess.run(
        [sys.executable, "-m", "edge.demo.camera", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=30
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert len(ended.stderr.splitlines()) == 1
    return ended.stderr


@pytest.fixture
def h265(tmp_path: Path) -> Path:
    """Two seconds of a moving slope in H.265, 320x192."""
    path = tmp_path / "slope.mp4"
    with av.open(str(path), "w") as container:
        settings = {"preset": "ultrafast", "x265-params": "keyint=10:bframes=0:log-level=none"}
        stream = container.add_stream("libx265", rate=20, options=settings)
        stream.width, stream.height, stream.pix_fmt = 320, 192, "yuv420p"
        slope = np.add.outer(np.arange(192), np.arange(320)).astype(np.uint8)
        for number in range(40):
            moved = np.repeat(np.roll(slope, number * 4, axis=1)[:, :, None], 3, axis=2)
            picture = av.VideoFrame.from_ndarray(moved, format="rgb24").reformat(format="yuv420p")
            picture.pts, picture.time_base = number, Fraction(1, 20)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def test_camera_tells_when_its_clip_starts(camera_process: Callable[..., CameraProcess], street: Path) -> None:
    server = camera_process(f"street={street}")
    with client(server.url()) as first:
        playing = server.told("playing")
        assert playing["playing"] == "street"
        assert abs(playing["utc"] - time.time()) < 2
        assert playing["duration"] == pytest.approx(79.5, abs=0.01)
        assert next(first.demux(video=0)).is_keyframe


def test_camera_serves_several_clients_the_same_moment(
    camera_process: Callable[..., CameraProcess], street: Path
) -> None:
    server = camera_process(f"street={street}")
    with client(server.url()) as one, client(server.url(), "udp") as other:
        early = [bytes(packet) for packet, _ in zip(one.demux(video=0), range(30), strict=False)]
        late = next(bytes(packet) for packet in other.demux(video=0))
    assert late in early


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_camera_carries_h265(transport: str, camera_process: Callable[..., CameraProcess], h265: Path) -> None:
    server = camera_process(f"slope={h265}")
    with av.open(str(h265)) as file:
        known = {picture.to_ndarray().tobytes() for picture in file.decode(video=0)}
    with client(server.url("slope"), transport) as container:
        stream = container.streams.video[0]
        got = [picture for picture, _ in zip(container.decode(stream), range(50), strict=False)]
    assert all(picture.to_ndarray().tobytes() in known for picture in got)
    ticks = [picture.time for picture in got if picture.time is not None]
    assert all(b - a == pytest.approx(0.05, abs=0.002) for a, b in pairwise(ticks)), "no seam where the loop closes"


@pytest.mark.parametrize("login", ["", "le-loi:wrong@", f"someone:{quote(PASSWORD, safe='')}@"])
def test_camera_refuses_a_wrong_login(login: str, camera_process: Callable[..., CameraProcess], street: Path) -> None:
    server = camera_process(f"street={street}")
    with pytest.raises(av.error.HTTPUnauthorizedError):
        av.open(server.url().replace("rtsp://", f"rtsp://{login}"), timeout=5)


def test_camera_refuses_a_fault_that_it_does_not_know(
    camera_process: Callable[..., CameraProcess], street: Path
) -> None:
    server = camera_process(f"street={street}")
    assert server.process.stdin is not None
    for command in ("explode street", "stall nowhere", "loss street much"):
        server.process.stdin.write(command + "\n")
        server.process.stdin.flush()
        assert server.told("refused") == {"refused": command}


def test_camera_stops_cleanly_while_clients_watch(camera_process: Callable[..., CameraProcess], street: Path) -> None:
    server = camera_process(f"street={street}")
    with client(server.url()) as container:
        next(container.demux(video=0))
        assert server.stop() == (0, "")


def test_camera_refuses_a_codec_that_it_cannot_send(vtest: Path) -> None:
    line = refused(f"street={vtest}")
    assert "msmpeg4" in line
    assert "H.264" in line


def test_camera_refuses_what_is_no_video(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no video at all")
    assert "cannot be read as a video" in refused(f"street={text}")
    assert "No such file" in refused(f"street={tmp_path / 'gone.mp4'}")


def test_camera_refuses_a_port_that_is_taken(camera_process: Callable[..., CameraProcess], street: Path) -> None:
    server = camera_process(f"street={street}")
    assert "cannot listen" in refused(f"--port={server.port}", f"street={street}")


def test_camera_counts_wrong_logins_and_locks_the_account(
    camera_process: Callable[..., CameraProcess], street: Path
) -> None:
    server = camera_process(f"street={street}")
    server.fault("lock 2")
    for wrong in (1, 2):
        with pytest.raises(av.error.HTTPUnauthorizedError):
            av.open(server.url().replace("rtsp://", "rtsp://le-loi:wrong@"), timeout=5)
        assert server.logins() == {"wrong": wrong, "locked": wrong == 2}
    with pytest.raises(av.error.HTTPUnauthorizedError):
        client(server.url())
    server.fault("lock 0")
    client(server.url()).close()


def test_camera_is_full(camera_process: Callable[..., CameraProcess], street: Path) -> None:
    server = camera_process(f"street={street}")
    server.fault("room 1")
    with client(server.url()):
        with pytest.raises(av.error.HTTPUnauthorizedError):
            client(server.url())
        assert server.logins()["wrong"] == 0


@pytest.mark.parametrize("size", [(640, 384), (50, 34)])
def test_camera_carries_motion_jpeg_bit_by_bit(
    size: tuple[int, int], camera_process: Callable[..., CameraProcess], tmp_path: Path
) -> None:
    path = clip(tmp_path / "slope.mov", "mjpeg", size=size)
    server = camera_process(f"slope={path}")
    with av.open(str(path)) as file:
        known = {picture.to_ndarray().tobytes() for picture in file.decode(video=0)}
    with client(server.url("slope")) as container:
        got = [picture for picture, _ in zip(container.decode(video=0), range(5), strict=False)]
    width, height = (-(-side // 8) * 8 for side in size)
    assert {(picture.width, picture.height) for picture in got} == {(width, height)}, "RFC 2435 counts in blocks of 8"
    if size == (width, height):
        assert all(picture.to_ndarray().tobytes() in known for picture in got)
