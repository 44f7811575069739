"""A reader of one channel as a process of its own, which writes each state that it comes to: its arguments are a url, a
password, the folder of the record of refusals, and a file of seconds by which the machine's clock is ahead for it."""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

from cameras import ROOT, USER
from watching import QUICK

from edge.frames import patience, refusals, rtsp
from edge.frames.connection import Source
from edge.frames.rtsp import RtspCamera

LIMIT_SECONDS = 60.0
PATIENCE = replace(QUICK, connect=60)


class Channel:
    """The process and what it wrote."""

    def __init__(self, url: str, password: str, *, folder: Path, ahead: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, __file__, url, password, str(folder), str(ahead)],
            cwd=ROOT,
            env={"PYTHONPATH": f"{ROOT}:{Path(__file__).parent}"},
            stdout=subprocess.PIPE,
            text=True,
        )
        self._states: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def comes_to(self, state: str) -> None:
        """Wait until it is in that state."""
        until = time.monotonic() + LIMIT_SECONDS
        while self._states.get(timeout=max(0.0, until - time.monotonic())) != state:
            pass

    def kill(self) -> None:
        """As the kernel does it where memory runs out."""
        self.process.kill()
        self.process.wait(LIMIT_SECONDS)

    def _listen(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self._states.put(line.strip())


def _run(url: str, password: str, folder: Path, ahead: Path) -> None:
    now = refusals._now
    refusals._now = lambda: now() + float(ahead.read_text())
    patience.BACKOFF_SECONDS["auth"] = (0.5, 0.5)  # only the record holds it back
    rtsp.ASK_SECONDS = 0.5
    last = ""
    with RtspCamera(Source(url, (USER, password), "tcp"), rate=5, patience=PATIENCE, refusals=folder) as camera:
        while True:
            camera.newest(0.1)
            if camera.state.state != last:
                last = camera.state.state
                sys.stdout.write(f"{last}\n")
                sys.stdout.flush()


if __name__ == "__main__":
    _run(sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
