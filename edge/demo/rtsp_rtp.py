"""RTP (RFC 3550) for H.264 (RFC 6184), H.265 (RFC 7798) and Motion JPEG: bytes in, packets out."""

from __future__ import annotations

import secrets
import struct
from collections.abc import Iterator, Sequence

from edge.demo.rtsp_clip import CLOCK_RATE, Clip, Codec
from edge.demo.rtsp_jpeg import jpeg_payloads

PAYLOAD_BYTES = 1400
"""Fits an Ethernet frame with its headers."""

NTP_EPOCH = 2_208_988_800
"""Seconds from 1900 (NTP) to 1970 (Unix)."""

NAME = b"edge demo camera"


class RtpSender:
    """One RTP source: numbers its packets and reports on them."""

    def __init__(self, *, first: int | None = None) -> None:
        """`first` is the timestamp of second 0, by default a random one."""
        self.ssrc = secrets.randbits(32)
        self._sequence = secrets.randbits(16)
        self._offset = secrets.randbits(32) if first is None else first
        self._packets = 0
        self._bytes = 0

    def packets(self, nals: Sequence[bytes], *, clip: Clip, seconds: float) -> Iterator[bytes]:
        """The RTP packets of one access unit of a clip shown at `seconds` of the stream; the last one is marked."""
        payloads = [payload for nal in nals for payload in fragments(nal, clip.codec)]
        for index, payload in enumerate(payloads):
            marker = 0x80 if index == len(payloads) - 1 else 0
            head = struct.pack(
                "!BBHII", 0x80, clip.payload_type | marker, self._sequence, self._timestamp(seconds), self.ssrc
            )
            self._sequence = (self._sequence + 1) & 0xFFFF
            self._packets += 1
            self._bytes += len(payload)
            yield head + payload

    def report(self, *, seconds: float, utc: float) -> bytes:
        """A sender report with a source description: what was shown at `seconds` was seen at `utc`."""
        ntp = utc + NTP_EPOCH
        sender = struct.pack(
            "!BBHIIIIII",
            0x80,
            200,
            6,
            self.ssrc,
            int(ntp),
            int((ntp % 1) * 2**32),
            self._timestamp(seconds),
            self._packets & 0xFFFFFFFF,
            self._bytes & 0xFFFFFFFF,
        )
        names = struct.pack("!IBB", self.ssrc, 1, len(NAME)) + NAME + b"\0"
        names += b"\0" * (-len(names) % 4)
        return sender + struct.pack("!BBH", 0x81, 202, len(names) // 4) + names

    def _timestamp(self, seconds: float) -> int:
        return (self._offset + round(seconds * CLOCK_RATE)) & 0xFFFFFFFF


def fragments(nal: bytes, codec: Codec) -> Iterator[bytes]:
    """The NAL unit as RTP payloads: as it is where it fits, else as fragmentation units; a JPEG picture in parts."""
    if codec == "mjpeg":
        yield from jpeg_payloads(nal)
        return
    if len(nal) <= PAYLOAD_BYTES:
        yield nal
        return
    if codec == "h264":
        indicator, kind, size = bytes([(nal[0] & 0xE0) | 28]), nal[0] & 0x1F, 1
    else:
        indicator, kind, size = bytes([(nal[0] & 0x81) | (49 << 1), nal[1]]), (nal[0] >> 1) & 0x3F, 2
    step = PAYLOAD_BYTES - size - 1
    for begin in range(size, len(nal), step):
        end = begin + step
        flags = (0x80 if begin == size else 0) | (0x40 if end >= len(nal) else 0)
        yield indicator + bytes([flags | kind]) + nal[begin:end]
