"""Tries from inside a unit's walls what the unit must not be able to do, and prints what it could, as one JSON line.

It runs on the device as the unit itself: with its user, its namespaces, its filters and its credentials.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import sys
from pathlib import Path

PICTURE = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(5000) + b"\xff\xd9"
SKIPPED = ("/proc", "/sys/kernel", "/sys/devices", "/sys/bus", "/sys/class", "/sys/module", "/sys/dev", "/sys/block")
"""Folders of the kernel, which hold no files of anybody."""


def main() -> None:
    plan = json.loads(sys.argv[1])
    found = {
        "reached": [place for place in plan["places"] if _reaches(*place)],
        "asked": [place for place in plan["places"] if _sends(*place)],
        "written": _written(),
        "read": [path for path in plan["secrets"] if _reads(Path(path))],
        "own": sorted(file.name for file in Path(os.environ.get("CREDENTIALS_DIRECTORY", "/nonexistent")).glob("*")),
        "seen": [pid for pid in plan["processes"] if Path(f"/proc/{pid}").exists()],
        "traced": [pid for pid in plan["processes"] if _traces(pid)],
        "capabilities": _capabilities(),
        "devices": [str(path) for path in Path("/dev").glob("*") if path.is_block_device()],
    }
    print(json.dumps(found))


def _reaches(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(3)
        try:
            probe.connect((host, port))
        except OSError:
            return False
    return True


def _sends(host: str, port: int) -> bool:
    """A datagram, such as a question to a name server: the kernel says at once whether it may go."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.sendto(PICTURE[:500], (host, port))
        except OSError:
            return False
    return True


def _written() -> list[tuple[str, str]]:
    """Every folder in which a picture could be left, with the kind of its file system."""
    kinds = _file_systems()
    found = []
    for folder, folders, _ in os.walk("/"):
        folders[:] = [name for name in folders if not str(Path(folder) / name).startswith(SKIPPED)]
        file = Path(folder) / "picture.jpg"
        try:
            file.write_bytes(PICTURE)
        except OSError:
            continue
        file.unlink(missing_ok=True)
        mount = max((m for m in kinds if folder == m or folder.startswith(m.rstrip("/") + "/")), key=len)
        found.append((folder, kinds[mount]))
    return found


def _file_systems() -> dict[str, str]:
    lines = (line.split() for line in Path("/proc/self/mounts").read_text().splitlines())
    return {line[1]: line[2] for line in lines}


def _reads(path: Path) -> bool:
    try:
        return bool(path.read_bytes())
    except OSError:
        return False


def _traces(pid: int) -> bool:
    attached = ctypes.CDLL(None, use_errno=True).ptrace(16, pid, 0, 0) == 0  # PTRACE_ATTACH
    return attached or _reads(Path(f"/proc/{pid}/environ")) or os.access(f"/proc/{pid}/root/etc", os.R_OK)


def _capabilities() -> str:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith("CapBnd"))


if __name__ == "__main__":
    main()
