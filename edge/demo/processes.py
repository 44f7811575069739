"""The demonstration's processes: real ones, each with its own log, and none of them outlives this process."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edge.errors import EdgeError
from edge.process import die_with_parent

STOP_SECONDS = 15.0


class Process:
    """`python -m MODULE …` in a group of its own: Ctrl-C reaches this process only, which stops the others in order.

    It is killed by the kernel when this process ends, however that happens.
    """

    def __init__(self, name: str, arguments: Sequence[str], *, folder: Path, environment: Mapping[str, str]) -> None:
        self.name = name
        self._said, self._log = folder / f"{name}.out", folder / f"{name}.log"
        parent = os.getpid()
        with self._said.open("wb") as said, self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own modules
                [sys.executable, "-m", *arguments],
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=log,
                process_group=0,
                preexec_fn=lambda: die_with_parent(parent),
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def said(self, key: str) -> dict[str, Any] | None:
        """The first JSON line with this key that it has written, or None where there is none yet."""
        for text in self._said.read_text(errors="replace").splitlines():
            with contextlib.suppress(json.JSONDecodeError):
                message: dict[str, Any] = json.loads(text)
                if key in message:
                    return message
        return None

    def check(self) -> None:
        """EdgeError where it has ended, with its last words."""
        code = self._process.poll()
        if code is not None:
            raise EdgeError(self.name, f"ended with code {code}", found=self.last_words(), do="see what it says")

    def last_words(self) -> str:
        """The last line of its log."""
        lines = self._log.read_text(errors="replace").split("\n")
        return next((text.strip() for text in reversed(lines) if text.strip()), "nothing in its log")

    def stop(self) -> None:
        """Ends it by SIGTERM, after STOP_SECONDS by SIGKILL."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
