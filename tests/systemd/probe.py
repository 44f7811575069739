"""Tries from inside a unit's walls what the unit must not be able to do, and prints what it could, as one JSON line.

It runs on the device as the unit itself: with its user, its namespaces, its filters and its credentials.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from edge.clock import SystemClock

PICTURE = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(5000) + b"\xff\xd9"
SKIPPED = ("/proc", "/sys/kernel", "/sys/devices", "/sys/bus", "/sys/class", "/sys/module", "/sys/dev", "/sys/block")
"""Folders of the kernel, which hold no files of anybody."""
KINDS = (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET)


def main() -> None:
    plan = json.loads(sys.argv[1])
    found = {
        "reached": [place for place in plan["places"] if _reaches(*place)],
        "asked": [place for place in plan["places"] if _sends(*place)],
        "written": _written(),
        "sockets": sorted(_sockets()),
        "opened": [path for path in plan.get("nodes", ()) if _opens(path)],
        "read": [path for path in plan["secrets"] if _reads(Path(path))],
        "own": sorted(file.name for file in Path(os.environ.get("CREDENTIALS_DIRECTORY", "/nonexistent")).glob("*")),
        "seen": [pid for pid in plan["processes"] if Path(f"/proc/{pid}").exists()],
        "traced": [pid for pid in plan["processes"] if _traces(pid)],
        "capabilities": _capabilities(),
        "clock": SystemClock().synchronised(),
        "set": plan.get("set", False) and _sets_the_clock(),
        "devices": [str(path) for path in Path("/dev").glob("*") if path.is_block_device()],
    }
    print(json.dumps(found))


def _reaches(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=3):
            return True
    except OSError:
        return False


def _sends(host: str, port: int) -> bool:
    """A datagram, such as a question to a name server: the kernel says at once whether it may go."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            return probe.sendto(PICTURE[:500], (host, port)) > 0
    except OSError:
        return False


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


def _sockets() -> Iterator[str]:
    """Every socket of another process that takes what is said to it, and could pass it on."""
    for folder, folders, names in os.walk("/"):
        folders[:] = [name for name in folders if not str(Path(folder) / name).startswith(SKIPPED)]
        for path in (Path(folder) / name for name in names):
            try:
                is_one = stat.S_ISSOCK(path.lstat().st_mode)
            except OSError:
                continue
            if is_one and any(_connects(str(path), kind) for kind in KINDS):
                yield str(path)


def _connects(path: str, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_UNIX, kind) as probe:
        probe.settimeout(3)
        try:
            probe.connect(path)
        except OSError:
            return False
    return True


def _opens(path: str) -> bool:
    """A device, to read and write."""
    try:
        os.close(os.open(path, os.O_RDWR))
    except OSError:
        return False
    return True


def _reads(path: Path) -> bool:
    try:
        return bool(path.read_bytes())
    except OSError:
        return False


def _traces(pid: int) -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    attached = libc.ptrace(16, pid, 0, 0) == 0  # PTRACE_ATTACH
    if attached:
        os.waitpid(pid, 0)
        libc.ptrace(17, pid, 0, 0)  # PTRACE_DETACH
    return attached or _reads(Path(f"/proc/{pid}/environ")) or os.access(f"/proc/{pid}/root/etc", os.R_OK)


def _sets_the_clock() -> bool:
    """To what it is."""
    try:
        time.clock_settime(time.CLOCK_REALTIME, time.clock_gettime(time.CLOCK_REALTIME))
    except OSError:
        return False
    return True


def _capabilities() -> str:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith("CapBnd"))


if __name__ == "__main__":
    main()
