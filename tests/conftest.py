"""What tests share: where the clips are, and the skips that say why."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cameras import CameraProcess
from postgres import Postgres, running

from edge.frames.transcode import to_h264

NUMBERS = itertools.count()
ROOT = Path(__file__).resolve().parent.parent


def _shared(variable: str, name: str) -> Path:
    folder = Path(os.environ.get(variable) or ROOT.parent / "shared" / name)
    if not folder.is_dir():
        pytest.skip(f"{name} are not here: set {variable} to their folder")
    return folder


@pytest.fixture(scope="session")
def media() -> Path:
    """The folder of clips with ground truth, which is no part of the project."""
    return _shared("EDGE_TEST_MEDIA", "media")


@pytest.fixture(scope="session")
def shared_models() -> Path:
    """The folder of detector weights that the project does not ship."""
    return _shared("EDGE_TEST_MODELS", "models")


@pytest.fixture(scope="session")
def vtest(request: pytest.FixtureRequest) -> Path:
    """The street of PETS 2009: 795 pictures, 768x576, 10 a second, MS-MPEG-4."""
    cached = ROOT / ".cache" / "vtest.avi"
    path = cached if cached.is_file() else Path(request.getfixturevalue("media")) / "peds_pets09_vtest.avi"
    if not path.is_file():
        pytest.skip("vtest.avi is not here: scripts/setup fetches it")
    return path


@pytest.fixture(scope="session")
def street(vtest: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The street in H.264, as a camera sends it."""
    target = tmp_path_factory.mktemp("street") / "street.mp4"
    to_h264(vtest, target)
    return target


@pytest.fixture
def camera_process() -> Iterator[Callable[..., CameraProcess]]:
    """Starts simulated cameras that end with the test."""
    started: list[CameraProcess] = []

    def start(*streams: str, **network: Any) -> CameraProcess:
        started.append(CameraProcess(*streams, **network))
        return started[-1]

    yield start
    for camera in started:
        if camera.process.returncode is None:
            camera.stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL for all tests, each of which takes databases of its own; not flushed to the disk, for speed."""
    with running("-c", "fsync=off") as cluster:
        yield cluster


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Makes new places for a centre's store, of each kind of database."""
    if request.param == "postgres":
        return request.getfixturevalue("postgres").new
    return lambda: str(tmp_path / f"{next(NUMBERS)}.db")
