"""One connection to a camera: opened, read until it fails, and its failure in words without address or password."""

from __future__ import annotations

import struct
import time
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote, urlsplit

import av
from av import error as fault
from av.container import InputContainer
from av.video.stream import VideoStream

from edge.errors import SourceError
from edge.frames.patience import Patience

WHERE = "stream"
"""Stands for the camera in every text: its address and login are nobody's business."""

TIMEOUTS = (fault.TimeoutError, fault.ExitError, fault.InvalidDataError)
"""What the library says after a limit passed; a hung camera looks like invalid data."""

Meaning = tuple[tuple[type[av.FFmpegError], ...], str, str, str]
MEANINGS: tuple[Meaning, ...] = (
    (
        (fault.HTTPUnauthorizedError, fault.HTTPForbiddenError),
        "auth",
        "the camera refuses the login",
        "check the user and password of its credentials",
    ),
    ((fault.HTTPNotFoundError,), "notfound", "the camera has no such stream", "check the path in its url"),
    (
        (fault.HTTPError, fault.HTTPClientError),
        "declined",
        "the camera refuses the stream",
        "try its other transport, close other viewers",
    ),
    (
        (fault.ConnectionRefusedError,),
        "refused",
        "the camera refuses the connection",
        "check its address and port, and that its RTSP is switched on",
    ),
    ((fault.TimeoutError, fault.ExitError), "timeout", "the camera does not answer", "check its power and network"),
    (
        (fault.ConnectionResetError, fault.ConnectionAbortedError, fault.BrokenPipeError),
        "reset",
        "the camera broke the connection",
        "",
    ),
    ((fault.InvalidDataError,), "reset", "the camera hung up or speaks no RTSP", "check its address and port"),
    (
        (fault.DecoderNotFoundError, fault.PatchWelcomeError),
        "codec",
        "its codec is unknown",
        "set the camera to H.264 or H.265",
    ),
    (
        (fault.ArgumentError, fault.ProtocolNotFoundError, fault.FileNotFoundError),
        "notfound",
        "the url is not one of RTSP",
        "write rtsp://HOST:PORT/PATH",
    ),
    ((fault.EOFError,), "reset", "the camera hung up", "check its address and port"),
    ((fault.OSError,), "unreachable", "the camera cannot be reached", "check its address, power and network"),
    ((av.FFmpegError,), "refused", "the camera cannot be opened", "check its url"),
)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a camera is and how to log in; its `repr` shows neither."""

    url: str = field(repr=False)
    credentials: tuple[str, str] | None = field(repr=False)
    transport: Literal["tcp", "udp"]

    def address(self) -> str:
        """The URL with the login in it, percent-encoded: for the library only."""
        if self.credentials is None:
            return self.url
        user, password = (quote(part, safe="") for part in self.credentials)
        parts = urlsplit(self.url)
        return parts._replace(netloc=f"{user}:{password}@{parts.netloc.rpartition('@')[2]}").geturl()


def connect(source: Source, patience: Patience) -> InputContainer:
    """The camera's video, opened and playing; blocks `patience.connect` seconds at most, name lookup apart.

    Raises:
        SourceError: it cannot be had; the reason says why.
    """
    options = {
        "rtsp_transport": source.transport,
        "allowed_media_types": "video",  # audio and metadata would only keep a dead stream looking alive
        "probesize": "32",  # decode from the first packet instead of watching seconds of it first
    }
    # The library's first time-out in a stream only makes it give out the picture it holds back: hence half.
    limits = (patience.connect, patience.silence / 2)
    began = time.monotonic()
    try:
        container = av.open(source.address(), options=options, timeout=limits, metadata_errors="replace")
    except av.FFmpegError as error:
        raise _explained(error, waited=time.monotonic() - began, limit=patience.connect) from None
    except ValueError:
        raise _explained(fault.ArgumentError(0, ""), waited=0, limit=patience.connect) from None
    if not container.streams.video:
        container.close()
        raise SourceError(WHERE, "the camera sends no video", reason="novideo", do="switch its video on")
    codec = container.streams.video[0].codec_context
    if codec is None:
        container.close()
        raise SourceError(WHERE, "its codec is unknown", reason="codec", do="set the camera to H.264 or H.265")
    codec.thread_count = 1  # cameras share the cores; a thread each is enough, and holds no picture back
    return container


@dataclass(frozen=True, slots=True)
class Parcel:
    """What one packet gave: `pictures`, often one, None where it could not be decoded; `zero` in Unix seconds, what the
    camera's own clock said at second 0 of the stream, None where it tells no time."""

    pictures: Sequence[av.VideoFrame] | None
    zero: float | None


def parcels(container: InputContainer, patience: Patience) -> Generator[Parcel]:
    """What each packet gave. Ends only by its error. To be closed before the container is.

    Raises:
        SourceError: the stream ended or went silent.
    """
    # Dropped without a close, the library's iterator does not free its packet: 0.2 KB for every connection.
    with closing(container.demux(container.streams.video[0])) as packets:  # type: ignore[type-var]
        while True:
            began = time.monotonic()
            try:
                packet = next(packets)
            except av.FFmpegError as error:
                raise _broken(error, waited=time.monotonic() - began, limit=patience.silence / 2) from None
            if not packet.size:
                raise SourceError(WHERE, "the camera ended the stream", reason="ended")
            zero = _zero(packet)
            try:
                yield Parcel(packet.decode(), zero)
            except fault.InvalidDataError:
                yield Parcel(None, zero)
            except av.FFmpegError as error:
                raise _explained(error, waited=0, limit=patience.silence) from None


def _zero(packet: av.Packet[VideoStream]) -> float | None:
    """The camera's clock at second 0, which the library works out from its RTCP sender reports (RFC 3550, 6.4.1)."""
    if packet.pts is None or not packet.has_sidedata("prft"):
        return None
    (microseconds,) = struct.unpack_from("<q", bytes(packet.get_sidedata("prft")))
    return float(microseconds / 1e6 - packet.pts * packet.time_base)


def _broken(error: av.FFmpegError, *, waited: float, limit: float) -> SourceError:
    """An error in a stream that ran: where the library has no better word, it broke, or was silent for too long."""
    if type(error) is fault.OSError:
        error = fault.ConnectionResetError(0, "") if waited < 0.9 * limit else fault.TimeoutError(0, "")
    return _explained(error, waited=waited, limit=limit)


def _explained(error: av.FFmpegError, *, waited: float, limit: float) -> SourceError:
    if isinstance(error, TIMEOUTS) and waited > 0.9 * limit:
        error = fault.TimeoutError(0, "")
    for kinds, reason, what, do in MEANINGS:
        if isinstance(error, kinds):
            return SourceError(WHERE, what, reason=reason, found=error.strerror or "", do=do)
    raise AssertionError(error)
