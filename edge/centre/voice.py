"""What a centre says on its connection: no more unanswered at once than the broker takes, and a refusal is told."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from edge.mqtt.connection import Connection
from edge.mqtt.pacing import Seldom
from edge.mqtt.wire import Connected, Properties, Published

LOG = logging.getLogger("edge.centre")
WINDOW = 256
"""Messages without the broker's answer; fewer where it wants fewer."""
REFUSED_SECONDS = 600.0
"""Refusals are told so often, all in one line, for a list of rights refuses more than one topic."""
AGAIN_SECONDS = 60.0
"""After so long what stands is said again to a broker that refused some of it."""


@dataclass(frozen=True, slots=True)
class _Said:
    body: bytes
    retain: bool
    properties: Properties | None = None


class Voice:
    """Publishes at QoS 1, only while connected; whoever owns the connection tells of its events."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._window = WINDOW
        self._waiting: dict[str, deque[_Said]] = {}
        self._unanswered: dict[int, str] = {}
        self._refusals = Seldom(seconds=REFUSED_SECONDS)
        self._again_at = float("inf")

    @property
    def connected(self) -> bool:
        """Whether what is said now may be heard."""
        return self.connection.connected

    def begin(self, connected: Connected) -> None:
        """Begins anew on a new connection: nothing of the one before is answered any more."""
        self._window = max(1, min(WINDOW, connected.window))
        self._waiting.clear()
        self._unanswered.clear()
        self._again_at = float("inf")

    def say(self, topic: str, body: bytes, *, retain: bool = False, properties: Properties | None = None) -> None:
        """Publishes a message, after those on the same topic."""
        self._waiting.setdefault(topic, deque()).append(_Said(body, retain, properties))
        self._send()

    def stand(self, topic: str, bodies: Sequence[bytes]) -> None:
        """Publishes retained messages in their order, in the place of what still waits for that topic."""
        if bodies:
            self._waiting[topic] = deque(_Said(body, retain=True) for body in bodies)
            self._send()

    def answered(self, answer: Published) -> None:
        """Hears what the broker made of a message, tells a refusal, and says what waited for it."""
        topic = self._unanswered.pop(answer.mid, "")
        if topic and not answer.ok:
            self._tell(topic, answer.reason)
        self._send()

    def again(self, *, now: float) -> bool:
        """Whether what stands should be said again, because some of it was refused a while ago; true once."""
        if now < self._again_at:
            return False
        self._again_at = float("inf")
        return True

    def _send(self) -> None:
        while self._waiting and len(self._unanswered) < self._window:
            topic, queue = next(iter(self._waiting.items()))
            said = queue.popleft()
            if not queue:
                del self._waiting[topic]
            mid = self.connection.publish(topic, said.body, retain=said.retain, properties=said.properties)
            self._unanswered[mid] = topic

    def _tell(self, topic: str, reason: str) -> None:
        now = time.monotonic()
        self._again_at = min(self._again_at, now + AGAIN_SECONDS)
        before = self._refusals.held_back(now)
        if before is None:
            return
        do = "let this centre write there, or correct --id, root and its certificate or user; devices keep what is not"
        more = f" ({before} more refused before)" if before else ""
        LOG.warning(
            "%s: the broker refuses it to %s: %s; %s confirmed%s", topic, self.connection.identity, reason, do, more
        )
