"""What `edge apply` tells systemd: drop-ins that say what a unit may reach and know, and what to start and stop."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from edge.errors import EdgeError

UNITS = Path("/etc/systemd/system")
TARGET = "edge.target"
PUBLISHER = "edge-publisher.service"
BOOTED = Path("/run/systemd/system")
"""There where systemd runs this machine, sd_booted(3)."""
COMMAND_SECONDS = 60.0
_CAMERA = ("edge-camera@", ".service")


def camera_unit(name: str) -> str:
    """The unit of a camera."""
    return name.join(_CAMERA)


def cameras_with_units(folder: Path = UNITS) -> set[str]:
    """The cameras for which `edge apply` has written a drop-in."""
    found = (path.parent.name for path in folder.glob(f"{camera_unit('*')}.d/edge.conf"))
    return {name.removeprefix(_CAMERA[0]).removesuffix(f"{_CAMERA[1]}.d") for name in found}


class DropIn:
    """The drop-in `edge.conf` of a unit; others beside it are the operator's."""

    def __init__(self, unit: str, *, folder: Path = UNITS) -> None:
        self._file = folder / f"{unit}.d" / "edge.conf"

    @property
    def text(self) -> str:
        """What it says; empty where it is not there."""
        return self._file.read_text(encoding="utf-8") if self._file.exists() else ""

    def write(self, text: str) -> bool:
        """Makes it say so; whether it said something else before."""
        if self.text == text:
            return False
        self._file.parent.mkdir(exist_ok=True)
        put(self._file, text.encode())
        self._file.chmod(0o644)
        return True

    def remove(self) -> None:
        """Takes it away, and its folder where nothing else is in it."""
        self._file.unlink(missing_ok=True)
        if self._file.parent.is_dir() and not any(self._file.parent.iterdir()):
            self._file.parent.rmdir()


def credential(name: str, file: Path) -> str:
    """The lines that hand a secret to a unit. They change with the file, so that a new password is seen."""
    state = file.stat()
    return f"# {name}: {state.st_size} bytes of {state.st_mtime_ns}\nLoadCredential={name}:{file.resolve()}\n"


def put(file: Path, content: bytes) -> None:
    """Puts a content in a file's place, all of it or, where the power fails, nothing."""
    new = file.with_name(f".{file.name}.new")
    with new.open("wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())
    new.replace(file)


def booted() -> bool:
    """Whether systemd runs this machine."""
    return BOOTED.is_dir()


def target_is_on() -> bool:
    """Whether the device counts, or is about to: what `systemctl stop edge.target` has stopped stays stopped."""
    told = dict(
        line.partition("=")[::2] for line in systemctl("show", "--property=ActiveState,Job", TARGET).splitlines()
    )
    return told.get("ActiveState") in ("active", "reloading") or told.get("Job", "0") not in ("", "0")


def systemctl(*words: str) -> str:
    """What systemctl answers; EdgeError where it refuses."""
    command: Sequence[str] = ("systemctl", "--no-ask-password", *words)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EdgeError(
            "systemd", f"{' '.join(command)}: no answer", found=str(error), do="see systemctl status"
        ) from None
    if done.returncode:
        found = done.stderr.strip() or f"code {done.returncode}"
        raise EdgeError("systemd", f"{' '.join(command)} failed", found=found, do="run it by hand, as root")
    return done.stdout
