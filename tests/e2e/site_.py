"""A whole site as real processes: cameras, mosquitto, `edge run` with its children, `edge listen`."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from broker import Broker, wait_until
from cameras import PASSWORD, USER, CameraProcess

NODE = "hue-test-01"
LINES = {"x200": 0.2604, "x346": 0.4505, "x460": 0.599, "x560": 0.7292}


def camera_file(url: str, *, every: int, rate: int) -> str:
    """vtest's four lines and the whole place as a zone, told every `every` seconds, crossings one by one too."""
    common = f"classes: [pedestrian], every: {every}, crossings: true"
    lines = "".join(f"  - {{id: {name}, points: [[{x}, 0.191], [{x}, 1]], {common}}}\n" for name, x in LINES.items())
    return (
        f"source: {{url: '{url}', credentials: gate}}\nanalyse: {{rate: {rate}, model: nanodet-g}}\n"
        "mask: [[[0, 0], [1, 0], [1, 0.19], [0, 0.19]]]\n"
        f"lines:\n{lines}zones:\n  - {{id: all, points: [[0, 0.191], [1, 0.191], [1, 1], [0, 1]], every: {every}}}\n"
    )


@dataclass(frozen=True)
class Interval:
    """One interval as the centre stored it."""

    rule: str
    start: str
    coverage: float


class Site:
    """Everything of one site in one folder; `stop` ends what is left."""

    def __init__(self, folder: Path, *, clip: Path, cameras: int, every: int, rate: int) -> None:
        self.folder, self.cameras = folder, [f"cam-{i}" for i in range(1, cameras + 1)]
        self.store = folder / "centre.db"
        self.camera = CameraProcess(*(f"{name}={clip}" for name in self.cameras))
        self.broker = Broker(folder / "broker", "allow_anonymous true", "persistence true",
                             f"persistence_location {folder}/broker/", "autosave_interval 1800")  # fmt: skip
        config = folder / "config"
        for part in ("cameras", "secrets"):
            (config / part).mkdir(parents=True)
        (config / "secrets/gate").write_text(f"{USER}:{PASSWORD}\n", encoding="utf-8")
        (config / "edge.yaml").write_text(
            f"node: {NODE}\nbroker: {{host: 127.0.0.1, port: {self.broker.port}, tls: false, keepalive_seconds: 10}}\n"
        )
        for name in self.cameras:
            text = camera_file(self.camera.url(name), every=every, rate=rate)
            (config / f"cameras/{name}.yaml").write_text(text)
        self._environment = {**os.environ, "EDGE_CONFIG": str(config), "EDGE_STATE": str(folder / "state")}
        self.broker.start()
        self.centre = self._edge("listen", "--store", str(self.store))
        self.edge = self._edge("run")

    def _edge(self, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{arguments[0]}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "edge", *arguments], env=self._environment, stdout=log, stderr=log
            )

    def log(self, name: str) -> str:
        """What `edge run` or `edge listen` said."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def pid_of(self, *words: str) -> int:
        """The child of `edge run` whose command line ends with these words."""
        ending = b"\0".join(word.encode() for word in words) + b"\0"
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
                if parent == self.edge.pid and (folder / "cmdline").read_bytes().endswith(ending):
                    return int(folder.name)
            except (FileNotFoundError, ProcessLookupError):
                continue
        raise AssertionError(f"no child {words} of edge run\n{self.log('run')}")

    def kill(self, *words: str) -> None:
        """kill -9 of that child, and waits until another one has taken its place."""
        pid = self.pid_of(*words)
        os.kill(pid, signal.SIGKILL)

        def replaced() -> bool:
            try:
                return self.pid_of(*words) != pid
            except AssertionError:
                return False

        wait_until(replaced, what=lambda: self.log("run"), seconds=20)

    def query(self, text: str, *values: object) -> list[tuple]:
        """Rows of the centre's store; none where it is not there yet."""
        if not self.store.exists():
            return []
        with closing(sqlite3.connect(f"{self.store.as_uri()}?mode=ro", uri=True, timeout=30)) as database:
            try:
                return database.execute(text, values).fetchall()
            except sqlite3.OperationalError:
                return []

    def intervals(self, camera: str) -> list[Interval]:
        """Every interval of a camera at the centre, in order."""
        rows = self.query(
            "SELECT rule, start, coverage FROM flow WHERE camera = ?1"
            " UNION ALL SELECT rule, start, coverage FROM zone WHERE camera = ?1 ORDER BY 1, 2",
            camera,
        )
        return [Interval(*row) for row in rows]

    def stop(self) -> int:
        """Ends everything in order; the exit code of `edge run`."""
        self.edge.terminate()
        code = self.edge.wait(30)
        self.centre.terminate()
        self.centre.wait(30)
        self.broker.end()
        if self.camera.process.poll() is None:
            self.camera.stop()
        return code
