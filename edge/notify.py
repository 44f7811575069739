"""The systemd notify protocol, sd_notify(3): datagrams that tell whoever started this process how it is.

Without NOTIFY_SOCKET nobody listens, and the functions here do nothing. `Listener` is the other side.
"""

from __future__ import annotations

import os
import socket
import struct
from types import TracebackType
from typing import Self

PATIENCE_SECONDS = 1.0  # a listener that reads no more must not stop the work


def notify(*lines: str) -> bool:
    """Send one message of `NAME=value` lines; whether it was delivered to a listener."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    if address.startswith("@"):  # the abstract namespace
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.settimeout(PATIENCE_SECONDS)
        try:
            channel.sendto("\n".join(lines).encode(), address)
        except OSError:
            return False
    return True


def ready() -> bool:
    """Say that the start is done."""
    return notify("READY=1")


def watchdog() -> bool:
    """Say that the working loop still turns; due at least every `watchdog_seconds()`, better twice as often."""
    return notify("WATCHDOG=1")


def status(text: str) -> bool:
    """Show people one line about what this process does."""
    return notify(f"STATUS={' '.join(text.split())}")


def stopping() -> bool:
    """Say that the end has begun: no more signs of life will come."""
    return notify("STOPPING=1")


def watchdog_seconds() -> float | None:
    """How long this process may be silent before it is restarted; None where nobody watches it."""
    wanted = os.environ.get("WATCHDOG_USEC", "")
    if not wanted.isdecimal() or int(wanted) == 0:
        return None
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(wanted) / 1e6


class Listener:
    """The receiving end, for a parent; it can be waited on like a file.

    Its address is abstract and chosen by the kernel, so that nothing is left behind however this process ends.
    """

    def __init__(self) -> None:
        self._channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._channel.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._channel.bind("")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._channel.close()

    def fileno(self) -> int:
        """The file descriptor, for a selector."""
        return self._channel.fileno()

    @property
    def address(self) -> str:
        """What NOTIFY_SOCKET must be in the child."""
        return "@" + bytes(self._channel.getsockname()[1:]).decode()

    def receive(self) -> tuple[int, list[tuple[str, str]]] | None:
        """The next message as the sender's process id, which the kernel vouches for, and its names and values;
        None where none waits."""
        size = socket.CMSG_SPACE(struct.calcsize("3i"))
        try:
            data, ancillary, _, _ = self._channel.recvmsg(4096, size)
        except BlockingIOError:
            return None
        # SCM_CREDENTIALS holds pid, uid, gid; SO_PASSCRED makes it come with every message.
        sender = next(
            (struct.unpack("3i", body)[0] for _, kind, body in ancillary if kind == socket.SCM_CREDENTIALS), 0
        )
        lines = data.decode(errors="replace").splitlines()
        return sender, [(name, value) for name, _, value in (line.partition("=") for line in lines)]
