"""A camera that answers wrongly: every answer of RTSP, the session description and the stream behind it."""

from __future__ import annotations

import random
import struct
import tempfile
import threading
import time
from fractions import Fraction
from pathlib import Path

import av
from fuzz_camera import STREAM, Camera
from fuzz_child import BrokenPromiseError, one_line
from fuzz_mutate import ODD_TEXT, Input, number, worse
from fuzz_words import ATTRIBUTES, CODECS, FORMATS, HEADERS, STATUSES

from edge.demo.rtsp_clip import Clip, load
from edge.demo.rtsp_rtp import RtpSender
from edge.frames.connection import Source
from edge.frames.patience import Patience
from edge.frames.rtsp import RtspCamera

USER, PASSWORD = "le-loi", "gEhe1m-W0rt"
PATIENCE = Patience(connect=2, silence=2, key=3, stuck=20)
SETTLED_SECONDS = 30.0
"""Until then a camera must have become a fault, on a busy machine too."""


class _Read:
    """The real reader at the wrong camera: it must come to a fault told in one line, and its thread must end."""

    def __init__(self) -> None:
        self._camera = Camera()
        self._clips = [_clip("libx264"), _clip("libx265"), _clip("mjpeg")]
        self._streams = {clip.codec: streamed(clip) for clip in self._clips}

    def close(self) -> None:
        self._camera.close()

    def feed(self, parts: Input) -> None:
        self._camera.load(parts[1:])
        url = f"rtsp://127.0.0.1:{self._camera.port}/street"
        transport = "udp" if parts[0] == b"udp" else "tcp"
        login = (USER, PASSWORD)
        with RtspCamera(Source(url, login, transport), rate=1000.0, patience=PATIENCE) as camera:
            deadline = time.monotonic() + SETTLED_SECONDS
            while (state := camera.state).state in ("connecting", "ok"):
                frame = camera.newest(0.005)
                if frame is not None and not (frame.width > 0 < frame.height and frame.at.seconds >= 0):
                    raise BrokenPromiseError("a frame without a size or a time")
                if time.monotonic() > deadline:
                    raise BrokenPromiseError(f"still {state.state}")
            one_line(state.reason, PASSWORD, "127.0.0.1")
        if self._thread_left():
            raise BrokenPromiseError("the reader's thread goes on after close")

    @staticmethod
    def _thread_left() -> bool:
        deadline = time.monotonic() + SETTLED_SECONDS
        while alive := [each for each in threading.enumerate() if each.name == "camera"]:
            alive[0].join(0.1)
            if time.monotonic() > deadline:
                return True
        return False

    def _answers(self, chance: random.Random, description: bytes) -> list[bytes]:
        """A whole conversation that is right but for its description."""
        clip = chance.choice(self._clips)
        base = b"Content-Base: rtsp://127.0.0.1:%PORT%/street/\r\nContent-Type: application/sdp\r\n"
        login = b'WWW-Authenticate: Digest realm="camera", nonce="0a4f113b"'
        parts = [
            b"OPTIONS\n" + _reply(b"Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER"),
            b"DESCRIBE\n" + _reply(login, status=b"401 Unauthorized"),
            b"DESCRIBE\n" + _reply(base.rstrip(), description or described(clip)),
        ]
        if chance.random() < 0.5:
            del parts[1]
        granted = b"Transport: RTP/AVP/TCP;unicast;interleaved=%d-%d;ssrc=0000BEEF\r\nSession: 12345678;timeout=60"
        parts += [b"SETUP\n" + _reply(granted % (2 * i, 2 * i + 1)) for i in range(3)]
        parts.append(
            b"PLAY\n" + _reply(b"Session: 12345678\r\nRange: npt=now-\r\nRTP-Info: url=track0;seq=1;rtptime=0")
        )
        return [*parts, *(STREAM + b"\n" + each for each in self._streams[clip.codec])]


class Answers(_Read):
    """Status lines, headers, interleaved data, RTP and RTCP."""

    def make(self, chance: random.Random) -> Input:
        parts = self._answers(chance, b"")
        streaming = [i for i, part in enumerate(parts) if part.startswith(STREAM)]
        talking = [i for i in range(len(parts)) if i not in streaming]
        if chance.random() < 0.5:
            for _ in range(1 + int(chance.expovariate(1))):
                at = chance.choice(talking)
                name, _, text = parts[at].partition(b"\n")
                parts[at] = name + b"\n" + _worse_answer(text, chance)
        else:
            for _ in range(1 + int(chance.expovariate(0.3))):
                at = chance.choice(streaming)
                parts[at] = STREAM + b"\n" + _worse_stream(parts[at].partition(b"\n")[2], chance)
        if chance.random() < 0.05:
            chance.shuffle(parts)
        return (b"udp" if chance.random() < 0.005 else b"tcp", *parts)


class Descriptions(_Read):
    """Session descriptions: of every codec that the library knows, and worse."""

    def make(self, chance: random.Random) -> Input:
        text = described(chance.choice(self._clips)) if chance.random() < 0.4 else _any_description(chance)
        if chance.random() < 0.8:
            text = worse(text, chance, words=SDP_WORDS)
        parts = self._answers(chance, text or b"\r\n")
        if chance.random() < 0.3:
            parts = [each for each in parts if not each.startswith(STREAM)]
            parts += [
                STREAM + b"\n" + _framed(_packet(chance, chance.randbytes(chance.randrange(200)))) for _ in "12345"
            ]
        return (b"tcp", *parts)


def described(clip: Clip) -> bytes:
    """The session description of our own simulated camera."""
    return (
        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\na=control:*\r\n"
        f"a=range:npt=now-\r\nm=video 0 RTP/AVP {clip.payload_type}\r\n{clip.describe()}a=control:track0\r\n"
    ).encode()


def streamed(clip: Clip) -> list[bytes]:
    """A clip as interleaved RTP, a sender report first; the same each time."""
    sender = RtpSender(first=0)
    sender.ssrc = 0xBEEF
    found = [_framed(sender.report(seconds=0.0, utc=1_764_000_000.0), channel=1)]
    for unit in clip.units:
        for packet in sender.packets(unit.nals, clip=clip, seconds=unit.shown):
            numbered = packet[:2] + struct.pack("!H", len(found)) + packet[4:]
            found.append(_framed(numbered))
    return found


def _clip(encoder: str) -> Clip:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / ("clip.avi" if encoder == "mjpeg" else "clip.mp4")
        with av.open(str(file), "w") as container:
            stream = container.add_stream(encoder, rate=10, options={"x265-params": "log-level=none:pools=none"})
            stream.width, stream.height, stream.time_base = 64, 48, Fraction(1, 10)
            stream.pix_fmt = pixels = "yuvj420p" if encoder == "mjpeg" else "yuv420p"
            stream.codec_context.thread_count = 1
            for shade in range(6):
                picture = av.VideoFrame(64, 48, pixels)
                for plane in picture.planes:
                    plane.update(bytes([40 * shade % 256]) * plane.buffer_size)
                container.mux(stream.encode(picture))
            container.mux(stream.encode(None))
        return load(file)


def _reply(headers: bytes, body: bytes = b"", status: bytes = b"200 OK") -> bytes:
    length = b"Content-Length: %d\r\n" % len(body) if body else b""
    return b"RTSP/1.0 " + status + b"\r\nCSeq: %CSEQ%\r\n" + headers + b"\r\n" + length + b"\r\n" + body


def _worse_answer(text: bytes, chance: random.Random) -> bytes:
    head, end, body = text.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    match chance.randrange(6):
        case 0:
            lines[0] = chance.choice(STATUSES)
        case 1:
            lines.insert(chance.randrange(1, len(lines) + 1), chance.choice(HEADERS))
        case 2:
            del lines[chance.randrange(len(lines))]
        case 3:
            at = chance.randrange(len(lines))
            lines[at] = worse(lines[at], chance)
        case 4:
            return worse(text, chance)
        case _:
            return chance.choice(
                (chance.randbytes(chance.randrange(3000)), text[: chance.randrange(len(text) + 1)], b"", text * 3)
            )
    return b"\r\n".join(lines) + end + body


def _framed(packet: bytes, *, channel: int = 0) -> bytes:
    return b"$" + struct.pack("!BH", channel, len(packet) & 0xFFFF) + packet


def _packet(chance: random.Random, payload: bytes) -> bytes:
    """An RTP packet with whatever in its head."""
    first = chance.choice((0x80, 0x80, 0x80, 0x90, 0xA0, 0x8F, 0x40, chance.randrange(256)))
    kind = chance.choice((96, 96, 96 | 0x80, 26, 33, 32, 34, 31, 97, 200, 201, 72, chance.randrange(256)))
    head = struct.pack("!BBHII", first, kind, number(chance) & 0xFFFF, number(chance) & 0xFFFFFFFF, 0xBEEF)
    return head + payload


def _worse_stream(framed: bytes, chance: random.Random) -> bytes:
    packet = framed[4:]
    match chance.randrange(8):
        case 0:
            return worse(framed, chance)
        case 1:
            return _framed(worse(packet, chance), channel=chance.choice((0, 0, 1, 2, 255)))
        case 2:
            return _framed(packet[:12] + _nal(chance, packet[12:]))
        case 3:
            return _framed(_packet(chance, packet[12:] if chance.random() < 0.5 else chance.randbytes(40)))
        case 4:
            return _framed(_control(chance), channel=1)
        case 5:
            return chance.choice((b"", framed * 3, chance.randbytes(40), b"$", b"$\0\0\0", b"$\0\xff\xff" + packet))
        case 6:
            return b"RTSP/1.0 200 OK\r\nCSeq: 5\r\n\r\n" + framed
        case _:
            moved = struct.pack("!HI", number(chance) & 0xFFFF, number(chance) & 0xFFFFFFFF)
            return _framed(packet[:2] + moved + packet[8:])


def _nal(chance: random.Random, payload: bytes) -> bytes:
    """What RTP makes of NAL units: aggregates and fragments that do not fit, and headers of every kind."""
    kind = chance.randrange(64)
    match chance.randrange(5):
        case 0:
            sizes = [number(chance) & 0xFFFF, chance.randrange(30)]
            return bytes([chance.choice((24, 25, 26, 27, 0x78))]) + b"".join(
                struct.pack("!H", s) + payload[:20] for s in sizes
            )
        case 1:
            return bytes([chance.choice((28, 29, 0x7C)), chance.randrange(256)]) + payload
        case 2:
            return bytes([kind << 1, chance.randrange(256), chance.randrange(256)]) + payload
        case 3:
            return (
                bytes([chance.choice((48, 49, 50)) << 1, 1]) + struct.pack("!H", number(chance) & 0xFFFF) + payload[:60]
            )
        case _:
            return bytes([chance.choice((0x67, 0x68, 0x65, 0x41, 0x06, kind))]) + worse(payload[1:], chance)


def _control(chance: random.Random) -> bytes:
    """RTCP of every kind with lengths that do not fit."""
    found = b""
    for _ in range(chance.randrange(1, 4)):
        body = chance.randbytes(chance.choice((0, 4, 24, 28, 100)))
        count = chance.randrange(32)
        kind = chance.choice((200, 200, 201, 202, 203, 204, 205, 206, 207, chance.randrange(256)))
        size = chance.choice((len(body) // 4, number(chance) & 0xFFFF, 0, 1))
        found += struct.pack("!BBH", chance.choice((0x80, 0x80, 0xA0, 0)) | count, kind, size) + body
    return found


SDP_WORDS = (
    *ODD_TEXT,
    *(each.encode() for each in (*CODECS, *FORMATS, *ATTRIBUTES)),
    b"\r\nm=video 0 RTP/AVP 96\r\n",
    b"m=",
    b"a=rtpmap:",
)


def _any_description(chance: random.Random) -> bytes:
    lines = ["v=0", "o=- 0 0 IN IP4 127.0.0.1", "s=" + chance.choice(("x", "", "\u1ea7" * 400)), "t=0 0"]
    lines += chance.sample(ATTRIBUTES, chance.randrange(4))
    for _ in range(chance.choice((0, 1, 1, 1, 2, 3, 40))):
        kind = chance.choice((96, 96, 97, 26, 31, 32, 33, 34, 0, 14, 127, 255, number(chance)))
        medium = chance.choice(("video", "video", "video", "audio", "application", "text", "data", "VIDEO", ""))
        how = chance.choice(
            ("RTP/AVP", "RTP/AVP", "RTP/SAVP", "RTP/AVPF", "RTP/AVP/TCP", "udp", "MP2T/H2221/UDP", "TCP/RTP/AVP")
        )
        lines.append(f"m={medium} {chance.choice((0, 0, 5000, 65535, number(chance)))} {how} {kind}")
        lines.append(f"a=rtpmap:{kind} {chance.choice(CODECS)}")
        if chance.random() < 0.7:
            lines.append(f"a=fmtp:{kind} {chance.choice(FORMATS)}")
        lines += chance.sample(ATTRIBUTES, chance.randrange(4))
        lines.append(f"a=control:track{chance.randrange(4)}")
    return ("\r\n".join(lines) + "\r\n").encode()
