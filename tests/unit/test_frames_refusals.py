"""Refused logins are remembered for all who use the account, beyond the process, and without telling it."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest

from edge.frames import refusals as module
from edge.frames.connection import Source
from edge.frames.patience import Patience
from edge.frames.refusals import ALIKE, FEW, RESERVED_SECONDS, TURN_SECONDS, WINDOW_SECONDS, Refusals

CAMERA = Source("rtsp://10.0.0.1/1", ("edge", "sécret"), "tcp")
CHANNEL = Source("rtsp://10.0.0.1:554/2", ("edge", "sécret"), "udp")
MENDED = Source("rtsp://10.0.0.1/1", ("edge", "another"), "tcp")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds since the machine's start, to be set."""
    now = [1000.0]
    monkeypatch.setattr(module, "_now", lambda: now[0])
    return now


def refuse(folder: Path | None, source: Source = CAMERA, *, times: int = ALIKE) -> None:
    """So many refused logins, each by a process of its own."""
    for _ in range(times):
        refusals = Refusals(folder, source)
        assert refusals.reserve() == 0
        refusals.note()


def kept(folder: Path) -> Path:
    """The one record."""
    (file,) = (each for each in folder.iterdir() if not each.name.startswith("."))
    return file


def test_refusals_hold_back_one_more_of_a_password_on_every_channel(tmp_path: Path, clock: list[float]) -> None:
    for number in range(ALIKE):
        refuse(tmp_path, CHANNEL if number % 2 else CAMERA, times=1)
        clock[0] += 10 * (number + 1)
    for channel in (CAMERA, CHANNEL):
        assert Refusals(tmp_path, channel).reserve() == pytest.approx(WINDOW_SECONDS - 60)
    clock[0] += WINDOW_SECONDS - 60
    assert Refusals(tmp_path, CAMERA).reserve() == 0


def test_refusals_leave_one_try_to_a_mended_password_and_no_more(tmp_path: Path, clock: list[float]) -> None:
    refuse(tmp_path)
    refuse(tmp_path, MENDED, times=FEW - ALIKE)
    third = Source(CAMERA.url, ("edge", "third"), "tcp")
    for source in (CAMERA, MENDED, third):
        assert Refusals(tmp_path, source).reserve() == WINDOW_SECONDS


@pytest.mark.parametrize("wrong", [CAMERA, MENDED])
def test_refusals_of_a_wrong_password_stay_while_another_works(
    wrong: Source, tmp_path: Path, clock: list[float]
) -> None:
    right = CAMERA if wrong is MENDED else MENDED
    refuse(tmp_path, wrong)
    for _ in range(10):
        refusals = Refusals(tmp_path, right)
        assert refusals.reserve() == 0
        refusals.clear()
        assert Refusals(tmp_path, wrong).reserve() > TURN_SECONDS


@pytest.mark.parametrize("url", ["rtsp://10.0.0.2/1", "rtsp://10.0.0.1:8554/1"])
def test_refusals_are_of_one_host_and_port(url: str, tmp_path: Path, clock: list[float]) -> None:
    refuse(tmp_path)
    assert Refusals(tmp_path, Source(url, CAMERA.credentials, "tcp")).reserve() == 0


def test_refusals_are_of_one_user(tmp_path: Path, clock: list[float]) -> None:
    refuse(tmp_path)
    assert Refusals(tmp_path, Source(CAMERA.url, ("viewer", "sécret"), "tcp")).reserve() == 0


def test_refusals_are_forgotten_by_all_when_the_login_is_right(tmp_path: Path, clock: list[float]) -> None:
    refuse(tmp_path, times=ALIKE - 1)
    first, other = Refusals(tmp_path, CAMERA), Refusals(tmp_path, CHANNEL)
    assert first.reserve() == 0
    assert other.reserve() == TURN_SECONDS
    first.clear()
    assert [Refusals(tmp_path, CAMERA).reserve() for _ in range(ALIKE)] == [0] * ALIKE
    assert other.reserve() == TURN_SECONDS


def test_refusals_let_no_more_try_at_once_than_may_be_refused(tmp_path: Path) -> None:
    start, waits = threading.Barrier(24), list[float]()

    def arrive() -> None:
        refusals = Refusals(tmp_path, CAMERA)
        start.wait(60)
        waits.append(refusals.reserve())

    readers = [threading.Thread(target=arrive) for _ in range(start.parties)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(60)
    assert sorted(waits) == [0] * ALIKE + [TURN_SECONDS] * (start.parties - ALIKE)


def test_refusals_give_the_turn_of_an_attempt_that_said_nothing_to_the_next(tmp_path: Path) -> None:
    readers = [Refusals(tmp_path, CAMERA) for _ in range(ALIKE + 1)]
    assert [reader.reserve() for reader in readers] == [0] * ALIKE + [TURN_SECONDS]
    readers[0].release()
    assert readers[-1].reserve() == 0


def test_refusals_wait_for_a_killed_process_as_long_as_it_could_have_tried(tmp_path: Path, clock: list[float]) -> None:
    for _ in range(ALIKE):
        assert Refusals(tmp_path, CAMERA).reserve() == 0, "and then it is killed"
    clock[0] += RESERVED_SECONDS - 0.1
    assert Refusals(tmp_path, CAMERA).reserve() == TURN_SECONDS
    clock[0] += 0.2
    assert Refusals(tmp_path, CAMERA).reserve() == 0
    assert Patience().connect < Patience().stuck < RESERVED_SECONDS < WINDOW_SECONDS


def test_refusals_of_before_a_reboot_do_not_hold(tmp_path: Path, clock: list[float]) -> None:
    refuse(tmp_path)
    clock[0] = 5.0
    assert Refusals(tmp_path, CAMERA).reserve() == 0


TEXTS = ["", "{", "[]", '{"salt": "zz", "tries": []}', '{"salt": 1}', '{"salt": "00", "tries": [[1]]}', "\x00"]


@pytest.mark.parametrize("text", TEXTS)
def test_refusals_that_cannot_be_read_are_none(text: str, tmp_path: Path) -> None:
    refuse(tmp_path)
    kept(tmp_path).write_text(text)
    refuse(tmp_path)
    assert len(json.loads(kept(tmp_path).read_text())["tries"]) == ALIKE


def test_refusals_that_cannot_be_kept_are_remembered_by_the_reader(tmp_path: Path) -> None:
    refuse(tmp_path, times=1)
    kept(tmp_path).with_name(f".{kept(tmp_path).name}.part").mkdir()  # where the next version would be written
    for folder, before in ((tmp_path, 1), (tmp_path / "nowhere", 0), (None, 0)):
        refusals = Refusals(folder, CAMERA)
        for _ in range(ALIKE - before):
            assert refusals.reserve() == 0
            refusals.note()
        assert refusals.reserve() > WINDOW_SECONDS - 60


def test_refusals_do_not_give_the_login_away(tmp_path: Path) -> None:
    refuse(tmp_path, times=1)
    told = json.loads(kept(tmp_path).read_text())
    assert kept(tmp_path).stat().st_mode & 0o777 == 0o600
    assert set(told) == {"salt", "tries"}
    ((until, login, refused, name),) = told["tries"]
    assert len(login) == 4, "two bytes: one wrong password in 65,536 looks the same"
    assert (refused, len(name)) == (True, 8)
    assert until <= time.clock_gettime(time.CLOCK_BOOTTIME) + WINDOW_SECONDS
    assert len(kept(tmp_path).stem.removeprefix("refusals-")) == 12
    assert not any(word in f"{kept(tmp_path).name}{told}" for word in ("10.0.0.1", "edge", "sécret"))
