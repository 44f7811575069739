"""What stands before a real broker and passes on what it lets in: for brokers and networks that no program here is."""

from __future__ import annotations

import contextlib
import socket
import threading
from abc import ABC, abstractmethod
from typing import Self


class Front(ABC):
    """Listens on `port` of 127.0.0.1 for the broker `behind`; whoever derives from it says who is let in."""

    def __init__(self, behind: int) -> None:
        self._behind = behind
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.connections = 0
        threading.Thread(target=self._serve, daemon=True).start()

    @abstractmethod
    def _lets_in(self, client: socket.socket) -> bytes | None:
        """What was read of a client that is let in, for the broker; None for one that is not and is hung up on."""

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            self.connections += 1
            first = self._lets_in(client)
            if first is None:
                client.close()
                continue
            behind = socket.create_connection(("127.0.0.1", self._behind))
            behind.sendall(first)
            for source, sink in ((client, behind), (behind, client)):
                threading.Thread(target=_pass_on, args=(source, sink), daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while block := source.recv(65536):
            sink.sendall(block)
    source.close()
    sink.close()
