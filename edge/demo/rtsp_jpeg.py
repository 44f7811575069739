"""Motion JPEG over RTP (RFC 2435): a JPEG picture in, payloads out; the receiver makes the headers anew."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

from edge.errors import SourceError

JPEG_PAYLOAD_TYPE = 26
PAYLOAD_BYTES = 1400
KINDS = {(0x21, 0x11, 0x11): 0, (0x22, 0x11, 0x11): 1}
"""The type of RFC 2435 by the sampling factors of Y, Cb and Cr: 4:2:2 and 4:2:0."""

RESTARTS = 64
"""Added to the type where the scan has restart markers."""

WHOLE = b"\xff\xff"
"""In the header of restart markers: only whole pictures are of use."""

OWN_TABLES = 255
"""The Q that says that the quantisation tables are in the stream."""

_DQT, _SOF0, _DRI, _SOS = 0xDB, 0xC0, 0xDD, 0xDA


def jpeg_payloads(picture: bytes) -> Iterator[bytes]:
    """The payloads of one picture: baseline JPEG with the standard Huffman tables, sides of at most 2,040 pixels.

    Raises:
        SourceError: RFC 2435 cannot carry it.
    """
    segments, scan = _segments(picture)
    height, width = struct.unpack("!HH", segments[_SOF0][1:5])
    factors = tuple(segments[_SOF0][7 + 3 * index] for index in range(3))
    if factors not in KINDS or max(width, height) > 2040:
        found = f"{width}x{height}, sampling {factors}"
        raise SourceError("JPEG", "RTP cannot carry it", reason="codec", found=found, do="encode it as yuvj420p")
    tables = _tables(segments[_DQT])
    interval = segments.get(_DRI, b"\0\0")
    restarts = interval + WHOLE if any(interval) else b""
    kind = KINDS[factors] | (RESTARTS if restarts else 0)
    head = struct.pack("!BBBB", kind, OWN_TABLES, -(-width // 8), -(-height // 8)) + restarts
    at = 0
    while at < len(scan):
        extra = b"" if at else struct.pack("!BBH", 0, 0, len(tables)) + tables
        size = PAYLOAD_BYTES - 4 - len(head) - len(extra)
        yield struct.pack("!I", at) + head + extra + scan[at : at + size]
        at += size


def _segments(picture: bytes) -> tuple[Mapping[int, bytes], bytes]:
    """The marker segments by kind, those of one kind joined, and the entropy-coded scan after them."""
    segments: dict[int, bytes] = {}
    at = 2
    while at + 4 <= len(picture) and picture[at] == 0xFF:
        kind, size = picture[at + 1], struct.unpack("!H", picture[at + 2 : at + 4])[0]
        segments[kind] = segments.get(kind, b"") + picture[at + 4 : at + 2 + size]
        at += 2 + size
        if kind == _SOS:
            end = picture.rfind(b"\xff\xd9")
            return segments, picture[at : end if end > at else len(picture)]
    raise SourceError("JPEG", "is no baseline picture", reason="codec", do="encode it with the codec mjpeg")


def _tables(segment: bytes) -> bytes:
    """Both quantisation tables of 64 bytes: for luminance and for colour, which may be one."""
    found = {segment[at] & 0x0F: segment[at + 1 : at + 65] for at in range(0, len(segment), 65)}
    return found[0] + found.get(1, found[0])
