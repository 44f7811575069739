"""One camera with faults and its real worker, watched from outside: by the status that the publisher would send on."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from _camera_faults import Fault
from cameras import PASSWORD, USER, CameraProcess
from link import Link
from wire import Wire

from edge.causes import TOLD

ROOT = Path(__file__).resolve().parents[2]
EVERY = 10
POLL_SECONDS = 0.1
NOTICED_SECONDS = 240.0
WELL_SECONDS = 8.0
SURVEY_SECONDS = 900.0
"""The longest wait for a survey of 180 s of healthy pictures, which begins again where a busy machine left some out."""
CAMERA = """\
source: {{url: '{url}', credentials: gate, transport: {transport}}}
analyse: {{rate: 4, model: road-users}}
lines:
  - {{id: l1, points: [[0.3, 0.2], [0.3, 1]], classes: [pedestrian], every: {every}}}
"""


@dataclass(frozen=True)
class Outcome:
    """What came of a fault, in seconds: until something was told, until its cause was, and after its end until the
    camera was well. `said` is the status then, `counted` of the intervals wholly within the fault their mean coverage
    and their flags, `wrong` the logins refused. `failed` says what did not come."""

    noticed: float | None = None
    named: float | None = None
    recovered: float | None = None
    said: tuple[str, str] = ("", "")
    counted: tuple[float | None, Sequence[str]] = (None, ())
    wrong: int = 0
    failed: str = ""


@dataclass
class Rig:
    """A camera, the way to it, and its worker, in a folder; `close` ends them."""

    fault: Fault
    folder: Path
    films: Mapping[str, Path]
    seen: list[tuple[float, str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._opened = ExitStack()
        commands = [*self.fault.first, *self.fault.begin, *self.fault.end]
        needed = {"street2", *(command.split()[2] for command in commands if command.startswith("change"))}
        streams = [f"street={self.films[self.fault.clip]}", *(f"{name}={self.films[name]}" for name in sorted(needed))]
        self._wire = Wire() if any(command.startswith("wire") for command in commands) else None
        if self._wire:
            self._opened.callback(self._wire.close)
        place = {"host": self._wire.host, "within": self._wire.within} if self._wire else {}
        self._camera = CameraProcess(*streams, **place)  # type: ignore[arg-type]
        self._opened.callback(self._camera.stop)
        self._link = None if self._wire else Link(self._camera.port)
        if self._link:
            self._opened.callback(self._link.close)
        self._worker: subprocess.Popen[bytes] | None = None

    def close(self) -> None:
        """Ends everything."""
        if self._worker:
            self._worker.terminate()
            try:
                self._worker.wait(30)
            except subprocess.TimeoutExpired:
                self._worker.kill()
                self._worker.wait(30)
        self._opened.close()

    def start(self) -> None:
        """Starts the worker, as its unit would."""
        config = self.folder / "config"
        for part in ("cameras", "secrets"):
            (config / part).mkdir(parents=True)
        url = self._camera.url() if self._wire else f"rtsp://127.0.0.1:{self._link.port if self._link else 0}/street"
        text = CAMERA.format(url=url, every=EVERY, transport=self.fault.transport)
        (config / "cameras" / "gate.yaml").write_text(text)
        secret = config / "secrets" / "gate"
        secret.write_text(f"{USER}:{PASSWORD}\n", encoding="utf-8")
        secret.chmod(0o600)
        environment = {**os.environ, "EDGE_CONFIG": str(config), "EDGE_STATE": str(self.folder / "state")}
        with (self.folder / "worker.log").open("ab") as log:
            argv = [sys.executable, "-m", "edge", "camera", "gate"]
            self._worker = subprocess.Popen(argv, cwd=ROOT, env=environment, stdout=log, stderr=log)

    def do(self, commands: Sequence[str]) -> None:
        """Makes or mends a fault."""
        for command in commands:
            match command.split():
                case ["link", verb] if self._link:
                    getattr(self._link, verb)()
                case ["wire", verb] if self._wire:
                    getattr(self._wire, verb)()
                case _:
                    self._camera.fault(command)

    def logins(self) -> int:
        """How many wrong logins the camera has seen."""
        return int(self._camera.logins()["wrong"])

    def status(self) -> tuple[str, str]:
        """State and reason as the centre would be told now; nothing before the first."""
        rows = self._rows("SELECT body FROM latest WHERE kind = 'status'")
        if not rows:
            return "", ""
        told = json.loads(rows[0][0])
        now = told["state"], told.get("reason", "")
        if not self.seen or self.seen[-1][1:] != now:
            self.seen.append((time.time(), *now))
        return now

    def knows_the_view(self, *, seconds: float) -> bool:
        """Whether the worker has surveyed the camera's view, within so many seconds."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if "view is known" in (self.folder / "worker.log").read_text(errors="replace"):
                return True
            time.sleep(1)
        return False

    def wait(self, state: str, cause: str, *, seconds: float) -> float | None:
        """The moment when that is told; None where it is not within so many seconds. Without a cause and `ok`: that
        nothing else is told."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            now, reason = self.status()
            well = (now, reason) == ("ok", "")
            if well if (state, cause) == ("ok", "") else now == state and TOLD.get(cause, "") in reason:
                return time.time()
            if self._worker and self._worker.poll() is not None:
                return None
            time.sleep(POLL_SECONDS)
        return None

    def counted(self, begin: float, end: float) -> tuple[float | None, Sequence[str]]:
        """Mean coverage of the intervals wholly between two moments, and the flags of any of them."""
        rows = [json.loads(body) for (body,) in self._rows("SELECT body FROM outbox WHERE kind = 'flow'")]
        inside = [row for row in rows if begin <= _unix(row["start"]) and _unix(row["start"]) + EVERY <= end]
        if not inside:
            return None, ()
        flags = sorted({flag for row in inside for flag in row.get("flags", ())})
        return sum(row["coverage"] for row in inside) / len(inside), flags

    def _rows(self, query: str) -> list[tuple[bytes]]:
        database = self.folder / "state" / "run" / "edge.db"
        try:
            with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=30)) as connection:
                return connection.execute(query).fetchall()
        except sqlite3.OperationalError:  # not there yet
            return []


def _unix(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def prove(rig: Rig) -> Outcome:
    """Runs the worker through the fault."""
    fault = rig.fault
    rig.do(fault.first)
    began = time.time()
    rig.start()
    if not fault.first:
        if rig.wait("ok", "", seconds=90) is None:
            return Outcome(failed=f"never well: {rig.status()}")
        if fault.surveyed and not rig.knows_the_view(seconds=SURVEY_SECONDS):
            return Outcome(failed="the view of the camera was never known")
        time.sleep(WELL_SECONDS)
        began = time.time()
    rig.do(fault.begin)
    return _told(rig, began) if fault.told else _untold(rig, began)


def _untold(rig: Rig, began: float) -> Outcome:
    """Nothing is to be told, and everything counted."""
    until = time.monotonic() + rig.fault.hold
    while time.monotonic() < until:
        if rig.status() != ("ok", ""):
            return Outcome(failed=f"told: {rig.status()}")
        time.sleep(POLL_SECONDS)
    ended = time.time()
    rig.do(rig.fault.end)
    time.sleep(3)  # the grace of the last interval
    return Outcome(said=rig.status(), counted=rig.counted(began, ended))


def _told(rig: Rig, began: float) -> Outcome:
    fault = rig.fault
    named = rig.wait(fault.state, fault.cause, seconds=NOTICED_SECONDS)
    if named is None:
        return Outcome(failed=f"not told: {rig.seen}")
    said = rig.status()
    noticed = min(at for at, state, reason in rig.seen if at >= began and (state, reason) != ("ok", ""))
    if not fault.heals:
        time.sleep(fault.hold)
    wrong, ended = rig.logins(), time.time()
    rig.do(fault.end)
    well = rig.wait("ok", "", seconds=fault.waits) if fault.waits else None
    time.sleep(3)
    since = named if fault.heals else ended
    return Outcome(
        noticed=noticed - began, named=named - began, recovered=well - since if well else None, said=said,
        counted=rig.counted(noticed, ended), wrong=wrong,
        failed="" if well or not fault.waits else f"not well again: {rig.status()}",
    )  # fmt: skip
