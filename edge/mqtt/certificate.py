"""This device's own certificate: whose it is and until when, and a warning before it ends."""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

LOG = logging.getLogger("edge.mqtt")
DAY_SECONDS = 86_400.0
WARN_SECONDS = 30 * DAY_SECONDS
"""How long before its end a certificate is spoken of, once a day."""
_COMMON_NAME = bytes((0x06, 0x03, 0x55, 0x04, 0x03))
_UTC_TIME = 0x17


@dataclass(frozen=True, slots=True)
class Certificate:
    """`name` is the subject's common name (CN), empty where it has none; `until` in Unix seconds."""

    name: str
    until: float


def read(file: Path) -> Certificate:
    """The first certificate of a PEM file, which is the one that is shown to the broker.

    ValueError where there is none, OSError where the file cannot be read. The order of the fields is that of RFC 5280,
    section 4.1; Python's ssl module tells them only of the other side's certificate.
    """
    text = file.read_text(encoding="ascii", errors="replace")
    head, tail = ssl.PEM_HEADER, ssl.PEM_FOOTER
    start = text.index(head)
    der = ssl.PEM_cert_to_DER_cert(text[start : text.index(tail, start) + len(tail)])
    ((_, certificate),) = _elements(der)
    (_, signed), *_ = _elements(certificate)
    fields = [each for each in _elements(signed) if each[0] != 0xA0]  # without the version, which may be missing
    (_, validity), (_, subject) = fields[3:5]
    _, (kind, end) = _elements(validity)
    return Certificate(_common_name(subject), _time(end.decode("ascii"), short=kind == _UTC_TIME))


def _elements(der: bytes) -> Iterator[tuple[int, bytes]]:
    """The elements that follow each other here, tag and content (DER: X.690, 8.1). ValueError where one is cut off."""
    at = 0
    while at < len(der):
        tag, length = der[at : at + 2]
        at += 2
        if length >= 0x80:
            octets = length - 0x80
            length, at = int.from_bytes(der[at : at + octets], "big"), at + octets
        content = der[at : at + length]
        if len(content) < length:
            raise ValueError(f"an element of {length} octets is cut off")
        yield tag, content
        at += length


def _common_name(subject: bytes) -> str:
    for _, names in _elements(subject):
        for _, attribute in _elements(names):
            if attribute.startswith(_COMMON_NAME):
                _, (_, name) = _elements(attribute)
                return name.decode("utf-8", errors="replace")
    return ""


def _time(text: str, *, short: bool) -> float:
    """Unix seconds of YYMMDDHHMMSSZ (`short`, in which 50 means 1950) or YYYYMMDDHHMMSSZ."""
    century = ("19" if text >= "50" else "20") if short else ""
    return datetime.strptime(century + text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()


def name_in(file: Path) -> str:
    """Whose certificate a file holds, empty where that cannot be read."""
    try:
        return read(file).name
    except (OSError, ValueError):
        return ""


class Watch:
    """Looks at the certificate once a day, so that nobody is surprised by its end."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._next = 0.0

    def look(self, *, connected: bool) -> None:
        """Warns where the end is near; one that has passed only while `connected`, for a refusal tells it otherwise."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + DAY_SECONDS
        try:
            until = read(self._file).until
        except (OSError, ValueError):
            return  # the next attempt to connect tells of a file that cannot be used
        left = until - time.time()
        if 0 < left < WARN_SECONDS or (left <= 0 and connected):
            LOG.warning("%s: this device's certificate %s; %s", self._file, _when(until, left), "put a new one there")


def _when(until: float, left: float) -> str:
    day = datetime.fromtimestamp(until, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"ends on {day}, days left: {left / DAY_SECONDS:.0f}" if left > 0 else f"has expired on {day}"
