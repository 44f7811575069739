"""A network of its own for a camera, which can be cut without a word: for tests that run as root."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import subprocess

NUMBERS = itertools.count(1)


class Wire:
    """A network namespace on a pair of cables; the camera is to listen on `host`, started with `within`."""

    def __init__(self) -> None:
        number = next(NUMBERS)
        self._name, self._end = f"edge-{os.getpid()}-{number}", f"edge{os.getpid() % 100_000}-{number}"
        net = f"10.{os.getpid() % 200 + 20}.{number}"
        self.host, self._here = f"{net}.2", f"{net}.1"
        self.within = ("ip", "netns", "exec", self._name)
        _ip("netns", "add", self._name)
        _ip("link", "add", self._end, "type", "veth", "peer", "name", "camera", "netns", self._name)
        _ip("addr", "add", f"{self._here}/24", "dev", self._end)
        _ip("link", "set", self._end, "up")
        self._in("addr", "add", f"{self.host}/24", "dev", "camera")
        self._in("link", "set", "camera", "up")

    @staticmethod
    def possible() -> bool:
        """Whether this process may make networks."""
        if os.geteuid() or not shutil.which("ip"):
            return False
        try:
            Wire().close()
        except subprocess.CalledProcessError:
            return False
        return True

    def swallow(self) -> None:
        """Nothing that the camera sends arrives; it is not told."""
        self._in("route", "add", "blackhole", f"{self._here}/32")

    def pull(self) -> None:
        """The camera is off: nobody has its address."""
        self._in("addr", "flush", "dev", "camera")
        _ip("neigh", "flush", "dev", self._end)  # it has been off for longer than that is remembered

    def mend(self) -> None:
        """Everything as it was."""
        with contextlib.suppress(subprocess.CalledProcessError):
            self._in("route", "del", "blackhole", f"{self._here}/32")
        with contextlib.suppress(subprocess.CalledProcessError):
            self._in("addr", "add", f"{self.host}/24", "dev", "camera")

    def close(self) -> None:
        """Takes it away, with the cables."""
        _ip("link", "del", self._end)
        _ip("netns", "del", self._name)

    def _in(self, *arguments: str) -> None:
        _ip("-n", self._name, *arguments)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=30)
