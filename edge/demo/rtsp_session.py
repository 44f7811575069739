"""One RTSP client (RFC 2326) of the simulated camera, its login (Digest, RFC 2617) and its transport."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import re
import secrets
import socket
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from edge.demo.rtsp_faults import Logins
from edge.demo.rtsp_stream import Stream, Viewer

REALM = "edge demo camera"
METHODS = "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER"
STATUS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    453: "Not Enough Bandwidth",
    454: "Session Not Found",
    461: "Unsupported Transport",
    501: "Not Implemented",
}
INTERLEAVED_MARK = b"$"


@dataclass(slots=True)
class Site:
    """What the sessions of one camera share; `hanging` answers nothing, `shut` not even that, `declining` sets nothing
    up, `room` is for how many of them there is."""

    streams: Mapping[str, Stream]
    credentials: tuple[str, str] | None
    logins: Logins = field(default_factory=Logins)
    hanging: bool = False
    shut: bool = False
    declining: bool = False
    room: int | None = None
    playing: int = 0


@dataclass(frozen=True, slots=True)
class Request:
    """An RTSP request; header names in lower case."""

    method: str
    uri: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Reply:
    """An RTSP answer."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""


class Interleaved:
    """RTP and RTCP within the RTSP connection, on two of its channels."""

    def __init__(self, writer: asyncio.StreamWriter, channel: int) -> None:
        self._writer = writer
        self._channel = channel

    def send(self, packets: Sequence[bytes]) -> None:
        """Send RTP packets."""
        self._writer.write(b"".join(self._framed(packet, self._channel) for packet in packets))

    def report(self, packet: bytes) -> None:
        """Send an RTCP packet."""
        self._writer.write(self._framed(packet, self._channel + 1))

    def waiting(self) -> int:
        """Bytes that the client has not taken yet."""
        return self._writer.transport.get_write_buffer_size()

    def abort(self) -> None:
        """Break the connection at once."""
        self._writer.transport.abort()

    def close(self) -> None:
        """Nothing of its own to close."""

    @staticmethod
    def _framed(packet: bytes, channel: int) -> bytes:
        return INTERLEAVED_MARK + struct.pack("!BH", channel, len(packet)) + packet


class Datagrams:
    """RTP and RTCP over UDP, from a pair of ports (even, odd) to the client's."""

    def __init__(self, writer: asyncio.StreamWriter, ports: tuple[int, int]) -> None:
        self._writer = writer
        self._client: str = writer.get_extra_info("peername")[0]
        self._ports = ports
        self._sockets = _socket_pair(writer.get_extra_info("sockname")[0])

    @property
    def ports(self) -> tuple[int, int]:
        """The ports that the camera sends from."""
        rtp, rtcp = (end.getsockname()[1] for end in self._sockets)
        return rtp, rtcp

    def send(self, packets: Sequence[bytes]) -> None:
        """Send RTP packets; what the network will not take is lost, as it is with UDP."""
        for packet in packets:
            with contextlib.suppress(OSError):
                self._sockets[0].sendto(packet, (self._client, self._ports[0]))

    def report(self, packet: bytes) -> None:
        """Send an RTCP packet."""
        with contextlib.suppress(OSError):
            self._sockets[1].sendto(packet, (self._client, self._ports[1]))

    def waiting(self) -> int:
        """Nothing ever waits."""
        return 0

    def abort(self) -> None:
        """Break the RTSP connection at once."""
        self._writer.transport.abort()

    def close(self) -> None:
        """Free the ports."""
        for end in self._sockets:
            end.close()


class Session:
    """One client from its connection to its end."""

    def __init__(self, site: Site, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._site = site
        self._reader = reader
        self._writer = writer
        self._nonce = secrets.token_hex(16)
        self._id = secrets.token_hex(4)
        self._transport: Interleaved | Datagrams | None = None
        self._viewer: Viewer | None = None
        self._stream: Stream | None = None

    async def serve(self) -> None:
        """Answer requests until the client goes, or none at all where the camera hangs."""
        try:
            if self._site.shut:
                return
            if self._site.hanging:
                await asyncio.Event().wait()
            while (request := await self._request()) is not None:
                self._write(request, self._answer(request))
                if request.method == "TEARDOWN":
                    break
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError, ValueError):
            pass  # the client went, or spoke no RTSP: nothing to say to it
        finally:
            if self._stream and self._viewer:
                self._stream.leave(self._viewer)
            if self._transport:
                self._site.playing -= 1
                self._transport.close()
            self._writer.close()

    async def _request(self) -> Request | None:
        while (first := await self._reader.read(1)) == INTERLEAVED_MARK:  # the client's receiver reports
            _, size = struct.unpack("!BH", await self._reader.readexactly(3))
            await self._reader.readexactly(size)
        if not first:
            return None
        lines = (first + await self._reader.readuntil(b"\r\n\r\n")).decode(errors="replace").split("\r\n")
        method, uri, _ = lines[0].split(" ", 2)
        pairs = (line.split(":", 1) for line in lines[1:] if ":" in line)
        headers = {name.strip().lower(): value.strip() for name, value in pairs}
        await self._reader.readexactly(int(headers.get("content-length", "0")))
        return Request(method, uri, headers)

    def _write(self, request: Request, reply: Reply) -> None:
        headers = {"CSeq": request.headers.get("cseq", "0"), **reply.headers}
        if reply.body:
            headers["Content-Length"] = str(len(reply.body))
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._writer.write(f"RTSP/1.0 {reply.status} {STATUS[reply.status]}\r\n{head}\r\n{reply.body}".encode())

    def _answer(self, request: Request) -> Reply:
        if request.method == "OPTIONS":
            return Reply(headers={"Public": METHODS})
        if not self._logged_in(request):
            return Reply(401, {"WWW-Authenticate": f'Digest realm="{REALM}", nonce="{self._nonce}"'})
        stream = self._site.streams.get(urlsplit(request.uri).path.strip("/").split("/")[0])
        if stream is None or stream.faults.hidden:
            return Reply(404)
        match request.method:
            case "DESCRIBE":
                return self._describe(request, stream)
            case "SETUP":
                return self._setup(request, stream)
            case "PLAY":
                return self._play(stream)
            case "TEARDOWN" | "GET_PARAMETER":
                return Reply(headers={"Session": self._id})
        return Reply(501)

    def _logged_in(self, request: Request) -> bool:
        full = self._site.room is not None and self._transport is None and self._site.playing >= self._site.room
        right = not (full or self._site.logins.refusing or self._site.logins.locked) and self._knows(request)
        if not right and not full and "authorization" in request.headers:
            self._site.logins.wrong += 1
        return right

    def _knows(self, request: Request) -> bool:
        if self._site.credentials is None:
            return True
        user, password = self._site.credentials
        given = dict(re.findall(r'(\w+)="([^"]*)"', request.headers.get("authorization", "")))
        account = _md5(f"{user}:{REALM}:{password}")
        expected = _md5(f"{account}:{self._nonce}:{_md5(f'{request.method}:{request.uri}')}")
        right = given.get("username") == user and given.get("uri") == request.uri
        return right and hmac.compare_digest(given.get("response", "").encode(), expected.encode())

    def _describe(self, request: Request, stream: Stream) -> Reply:
        kind, payload, codec = "video", stream.clip.payload_type, stream.clip.describe()
        if stream.faults.unknown_codec:
            codec = f"a=rtpmap:{payload} X-UNKNOWN/90000\r\n"
        if stream.faults.sound:
            kind, payload, codec = "audio", 0, "a=rtpmap:0 PCMU/8000\r\n"
        body = (
            "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=edge demo camera\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\na=control:*\r\n"
            f"a=range:npt=now-\r\nm={kind} 0 RTP/AVP {payload}\r\n{codec}a=control:track0\r\n"
        )
        base = f"{request.uri.rstrip('/')}/"
        return Reply(headers={"Content-Base": base, "Content-Type": "application/sdp"}, body=body)

    def _setup(self, request: Request, stream: Stream) -> Reply:
        if self._site.declining:
            return Reply(453)
        asked = request.headers.get("transport", "")
        if self._transport is not None:
            return Reply(400)
        if "TCP" in asked:
            channel = int(found[1]) if (found := re.search(r"interleaved=(\d+)", asked)) else 0
            self._transport = Interleaved(self._writer, channel)
            granted = f"RTP/AVP/TCP;unicast;interleaved={channel}-{channel + 1}"
        elif found := re.search(r"client_port=(\d+)-(\d+)", asked):
            self._transport = Datagrams(self._writer, (int(found[1]), int(found[2])))
            rtp, rtcp = self._transport.ports
            granted = f"RTP/AVP;unicast;client_port={found[1]}-{found[2]};server_port={rtp}-{rtcp}"
        else:
            return Reply(461)
        self._site.playing += 1
        self._viewer, self._stream = stream.viewer(self._transport), stream
        ssrc = f"ssrc={self._viewer.rtp.ssrc:08X}"
        return Reply(headers={"Transport": f"{granted};{ssrc}", "Session": f"{self._id};timeout=60"})

    def _play(self, stream: Stream) -> Reply:
        if stream.faults.sound:
            return Reply()
        if self._viewer is None or stream is not self._stream:
            return Reply(454)
        stream.join(self._viewer)
        return Reply(headers={"Session": self._id, "Range": "npt=now-"})


def _socket_pair(host: str) -> tuple[socket.socket, socket.socket]:
    """Two UDP sockets on neighbouring ports, the first one even (RFC 3550, 11)."""
    while True:
        with contextlib.ExitStack() as undo:
            rtp = undo.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            rtcp = undo.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            rtp.bind((host, 0))
            port = rtp.getsockname()[1]
            if port % 2:
                continue
            try:
                rtcp.bind((host, port + 1))
            except OSError:
                continue
            rtp.settimeout(0)
            rtcp.settimeout(0)
            undo.pop_all()
            return rtp, rtcp


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
