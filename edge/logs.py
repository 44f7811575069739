"""Where the log goes: into systemd's journal with its fields, else as lines to standard error; never more than a person
can read."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import sys
import threading
import time
from dataclasses import dataclass
from types import TracebackType

from edge.errors import EdgeError

LOG = logging.getLogger("edge")
JOURNAL = "/run/systemd/journal/socket"
JOURNAL_SECONDS = 1.0
LONGEST = 16_384
"""Characters of one message."""
MOST = 20
"""Messages from one place in the code that are told within WINDOW_SECONDS; of the others, how many they were."""
WINDOW_SECONDS = 60.0
FIELDS = ("camera", "cause", "state", "rule")
"""What a record may have as `extra` and the journal as a field of that name in capitals."""
PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))


def begin(**fields: str) -> None:
    """Starts the log of this process. `fields` go with each message into the journal, such as the camera."""
    if logging.getLogger().handlers:
        return  # whoever runs this within a process of his own has his
    out: logging.Handler
    if journalled():
        out = Journal(fields)
    else:
        out = logging.StreamHandler(sys.stderr)
        out.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[Sparing(out)])
    sys.excepthook = _crashed
    threading.excepthook = _thread_crashed


def end(error: EdgeError) -> None:
    """Tells the fault for which a command ends, in its one line."""
    if journalled():
        LOG.error("%s", error)
    else:
        print(error, file=sys.stderr)  # noqa: T201 - for whoever gave the command


def journalled() -> bool:
    """Whether standard error goes to systemd's journal, systemd.exec(5)."""
    with contextlib.suppress(OSError):
        error = os.fstat(2)
        return os.environ.get("JOURNAL_STREAM") == f"{error.st_dev}:{error.st_ino}"
    return False


class Journal(logging.Handler):
    """The journal's own protocol: a datagram of fields, https://systemd.io/JOURNAL_NATIVE_PROTOCOL. Where it cannot be
    had, a line on standard error with the priority in front, sd-daemon(3)."""

    def __init__(self, fields: dict[str, str], *, address: str = JOURNAL) -> None:
        super().__init__()
        self._fields, self._address = fields, address
        self._channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._channel.settimeout(JOURNAL_SECONDS)

    def emit(self, record: logging.LogRecord) -> None:
        """Sends one message."""
        text = self.format(record)[:LONGEST]
        priority = next((number for level, number in PRIORITIES if record.levelno >= level), 7)
        try:
            self._channel.sendto(self._datagram(record, text, priority), self._address)
        except OSError:
            with contextlib.suppress(OSError):
                sys.stderr.write(f"<{priority}>{' '.join(text.split())}\n")
                sys.stderr.flush()

    def close(self) -> None:
        """Closes the socket."""
        self._channel.close()
        super().close()

    def _datagram(self, record: logging.LogRecord, text: str, priority: int) -> bytes:
        own = {name: str(getattr(record, name)) for name in FIELDS if getattr(record, name, "")}
        fields = {
            "message": text, "priority": str(priority), "syslog_identifier": "edge", "logger": record.name,
            "code_file": record.pathname, "code_line": str(record.lineno), "code_func": record.funcName or "",
            **self._fields, **own,
        }  # fmt: skip
        return b"".join(_field(name.upper(), value.encode(errors="replace")) for name, value in fields.items())


def _field(name: str, value: bytes) -> bytes:
    if b"\n" not in value:
        return b"%s=%s\n" % (name.encode(), value)
    return b"%s\n%s%s\n" % (name.encode(), len(value).to_bytes(8, "little"), value)


@dataclass(slots=True)
class _Place:
    """What one place said since `began`: how much, and last."""

    began: float
    said: int
    last: logging.LogRecord


class Sparing(logging.Handler):
    """Hands on to another handler what is not too much from one place in the code; a library's logger is one place."""

    def __init__(self, out: logging.Handler, *, most: int = MOST, seconds: float = WINDOW_SECONDS) -> None:
        super().__init__()
        self._out, self._most, self._seconds = out, most, seconds
        self._places: dict[tuple[str, int], _Place] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Tells it, or counts it."""
        try:
            record.getMessage()
        except (TypeError, ValueError, KeyError):  # a library's slip: told as it is written, and nobody ends by it
            record.args = None
        now = time.monotonic()
        own = record.name.split(".")[0] == "edge"
        key = (record.pathname, record.lineno) if own else (record.name, 0)
        place = self._places.get(key)
        if place is None or now - place.began >= self._seconds:
            self._settle(key)
            place = self._places[key] = _Place(now, 0, record)
        place.said, place.last = place.said + 1, record
        if place.said <= self._most:
            self._out.handle(record)
        elif place.said == self._most + 1:
            timer = threading.Timer(place.began + self._seconds - now, self._settle_later, (key,))
            timer.daemon = True
            timer.start()

    def close(self) -> None:
        """Tells what was left out so far."""
        with contextlib.suppress(ValueError):  # the stream may be closed by now
            for key in list(self._places):
                self._settle(key)
        self._out.close()
        super().close()

    def _settle_later(self, key: tuple[str, int]) -> None:
        with self.lock:  # type: ignore[union-attr]  # every handler has one
            self._settle(key)

    def _settle(self, key: tuple[str, int]) -> None:
        place = self._places.pop(key, None)
        if place and place.said > self._most:
            last = place.last
            text = f"{place.said - self._most} more like this within {self._seconds:g} s, the last one: %s"
            left_out = logging.LogRecord(
                last.name, last.levelno, last.pathname, last.lineno, text, (last.getMessage(),), None, last.funcName
            )
            self._out.handle(left_out)


def _crashed(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    LOG.critical("a fault of this program, please report it", exc_info=(kind, error, trace))


def _thread_crashed(crash: threading.ExceptHookArgs) -> None:
    if crash.exc_value is not None:
        _crashed(crash.exc_type, crash.exc_value, crash.exc_traceback)
