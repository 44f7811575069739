"""A clip cut into what RTP carries, without decoding it: access units of NAL units or JPEG pictures, and their session
description."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

import av
from av.bitstream import BitStreamFilterContext
from av.container import InputContainer
from av.video.stream import VideoStream

from edge.demo.rtsp_jpeg import JPEG_PAYLOAD_TYPE
from edge.errors import SourceError

Codec = Literal["h264", "hevc", "mjpeg"]
START_CODE = re.compile(rb"\x00\x00\x00\x01|\x00\x00\x01")
PAYLOAD_TYPE = 96
CLOCK_RATE = 90_000


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """One coded picture: when it is sent and when it is shown, in seconds of the clip, and its NAL units; of Motion
    JPEG the whole picture as the only one."""

    sent: float
    shown: float
    nals: tuple[bytes, ...]
    key: bool


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip to be looped: its access units in sending order and the length of a loop in seconds."""

    codec: Codec
    units: tuple[AccessUnit, ...]
    duration: float

    @property
    def payload_type(self) -> int:
        """The number of its payload in RTP."""
        return JPEG_PAYLOAD_TYPE if self.codec == "mjpeg" else PAYLOAD_TYPE

    def describe(self) -> str:
        """The codec's lines of a session description (RFC 6184, RFC 7798, RFC 2435)."""
        if self.codec == "mjpeg":
            return f"a=rtpmap:{JPEG_PAYLOAD_TYPE} JPEG/{CLOCK_RATE}\r\n"
        sets = {_kind(nal, self.codec): nal for nal in self.units[0].nals}
        if self.codec == "h264":
            profile = sets[7][1:4].hex()
            return (
                f"a=rtpmap:{PAYLOAD_TYPE} H264/{CLOCK_RATE}\r\na=fmtp:{PAYLOAD_TYPE} packetization-mode=1;"
                f"profile-level-id={profile};sprop-parameter-sets={_base64(sets[7])},{_base64(sets[8])}\r\n"
            )
        return (
            f"a=rtpmap:{PAYLOAD_TYPE} H265/{CLOCK_RATE}\r\na=fmtp:{PAYLOAD_TYPE} sprop-vps={_base64(sets[32])};"
            f"sprop-sps={_base64(sets[33])};sprop-pps={_base64(sets[34])}\r\n"
        )


def load(path: Path) -> Clip:
    """The clip in a file.

    Raises:
        SourceError: the file is no video, or its codec is not one of those of `Codec`.
    """
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            return _cut(container, path)
    except (av.FFmpegError, OSError) as error:
        found = error.strerror or type(error).__name__
        raise SourceError(
            str(path), "cannot be read as a video", reason="novideo", found=found, do="give a video file"
        ) from None


def _cut(container: InputContainer, path: Path) -> Clip:
    if not container.streams.video:
        raise SourceError(str(path), "has no video in it", reason="novideo", do="give a file with a video stream")
    video = container.streams.video[0]
    name = video.codec_context.name if video.codec_context else "none"
    if name not in get_args(Codec):
        raise SourceError(
            str(path),
            "the simulated camera sends H.264, H.265 and Motion JPEG only",
            reason="codec",
            found=name,
            do="convert it with edge.frames.transcode.to_h264",
        )
    codec = cast(Codec, name)
    units = _units(container, video, codec)
    if not units or not units[0].key:
        raise SourceError(str(path), "does not begin with a key frame", reason="codec", do="cut it at a key frame")
    first, last = units[0].sent, units[-1].sent
    step = (last - first) / (len(units) - 1) if len(units) > 1 else 1.0
    base = min(unit.shown for unit in units)
    moved = (AccessUnit(unit.sent - first, unit.shown - base, unit.nals, unit.key) for unit in units)
    return Clip(codec, tuple(moved), last - first + step)


def _units(container: InputContainer, video: VideoStream, codec: Codec) -> list[AccessUnit]:
    to_units = BitStreamFilterContext("null" if codec == "mjpeg" else f"{codec}_mp4toannexb", video)
    units = []
    for packet in container.demux(video):
        for part in to_units.filter(packet if packet.size else None):
            if part.dts is None or part.pts is None:
                continue
            whole = bytes(part)
            nals = (whole,) if codec == "mjpeg" else tuple(nal for nal in START_CODE.split(whole) if nal)
            seconds = [float(ticks * part.time_base) for ticks in (part.dts, part.pts)]
            units.append(AccessUnit(seconds[0], seconds[1], nals, part.is_keyframe))
    return units


def _kind(nal: bytes, codec: Codec) -> int:
    return nal[0] & 0x1F if codec == "h264" else (nal[0] >> 1) & 0x3F


def _base64(nal: bytes) -> str:
    return base64.b64encode(nal).decode()
