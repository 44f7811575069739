"""A server of RTSP that answers what it is told to, right or wrong."""

from __future__ import annotations

import contextlib
import re
import socket
import threading

from fuzz_mutate import Input

IDLE_SECONDS = 0.05
"""After so long without a request the camera hangs up: whoever waits for more learns that there is none."""
REQUESTS_MOST = 16
STREAM = b"STREAM"


class Camera:
    """Answers each request with the first unused part of its method, and after PLAY with the parts of STREAM."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._parts: list[bytes] = []
        self._left = 0
        threading.Thread(target=self._accept, name="fuzz", daemon=True).start()

    def load(self, parts: Input) -> None:
        """What it says from now on."""
        self._parts, self._left = list(parts), REQUESTS_MOST

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), name="fuzz", daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            client.settimeout(IDLE_SECONDS)
            waiting = b""
            while self._left > 0:
                waiting += client.recv(65536)
                if not waiting:
                    return
                if waiting.startswith(b"$"):  # a receiver report
                    waiting = waiting[4 + int.from_bytes(waiting[2:4], "big") :]
                    continue
                head, end, rest = waiting.partition(b"\r\n\r\n")
                if end:
                    waiting = rest
                    self._answer(client, head)

    def _answer(self, client: socket.socket, head: bytes) -> None:
        self._left -= 1
        method = head.split(b" ", 1)[0]
        asked = re.search(rb"CSeq: *(\d+)", head)
        part = self._part(method)
        client.sendall(part.replace(b"%CSEQ%", asked[1] if asked else b"0").replace(b"%PORT%", b"%d" % self.port))
        if method == b"PLAY":
            while (part := self._part(STREAM)) or STREAM in {each.partition(b"\n")[0] for each in self._parts}:
                client.sendall(part)
            client.shutdown(socket.SHUT_WR)

    def _part(self, method: bytes) -> bytes:
        for position, part in enumerate(self._parts):
            name, _, text = part.partition(b"\n")
            if name == method:
                del self._parts[position]
                return text
        return b""
