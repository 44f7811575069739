"""Refused logins are remembered beyond the process, for this login only, and without telling it."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from edge.frames import refusals as module
from edge.frames.connection import Source
from edge.frames.refusals import FEW, WINDOW_SECONDS, Refusals

CAMERA = Source("rtsp://10.0.0.1/1", ("edge", "sécret"), "tcp")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds since the machine's start, to be set."""
    now = [1000.0]
    monkeypatch.setattr(module, "_now", lambda: now[0])
    return now


def test_refusals_hold_the_fifth_attempt_back(tmp_path: Path, clock: list[float]) -> None:
    for number in range(FEW):
        assert Refusals(tmp_path / "gate", CAMERA).wait() == 0, "each by a process of its own"
        Refusals(tmp_path / "gate", CAMERA).note()
        clock[0] += 10 * (number + 1)
    assert Refusals(tmp_path / "gate", CAMERA).wait() == pytest.approx(WINDOW_SECONDS - 100)
    clock[0] += WINDOW_SECONDS - 100
    assert Refusals(tmp_path / "gate", CAMERA).wait() == 0


@pytest.mark.parametrize(
    "other",
    [Source("rtsp://10.0.0.1/1", ("edge", "another"), "tcp"), Source("rtsp://10.0.0.2/1", ("edge", "sécret"), "tcp")],
)
def test_refusals_are_of_one_login_at_one_camera(tmp_path: Path, clock: list[float], other: Source) -> None:
    for _ in range(FEW):
        Refusals(tmp_path / "gate", CAMERA).note()
    assert Refusals(tmp_path / "gate", CAMERA).wait() > 0
    assert Refusals(tmp_path / "gate", other).wait() == 0


def test_refusals_are_forgotten_when_the_login_is_right(tmp_path: Path, clock: list[float]) -> None:
    refusals = Refusals(tmp_path / "gate", CAMERA)
    for _ in range(FEW):
        refusals.note()
    refusals.clear()
    assert refusals.wait() == Refusals(tmp_path / "gate", CAMERA).wait() == 0


def test_refusals_of_before_a_reboot_do_not_hold(tmp_path: Path, clock: list[float]) -> None:
    for _ in range(FEW):
        Refusals(tmp_path / "gate", CAMERA).note()
    clock[0] = 5.0
    assert Refusals(tmp_path / "gate", CAMERA).wait() == 0


@pytest.mark.parametrize("text", ["", "{", "[]", '{"salt": "zz", "login": "", "times": []}', '{"salt": 1}', "\x00"])
def test_refusals_that_cannot_be_read_are_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "gate").write_text(text)
    refusals = Refusals(tmp_path / "gate", CAMERA)
    refusals.note()
    assert len(json.loads((tmp_path / "gate").read_text())["times"]) == 1


def test_refusals_that_cannot_be_kept_are_remembered_by_the_process(tmp_path: Path) -> None:
    refusals = Refusals(tmp_path / "nowhere" / "gate", CAMERA)
    for _ in range(FEW):
        refusals.note()
    assert refusals.wait() > WINDOW_SECONDS - 10


def test_refusals_do_not_give_the_login_away(tmp_path: Path) -> None:
    Refusals(tmp_path / "gate", CAMERA).note()
    kept = json.loads((tmp_path / "gate").read_text())
    assert (tmp_path / "gate").stat().st_mode & 0o777 == 0o600
    assert set(kept) == {"salt", "login", "times"}
    assert len(kept["login"]) == 4, "two bytes: one wrong login in 65,536 looks the same"
    assert kept["times"][0] <= time.clock_gettime(time.CLOCK_BOOTTIME)
