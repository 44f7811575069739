"""`edge status`: what it makes of a store and of processes that run or not, and how that looks."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from edge import events
from edge.causes import TOLD
from edge.cli import COMMANDS as RUN
from edge.cli import main
from edge.config.settings import Settings
from edge.help import COMMANDS
from edge.language import language
from edge.link import Link
from edge.status.facts import facts
from edge.store.flush import Bounds, Flusher
from edge.store.journal import Journal
from edge.store.lock import sole
from edge.store.outbox import Outbox
from edge.store.overview import LOSSES
from edge.store.trim import Lost

OPERATOR = Path(__file__).resolve().parents[2] / "docs/operator.md"
CAMERA = "name: Cầu Trường Tiền\nsource: {url: rtsp://192.0.2.1/s}\nlines: [{id: l1, points: [[0, 0.5], [1, 0.5]]}]\n"


class Device:
    """A device's folders with cameras that told something, of which some run."""

    def __init__(self, folder, monkeypatch):
        self.settings = Settings(config=folder / "config", state=folder / "state", run=folder / "run")
        self._running = ExitStack()
        (folder / "config" / "cameras").mkdir(parents=True)
        (folder / "config" / "edge.yaml").write_text("node: hue-01\nbroker: {host: b}\n")
        for name in ("config", "state", "run"):
            monkeypatch.setenv(f"EDGE_{name.upper()}", str(folder / name))
        for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
            monkeypatch.delenv(name, raising=False)

    def camera(self, name, *, state="ok", ago=0.0, reason=None, running=True, filed=True, began=None):
        now = time.time()
        journal = Journal(self.settings.database, camera=name, disk=self.settings.state)
        told = events.CameraStatus(camera=name, state=state, since=events.utc(now - 7200), reason=reason)
        health = events.Health(camera=name, at=events.utc(now - ago), rate_hz=4.96, age_p95_ms=312.0)
        journal.announce("status", told.to_bytes())
        journal.announce("health", health.to_bytes())
        journal.close()
        if filed:
            (self.settings.config / "cameras" / f"{name}.yaml").write_text(CAMERA, encoding="utf-8")
        if running:
            self._running.enter_context(sole(self.settings.memory, f"camera-{name}"))
            os.utime(self.settings.memory / f"camera-{name}.lock", (began or now - 7200, began or now - 7200))

    def publisher(self, *, connected=True, confirms=True):
        self._running.enter_context(sole(self.settings.memory, "publisher"))
        outbox = Outbox(self.settings.database, disk=self.settings.state)
        link = Link(outbox, broker="mqtt.example.org:8883")
        link.up() if connected else link.down("nobody listens there; start the broker")
        link.note(confirms=confirms)
        outbox.close()
        Flusher(self.settings.database, self.settings.state, Bounds()).close()

    def close(self):
        self._running.close()


@pytest.fixture
def device(tmp_path, monkeypatch):
    device = Device(tmp_path, monkeypatch)
    yield device
    device.close()


def told(device, camera):
    return next(each for each in facts(device.settings).cameras if each.id == camera)


def test_status_of_a_device_that_is_well(device, capsys):
    device.camera("le-loi")
    device.publisher()
    seen = replace(facts(device.settings), clock=True)
    assert seen.well
    assert (seen.node, seen.publishing, seen.connected, seen.running) == ("hue-01", True, True, True)
    camera = told(device, "le-loi")
    assert (camera.name, camera.state, camera.level, camera.rate_hz, camera.age_s) == (
        "Cầu Trường Tiền", "ok", "ok", 4.96, 0.312,
    )  # fmt: skip
    assert camera.since == pytest.approx(time.time() - 7200, abs=30)
    main(["status"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("hue-01 · ")
    assert "nothing runs" not in lines[0]
    assert lines[1].startswith("ok · le-loi · Cầu Trường Tiền · ok · ")
    assert lines[1].endswith("(2 h 0 min) · 5.0/s 0.3 s")
    assert lines[2].startswith("ok · centre · mqtt.example.org:8883 · connected")


@pytest.mark.parametrize(
    ("said", "state", "level"),
    [
        ({"state": "nostream", "reason": TOLD["notfound"]}, "nostream", "fault"),
        ({"state": "moved", "reason": "the camera looks elsewhere"}, "moved", "fault"),
        ({"state": "shifted", "reason": "the view moved"}, "shifted", "notice"),
        ({"reason": TOLD["damaged"]}, "ok", "notice"),
        ({"running": False}, "stopped", "fault"),
        ({"state": "auth", "running": False}, "stopped", "fault"),
        ({"state": "config", "running": False}, "config", "fault"),
        ({"ago": 900.0}, "silent", "fault"),
        ({"filed": False, "running": False}, "gone", "notice"),
    ],
)
def test_status_of_a_camera(device, said, state, level):
    device.camera("cam", **said)
    camera = told(device, "cam")
    assert (camera.state, camera.level) == (state, level)
    assert main(["status"]) == 1  # the publisher does not run


def test_status_of_a_camera_that_has_told_nothing_yet(device):
    device.camera("other")
    (device.settings.config / "cameras" / "new.yaml").write_text(CAMERA, encoding="utf-8")
    assert told(device, "new").state == "stopped"
    with sole(device.settings.memory, "camera-new"):
        assert (told(device, "new").state, told(device, "new").level) == ("starting", "notice")


def test_status_of_a_camera_that_has_just_been_started_again(device):
    device.camera("cam", ago=900.0, began=time.time() - 5)
    assert (told(device, "cam").state, told(device, "cam").rate_hz) == ("ok", None)


def test_status_of_a_camera_that_has_told_nothing_since_it_was_started(device):
    began = time.time() - 600
    device.camera("cam", ago=900.0, began=began)
    assert (told(device, "cam").state, told(device, "cam").since) == ("silent", pytest.approx(began, abs=1))


@pytest.mark.parametrize("name", ["Ngã-tư", "new"])
def test_status_of_a_camera_whose_file_never_was_right(device, name):
    device.camera("cam")
    device.publisher()
    (device.settings.config / "cameras" / f"{name}.yaml").write_text("name: [", encoding="utf-8")
    assert (told(device, name).state, told(device, name).level) == ("config", "fault")
    (device.settings.config / "cameras" / f"{name}.yaml").write_text(f"{CAMERA}zones: [", encoding="utf-8")
    assert (told(device, name).state, told(device, name).name) == ("config", "Cầu Trường Tiền")
    assert not replace(facts(device.settings), clock=True).well


@pytest.mark.parametrize(
    ("said", "state", "level"),
    [({}, "outdated", "notice"), ({"state": "nostream"}, "nostream", "fault"), ({"ago": 900.0}, "silent", "fault"),
     ({"running": False}, "config", "fault")],
)  # fmt: skip
def test_status_of_a_camera_that_runs_by_the_version_before_a_wrong_one(device, said, state, level):
    device.camera("cam", **said)
    device.publisher()
    (device.settings.config / "cameras" / "cam.yaml").write_text("name: [", encoding="utf-8")
    assert (told(device, "cam").state, told(device, "cam").level) == (state, level)
    assert told(device, "cam").file_wrong
    assert replace(facts(device.settings), clock=True).well is (level != "fault")


def test_status_of_a_camera_without_pictures_tells_of_its_wrong_file_until_that_is_mended(device, capsys):
    device.camera("cam", state="nostream", reason=TOLD["notfound"])
    device.publisher()
    file = device.settings.config / "cameras" / "cam.yaml"
    for text, wrong in ((f"{CAMERA}zones: [", True), (f"{CAMERA}rate: 5\n", True), (CAMERA, False)):
        file.write_text(text, encoding="utf-8")
        for spoken, words in (
            ("en", "its new file is wrong too: edge check"),
            ("vi", "tệp mới cũng bị sai: edge check"),
        ):
            main(["status", "--lang", spoken])
            (line,) = (each for each in capsys.readouterr().out.splitlines() if " · cam · " in each)
            assert "source.url" in line
            assert (words in line) is wrong
        main(["status", "--json"])
        assert json.loads(capsys.readouterr().out)["cameras"][0]["file_wrong"] is wrong


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("name: Cầu Trường Tiền", "Cầu Trường Tiền"),
        ('name: "Đập Đá"  # by the river', "Đập Đá"),
        ("name: 'Kim Long'\r", "Kim Long"),
        ("name: a\x1b[31mb", "a\ufffd[31mb"),
        ("title: Kim Long", ""),
    ],
)
def test_status_names_a_camera_whose_file_is_wrong_as_the_file_does(device, line, name):
    device.camera("cam")
    for fault in ("zones: [", "rate: 5"):
        (device.settings.config / "cameras" / "cam.yaml").write_bytes(f"{line}\n{fault}\n".encode())
        assert (told(device, "cam").state, told(device, "cam").name) == ("outdated", name)


def test_status_without_a_terminal_has_each_word_in_the_language(device, capsys):
    device.camera("cam")
    device.camera("far", state="nostream", reason=TOLD["notfound"])
    device.camera("old", state="shifted", reason="the view moved")
    assert main(["status", "--lang", "vi"]) == 1
    words = {line.split(" · ")[1]: line.split(" · ")[0] for line in capsys.readouterr().out.splitlines()[1:]}
    assert {name: words[name] for name in ("cam", "far", "old")} == {"cam": "tốt", "far": "lỗi", "old": "lưu ý"}


def test_status_where_the_file_of_the_device_is_wrong(device, capsys):
    device.publisher()
    (device.settings.config / "edge.yaml").write_text("node: [", encoding="utf-8")
    assert main(["status"]) == 1
    text = capsys.readouterr().out
    assert text.startswith("? · ")
    assert "edge.yaml is of no use" in text
    assert "→ run: edge check" in text


@pytest.mark.parametrize("time_wait", ["soon", "-1", "nan"])
def test_environment_that_is_wrong_is_told_in_a_line(device, monkeypatch, capsys, time_wait):
    monkeypatch.setenv("EDGE_TIME_WAIT", time_wait)
    assert main(["status"]) == 1
    assert re.fullmatch(
        r"EDGE_TIME_WAIT: is wrong: .*; correct it in the environment, or take it out\n", capsys.readouterr().err
    )


@pytest.mark.parametrize("command", ["check", "status"])
def test_folder_that_is_for_others_is_told_in_a_line(tmp_path, command):
    code = """import os, sys, edge.check, edge.status.page
from edge.cli import main
os.geteuid() or os.seteuid(65534)
sys.exit(main([sys.argv[1]]))"""
    folder = tmp_path / "others"
    folder.mkdir(mode=0)
    environment = {**os.environ, "EDGE_CONFIG": str(folder / "config"), "EDGE_STATE": str(folder / "state")}
    line = [sys.executable, "-c", code, command]
    done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert re.fullmatch(r".*others/.*Permission denied.*\n", done.stderr)


def test_status_where_nothing_ever_ran_says_so(device, capsys):
    (device.settings.config / "cameras" / "cam.yaml").write_text(CAMERA, encoding="utf-8")
    assert main(["status"]) == 1
    text = capsys.readouterr().out
    assert f"nothing runs here; to start it: edge run (no journal in {device.settings.memory}; " in text
    assert "fault · cam · Cầu Trường Tiền · does not run\n" in text
    assert "look at what edge run says" not in text
    assert not device.settings.database.exists()


def test_status_where_the_broker_is_away(device, capsys):
    device.camera("cam")
    device.publisher(connected=False)
    assert main(["status", "--lang", "vi"]) == 1
    text = capsys.readouterr().out
    assert "trung tâm · mqtt.example.org:8883 · chưa nối được" in text
    assert "→ nobody listens there; start the broker" in text


def test_status_as_json(device, capsys):
    device.camera("cam", state="nostream", reason=f"{TOLD['timeout']}; cam.yaml line 3 is wrong")
    device.publisher()
    assert main(["--lang", "vi", "status", "--json"]) == 1
    seen = json.loads(capsys.readouterr().out)
    assert seen["node"] == "hue-01"
    assert not seen["well"]
    assert (seen["cameras"][0]["camera"], seen["cameras"][0]["causes"]) == ("cam", ["timeout"])
    assert (seen["publisher"]["connected"], seen["publisher"]["broker"]) == (True, "mqtt.example.org:8883")
    assert seen["disk"]["fails"] is False


def keys(value, path=""):
    """The keys of what was printed, as the page for operators writes them."""
    if isinstance(value, dict):
        return {name for key, below in value.items() for name in keys(below, f"{path}.{key}".lstrip("."))}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return {name for each in value for name in keys(each, f"{path}[]")}
    return {path}


def test_status_as_json_has_the_keys_that_the_page_for_operators_tells(device, capsys):
    device.camera("cam", state="nostream", reason=TOLD["timeout"])
    device.publisher()
    outbox = Outbox(device.settings.database, disk=device.settings.state)
    for reason, first in zip(LOSSES, (1, 11), strict=True):
        outbox.note_lost(Lost("1c9f03aa", first, first + 4, reason))
    outbox.close()
    main(["status", "--json"])
    page = OPERATOR.read_text(encoding="utf-8").split("| key | what | unit |")[1].split("\n\n")[0]
    documented = {name for row in page.splitlines() for name in re.findall(r"`([^`]+)`", row.partition(" | ")[0])}
    assert keys(json.loads(capsys.readouterr().out)) == documented


@pytest.mark.parametrize(
    ("wanted", "environment", "spoken"),
    [
        (None, {}, "en"),
        (None, {"LANG": "vi_VN.UTF-8"}, "vi"),
        (None, {"LANG": "vi_VN.UTF-8", "LC_ALL": "C"}, "en"),
        ("en", {"LANG": "vi_VN.UTF-8"}, "en"),
        ("vi", {}, "vi"),
    ],
)
def test_language_is_the_wanted_one_or_that_of_the_environment(wanted, environment, spoken):
    assert language(wanted, environment) == spoken


def test_help_of_every_command_in_both_languages(capsys):
    assert list(COMMANDS) == list(RUN)
    for spoken in ("vi", "en"):
        with pytest.raises(SystemExit, match="0"):
            main(["--lang", spoken, "--help"])
        text = " ".join(capsys.readouterr().out.split())
        for name, said in COMMANDS.items():
            assert f"{name} {said[spoken]}" in text
    with pytest.raises(SystemExit, match="2"):
        main(["status", "--lang", "fr"])


def test_status_on_a_terminal_without_vietnamese_letters_shows_the_rest(device):
    device.camera("cam")
    command = [sys.executable, "-m", "edge", "status", "--lang", "vi"]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, env=environment, capture_output=True, timeout=60, check=False)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert b"cam" in done.stdout
