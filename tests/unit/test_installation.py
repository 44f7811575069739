"""What outlives a camera's process, and the device's power: the view of its installation and how its picture is."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys

import numpy as np
import pytest
from device_ import Device

from edge.config.load import load_camera
from edge.config.schema import Camera
from edge.dataflow import Frame, Instant
from edge.errors import EdgeError
from edge.frames.reference import Reference
from edge.frames.survey import Survey
from edge.installation import Installation, drawn
from edge.store.journal import Journal

FILE = {
    "lines": [{"id": "l1", "points": [[0.1, 0.5], [0.9, 0.5]]}],
    "zones": [{"id": "z1", "points": [[0.1, 0.1], [0.9, 0.1], [0.9, 0.4]]}],
    "queues": [{"id": "q1", "stop_line": "l1", "lane": [[0.1, 0.5], [0.4, 0.5], [0.4, 0.9]]}],
    "mask": [[[0, 0], [1, 0], [1, 0.1]]],
    "calibration": {"points": [[[0, 0], [0, 9]], [[1, 0], [4, 9]], [[1, 1], [4, 0]], [[0, 1], [0, 0]]]},
    "installed": "2026-11-23",
}
SURVEY = 20.0
MOVED = {"state": "moved", "since": 1_800_000_000.0, "reason": "the camera looks elsewhere", "shift": None}


@pytest.fixture
def device(tmp_path):
    device = Device(tmp_path, cameras=1).start()
    yield device
    device.kill()


def street(seconds: float, *, moved: int = 0, light: float = 1.0) -> Frame:
    """A still street with noise: blocks of light and dark, in which every place has edges."""
    rng = np.random.default_rng(5)
    blocks = np.kron(rng.integers(60, 190, (23, 40)), np.ones((16, 16)))[:360, moved : moved + 620]
    noise = np.random.default_rng(int(seconds * 10)).normal(0, 2, blocks.shape)
    y = np.clip(16 + (blocks - 16) * light + noise, 0, 255).astype(np.uint8)
    half = np.full((180, 310), 128, np.uint8)
    return Frame(Instant(seconds, 1_800_000_000 + seconds), y, half, half)


def watched(installation: Installation, begin: float, seconds: float, **view: float):
    """Shows a view for so long, and keeps what is new; the last state."""
    for second in np.arange(begin, begin + seconds):
        state = installation.watch.look(street(float(second), **view))
        installation.keep()
    return state


@pytest.fixture(scope="module")
def view() -> bytes:
    survey = Survey(seconds=SURVEY)
    for second in range(int(SURVEY) + 2):
        survey.look(street(float(second)))
    return survey.reference(where="street").to_bytes()


def opened(device: Device, **changes: object) -> Installation:
    camera = Camera.model_validate({**FILE, **changes})
    return Installation(device.journals[0], camera, survey_seconds=SURVEY)


def test_view_is_surveyed_at_once_and_known_to_the_next_process(device):
    first = opened(device)
    watched(first, 0, SURVEY - 1)
    assert first.watch.reference is None
    watched(first, SURVEY - 1, 3)
    known = first.watch.reference.to_bytes()
    assert opened(device).watch.reference.to_bytes() == known


def test_view_and_state_survive_a_power_cut_after_the_next_flush(device):
    first = opened(device)
    watched(first, 0, SURVEY + 2)
    device.flusher.step()
    state = watched(first, SURVEY + 2, 60, light=0.02)
    assert state.state == "dark"
    device.flusher.step()
    device.cut_power()
    after = opened(device)
    assert after.watch.reference.to_bytes() == first.watch.reference.to_bytes()
    assert (after.watch.state.state, after.watch.state.since.utc) == ("dark", state.since.utc)
    assert after.watch.state.reason == state.reason


def test_view_that_was_not_flushed_is_surveyed_again_after_a_power_cut(device):
    watched(opened(device), 0, SURVEY + 2)
    device.cut_power()
    assert opened(device).watch.reference is None


def test_view_survives_the_loss_of_every_journal_file(device):
    watched(opened(device), 0, SURVEY + 2)
    device.flusher.step()
    for file in device.disk.glob("journal-*.log"):
        file.unlink()
    device.cut_power()
    assert opened(device).watch.reference is not None


def test_view_is_on_the_disk_once_and_not_in_every_flush(device):
    watched(opened(device), 0, SURVEY + 2)
    device.flusher.step()
    (view,) = (device.disk / "kept").glob("*.view")
    before = view.stat()
    assert 2_000 < before.st_size < 40_000
    device.count()
    device.flusher.step()
    assert view.stat().st_mtime_ns == before.st_mtime_ns
    log = sum(len(file.read_bytes().rstrip(b"\0")) for file in device.disk.glob("journal-*.log"))
    assert log < before.st_size


def test_view_survives_kill_9(tmp_path):
    """What was kept is there for the next process, whatever became of the one that kept it."""
    keep = (
        "import sys, os, signal, pathlib; from edge.store.journal import Journal\n"
        "Journal(pathlib.Path(sys.argv[1]), camera='gate').keep('view', b'seen')\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    path = tmp_path / "edge.db"
    done = subprocess.run([sys.executable, "-c", keep, str(path)], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    journal = Journal(path, camera="gate")
    assert journal.kept("view") == b"seen"
    assert Journal(path, camera="other").kept("view") is None
    journal.close()


def test_shift_is_followed_from_the_first_picture_of_the_next_process_on(device):
    first = opened(device)
    watched(first, 0, SURVEY + 2)
    state = watched(first, SURVEY + 2, 60, moved=16)
    assert state.state == "shifted"
    assert state.shift.dx == pytest.approx(-16 / 620, abs=0.005)
    after = opened(device)
    again = watched(after, 500, 1, moved=16)
    assert (again.state, again.shift, again.since.utc) == ("shifted", state.shift, state.since.utc)


@pytest.mark.parametrize(
    "change",
    [
        {"installed": "2026-11-24"},
        {"installed": ""},
        {"mask": []},
        {"lines": [{"id": "l1", "points": [[0.1, 0.5], [0.9, 0.51]]}]},
        {"zones": []},
        {"queues": [{"id": "q1", "stop_line": "l1", "lane": [[0.1, 0.5], [0.4, 0.5], [0.4, 0.8]]}]},
        {"calibration": None},
    ],
)
def test_view_is_taken_anew_where_something_was_drawn_anew_or_it_is_asked_for(device, change, view):
    journal, known = device.journals[0], drawn(Camera.model_validate(FILE)).encode()
    journal.keep("view", known + b"\n" + view)
    journal.keep("picture", json.dumps({"drawn": known.decode(), "picture": MOVED}).encode())
    assert opened(device).watch.state.state == "moved"
    other = opened(device, **change)
    assert (other.watch.reference, other.watch.state) == (None, None)


def test_view_that_is_taken_anew_is_that_of_now(device, view):
    device.journals[0].keep("view", drawn(Camera.model_validate(FILE)).encode() + b"\n" + view)
    watched(opened(device, installed="2026-11-24"), 200, SURVEY + 2, moved=16)
    assert watched(opened(device, installed="2026-11-24"), 300, 60, moved=16).state == "ok"


def test_view_stays_where_only_names_alarms_and_numbers_change():
    line = {**FILE["lines"][0], "names": ["a", "b"], "every": 60, "classes": ["car"]}
    same = {**FILE, "name": "Cầu", "lines": [line], "analyse": {"rate": 3}}
    assert drawn(Camera.model_validate(same)) == drawn(Camera.model_validate(FILE))


@pytest.mark.parametrize("damage", [b"", b"nonsense", b"%s\nno view"])
def test_view_that_is_damaged_is_taken_anew(device, damage, caplog):
    device.journals[0].keep("view", damage.replace(b"%s", drawn(Camera.model_validate(FILE)).encode()))
    device.journals[0].keep("picture", b"{damaged")
    installation = opened(device)
    assert (installation.watch.reference, installation.watch.state) == (None, None)
    assert ("taken anew" in caplog.text) == (damage != b"" and b"%s" in damage)
    watched(installation, 0, SURVEY + 2)
    assert opened(device).watch.reference is not None


def test_view_with_any_byte_changed_is_the_same_or_none(view):
    """The disk may have changed it; a process that ended by that would do so again and again."""
    dice, refused = random.Random(1), 0
    for _ in range(600):
        damaged = bytearray(view)
        at = dice.choice([dice.randrange(len(view)), dice.randrange(120), len(view) - 1 - dice.randrange(260)])
        damaged[at] = dice.randrange(256)
        try:
            assert Reference.from_bytes(bytes(damaged), where="street").to_bytes() == view
        except EdgeError:
            refused += 1
    assert 300 < refused < 600


def test_state_of_the_picture_that_is_damaged_or_of_another_version_is_none(device, view):
    known = drawn(Camera.model_validate(FILE))
    device.journals[0].keep("view", known.encode() + b"\n" + view)

    def read(kept):
        device.journals[0].keep("picture", json.dumps(kept).encode())
        return opened(device).watch.state

    assert read({"drawn": known, "picture": MOVED}).state == "moved"
    for change in ({"state": "tilted"}, {"state": ["moved"]}, {"since": None}, {"shift": {"yaw": 2}}, {"shift": "far"},
                   {"shift": {"dx": "far"}}):  # fmt: skip
        assert read({"drawn": known, "picture": {**MOVED, **change}}) is None
    for kept in ({"drawn": known}, {"drawn": known, "picture": None}, {"picture": MOVED}, [], "", 7):
        assert read(kept) is None


def test_view_that_moves_while_it_is_surveyed_is_surveyed_again(device, caplog):
    """Somebody still turns the camera."""
    installation = opened(device)
    watched(installation, 0, SURVEY / 2)
    watched(installation, SURVEY / 2, SURVEY / 2 + 2, moved=16)
    assert installation.watch.reference is None
    assert "the camera was moved meanwhile; tried again" in caplog.text
    watched(installation, SURVEY + 2, SURVEY + 2, moved=16)
    assert watched(installation, 2 * SURVEY + 4, 60, moved=16).state == "ok"


def test_view_is_not_surveyed_in_the_dark(device):
    installation = opened(device)
    watched(installation, 0, 3 * SURVEY, light=0.02)
    assert installation.watch.reference is None
    watched(installation, 3 * SURVEY, 2 * SURVEY + 2)
    assert installation.watch.reference is not None


def test_view_is_surveyed_by_day_or_after_a_day(device):
    """By night, and lit: a view is taken of it only where there is no other light for a day."""
    installation = opened(device)
    for begin in (0, 12 * 3600):
        watched(installation, begin, SURVEY + 2, light=0.4)
    assert installation.watch.reference is None
    watched(installation, 25 * 3600, 2 * SURVEY + 2, light=0.4)
    assert installation.watch.reference is not None


def test_view_is_surveyed_in_the_morning(device):
    installation = opened(device)
    watched(installation, 0, SURVEY + 2, light=0.4)
    watched(installation, SURVEY + 2, SURVEY * 2)
    assert installation.watch.reference is not None


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-11-23", "2026-11-23"),
        ("2026-11-23 14:00", "2026-11-23 14:00"),
        ("2026-11-23 14:00:05", "2026-11-23 14:00:05"),
        ("'after the storm'", "after the storm"),
    ],
)
def test_installed_is_written_as_a_day_or_in_any_words(tmp_path, written, read):
    file = tmp_path / "gate.yaml"
    file.write_text(f"installed: {written}\nlines: [{{id: l1, points: [[0.1, 0.5], [0.9, 0.5]]}}]\n", encoding="utf-8")
    assert load_camera(file).installed == read
