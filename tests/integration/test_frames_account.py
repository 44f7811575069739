"""Many channels of a recorder have one account: no number of processes locks it, and all come back when it is right."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cameras import PASSWORD, CameraProcess
from channel import LIMIT_SECONDS, Channel
from clips import clip

from edge.frames.refusals import ALIKE, FEW, RESERVED_SECONDS, WINDOW_SECONDS

NAMES = [f"channel-{number}" for number in range(1, 7)]
Open = Callable[..., list[Channel]]


@pytest.fixture
def recorder(camera_process: Callable[..., CameraProcess], tmp_path: Path) -> CameraProcess:
    """Six channels behind one account, which locks at the fifth wrong login."""
    film = clip(tmp_path / "film.mp4", "h264", size=(320, 192))
    server = camera_process(*(f"{name}={film}" for name in NAMES))
    server.fault(f"lock {FEW + 1}")
    return server


@pytest.fixture
def ahead(tmp_path: Path) -> Path:
    """The file of the seconds that have passed for the readers."""
    file = tmp_path / "ahead"
    file.write_text("0")
    return file


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """The folder of the record of refusals."""
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


@pytest.fixture
def channels(recorder: CameraProcess, records: Path, ahead: Path) -> Iterator[Open]:
    """Starts a process for each channel, all killed with the test."""
    started: list[Channel] = []

    def start(password: str = PASSWORD) -> list[Channel]:
        new = [Channel(recorder.url(name), password, folder=records, ahead=ahead) for name in NAMES]
        started.extend(new)
        return new

    yield start
    for channel in started:
        channel.kill()


def pass_time(ahead: Path, seconds: float) -> None:
    """So much time passes for every reader at once."""
    unfinished = ahead.with_name("ahead.part")
    unfinished.write_text(str(seconds))
    unfinished.replace(ahead)


def reserved(records: Path) -> int:
    """How many logins are under way by the record."""
    tries = [each for file in records.glob("refusals-*.json") for each in json.loads(file.read_text())["tries"]]
    return sum(not refused for _, _, refused, _ in tries)


def test_recorder_that_refuses_a_login_is_not_locked_by_its_channels_and_all_recover(
    recorder: CameraProcess, channels: Open, ahead: Path
) -> None:
    recorder.fault("refuse-login")
    opened = channels()
    for channel in opened:
        channel.comes_to("auth")
    assert recorder.logins() == {"wrong": ALIKE, "locked": False}
    recorder.fault("accept-login")
    pass_time(ahead, WINDOW_SECONDS)
    for channel in opened:
        channel.comes_to("ok")
    assert recorder.logins() == {"wrong": ALIKE, "locked": False}


def test_recorder_with_a_wrong_password_takes_the_mended_one_at_once(recorder: CameraProcess, channels: Open) -> None:
    for _ in range(2):
        wrong = channels(f"not {PASSWORD}")
        for channel in wrong:
            channel.comes_to("auth")
        for channel in wrong:
            channel.kill()
    assert recorder.logins() == {"wrong": ALIKE, "locked": False}
    for channel in channels():
        channel.comes_to("ok")
    assert recorder.logins() == {"wrong": ALIKE, "locked": False}


def test_recorder_is_asked_again_when_readers_were_killed_while_they_logged_in(
    recorder: CameraProcess, channels: Open, records: Path, ahead: Path
) -> None:
    recorder.fault("hang")
    opened = channels()
    until = time.monotonic() + LIMIT_SECONDS
    while reserved(records) < ALIKE:
        assert time.monotonic() < until
        time.sleep(0.05)  # a file gives no event
    for channel in opened:
        channel.kill()
    assert reserved(records) == ALIKE
    recorder.fault("answer")
    opened = channels()
    pass_time(ahead, RESERVED_SECONDS)
    for channel in opened:
        channel.comes_to("ok")
    assert recorder.logins() == {"wrong": 0, "locked": False}
