"""The camera reader under test: opened with little patience, and asked until it shows what is wanted."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable

from cameras import PASSWORD, USER

from edge.dataflow import Frame
from edge.frames.connection import Source
from edge.frames.patience import Patience
from edge.frames.rtsp import CameraState, RtspCamera

QUICK = Patience(connect=2, silence=1, key=3, heal=2, stuck=20, steady=2)
LIMIT_SECONDS = 30.0

Open = Callable[..., RtspCamera]


class Watching:
    """Opens cameras; `close` ends them all."""

    def __init__(self) -> None:
        self._opened: list[RtspCamera] = []

    def __call__(self, url: str, **options: object) -> RtspCamera:
        settings = {"rate": 100, "patience": QUICK} | options
        login, transport = settings.pop("credentials", (USER, PASSWORD)), settings.pop("transport", "tcp")
        self._opened.append(RtspCamera(Source(url, login, transport), **settings))  # type: ignore[arg-type]
        return self._opened[-1]

    def close(self) -> None:
        for camera in self._opened:
            camera.close()


def digest(frame: Frame) -> bytes:
    return hashlib.sha256(frame.y.tobytes() + frame.u.tobytes() + frame.v.tobytes()).digest()


def take(camera: RtspCamera, count: int) -> list[Frame]:
    """So many frames, or a failure that tells the camera's state."""
    got: list[Frame] = []
    until = time.monotonic() + LIMIT_SECONDS
    while len(got) < count:
        if (frame := camera.newest(0.2)) is not None:
            got.append(frame)
        assert time.monotonic() < until, f"{len(got)} frames, {camera.state}"
    return got


def settle(camera: RtspCamera, wanted: Callable[[CameraState], bool]) -> CameraState:
    """The camera's state once it is as wanted."""
    until = time.monotonic() + LIMIT_SECONDS
    while not wanted(state := camera.state):
        camera.newest(0.05)
        assert time.monotonic() < until, str(state)
    return state
