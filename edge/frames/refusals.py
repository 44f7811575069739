"""The logins that a camera has refused, remembered beyond the process: it locks an account whoever starts anew."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import time
from pathlib import Path

from edge.frames.connection import Source

FEW = 4
WINDOW_SECONDS = 1800.0
"""No more refused logins than so many within so long: cameras lock an account after five in half an hour or less."""


class Refusals:
    """When this login was refused lately, in seconds since the machine's start. The file does not give the login
    away: it has two bytes of a salted digest, enough to see that it is another one."""

    def __init__(self, file: Path | None, source: Source) -> None:
        """`file` is where they are kept, in memory that outlives the process; None for this process only."""
        self._file = file
        self._login = json.dumps([source.url, source.credentials])
        self._salt, self._times = secrets.token_hex(8), list[float]()
        if file:
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):  # not there, or of no use
                self._recall(json.loads(file.read_text(encoding="utf-8")))

    def note(self) -> None:
        """The login was refused now."""
        self._times = [*self._times, _now()][-FEW:]
        self._keep()

    def clear(self) -> None:
        """The login is right."""
        if self._times:
            self._times = []
            self._keep()

    def wait(self) -> float:
        """Seconds until the login may be tried again."""
        return max(0.0, self._times[0] + WINDOW_SECONDS - _now()) if len(self._times) >= FEW else 0.0

    def _recall(self, kept: dict[str, object]) -> None:
        salt, times = str(kept["salt"]), kept["times"]
        if kept["login"] == self._digest(salt) and isinstance(times, list):
            self._salt = salt
            self._times = [float(at) for at in times if float(at) <= _now()][-FEW:]

    def _digest(self, salt: str) -> str:
        return hashlib.blake2b(self._login.encode(), digest_size=2, salt=bytes.fromhex(salt)).hexdigest()

    def _keep(self) -> None:
        if not self._file:
            return
        kept = {"salt": self._salt, "login": self._digest(self._salt), "times": [round(at, 1) for at in self._times]}
        unfinished = self._file.with_name(f".{self._file.name}.part")
        with contextlib.suppress(OSError):  # then it is remembered by this process only
            descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as opened:
                json.dump(kept, opened)
            unfinished.replace(self._file)


def _now() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)
