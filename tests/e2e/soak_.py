"""A whole device for an hour: simulated cameras, each a process, `edge run`, mosquitto, `edge listen`, links between.

What befalls them is in soak_faults, what they use in soak_levels.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
from broker import wait_until
from cameras import PASSWORD, USER, CameraProcess
from chaos_processes import Process, SavingBroker
from link import Link
from soak_levels import Levels, children, sample

from edge.centre.ranges import holes, size, union
from edge.frames.clip import pictures
from edge.frames.planes import limited

NODE = "hue-soak-01"
RATE = 2
EVERY = 60
WIDTH, HEIGHT = 640, 360
START_SECONDS = 180.0
SAMPLE_SECONDS = 10.0
STATE_SIZE = "256m"
CAMERA = """\
source: {{url: '{url}', credentials: gate}}
analyse: {{rate: {rate}, model: {model}}}
lines:
  - {{id: l1, points: [[0.26, 0.2], [0.26, 1]], every: {every}}}
  - {{id: l2, points: [[0.6, 0.2], [0.6, 1]], every: {every}}}
zones:
  - {{id: z1, points: [[0, 0.2], [1, 0.2], [1, 1], [0, 1]], every: {every}}}
"""
RULES = {"l1": "flow", "l2": "flow", "z1": "zone"}


def small_clip(source: Path, target: Path) -> None:
    """The clip as a sub-stream has it: 640x360 in H.264, 10 pictures a second, a key frame every two."""
    with av.open(str(target), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"preset": "veryfast", "g": "20", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number, (_, picture) in enumerate(pictures(source)):
            scaled = limited(picture).reformat(width=WIDTH, height=HEIGHT, threads=1)
            scaled.pts, scaled.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(scaled))
        container.mux(stream.encode(None))


@dataclass(frozen=True)
class Interval:
    """One interval as the centre stored it, in Unix seconds."""

    start: float
    seconds: float
    coverage: float


class Soak:
    """Everything of one site in one folder; close() ends what is left."""

    def __init__(self, folder: Path, *, clip: Path, cameras: int, model: str) -> None:
        self.folder, self.store, self.levels = folder, folder / "centre.db", Levels()
        self.names = [f"cam-{number}" for number in range(1, cameras + 1)]
        self.state = folder / "state"
        self.state.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={STATE_SIZE}", "soak", str(self.state)]
        self.own_disk = subprocess.run(mount, capture_output=True, check=False).returncode == 0
        self.broker = SavingBroker(folder / "broker")
        self.links = {"publisher": Link(self.broker.port), "centre": Link(self.broker.port)}
        self.cameras = {name: CameraProcess(f"{name}={clip}") for name in self.names}
        self._began: dict[int, float] = {}
        self._model = model
        config = self._configure("device", "publisher")
        centre = self._configure("centre", "centre")
        self.environment = {"EDGE_CONFIG": str(config), "EDGE_STATE": str(self.state), "EDGE_RUN": str(folder / "run")}
        listen = ("-m", "edge", "listen", "--store", str(self.store), "--config", str(centre))
        self.processes = {
            "centre": Process(folder, "centre", *listen),
            "edge run": Process(folder, "edge run", "-m", "edge", "run", **self.environment),
        }

    def _configure(self, name: str, link: str) -> Path:
        folder = self.folder / name
        for part in ("cameras", "secrets"):
            (folder / part).mkdir(parents=True)
        port = self.links[link].port
        (folder / "edge.yaml").write_text(
            f"node: {NODE}\nbroker: {{host: 127.0.0.1, port: {port}, tls: false, keepalive_seconds: 10}}\n"
        )
        if name == "device":
            secret = folder / "secrets" / "gate"
            secret.write_text(f"{USER}:{PASSWORD}\n", encoding="utf-8")
            secret.chmod(0o600)
            for camera in self.names:
                self.file(camera).write_text(self.text(camera))
        return folder

    def file(self, camera: str) -> Path:
        """A camera's file."""
        return self.folder / "device" / "cameras" / f"{camera}.yaml"

    def text(self, camera: str) -> str:
        """What is right in it."""
        return CAMERA.format(url=self.cameras[camera].url(camera), rate=RATE, model=self._model, every=EVERY)

    def start(self) -> None:
        """Starts all, and waits until every camera is told to be well."""
        self.broker.start()
        for process in self.processes.values():
            process.start()
        wait_until(lambda: self.well() == set(self.names), what=lambda: self.said("edge run"), seconds=START_SECONDS)

    def well(self) -> set[str]:
        """The cameras whose state at the centre is ok."""
        bodies = [json.loads(body) for (body,) in self.rows("SELECT body FROM present WHERE kind = 'status'")]
        return {body["camera"] for body in bodies if body.get("camera") and body["state"] == "ok"}

    def said(self, name: str) -> str:
        """The last words of `edge run` or of the centre."""
        return self.processes[name].said[-4000:]

    def pids(self) -> dict[str, int]:
        """Every process by its role, as far as it runs."""
        found = {f"simulated {name}": camera.process.pid for name, camera in self.cameras.items()}
        running = {"broker": self.broker.pid, **{name: each.pid for name, each in self.processes.items()}}
        found |= {name: pid for name, pid in running.items() if pid}
        for words, pid in children(found.get("edge run", -1)).items():
            role = words[-1] if words[-2:-1] == ("camera",) else {"publish": "publisher"}.get(words[-1], "")
            found |= {role: pid} if role else {}
        return found

    def measure(self) -> None:
        """Takes a sample of every process."""
        now = time.monotonic()
        pids = self.pids()
        self._began = {pid: self._began.get(pid, now) for pid in pids.values()}
        for role, pid in pids.items():
            self.levels.add(role, sample(pid, age=now - self._began[pid]))

    def wait(self, until: float) -> None:
        """Measures until a moment of the monotonic clock."""
        while (left := until - time.monotonic()) > 0:
            self.measure()
            time.sleep(min(SAMPLE_SECONDS, left))

    def rows(self, query: str) -> list[tuple]:
        """Rows of the centre's store; none where it is not there yet."""
        if not self.store.exists():
            return []
        with closing(sqlite3.connect(f"{self.store.as_uri()}?mode=ro", uri=True, timeout=30)) as database:
            with suppress(sqlite3.OperationalError):
                return database.execute(query).fetchall()
            return []

    def intervals(self, camera: str, rule: str) -> list[Interval]:
        """Every interval of a rule at the centre, in order."""
        of = f"FROM {RULES[rule]} WHERE camera = '{camera}' AND rule = '{rule}' ORDER BY start"
        found = self.rows(f"SELECT start, seconds, coverage {of}")
        return [Interval(datetime.fromisoformat(start).timestamp(), *more) for start, *more in found]

    def undelivered(self, *, until: float) -> list[str]:
        """What is missing at the centre of the time up to `until`, Unix seconds, one line each; empty where all is
        there."""
        told = self.rows("SELECT first, last FROM lost")
        missing = holes(union(self.rows("SELECT first, last FROM received"), told))
        found = [f"{size(missing)} numbers are neither there nor told as lost: {missing[:5]}"] if missing else []
        found += [f"{size(union(told))} numbers told as lost: {told[:5]}"] if told else []
        for camera in self.names:
            for rule in RULES:
                found += [f"{camera} {rule}: {what}" for what in _row_faults(self.intervals(camera, rule), until)]
        return found

    def stop(self) -> list[str]:
        """Ends the processes of the project in order; what did not end well."""
        found = []
        for name in ("edge run", "centre"):
            code = self.processes[name].end(signal.SIGTERM)
            if code:
                found.append(f"{name} ended with code {code}")
            if "Traceback" in self.processes[name].said:
                found.append(f"{name} said a traceback, see {self.processes[name].log}")
        return found

    def close(self) -> None:
        """Ends what is left by force."""
        for process in self.processes.values():
            process.end(signal.SIGKILL)
        self.broker.end(signal.SIGKILL)
        for camera in self.cameras.values():
            if camera.process.poll() is None:
                os.kill(camera.process.pid, signal.SIGCONT)
                camera.stop()
        for link in self.links.values():
            link.close()
        if self.own_disk:
            subprocess.run(["umount", str(self.state)], check=False)


def _row_faults(intervals: Sequence[Interval], until: float) -> list[str]:
    """What is wrong with the intervals of one rule: each begins where the one before ends."""
    if not intervals or intervals[-1].start + intervals[-1].seconds < until:
        return [
            "nothing"
            if not intervals
            else f"ends {until - intervals[-1].start - intervals[-1].seconds:.0f} s too early"
        ]
    return [
        f"{after.start - before.start - before.seconds:+.0f} s between {_utc(before)} and {_utc(after)}"
        for before, after in pairwise(intervals)
        if abs(after.start - before.start - before.seconds) > 0.01
    ]


def _utc(interval: Interval) -> str:
    return time.strftime("%H:%M:%S", time.gmtime(interval.start))
