"""Which MQTT to speak with a broker: 5, unless it is the broker itself that refuses it."""

from __future__ import annotations

import time
from enum import Enum

from edge.mqtt.faults import Cause, Fault

OLD_VERSION_SECONDS = 6 * 3600.0
"""How long a broker that refused MQTT 5 in so many words is taken for one that speaks 3.1.1 only."""
_ANSWERS = (Cause.VERSION, Cause.IDENTITY, Cause.BUSY, Cause.REFUSED)


class Attempt(Enum):
    """How the next attempt is made.

    A broker that hangs up on MQTT 5 does not know it, or is away behind a port that takes every connection. So a PROBE
    asks in 3.1.1; where that is answered, FIVE_AGAIN must be hung up on once more before OLD begins.
    """

    FIVE = "5"
    PROBE = "3.1.1, ended as soon as it is answered"
    FIVE_AGAIN = "5, of which 3.1.1 is known to be answered"
    OLD = "3.1.1"

    @property
    def five(self) -> bool:
        """Whether this is MQTT 5."""
        return self in (Attempt.FIVE, Attempt.FIVE_AGAIN)


class Version:
    """What is known of the broker; `next` is the attempt that this leads to."""

    def __init__(self) -> None:
        self.next = Attempt.FIVE
        self._refused_at: float | None = None

    def learn(self, fault: Fault, *, stood: float) -> bool:
        """Takes in how the attempt ended; whether 3.1.1 is known to help, so that there is nothing to wait for."""
        tried, silent = self.next, fault.cause is Cause.SILENT
        if fault.cause is Cause.VERSION and tried is not Attempt.PROBE:
            self._refused_at = time.monotonic() if tried.five else None
            self.next = Attempt.OLD if tried.five else Attempt.FIVE
        elif tried is Attempt.FIVE:
            self.next = Attempt.PROBE if silent else Attempt.FIVE
        elif tried is Attempt.PROBE:
            self.next = Attempt.FIVE_AGAIN if fault.cause in _ANSWERS else Attempt.FIVE
        elif tried is Attempt.FIVE_AGAIN:
            worked = stood or fault.cause in _ANSWERS
            self.next = Attempt.OLD if silent else Attempt.FIVE if worked else Attempt.FIVE_AGAIN
        else:
            self.next = self._after_old(stood=stood, silent=silent)
        return tried is Attempt.FIVE_AGAIN and silent

    def _after_old(self, *, stood: float, silent: bool) -> Attempt:
        """5 is tried anew after each connection, where it was not refused in so many words."""
        if self._refused_at is not None:
            recent = time.monotonic() - self._refused_at < OLD_VERSION_SECONDS
            return Attempt.OLD if recent else Attempt.FIVE
        return Attempt.FIVE_AGAIN if stood else Attempt.FIVE if silent else Attempt.OLD
