"""The network between a client and a server on this machine: a TCP proxy that can be cut in the ways links fail."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine
from typing import Literal

Way = Literal["up", "down"]
"""Up is from the client to the server."""
AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: closing sends RST and not FIN."""
ANSWER_SECONDS = 10.0


class Link:
    """Listens on `port` of 127.0.0.1 and passes everything on to port `to`, until told otherwise.

    drop() and one_way() are what a radio hole does: nothing gets through, an end least of all, and neither side is
    told. pass_on() ends that; what was on its way comes late, as TCP sends it again, or never where the network between
    has forgotten the connections meanwhile. A connection that was begun in the hole comes to nothing.
    """

    def __init__(self, to: int) -> None:
        self._to = to
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._free: dict[Way, asyncio.Event] = {}
        self._pairs: set[_Pair] = set()
        self._server: asyncio.Server | None = None
        self._refusals = 1
        self.port = 0
        self._thread = threading.Thread(target=self._run, name="link", daemon=True)
        self._thread.start()
        self._ready.wait(ANSWER_SECONDS)

    def drop(self) -> None:
        """Lets nothing through, in neither way."""
        self._tell(self._hold("up", "down"))

    def one_way(self, dead: Way) -> None:
        """Lets nothing through in one way; the other goes on."""
        self._tell(self._hold(dead))

    def pass_on(self, *, forgotten: bool = False) -> None:
        """Lets everything through again; connections that were held up break where the network has `forgotten` them."""
        self._tell(self._heal(forgotten=forgotten))

    def reset(self) -> None:
        """Breaks every connection for both sides at once."""
        self._tell(self._reset())

    def refuse(self) -> None:
        """Lets no client in, and breaks the connections that nothing holds up."""
        self._tell(self._refuse())

    def admit(self) -> None:
        """Lets clients in again, once this was said as often as refuse()."""
        self._tell(self._admit())

    def close(self) -> None:
        """Ends it."""
        self._tell(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(ANSWER_SECONDS)

    def _tell(self, order: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(order, self._loop).result(ANSWER_SECONDS)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._free = {"up": asyncio.Event(), "down": asyncio.Event()}
        self._loop.run_until_complete(self._heal(forgotten=False))
        self._loop.run_until_complete(self._admit())
        self._ready.set()
        self._loop.run_forever()
        self._loop.close()

    async def _hold(self, *ways: Way) -> None:
        for way in ways:
            self._free[way].clear()

    async def _heal(self, *, forgotten: bool) -> None:
        for pair in list(self._pairs):
            if pair.unborn or (forgotten and not self._whole):
                pair.reset()
        for free in self._free.values():
            free.set()

    async def _reset(self) -> None:
        for pair in list(self._pairs):
            pair.reset()

    async def _refuse(self) -> None:
        self._refusals += 1
        if self._server:
            self._server.close()
            self._server = None
        if self._whole:
            await self._reset()

    async def _admit(self) -> None:
        self._refusals -= 1
        if not self._refusals:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _end(self) -> None:
        await self._heal(forgotten=True)
        await self._refuse()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*left, return_exceptions=True)  # a reset ends some of them by an error

    @property
    def _whole(self) -> bool:
        return all(free.is_set() for free in self._free.values())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pair = _Pair(writer)
        self._pairs.add(pair)
        try:
            if not self._whole:
                await pair.broken.wait()
                return
            ahead, behind = await asyncio.open_connection("127.0.0.1", self._to)
            pair.join(behind)
            ways = self._pump(reader, behind, self._free["up"]), self._pump(ahead, writer, self._free["down"])
            await asyncio.gather(*ways)
        except OSError:
            for free in self._free.values():
                await free.wait()  # a RST is held up too
            pair.reset()
        finally:
            self._pairs.discard(pair)
            pair.close()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, free: asyncio.Event) -> None:
        while block := await source.read(65536):
            await free.wait()
            sink.write(block)
            await sink.drain()
        await free.wait()  # an end is held up too
        with contextlib.suppress(OSError):
            sink.write_eof()


class _Pair:
    """One client's connection and, once there is one, its connection to the server."""

    def __init__(self, client: asyncio.StreamWriter) -> None:
        self._writers = [client]
        self.broken = asyncio.Event()

    @property
    def unborn(self) -> bool:
        return len(self._writers) == 1

    def join(self, server: asyncio.StreamWriter) -> None:
        self._writers.append(server)
        if self.broken.is_set():
            self.reset()

    def reset(self) -> None:
        """RST to both."""
        self.broken.set()
        for writer in self._writers:
            end: asyncio.trsock.TransportSocket = writer.get_extra_info("socket")
            if end.fileno() >= 0:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
                writer.transport.abort()

    def close(self) -> None:
        for writer in self._writers:
            writer.close()
