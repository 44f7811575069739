"""One process for each job on a device: two that count the same camera would tell each interval twice."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.errors import EdgeError


@contextmanager
def sole(folder: Path, job: str) -> Iterator[None]:
    """Holds a job, such as `camera-le-loi-01`, as long as the block lasts; the kernel lets go when the process ends.

    EdgeError where another process holds it.
    """
    path = folder / f"{job}.lock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = path.open("a+")
    except OSError as error:
        raise EdgeError(str(path), "cannot be used", found=str(error), do="check the folder's rights") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            command = "publish" if job == "publisher" else job.replace("camera-", "camera ", 1)
            what, found = f"edge {command} is at work here", f"process {lock.read().strip() or 'unknown'}"
            raise EdgeError(str(folder), what, found=found, do="stop that one first") from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def taken_up(folder: Path, job: str) -> float | None:
    """When a job was last taken up, Unix seconds; None where it never was."""
    try:
        return (folder / f"{job}.lock").stat().st_mtime
    except OSError:
        return None


def holder(folder: Path, job: str) -> int | None:
    """The process that holds a job, None where none does. It is asked of the kernel: trying the lock would keep a
    process out that starts in this moment."""
    try:
        inode = (folder / f"{job}.lock").stat().st_ino
    except OSError:
        return None
    for line in Path("/proc/locks").read_text().splitlines():
        words = line.split()  # 1: FLOCK ADVISORY WRITE 4711 00:2b:1234 0 EOF, proc_locks(5)
        if words[1] == "FLOCK" and words[5].rpartition(":")[2] == str(inode):
            return int(words[4])
    return None
