"""`edge run`: everything in the foreground, as the same processes that systemd would start."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable
from pathlib import Path

from edge.check import camera_faults, check, edge_faults
from edge.config.document import Fault
from edge.config.load import camera_files, is_camera_id, load_camera, load_edge
from edge.config.settings import Settings
from edge.errors import EdgeError
from edge.process import Child
from edge.store.lock import sole
from edge.supervisor import Supervisor

LOOK_SECONDS = 1.0
"""Between two looks at the files."""
PUBLISHER = "publisher"
Stamp = tuple[int, int, int] | None
"""What tells that a file was written anew: its time, size and inode; None where there is none."""


def run(settings: Settings) -> int:
    """Starts the publisher and a worker for each camera, watches them and follows their files until SIGTERM or SIGINT.

    Every fault of the files is told first. A camera with a fault stays alone: its worker tells the centre, and is tried
    again once a minute. EdgeError where `edge.yaml` is wrong, there is no camera, or it runs already.
    """
    load_edge(settings.config / "edge.yaml")
    cameras = [file.stem for file in camera_files(settings.config) if is_camera_id(file.stem)]
    environment = {"EDGE_CONFIG": str(settings.config), "EDGE_STATE": str(settings.state)}
    environment |= {"EDGE_RUN": str(settings.memory)}
    command = [sys.executable, "-m", "edge"]

    def worker(name: str) -> Child:
        return Child(f"camera {name}", (*command, "camera", name), environment)

    with sole(settings.memory, "run"):
        follower = Follower(settings, worker)
        _say(check(settings))
        if not cameras:
            where = str(settings.config / "cameras")
            raise EdgeError(where, "no camera can run", do="put <id>.yaml there; see configs/")
        publisher = Child(PUBLISHER, (*command, "publish"), environment)
        return Supervisor([publisher, *map(worker, cameras)], follow=follower.follow).run()


class Follower:
    """Takes over what changes in `edge.yaml`, the camera files and their secrets, as `edge apply` does: what is wrong
    is told once and leaves running what runs."""

    def __init__(self, settings: Settings, worker: Callable[[str], Child]) -> None:
        self._settings, self._worker = settings, worker
        self._secrets: dict[Path, tuple[Stamp, Path | None]] = {}
        self._seen: dict[Path, tuple[Stamp, Stamp]] = {}
        self._seen = self._look()
        self._taken: dict[Path, tuple[Stamp, Stamp] | None] = dict(self._seen)

    async def follow(self, supervisor: Supervisor) -> None:
        """Looks for ever."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            taken = [await self._take(file, supervisor) for file in self._changed()]
            if any(taken) and not edge_faults(self._settings):
                supervisor.renew(PUBLISHER)  # it tells the centre which cameras there are

    async def _take(self, file: Path, supervisor: Supervisor) -> bool:
        """Whether what a file says now is what runs from now on."""
        if file == self._edge:
            _say(faults := edge_faults(self._settings))
            return not faults
        name = self._worker(file.stem).name
        if file not in self._seen:
            await supervisor.stop(name)
            return True
        _say(faults := camera_faults(file, self._settings))
        if not faults:
            supervisor.start(self._worker(file.stem))
            supervisor.renew(name)
        return not faults

    def _changed(self) -> list[Path]:
        """Files written, added or deleted since they were last returned, and at rest since the look before."""
        before, self._seen = self._seen, self._look()
        files = sorted({*self._taken, *self._seen})
        at_rest = [file for file in files if before.get(file) == self._seen.get(file)]
        changed = [file for file in at_rest if self._seen.get(file) != self._taken.get(file)]
        for file in changed:
            self._taken[file] = self._seen.get(file)
        return changed

    @property
    def _edge(self) -> Path:
        return self._settings.config / "edge.yaml"

    def _look(self) -> dict[Path, tuple[Stamp, Stamp]]:
        """Each file with the stamps of itself and of its secret."""
        if _stamp(self._settings.config / "cameras") is None:  # such as a disk that is away: no camera was deleted
            return self._seen
        return {file: self._stamps(file) for file in [self._edge, *camera_files(self._settings.config)]}

    def _stamps(self, file: Path) -> tuple[Stamp, Stamp]:
        stamp = _stamp(file)
        if file not in self._secrets or self._secrets[file][0] != stamp:
            self._secrets[file] = stamp, self._secret(file)
        secret = self._secrets[file][1]
        return stamp, _stamp(secret) if secret else None

    def _secret(self, file: Path) -> Path | None:
        try:
            part = load_edge(file).broker if file == self._edge else load_camera(file).source
        except EdgeError:
            return None
        folder = self._settings.secrets or self._settings.config / "secrets"
        return folder / part.credentials if part and part.credentials else None


def _stamp(file: Path) -> Stamp:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _say(faults: list[Fault]) -> None:
    with contextlib.suppress(OSError):  # nobody reads any more, the work goes on
        for fault in faults:
            print(fault, file=sys.stderr, flush=True)  # noqa: T201 - the console is where `edge run` speaks
