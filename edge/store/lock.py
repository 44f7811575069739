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
            what, found = f"{job} runs already", f"process {lock.read().strip() or 'unknown'}"
            raise EdgeError(str(folder), what, found=found, do="stop that one first") from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
