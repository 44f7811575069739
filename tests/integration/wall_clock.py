"""The wall clock of a real process, set while it runs, and what the kernel says of it (wall_clock.c)."""

from __future__ import annotations

import mmap
import os
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

SYNCHRONISED, UNSYNCHRONISED, VOUCHED_FOR, REFUSED = range(4)
"""What adjtimex(2) answers; VOUCHED_FOR is chrony's without `rtcsync`."""
NUMBERS = struct.Struct("di")
SOURCE = Path(__file__).with_suffix(".c")


class WallClock:
    """`environment` is that of processes on this clock."""

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("cc")
        if not compiler:
            pytest.skip("a clock that can be set needs a C compiler: apt-get install gcc")
        library, numbers = folder / "wall_clock.so", folder / "wall_clock"
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-lm"], check=True)
        numbers.write_bytes(bytes(mmap.PAGESIZE))
        with numbers.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), NUMBERS.size)
        self.environment = {**os.environ, "LD_PRELOAD": str(library), "WALL_CLOCK": str(numbers)}

    def set(self, *, ahead: float = 0.0, said: int = SYNCHRONISED) -> None:
        """Sets it so many seconds ahead of the right time."""
        self._map[:] = NUMBERS.pack(ahead, said)
