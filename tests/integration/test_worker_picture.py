"""The real process of a camera over real RTSP: what it tells of its picture and of its file, and that it goes on
telling so whatever becomes of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from broker import wait_until
from cameras import PASSWORD, USER, CameraProcess
from clips import film
from contract import fits

from edge.config.load import load_camera
from edge.dataflow import Frame
from edge.frames.clip import frames
from edge.frames.survey import Survey
from edge.installation import drawn
from edge.store.journal import Journal
from edge.store.outbox import Outbox

MARGIN = 32
BY = (24, -10)
"""How many pixels to the right and down the view of the turned camera moved."""
FILE = """
source: {{url: '{url}', credentials: gate}}
analyse: {{rate: 4, model: nanodet-g}}
lines:
  - {{id: l1, points: [[0.45, 0.15], [0.45, 1]], classes: [pedestrian], every: 10, crossings: true}}
  - {{id: l2, points: [[0.65, 0.15], [0.65, 1]], classes: [pedestrian], every: 10, crossings: true}}
"""
Part = Callable[[Frame], Frame]


def installed(frame: Frame) -> Frame:
    """The middle of vtest: what the camera saw when it was installed."""
    return cut(frame, (0, 0))


def turned(frame: Frame) -> Frame:
    return cut(frame, BY)


def covered(frame: Frame) -> Frame:
    """A bright cloth over the lens, with the noise of the sensor."""
    seen = installed(frame)
    noise = np.random.default_rng(int(frame.at.seconds * 10)).normal(0, 2, seen.y.shape)
    return replace(seen, y=np.clip(130 + 0.03 * seen.y + noise, 16, 235).astype(np.uint8))


def cut(frame: Frame, by: tuple[int, int]) -> Frame:
    left, top = (MARGIN - step for step in by)
    half = np.s_[top // 2 : top // 2 + 256, left // 2 : left // 2 + 352]
    return Frame(frame.at, frame.y[top : top + 512, left : left + 704], frame.u[half], frame.v[half])


@dataclass
class Gate:
    """A camera and its worker in one folder."""

    folder: Path
    camera: CameraProcess
    worker: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        for part in ("cameras", "secrets", "faults"):
            (self.folder / part).mkdir(parents=True)
        (self.folder / "secrets/gate").write_text(f"{USER}:{PASSWORD}\n", encoding="utf-8")
        (self.folder / "cameras/gate.yaml").write_text(FILE.format(url=self.camera.url()), encoding="utf-8")
        self.outbox = Outbox(self.folder / "run/edge.db", disk=self.folder)

    def know(self, clip: list[Frame], **picture: object) -> None:
        """Leaves what a process before would have: the view of the installation and the state told last."""
        survey = Survey(seconds=30)
        for frame in clip:
            if survey.look(installed(frame)):
                break
        journal = Journal(self.folder / "run/edge.db", camera="gate", disk=self.folder)
        mark = drawn(load_camera(self.folder / "cameras/gate.yaml"))
        journal.keep("view", mark.encode() + b"\n" + survey.reference(where="gate").to_bytes())
        if picture:
            journal.keep("picture", json.dumps({"drawn": mark, "picture": picture}).encode())
        journal.close()

    def start(self) -> None:
        environment = {**os.environ, "EDGE_CONFIG": str(self.folder), "EDGE_STATE": str(self.folder)}
        with (self.folder / "log").open("ab") as log:
            self.worker = subprocess.Popen(
                [sys.executable, "-m", "edge", "camera", "gate"], env=environment, stdout=log, stderr=log
            )

    def kill(self) -> None:
        self.worker.send_signal(signal.SIGKILL)
        self.worker.wait()

    def log(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8")

    def status(self) -> dict:
        """The retained status as the publisher would tell it."""
        for each in self.outbox.announcements():
            if each.kind == "status":
                fits(each.body, "camera-status")
                return json.loads(each.body)
        return {"state": ""}

    def until(self, state: str, *, seconds: float) -> dict:
        wait_until(lambda: self.status()["state"] == state, what=lambda: f"{self.status()}\n{self.log()}",
                   seconds=seconds)  # fmt: skip
        return self.status()

    def messages(self, kind: str) -> list[dict]:
        rows = self.outbox._db.rows("SELECT body FROM outbox WHERE kind = ? ORDER BY seq", (kind,))
        for (body,) in rows:
            fits(body, kind)
        return [json.loads(body) for (body,) in rows]

    def open_flags(self) -> list[str]:
        """Of the open intervals."""
        return [flags for (flags,) in self.outbox._db.rows("SELECT flags FROM period")]


@pytest.fixture(scope="module")
def clip(vtest: Path) -> list[Frame]:
    return list(frames(vtest, rate=10))


@pytest.fixture
def gate(tmp_path: Path, clip: list[Frame]) -> Iterator[Callable[..., Gate]]:
    """Starts a worker before a camera that shows the clip to and fro, each part for so many seconds; its predecessor
    has left the view where it is `known`, and the `picture` as told last."""
    made: list[Gate] = []

    def make(*parts: tuple[Part, int], known: bool = True, **picture: object) -> Gate:
        shown, order = [*clip, *clip[-2:0:-1]], [part for part, seconds in parts for _ in range(10 * seconds)]
        pictures = (part(shown[number % len(shown)]) for number, part in enumerate(order))
        street = film(tmp_path / "street.mp4", "h264-fine", pictures)
        made.append(Gate(tmp_path / "gate", CameraProcess(f"street={street}")))
        if known:
            made[-1].know(clip, **picture)
        made[-1].start()
        return made[-1]

    yield make
    for each in made:
        each.outbox.close()
        if each.worker:
            each.kill()
        if each.camera.process.poll() is None:
            each.camera.stop()


def test_worker_goes_on_saying_what_its_predecessor_said_and_that_its_newer_file_is_wrong(gate):
    """Neither a restart nor the state of the stream take back that the camera was moved, or what `edge apply` said."""
    before = {"state": "moved", "since": 1_760_000_000.0, "reason": "the camera looks elsewhere", "shift": None}
    street = gate((installed, 10), **before)
    told = street.until("moved", seconds=30)
    assert (told["since"], told["reason"]) == ("2025-10-09T08:53:20Z", "the camera looks elsewhere")
    (street.folder / "faults/gate").write_text("gate.yaml line 3 is wrong", encoding="utf-8")
    wrong = "the camera looks elsewhere; gate.yaml line 3 is wrong; the version before it runs"
    wait_until(lambda: street.status().get("reason") == wrong, what=lambda: str(street.status()), seconds=30)
    wait_until(lambda: any("moved" in flags for flags in street.open_flags()), what=street.log, seconds=30)
    street.kill()
    street.start()
    wait_until(lambda: street.log().count(f"moved: {wrong}") == 2, what=street.log, seconds=30)
    assert street.status() == told | {"reason": wrong}


@pytest.mark.long
def test_worker_tells_a_cover_within_a_minute_and_that_it_is_gone(gate):
    street = gate((covered, 100), (installed, 100))
    street.until("ok", seconds=30)
    told = street.until("blind", seconds=60)
    assert "cover" in told["reason"]
    street.kill()
    street.start()
    wait_until(lambda: street.log().count("blind: ") == 2, what=street.log, seconds=30)
    assert street.status() == told
    seen = len(street.messages("flow"))
    wait_until(lambda: len(street.messages("flow")) >= seen + 2, what=street.log, seconds=60)
    assert all("blind" in each["flags"] for each in street.messages("flow")[-2:])
    street.until("ok", seconds=100)
    seen = len(street.messages("flow"))
    wait_until(lambda: len(street.messages("flow")) >= seen + 6, what=street.log, seconds=60)
    assert "blind" not in street.messages("flow")[-1].get("flags", ())


@pytest.mark.long
def test_worker_follows_a_camera_that_was_turned_a_little_and_counts_on(gate):
    street = gate((installed, 20), (turned, 130))
    street.until("ok", seconds=30)
    told = street.until("shifted", seconds=90)
    assert "3% to the right, 2% up; lines and zones follow it" in told["reason"]
    before = len(street.messages("cross"))
    seen = len(street.messages("flow"))
    wait_until(lambda: len(street.messages("flow")) >= seen + 8, what=street.log, seconds=90)
    flows, crossings = street.messages("flow"), street.messages("cross")
    assert len(crossings) >= before + 10
    assert all(not set(each.get("flags", ())) & {"moved", "blind", "config"} for each in flows)
    assert all(each["coverage"] > 0.9 for each in flows[seen:])
    for line in ("l1", "l2"):
        last = [each for each in flows if each["rule"] == line][-1]
        counted = sum(sum(pair) for each in flows if each["rule"] == line for pair in each["count"].values())
        assert sum(last["total"]) == counted  # nothing twice, nothing lost
    health = [json.loads(each.body) for each in street.outbox.announcements() if each.kind == "health"]
    assert health[0]["blur"] < 0.2
    fits(json.dumps(health[0]), "health")


@pytest.mark.long
def test_worker_takes_the_view_of_a_new_installation_by_itself_and_says_nothing_wrong(gate):
    street = gate((installed, 130), known=False)
    journal = Journal(street.folder / "run/edge.db", camera="gate", disk=street.folder)
    wait_until(lambda: journal.kept("view") is not None, what=street.log, seconds=240)
    journal.close()
    wait_until(lambda: list((street.folder / "kept").glob("gate.view")), what=street.log, seconds=90)
    assert street.status()["state"] == "ok"
    assert "view is known from now on" in street.log()
    assert not any(set(each.get("flags", ())) & {"moved", "blind", "dark"} for each in street.messages("flow"))
