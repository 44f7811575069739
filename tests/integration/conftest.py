"""What integration tests share: simulated cameras that end with their test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from cameras import CameraProcess


@pytest.fixture
def camera_process() -> Iterator[Callable[..., CameraProcess]]:
    """Starts simulated cameras that end with the test."""
    started: list[CameraProcess] = []

    def start(*streams: str) -> CameraProcess:
        started.append(CameraProcess(*streams))
        return started[-1]

    yield start
    for camera in started:
        if camera.process.returncode is None:
            camera.stop()
