"""How the device does, as far as its store, its files and the kernel tell: the same whoever asks, running or not."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from edge.clock import SystemClock
from edge.config.load import camera_files, is_camera_id, load_camera, load_edge
from edge.config.settings import Settings
from edge.errors import EdgeError, plain
from edge.link import NOTE, LinkState
from edge.status.words import causes_in
from edge.store.lock import holder, taken_up
from edge.store.overview import Overview, overview
from edge.units import booted

SILENT_SECONDS = 180.0
"""A camera's process tells once a minute how it does; after so long without a word something is wrong."""
LATE_SECONDS = 900.0
"""A message that still waits after so long a connection, and so long itself, is held up."""
FLUSH_SECONDS = 1800.0
"""So long without a flush, three times the longest pause that can be set, and the disk or its thread hangs."""
NAME_MOST = 100
"""Letters of a name that are shown of a file that is wrong."""
Level = Literal["ok", "notice", "fault"]


@dataclass(frozen=True, slots=True)
class CameraFacts:
    """A camera: the word of its `state` since when in Unix seconds, the `reason` as told to the centre, pictures
    analysed a second, and how old they are then, in seconds (95th percentile). `file_wrong` whatever the state is."""

    id: str
    name: str
    state: str
    since: float | None = None
    reason: str = ""
    rate_hz: float | None = None
    age_s: float | None = None
    file_wrong: bool = False

    @property
    def level(self) -> Level:
        """A fault where it is not counted as it should be."""
        if self.state not in ("ok", "shifted", "starting", "gone", "outdated"):
            return "fault"
        return "notice" if self.state != "ok" or self.reason else "ok"


@dataclass(frozen=True, slots=True)
class Facts:
    """The device: `link` as the publisher noted it last, whether the publisher runs, messages `waiting` since when
    (`oldest`), sent ones `unconfirmed_since` when, and `lost` ones by word, intervals `held` until the time is known,
    seconds since the last flush, free bytes of the disk (None where that cannot be told), whether the clock is right
    (None where no service looks after it), and whether systemd runs this machine. `node` is empty where edge.yaml
    cannot be read. `missing` is where a journal was looked for and none is."""

    node: str
    at: float
    cameras: tuple[CameraFacts, ...]
    publishing: bool
    link: LinkState | None
    waiting: int = 0
    oldest: float | None = None
    unconfirmed_since: float | None = None
    unheard: int = 0
    held: int = 0
    lost: tuple[tuple[str, int], ...] = ()
    flushed_ago: float | None = None
    disk_fails: bool = False
    free_bytes: int | None = None
    clock: bool | None = None
    systemd: bool = False
    missing: Path | None = None

    @property
    def running(self) -> bool:
        """Whether anything runs."""
        return self.publishing or any(each.state not in ("stopped", "config", "gone") for each in self.cameras)

    @property
    def connected(self) -> bool:
        """Whether messages reach a broker now."""
        return self.publishing and self.link is not None and self.link.connected

    @property
    def held_up(self) -> bool:
        """Whether messages wait although the broker has long been connected: it refuses them, or cannot keep up."""
        return self._long_since(self.oldest)

    @property
    def unanswered(self) -> bool:
        """Whether the centre, which confirmed before, has left messages without its word for long."""
        return self.link is not None and self.link.confirms and self._long_since(self.unconfirmed_since)

    def _long_since(self, moment: float | None) -> bool:
        if not self.connected or self.link is None or moment is None:
            return False
        return self.at - max(moment, self.link.since) > LATE_SECONDS

    @property
    def disk_hangs(self) -> bool:
        """Whether the journal has not come to the disk for long, although nobody said that it failed."""
        return self.running and self.flushed_ago is not None and self.flushed_ago > FLUSH_SECONDS

    @property
    def well(self) -> bool:
        """Whether nothing is wrong."""
        fault = self.held_up or self.disk_fails or self.disk_hangs or self.clock is False or not self.node
        return self.connected and not fault and all(each.level != "fault" for each in self.cameras)


def facts(settings: Settings) -> Facts:
    """Looks. EdgeError where the store is there and cannot be read."""
    seen = overview(settings.database)
    note = seen.notes.get(NOTE) if seen else None
    return Facts(
        node=_node(settings),
        at=time.time(),
        cameras=_cameras(settings, seen),
        publishing=holder(settings.memory, "publisher") is not None,
        link=LinkState(**note) if note else None,
        waiting=seen.waiting_number if seen else 0,
        oldest=seen.oldest if seen else None,
        unconfirmed_since=seen.unconfirmed_since if seen else None,
        unheard=seen.unheard if seen else 0,
        held=seen.held if seen else 0,
        lost=tuple(seen.lost.items()) if seen else (),
        flushed_ago=seen.flushed_ago if seen else None,
        disk_fails=bool(seen and seen.disk_fails),
        clock=SystemClock().synchronised(),
        systemd=booted(),
        missing=None if seen else settings.memory.absolute(),
        free_bytes=shutil.disk_usage(settings.state).free if settings.state.is_dir() else None,
    )


def _node(settings: Settings) -> str:
    try:
        return load_edge(settings.config / "edge.yaml").node
    except EdgeError:
        return ""


def _cameras(settings: Settings, seen: Overview | None) -> tuple[CameraFacts, ...]:
    """Every camera that has a file, and every other one that something is told of."""
    files = {file.stem for file in camera_files(settings.config)}
    states = seen.latest("status") if seen else {}
    health = seen.latest("health") if seen else {}
    found = []
    for each in sorted({*files, *states}):
        if each not in files:
            found.append(CameraFacts(each, "", "gone"))
        elif not is_camera_id(each):
            name, _ = _name(settings.config / "cameras" / f"{each}.yaml")
            found.append(CameraFacts(each, name, "config", file_wrong=True))
        else:
            found.append(_camera(each, settings, state=states.get(each, {}), health=health.get(each, {})))
    return tuple(found)


def _camera(camera: str, settings: Settings, *, state: dict[str, Any], health: dict[str, Any]) -> CameraFacts:
    """What is known of a camera; whether its process runs counts for more than what that said last."""
    file = settings.config / "cameras" / f"{camera}.yaml"
    name, right = _name(file)
    told = _seconds(health["at"]) if health else None
    since = _seconds(state["since"]) if state else None
    word, reason = state.get("state", "starting"), state.get("reason", "")
    known = CameraFacts(camera, name, word, since, reason, file_wrong=not right)
    if not right and known.level != "fault":
        known = replace(known, state="outdated", since=_written(file))
    if holder(settings.memory, f"camera-{camera}") is None:
        if known.state == "config":
            return known
        return replace(known, state="stopped" if right else "config", reason="", since=told)
    heard = max(told or 0.0, taken_up(settings.memory, f"camera-{camera}") or 0.0)
    if time.time() - heard > SILENT_SECONDS:
        return replace(known, state="silent", since=heard)
    if heard != told or known.state in ("nostream", "auth"):
        return known
    age = health["age_p95_ms"] / 1000 if "age_p95_ms" in health else None
    return replace(known, rate_hz=health["rate_hz"], age_s=age)


def _name(file: Path) -> tuple[str, bool]:
    """What people call the camera, and whether its file is right; of a wrong one as its line `name:` has it."""
    try:
        return load_camera(file).name, True
    except EdgeError:
        pass
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "", False
    written = next((line.removeprefix("name:") for line in lines if line.startswith("name:")), "")
    return plain(written.partition(" #")[0].strip(" '\"[{|>"))[:NAME_MOST], False


def _written(file: Path) -> float | None:
    try:
        return file.stat().st_mtime
    except OSError:
        return None


def _seconds(utc: str) -> float:
    return datetime.fromisoformat(utc).timestamp()


def as_json(told: Facts) -> dict[str, Any]:
    """The same for a program: no text of a language in it, times in Unix seconds."""
    cameras = [
        {
            "camera": each.id, "name": each.name, "level": each.level, "state": each.state, "since": each.since,
            "reason": each.reason, "causes": causes_in(each.reason), "rate_hz": each.rate_hz, "age_s": each.age_s,
            "file_wrong": each.file_wrong,
        }
        for each in told.cameras
    ]  # fmt: skip
    link = told.link
    return {
        "node": told.node,
        "at": told.at,
        "well": told.well,
        "running": told.running,
        "cameras": cameras,
        "publisher": {
            "running": told.publishing,
            "connected": told.connected,
            "broker": link.broker if link else None,
            "since": link.since if link else None,
            "reason": link.reason if link else "",
            "confirms": bool(link and link.confirms),
            "waiting": told.waiting,
            "oldest": told.oldest,
            "unconfirmed_since": told.unconfirmed_since,
            "unheard": told.unheard,
        },
        "disk": {"fails": told.disk_fails, "flushed_ago": told.flushed_ago, "free_bytes": told.free_bytes},
        "clock": {"synchronised": told.clock, "held": told.held},
        "lost": dict(told.lost),
    }
