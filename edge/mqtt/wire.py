"""What passes between the connection and its owner: what is asked of the broker, and the events that come back."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Outcome(Enum):
    """What the broker said to a published message."""

    TAKEN = "taken"
    NOBODY = "taken, and nobody subscribes to it"
    NOT_AUTHORISED = "not authorised"
    QUOTA = "quota exceeded"
    BAD_FORMAT = "bad format"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker publishes at QoS 1 when this connection breaks, `delay_seconds` after (in 3.1.1 at once)."""

    topic: str
    body: bytes
    retain: bool = True
    delay_seconds: int = 0


@dataclass(frozen=True, slots=True)
class Properties:
    """What travels beside a message in MQTT 5; in 3.1.1 it is left out."""

    expiry_seconds: int | None = None
    response_topic: str | None = None
    correlation: bytes | None = None


@dataclass(frozen=True, slots=True)
class Connected:
    """The broker accepted us: subscribe now. It speaks MQTT `protocol` (5 or 3.1.1) and wants at most `window`
    messages of QoS 1 unanswered."""

    protocol: str
    session_present: bool
    window: int


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection is gone, and with it every publication without a Published; the next attempt comes by itself."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """An attempt to connect failed; the next one comes by itself."""

    reason: str


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message. The broker learns that it arrived when the owner asks for the next event."""

    topic: str
    body: bytes
    retain: bool
    properties: Properties


@dataclass(frozen=True, slots=True)
class Published:
    """The broker's answer to the publication `mid` (at QoS 0: it was handed to the network)."""

    mid: int
    outcome: Outcome
    reason: str

    @property
    def ok(self) -> bool:
        """Whether the broker took it; for a message that must reach somebody see Outcome.NOBODY."""
        return self.outcome in (Outcome.TAKEN, Outcome.NOBODY)


Event = Connected | Disconnected | Refused | Arrived | Published
