"""A clip played in a loop to whoever watches, with faults on demand."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from edge.demo.rtsp_clip import CLOCK_RATE, AccessUnit, Clip
from edge.demo.rtsp_faults import Faults
from edge.demo.rtsp_rtp import RtpSender

REPORT_SECONDS = 5.0
CONGESTED_BYTES = 2 << 20
"""What may wait for a client that reads too slowly before its pictures are dropped."""

WRAP_SECONDS = 3.0

DAMAGE_FROM = 64
"""NAL units shorter than this (parameter sets) are left whole: they are what makes a stream decodable at all."""


class Transport(Protocol):
    """Where one client's packets go."""

    def send(self, packets: Sequence[bytes]) -> None:
        """Send RTP packets."""

    def report(self, packet: bytes) -> None:
        """Send an RTCP packet."""

    def waiting(self) -> int:
        """Bytes that the client has not taken yet."""

    def abort(self) -> None:
        """Break the client's connection at once."""


class Viewer:
    """One client of a stream; sees its first picture, and the first after a gap, at a key frame."""

    def __init__(self, transport: Transport, *, first: int | None = None) -> None:
        """`first` is the timestamp of second 0 of the stream, by default a random one."""
        self.transport = transport
        self.rtp = RtpSender(first=first)
        self.began = time.monotonic()
        self.at_key = False
        self.reported = 0.0


class Stream:
    """One clip as a live camera: starts with frame 0 when its first viewer comes, then never stops."""

    def __init__(self, name: str, clip: Clip, started: Callable[[str, float, float], None]) -> None:
        """`started` hears name, UTC of frame 0 and length of the clip when it starts."""
        self.name = name
        self.clip = clip
        self.faults = Faults()
        self._viewers: set[Viewer] = set()
        self._started = started
        self._chance = random.Random(name)  # noqa: S311  # repeatable faults, no secret
        self._task: asyncio.Task[None] | None = None
        self._began = 0.0

    def viewer(self, transport: Transport) -> Viewer:
        """One more viewer, not yet shown anything."""
        if not self.faults.wraps:
            return Viewer(transport)
        now = time.monotonic() - self._began if self._task else 0.0
        return Viewer(transport, first=-round((now + WRAP_SECONDS) * CLOCK_RATE) & 0xFFFFFFFF)

    def change(self, clip: Clip) -> None:
        """Go on with another clip from its beginning, to the same viewers."""
        self.clip = clip

    def join(self, viewer: Viewer) -> None:
        """Show the stream to one more viewer."""
        self._viewers.add(viewer)
        if self._task is None:
            self._task = asyncio.create_task(self._play())

    def leave(self, viewer: Viewer) -> None:
        """Stop showing it to that viewer."""
        self._viewers.discard(viewer)

    def resume(self) -> None:
        """End a stall; viewers go on at the next key frame."""
        self.faults.stalled = False
        for viewer in self._viewers:
            viewer.at_key = False

    def reset(self) -> None:
        """Break the connection of every viewer."""
        for viewer in list(self._viewers):
            viewer.transport.abort()

    async def _play(self) -> None:
        self._began, began_utc = time.monotonic(), time.time()
        self._started(self.name, began_utc, self.clip.duration)
        base = 0.0
        while True:
            clip, unit = self.clip, None
            for unit in clip.units:
                await asyncio.sleep(max(0.0, self._began + base + unit.sent - time.monotonic()))
                if clip is not self.clip:
                    break
                if not self.faults.silent(base + unit.shown):
                    self._show(unit, base + unit.shown, began_utc)
            base += clip.duration if clip is self.clip or unit is None else unit.sent

    def _show(self, unit: AccessUnit, seconds: float, began_utc: float) -> None:
        if self.faults.keyless and unit.key:
            return
        nals = [self._damaged(nal) for nal in unit.nals] if self.faults.corrupt else unit.nals
        stamped = self.faults.stamped(seconds)
        for viewer in list(self._viewers):
            if 0 < self.faults.life < time.monotonic() - viewer.began:
                viewer.transport.abort()
                continue
            congested = viewer.transport.waiting() > CONGESTED_BYTES
            viewer.at_key = not congested and (viewer.at_key or unit.key or self.faults.keyless)
            if not viewer.at_key:
                continue
            packets = viewer.rtp.packets(nals, clip=self.clip, seconds=stamped)
            viewer.transport.send([packet for packet in packets if self._chance.random() >= self.faults.loss])
            if time.monotonic() - viewer.reported > REPORT_SECONDS:
                viewer.reported = time.monotonic()
                utc = began_utc + seconds + self.faults.wall
                viewer.transport.report(viewer.rtp.report(seconds=stamped, utc=utc))

    def _damaged(self, nal: bytes) -> bytes:
        """The NAL unit, by chance with eight of its bytes turned over; its header stays."""
        if len(nal) < DAMAGE_FROM or self._chance.random() >= self.faults.corrupt:
            return nal
        damaged = bytearray(nal)
        for _ in range(8):
            damaged[self._chance.randrange(16, len(nal))] ^= 0xFF
        return bytes(damaged)
