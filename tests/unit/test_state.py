"""What is told of a camera: one word, the worst, and everything that ails it in the reason."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace

import pytest

from edge import events, state
from edge.causes import TOLD
from edge.dataflow import Instant
from edge.frames.health import PictureState
from edge.frames.rtsp import CameraState
from edge.frames.view import Shift
from edge.state import State, StateTeller, state_of
from edge.store.journal import Journal
from edge.store.outbox import Outbox

OK = CameraState("ok", Instant(10.0, 1010.0))
LOST = CameraState("nostream", Instant(20.0, 1020.0), cause="timeout", reason="camera: no picture for 12 s")
CLEAR = PictureState("ok", Instant(11.0, 1011.0))
COVERED = PictureState("blind", Instant(30.0, 1030.0), "the picture has lost its detail", Shift(dx=0.02))
SHIFTED = PictureState("shifted", Instant(30.0, 1030.0), "the view moved 3% up; lines follow it", Shift(dy=-0.03))
WRONG = "gate.yaml line 3 is wrong"
FILE = State("config", 1040.0, f"{WRONG}; the version before it runs")


@pytest.mark.parametrize(
    ("stream", "picture", "file", "told"),
    [
        (OK, None, None, State("ok", 1010.0)),
        (OK, CLEAR, None, State("ok", 1011.0)),
        (OK, replace(CLEAR, since=Instant(1.0, 1001.0)), None, State("ok", 1010.0)),
        (OK, COVERED, None, State("blind", 1030.0, COVERED.reason)),
        (OK, SHIFTED, None, State("shifted", 1030.0, SHIFTED.reason)),
        (LOST, None, None, State("nostream", 1020.0, TOLD["timeout"])),
        (LOST, COVERED, None, State("nostream", 1020.0, TOLD["timeout"])),
        (OK, CLEAR, FILE, FILE),
        (OK, None, FILE, FILE),
        (OK, COVERED, FILE, State("blind", 1030.0, f"{COVERED.reason}; {FILE.reason}")),
        (LOST, CLEAR, FILE, State("nostream", 1020.0, f"{TOLD['timeout']}; {FILE.reason}")),
    ],
)
def test_state_is_the_worst_and_its_reason_all_of_it(stream, picture, file, told):
    assert state_of(stream, picture, file) == told


@pytest.fixture
def teller(tmp_path):
    journal = Journal(tmp_path / "edge.db", camera="gate")
    outbox = Outbox(tmp_path / "edge.db")

    def told(kind="status"):
        """The latest announcement of that kind, with its version."""
        found = [each for each in outbox.announcements() if each.kind == kind]
        return (found[0].version, json.loads(found[0].body)) if found else None

    yield StateTeller(journal, "gate", note=tmp_path / "faults" / "gate"), told
    journal.close()
    outbox.close()


def write_note(folder, at=1040.0):
    note = folder / "faults" / "gate"
    note.parent.mkdir(exist_ok=True)
    note.write_text(WRONG)
    os.utime(note, (at, at))
    return note


def test_teller_says_each_state_once(teller):
    tell, told = teller
    tell.look(replace(OK, state="connecting"), None)
    assert told() is None
    for _ in range(3):
        tell.look(OK, CLEAR)
    assert told() == (1, {"v": 1, "camera": "gate", "state": "ok", "since": "1970-01-01T00:16:51Z"})
    for _ in range(3):
        tell.look(OK, COVERED)
    assert told() == (2, {"v": 1, "camera": "gate", "state": "blind", "since": "1970-01-01T00:17:10Z",
                          "reason": COVERED.reason})  # fmt: skip
    tell.look(LOST, COVERED)
    assert told()[1]["state"] == "nostream"
    tell.look(OK, COVERED)
    assert told()[1]["state"] == "blind"


def test_teller_tells_another_reason_of_the_same_state_seldom(teller, monkeypatch):
    tell, told = teller
    tell.look(OK, SHIFTED)
    tell.look(OK, replace(SHIFTED, reason="the view moved 4% up; lines follow it"))
    assert told()[0] == 1
    monkeypatch.setattr(state, "REASON_SECONDS", 0.0)
    tell.look(OK, replace(SHIFTED, reason="the view moved 4% up; lines follow it"))
    assert told() == (2, told()[1] | {"reason": "the view moved 4% up; lines follow it"})


def test_teller_tells_since_when_by_the_clock_as_it_is(teller, monkeypatch):
    """A machine without a battery starts years ago; the camera is well from then on, and says since when."""
    tell, told = teller
    tell.look(OK, COVERED)
    assert told()[1]["since"] == "1970-01-01T00:17:10Z"
    clock = time.time
    for ahead, since in (
        (3600.0, "1970-01-01T01:17:10Z"),
        (3601.0, "1970-01-01T01:17:10Z"),
        (0.0, "1970-01-01T00:17:10Z"),
    ):
        monkeypatch.setattr(time, "time", lambda ahead=ahead: clock() + ahead)
        for _ in range(3):
            tell.look(OK, COVERED)
        assert told()[1]["since"] == since
    assert told()[0] == 3
    tell.look(LOST, COVERED)
    assert told()[1]["since"] == "1970-01-01T00:17:00Z"


def test_teller_keeps_saying_that_a_newer_file_is_wrong(teller, tmp_path):
    """`edge apply` said so; a camera that is lost and found again must not take it back."""
    tell, told = teller
    tell.look(OK, CLEAR)
    note = write_note(tmp_path)
    tell.look(OK, CLEAR)
    assert told()[1] == {"v": 1, "camera": "gate", "state": "config", "since": "1970-01-01T00:17:20Z",
                         "reason": FILE.reason}  # fmt: skip
    tell.look(LOST, CLEAR)
    assert (told()[1]["state"], WRONG in told()[1]["reason"]) == ("nostream", True)
    note.write_bytes(b"gate.yaml line 3 \xc3")  # the disk lost the rest
    tell.look(LOST, CLEAR)
    assert "gate.yaml line 3 \N{REPLACEMENT CHARACTER}; the version" in told()[1]["reason"]
    tell.look(OK, CLEAR)
    assert told()[1]["state"] == "config"
    note.unlink()
    tell.look(OK, CLEAR)
    assert (told()[1]["state"], "reason" in told()[1]) == ("ok", False)


def test_teller_tells_the_blur_of_the_last_minute(teller, monkeypatch):
    tell, told = teller
    monkeypatch.setattr("edge.health.MINUTE", 0.0)
    tell.look(OK, CLEAR)
    assert "blur" not in told("health")[1]
    tell.look(replace(OK, reconnects=2, corrupt=3), replace(COVERED, blur=0.42))
    health = events.Health.model_validate(told("health")[1])
    assert (health.blur, health.reconnects, health.damaged) == (0.42, 2, 3)
