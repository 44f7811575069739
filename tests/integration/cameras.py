"""Real neighbours of the frames stage: the simulated camera as a process of its own."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
USER, PASSWORD = "le-loi", "p@ss:wörd/%"
OPTIONS = ("--port=0", f"--credentials={USER}:{PASSWORD}", "--faults")
ANSWER_SECONDS = 60.0


class CameraProcess:
    """`python -m edge.demo.camera` on a free port, with its faults at hand."""

    def __init__(self, *streams: str, host: str = "127.0.0.1", within: Sequence[str] = ()) -> None:
        """`within` goes before the command: how to enter another network."""
        self._host = host
        self.process = subprocess.Popen(
            [*within, sys.executable, "-m", "edge.demo.camera", f"--host={host}", *OPTIONS, *streams],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._lines: queue.Queue[dict[str, Any]] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        self.port: int = self.told("port")["port"]

    def stop(self) -> tuple[int, str]:
        """End it as systemd would: its exit code and what it said on the standard error."""
        self.process.terminate()
        code = self.process.wait(ANSWER_SECONDS)
        assert self.process.stdin is not None
        assert self.process.stderr is not None
        with self.process.stdin, self.process.stderr:
            return code, self.process.stderr.read()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(json.loads(line))

    def told(self, key: str) -> dict[str, Any]:
        """The next line with that key; others before it are passed over."""
        while True:
            message = self._lines.get(timeout=ANSWER_SECONDS)
            if key in message:
                return message

    def fault(self, command: str) -> None:
        """Give a fault command and wait until it is obeyed."""
        assert self.process.stdin is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        while self.told("done") != {"done": command}:
            pass

    def logins(self) -> dict[str, Any]:
        """How many wrong logins there were, and whether the account is locked."""
        assert self.process.stdin is not None
        self.process.stdin.write("logins\n")
        self.process.stdin.flush()
        return self.told("logins")["logins"]

    def url(self, name: str = "street") -> str:
        return f"rtsp://{self._host}:{self.port}/{name}"
