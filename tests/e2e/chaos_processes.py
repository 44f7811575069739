"""What can be killed and started again: a process of the project, and a broker that saves when it is told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from broker import OPEN, Broker

ROOT = Path(__file__).resolve().parents[2]


class Process:
    """A process that is killed and started again; what it says goes into one file."""

    def __init__(self, folder: Path, name: str, *argv: str, **environment: str) -> None:
        self.name, self.log = name, folder / f"{name}.log"
        self._argv, self._environment = [sys.executable, *argv], {**os.environ, **environment}
        self._running: subprocess.Popen[bytes] | None = None

    def start(self, *more: str) -> None:
        with self.log.open("ab") as log:
            argv = [*self._argv, *more]
            self._running = subprocess.Popen(argv, cwd=ROOT, env=self._environment, stdout=log, stderr=log)

    def end(self, number: signal.Signals) -> int:
        """By a signal; the code, and for one that never ran 0."""
        if self._running is None:
            return 0
        self._running.send_signal(number)
        return self._running.wait(timeout=30)

    @property
    def pid(self) -> int:
        """Its number while it runs, else 0."""
        return self._running.pid if self._running and self._running.poll() is None else 0

    def must_live(self) -> None:
        """Fails where it has ended by itself."""
        code = self._running.poll() if self._running else None
        assert code is None, f"{self.name} ended by itself with code {code}: {self.said[-2000:]}"

    @property
    def at_work(self) -> bool:
        """Whether it has opened its database: before that a kill finds nothing to break."""
        assert self._running
        for each in Path(f"/proc/{self._running.pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                if str(each.readlink()).endswith(".db"):
                    return True
        return False

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""


class SavingBroker(Broker):
    """A mosquitto with persistence that saves only when it is told to."""

    def __init__(self, folder: Path, *lines: str) -> None:
        saved = f"persistence_location {folder}/"
        super().__init__(folder, OPEN, "persistence true", saved, "autosave_interval 0", *lines)

    def save(self) -> None:
        assert self._process
        self._process.send_signal(signal.SIGUSR1)
