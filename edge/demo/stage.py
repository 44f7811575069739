"""The processes of the demonstration on one scene, and what has come of them through MQTT."""

from __future__ import annotations

import json
import secrets
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from edge.centre.ranges import size
from edge.centre.records import Records
from edge.config.document import read
from edge.config.schema import Camera
from edge.demo.processes import Process
from edge.demo.view import Snapshot
from edge.errors import EdgeError
from edge.events import utc

NODE, SECRET = "demo", "demo-camera"
INTERVAL_SECONDS = 10
READY_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Scene:
    """What is shown: a clip that a camera can send as it is, and the file that says what is counted in it."""

    video: Path
    file: Path
    camera: Camera
    name: str


class Stage:
    """The processes at work on one scene; all of them have ended when the block is left."""

    def __init__(self, folder: Path, scene: Scene) -> None:
        self.scene = scene
        self._folder, self._store = folder, folder / "centre.db"
        self._ending = ExitStack()
        self._processes: list[Process] = []
        self._records: Records | None = None

    def __enter__(self) -> Stage:
        with ExitStack() as ending:
            login = f"demo:{secrets.token_urlsafe(12)}"
            broker = self._start(ending, "broker", "edge.demo.broker")
            clip = f"{self.scene.name}={self.scene.video}"
            camera = self._start(ending, "camera", "edge.demo.camera", "--port", "0", "--credentials", login, clip)
            ports = [_awaited(each, "port")["port"] for each in (broker, camera)]
            _configure(self._folder / "config", self.scene, login=login, ports=(ports[0], ports[1]))
            self._start(ending, "listen", "edge", "listen", "--store", str(self._store))
            self._start(ending, "run", "edge", "run")
            self._ending = ending.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        if self._records:
            self._records.close()
        self._ending.close()

    def check(self) -> None:
        """EdgeError where a process has ended."""
        for process in self._processes:
            process.check()

    @property
    def trouble(self) -> str:
        """What the device said last, for a person who waits in vain."""
        return self._processes[-1].last_words()

    @property
    def playing(self) -> dict[str, Any] | None:
        """The clip as it plays: `utc` of its first picture, `duration` of a loop in seconds."""
        return self._processes[1].said("playing")

    @property
    def counting_since(self) -> float | None:
        """Unix seconds from which on pictures were analysed, as the centre was told; None before."""
        records, playing = self.records, self.playing
        if records is None or playing is None:
            return None
        status = records.present().get((NODE, self.scene.name, "status"), {})
        if status.get("state") != "ok":
            return None
        return max(float(playing["utc"]), datetime.fromisoformat(status["since"]).timestamp())

    @property
    def records(self) -> Records | None:
        """What the centre has stored, as soon as there is a store."""
        if self._records is None:
            self._records = Records.of(self._store)
        return self._records

    def snapshot(self, phase: str) -> Snapshot:
        """What there is to show now."""
        records = self.records
        if records is None:
            return Snapshot(phase, [], [], stored=0, missing=0)
        return Snapshot(
            phase,
            records.crossings(node=NODE, camera=self.scene.name),
            records.zone_rows(),
            stored=records.tally()["stored"],
            missing=sum(size(holes) for holes in records.holes().values()),
        )

    def told_until(self, moment: float) -> bool:
        """Whether everything that was counted up to this moment (Unix seconds) has come: each line's interval that
        holds it is there, and no number before is missing."""
        if self.records is None or self.records.holes():
            return False
        rows = self.records.flow_rows(since=utc(moment - 2 * INTERVAL_SECONDS))
        ended = {row.rule for row in rows if datetime.fromisoformat(row.start).timestamp() + row.seconds >= moment}
        return ended >= {line.id for line in self.scene.camera.lines}

    def _start(self, ending: ExitStack, name: str, *arguments: str) -> Process:
        environment = {"EDGE_CONFIG": str(self._folder / "config"), "EDGE_STATE": str(self._folder / "state")}
        process = Process(name, arguments, folder=self._folder, environment=environment)
        ending.callback(process.stop)
        self._processes.append(process)
        return process


def _awaited(process: Process, key: str) -> dict[str, Any]:
    """The line with this key that the process writes when it is ready."""
    until = time.monotonic() + READY_SECONDS
    while (said := process.said(key)) is None:
        process.check()
        if time.monotonic() > until:
            raise EdgeError(process.name, f"not ready after {READY_SECONDS:g} s", found=process.last_words())
        time.sleep(0.02)
    return said


def _configure(folder: Path, scene: Scene, *, login: str, ports: tuple[int, int]) -> None:
    """Writes a device's configuration: `ports` are those of the broker and of the camera."""
    broker_port, camera_port = ports
    (folder / "cameras").mkdir(parents=True)
    (folder / "secrets").mkdir(mode=0o700)
    (folder / "secrets" / SECRET).write_text(f"{login}\n")
    camera = read(scene.file).content
    camera["source"] = {"url": f"rtsp://127.0.0.1:{camera_port}/{scene.name}", "credentials": SECRET}
    for rule in [*camera.get("lines", []), *camera.get("zones", [])]:
        rule["every"] = INTERVAL_SECONDS
    for line in camera.get("lines", []):
        line["crossings"] = True
    edge = {"node": NODE, "broker": {"host": "127.0.0.1", "port": broker_port, "tls": False}}
    for file, content in ((folder / "edge.yaml", edge), (folder / "cameras" / f"{scene.name}.yaml", camera)):
        file.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")  # JSON is YAML
