"""What this process takes of the machine."""

from __future__ import annotations

import os
from pathlib import Path


def usage() -> dict[str, int]:
    """Resident bytes, threads and open descriptors, proc_pid_statm(5)."""
    own = Path("/proc/self")
    pages = int((own / "statm").read_text().split()[1])
    return {
        "memory_bytes": pages * os.sysconf("SC_PAGE_SIZE"),
        "threads": sum(1 for _ in (own / "task").iterdir()),
        "descriptors": sum(1 for _ in (own / "fd").iterdir()),
    }
