"""What the centre says that it has stored: that is let go of, and what it does not store is sent again."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection

from edge import events
from edge.dataflow import Stamp
from edge.mqtt.pacing import Confirmation
from edge.store.outbox import AGAIN_MOST, Outbox

LOG = logging.getLogger("edge.publisher")
UNCONFIRMED_MOST = 2000
"""Late messages that may be without the centre's confirmation, where it confirms: a city comes back at the pace of its
centre and does not fill its broker."""


class Confirmations:
    """Keeps the outbox to what the centre has not on its disk yet."""

    def __init__(self, outbox: Outbox, *, standstill_seconds: float) -> None:
        self._outbox = outbox
        self._pace = Confirmation(first_pause=standstill_seconds)

    @property
    def heard(self) -> bool:
        """Whether a centre has confirmed anything."""
        return self._pace.stored is not None

    @property
    def far_behind(self) -> bool:
        """Whether the centre has so much to store that late messages wait for it."""
        return self.heard and self._outbox.unconfirmed(limit=UNCONFIRMED_MOST) >= UNCONFIRMED_MOST

    def delay(self) -> None:
        """Gives the centre time: it had no chance yet."""
        self._pace.delay(time.monotonic())

    def taken(self, stamps: Collection[Stamp]) -> None:
        """Notes that the broker took messages."""
        self._outbox.acknowledged(stamps)
        self._pace.sent(max(stamp.seq for stamp in stamps), now=time.monotonic())

    def stored(self, centre: str, body: bytes) -> bool:
        """Lets go of what the centre has on its disk; whether its word counts."""
        try:
            stored = events.Stored.model_validate_json(body)
        except ValueError:
            LOG.warning("centre %s: its confirmation is not understood: %.80r", centre, body)
            return False
        last = self._outbox.last
        if stored.epoch != last.epoch:
            return False  # of numbers that this device no longer has
        if stored.seq > last.seq:
            LOG.error("centre %s: confirms %d of %d messages, not believed", centre, stored.seq, last.seq)
            return False
        stamp = Stamp(stored.epoch, stored.seq)
        self._outbox.confirmed(stamp)
        self._pace.confirmed(stamp, out=self._outbox.taken_after(stamp), now=time.monotonic())
        return True

    def send_again_if_standing(self) -> bool:
        """Lets what the centre has not confirmed go again where its word stands still; whether it did."""
        stored = self._pace.standing(time.monotonic())
        if stored is None:
            return False
        if not self._outbox.taken_after(stored):
            self._pace.idle()
            return False
        last = min(self._outbox.last.seq, stored.seq + AGAIN_MOST)
        again = self._outbox.send_again(stored.epoch, first=stored.seq + 1, last=last)
        LOG.warning("the centre's confirmation stands still at %d: sending %d messages again", stored.seq, again)
        return True
