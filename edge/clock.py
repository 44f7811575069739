"""What this machine's clocks say: whether the wall clock can be believed, and how long the machine was suspended."""

from __future__ import annotations

import ctypes
import time
from pathlib import Path
from typing import Protocol

RUN = Path("/run")
TIMESYNC = "systemd/timesync"
"""Where systemd-timesyncd notes, below RUN, that it has set the clock since the machine was started."""
SERVICES = (TIMESYNC, "chrony", "ntpd.pid", "ntpd.sock")
"""Signs below RUN of systemd-timesyncd, chrony, ntpd or ntpsec, OpenNTPD: somebody who will set the clock."""
_STA_UNSYNC = 0x40
_MOST_ERROR_US = 16_000_000
"""The kernel's maximum error of a clock that nobody has vouched for; it grows to that in nine hours without an answer.
(chrony without `rtcsync` lowers the error and leaves STA_UNSYNC as it is.)"""
_BORN = 1_735_689_600.0
"""2025-01-01: no clock that is right was ever before this program."""


class Clock(Protocol):
    """What is to be known of a wall clock beside its time."""

    @property
    def boot(self) -> str:
        """Another one after each start of the machine."""

    @property
    def patience(self) -> float:
        """How many seconds intervals wait for the time to be known, before they are told without it."""

    def slept(self) -> float:
        """Seconds that the machine was suspended since its start: the steady clock leaves them out."""

    def synchronised(self) -> bool | None:
        """Whether the clock has the right time; None where nobody looks after it, so that there is nothing to wait
        for and it counts as right."""


class FileClock:
    """The clock of a video: nobody sets it."""

    boot = ""
    patience = 0.0

    def slept(self) -> float:
        """Never."""
        return 0.0

    def synchronised(self) -> bool | None:
        """Always."""
        return True


class SystemClock:
    """The clock of this machine."""

    def __init__(self, *, patience: float = 0.0, run: Path = RUN) -> None:
        self.boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        self.patience = patience
        self._run = run

    def slept(self) -> float:
        """Seconds of suspension: what CLOCK_BOOTTIME has and CLOCK_MONOTONIC has not, clock_gettime(2)."""
        return time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)

    def synchronised(self) -> bool | None:
        """The kernel's word, or timesyncd's where the kernel may not be asked; None where it is a no and no time
        service runs here that would ever make it a yes: a laptop, a container, a machine set by hand."""
        said = _kernel()
        if said is None and (self._run / TIMESYNC).is_dir():
            said = (self._run / TIMESYNC / "synchronized").exists()
        if said:
            return True
        if time.time() < _BORN:
            return False
        waited_for = any((self._run / sign).exists() for sign in SERVICES)
        return False if said is False and waited_for else None


def fault() -> str:
    """What is wrong with this machine's clock, in a line for people; an empty line where nothing is."""
    if SystemClock().synchronised() is not False:
        return ""
    return "the clock is not synchronised; check the time service (timedatectl, chronyc tracking) and its server"


class _Timex(ctypes.Structure):
    """The first fields of struct timex, adjtimex(2), and room for all of it."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


_LIBC = ctypes.CDLL(None)


def _kernel() -> bool | None:
    """Whether somebody has told the kernel that the clock is right; None where it may not be asked."""
    timex = _Timex()
    if _LIBC.adjtimex(ctypes.byref(timex)) < 0:
        return None
    return not timex.status & _STA_UNSYNC or timex.maxerror < _MOST_ERROR_US
