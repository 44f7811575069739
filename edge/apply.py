"""`edge apply`: makes the configuration the one that runs under systemd, file by file.

What is right is copied to the folder of good versions, from which the units start. What is wrong leaves the version
before it running and is told. Only what changed is restarted.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import shutil
import socket
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from edge import events
from edge.check import check
from edge.config.document import Fault
from edge.config.load import camera_files, is_camera_id, load_camera, load_edge
from edge.config.schema import Camera
from edge.config.settings import Settings
from edge.detections.card import find_card
from edge.errors import EdgeError
from edge.store.journal import Journal
from edge.store.lock import sole
from edge.units import (
    PUBLISHER,
    TARGET,
    UNITS,
    DropIn,
    booted,
    camera_unit,
    cameras_with_units,
    credential,
    put,
    systemctl,
    target_is_on,
)


def apply(settings: Settings, *, units: Path = UNITS) -> int:
    """Applies the folder of the configuration; 0, or 1 where a file is wrong, each fault told in a line.

    EdgeError where systemd does not run this machine, or refuses.
    """
    if not booted():
        raise EdgeError("apply", "systemd does not run this machine", do="start everything with edge run")
    places = Places(settings.config, _copied(settings), Good(settings.state / "good"), units)
    with sole(places.good.folder, "apply"):
        faults = _apply(places)
    return 1 if faults else 0


def _copied(settings: Settings) -> Settings:
    """The files as they are now, in memory: what is checked is what is taken, whoever writes meanwhile."""
    copy = settings.memory / "incoming"
    shutil.rmtree(copy, ignore_errors=True)
    (copy / "cameras").mkdir(parents=True)
    for file in (settings.config / "edge.yaml", *(settings.config / "cameras").glob("*")):
        with contextlib.suppress(FileNotFoundError, IsADirectoryError):
            shutil.copyfile(file, copy / file.relative_to(settings.config))
    return settings.model_copy(update={"config": copy, "secrets": settings.secrets or settings.config / "secrets"})


@dataclass(frozen=True, slots=True)
class Good:
    """The folder of the versions that run: `edge.yaml`, `cameras/`, and in `faults/` what is told of a camera whose
    file in the configuration is another and wrong."""

    folder: Path

    @property
    def cameras(self) -> set[str]:
        """The cameras that run."""
        return {file.stem for file in camera_files(self.folder)}

    @property
    def known(self) -> set[str]:
        """The cameras that run, and those whose file is wrong."""
        return self.cameras | {note.name for note in (self.folder / "faults").glob("[!.]*")}

    def take(self, file: Path, name: str) -> bool:
        """Makes a file the version that runs; whether that is a new one."""
        target = self.folder / name
        content = file.read_bytes()
        if target.is_file() and target.read_bytes() == content:
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        put(target, content)
        return True

    def fault(self, camera: str, text: str) -> bool:
        """Notes what is wrong with a camera's file, "" for nothing; whether that is news."""
        note = self.folder / "faults" / camera
        before = note.read_text(encoding="utf-8") if note.is_file() else ""
        if text and text != before:
            note.parent.mkdir(exist_ok=True)
            put(note, text.encode())
        if not text:
            note.unlink(missing_ok=True)
        return text != before

    def forget(self, camera: str) -> None:
        """Takes a camera out of what runs."""
        self.fault(camera, "")
        (self.folder / "cameras" / f"{camera}.yaml").unlink(missing_ok=True)
        (self.folder / "hosts" / camera).unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Places:
    """Where things are: the folder that people write, the settings with its copy, what runs, and the drop-ins."""

    config: Path
    settings: Settings
    good: Good
    units: Path

    def original(self, file: Path) -> Path:
        """The file of which this is the copy."""
        return self.config / file.relative_to(self.settings.config)

    def secret(self, name: str) -> Path:
        """The file of a secret."""
        assert self.settings.secrets is not None  # noqa: S101 - set for the copy
        return self.settings.secrets / name


def _apply(places: Places) -> list[Fault]:
    faults = [fault for fault in check(places.settings) if not fault.file.name.startswith(".")]  # an editor's own
    for fault in faults:
        _say(f"<3>{replace(fault, file=places.original(fault.file))}")
    wrong = {fault.file for fault in faults}
    there = [file for file in camera_files(places.settings.config) if is_camera_id(file.stem)]
    changed = {file.stem for file in there if file not in wrong and _take_camera(file, places)}
    for file in there:
        text = next((_place_of(fault) for fault in faults if fault.file == file), "")
        if places.good.fault(file.stem, text):
            if text:
                _tell_wrong(file.stem, text, places)
            elif file.stem in places.good.cameras:
                changed.add(file.stem)  # mended to what ran all the time: by its restart it tells its state again
    gone = (places.good.known | cameras_with_units(places.units)) - {file.stem for file in there}
    _stop(gone, places)
    publisher = places.settings.config / "edge.yaml" not in wrong and _take_edge(places)
    _start(changed, publisher=publisher, cameras=bool(changed or gone))
    return faults


def _place_of(fault: Fault) -> str:
    return f"{fault.file.name} line {fault.line} is wrong"


def _take_camera(file: Path, places: Places) -> bool:
    """Makes a right camera file, its secret, address and model the ones that run; whether anything of it is new."""
    drop_in = DropIn(camera_unit(file.stem), folder=places.units)
    text = _head(file, places) + _camera_drop_in(file.stem, load_camera(file), places, before=drop_in.text)
    return any([places.good.take(file, f"cameras/{file.name}"), drop_in.write(text)])


def _camera_drop_in(name: str, camera: Camera, places: Places, *, before: str) -> str:
    source = camera.source
    assert source is not None  # noqa: S101 - checked
    card = find_card(camera.analyse.model, path=places.settings.models)
    text = f"# model {card.name} {card.sha256}\n"
    if source.credentials:
        text += credential(source.credentials, places.secret(source.credentials))
    return text + allow(source.url, places.good.folder / "hosts" / name, before)


def _head(file: Path, places: Places) -> str:
    origin = places.original(file)
    return f"# Written by `edge apply` out of {origin}; your own settings go into a file beside this one.\n[Service]\n"


def allow(url: str, hosts: Path, before: str) -> str:
    """What lets a worker reach the host of its camera and nothing else. A name is looked up here, for the worker can
    ask nobody; where that fails now, what was found the last time holds."""
    host = urlsplit(url).hostname or ""
    try:
        return f"IPAddressAllow={ipaddress.ip_address(host.partition('%')[0])}\n"
    except ValueError:
        found = _look_up(host) or re.findall(r"^IPAddressAllow=(\S+)$", before, flags=re.MULTILINE)
    if not found:
        _say(f"<4>{host}: the name cannot be looked up now; its camera is reached when it can be at a later edge apply")
        return ""
    hosts.parent.mkdir(exist_ok=True)
    put(hosts, "".join(f"{address} {host}\n" for address in found).encode())
    return "".join(f"IPAddressAllow={address}\n" for address in found) + f"BindReadOnlyPaths={hosts}:/etc/hosts\n"


def _look_up(host: str) -> list[str]:
    if not re.fullmatch(r"[A-Za-z0-9._-]+", host):  # it will stand in a file of hosts
        return []
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return sorted({str(entry[4][0]).partition("%")[0] for entry in found})


def _take_edge(places: Places) -> bool:
    """Makes a right `edge.yaml` with its secrets the one that runs; whether anything of it is new."""
    file = places.settings.config / "edge.yaml"
    broker = load_edge(file).broker
    text = _head(file, places)
    if broker.credentials:
        text += credential(broker.credentials, places.secret(broker.credentials))
    for key, part in broker.tls or ():
        if part:  # The publisher finds it where `edge.yaml` says, though only root may read it there.
            text += credential(f"broker.{key}", part)
            text += f"BindReadOnlyPaths=%d/broker.{key}:{part.resolve()}\n"
    return any([places.good.take(file, "edge.yaml"), DropIn(PUBLISHER, folder=places.units).write(text)])


def _tell_wrong(name: str, text: str, places: Places) -> None:
    """Says to the centre that what runs is not what somebody wanted."""
    runs = name in places.good.cameras
    reason = f"{text}; {'the version before it runs' if runs else 'the camera is not counted'}"
    status = events.CameraStatus(camera=name, state="config", since=events.utc(time.time()), reason=reason)
    journal = Journal(places.settings.database, camera=name, disk=places.settings.state)
    journal.announce("status", status.to_bytes())
    journal.close()


def _stop(gone: Iterable[str], places: Places) -> None:
    """Stops cameras whose files were taken away, and waits for it: the publisher tells their last intervals."""
    for name in sorted(gone):
        systemctl("disable", "--now", camera_unit(name))
        places.good.forget(name)
        DropIn(camera_unit(name), folder=places.units).remove()
        _say(f"<5>camera {name}: its file is gone; stopped")


def _start(changed: set[str], *, publisher: bool, cameras: bool) -> None:
    """Restarts what changed, without waiting: where a device boots, it waits for the network."""
    if not (publisher or cameras):
        return
    systemctl("daemon-reload")
    names = [camera_unit(name) for name in sorted(changed)]
    if names:
        systemctl("enable", *names)
        _say(f"<5>new or changed: {', '.join(sorted(changed))}")
    if not target_is_on():
        _say(f"<5>{TARGET} is stopped, and stays so; start it with systemctl start {TARGET}")
        return
    if names:
        systemctl("restart", "--no-block", *names)
    if publisher:
        systemctl("restart", "--no-block", PUBLISHER)
    else:
        systemctl("try-reload-or-restart", "--no-block", PUBLISHER)  # it tells the centre which cameras there are


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - <N> at its beginning is the priority in systemd's journal
