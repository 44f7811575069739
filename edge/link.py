"""How the connection to the broker does, as the publisher says it and notes it for whoever looks from outside."""

from __future__ import annotations

import contextlib
import time
from dataclasses import asdict, dataclass, replace

from edge.store.database import UnwritableError
from edge.store.outbox import Outbox

NOTE = "publisher"
"""The name of the note in the store."""


@dataclass(frozen=True, slots=True)
class LinkState:
    """Whether the `broker` (host:port) is connected, `since` when in Unix seconds, and the `reason` where it is not;
    how many `connections` came about since the process began, and whether a centre `confirms`."""

    broker: str
    connected: bool
    since: float
    reason: str = ""
    connections: int = 0
    confirms: bool = False

    def __str__(self) -> str:
        if not self.connected:
            return f"no connection to {self.broker}, messages are kept"
        confirms = "the centre confirms" if self.confirms else "no centre confirms yet"
        return f"connected to {self.broker}, {confirms}"


class Link:
    """Follows the connection, and writes down what is new of it."""

    def __init__(self, outbox: Outbox, *, broker: str) -> None:
        self._outbox = outbox
        self.state = LinkState(broker, connected=False, since=time.time())
        self._noted: LinkState | None = None

    def up(self) -> None:
        """Takes in that it came about."""
        self.state = replace(
            self.state, connected=True, since=time.time(), reason="", connections=self.state.connections + 1
        )

    def down(self, reason: str) -> None:
        """Takes in that it broke, or that an attempt failed."""
        since = time.time() if self.state.connected else self.state.since
        self.state = replace(self.state, connected=False, since=since, reason=reason)

    def note(self, *, confirms: bool) -> None:
        """Writes down how it does now where that is new; while the store cannot be written, later."""
        self.state = replace(self.state, confirms=confirms)
        if self.state != self._noted:
            with contextlib.suppress(UnwritableError):
                self._outbox.note(NOTE, **asdict(self.state))
                self._noted = self.state
