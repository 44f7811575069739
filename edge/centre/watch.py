"""What concerns the whole store and is done by one of all instances: what is missing, and what must be told again."""

from __future__ import annotations

import contextlib
import secrets

from edge.centre.database import AwayError
from edge.centre.gaps import Gaps
from edge.centre.ledger import Complete, Standing
from edge.centre.ranges import minus
from edge.centre.store import Store

LOOK_SECONDS = 1.0
LEASE_SECONDS = 10.0
"""How long after its last look an instance that died is still taken for the leading one."""
LEASE = "lead"


class Watch:
    """Looks at the store once a LOOK_SECONDS while it leads; alone it always does, of several one.

    What several instances commit arrives out of order, so only what two looks agree on is missing or told.
    """

    def __init__(self, store: Store, *, shared: bool) -> None:
        self.gaps = Gaps()
        self.leading = not shared
        self._store, self._shared = store, shared
        self._holder = secrets.token_hex(8)
        self._before = Standing({}, {})
        self._told: Complete = {}
        self._next = 0.0

    def told(self, complete: Complete) -> None:
        """Takes note of what was confirmed, and need not be again."""
        self._told.update(complete)

    def again(self) -> None:
        """Lets everything be told anew."""
        self._told.clear()
        self._next = 0.0

    def look(self, *, now: float) -> Complete:
        """What must be told, where it is time to look and this instance leads; `now` on a clock that never jumps."""
        if now < self._next:
            return {}
        self._next = now + LOOK_SECONDS
        try:
            if self._shared:
                self.leading = self._store.lead(LEASE, holder=self._holder, seconds=LEASE_SECONDS)
            if self.leading:
                return self._news(self._store.standing(), now)
        except AwayError:  # the next batch waits for it and says so
            return {}
        self.gaps, self._before = Gaps(), Standing({}, {})  # another one's, now
        return {}

    def close(self) -> None:
        """Lets another instance lead at once."""
        if self._shared and self.leading:
            with contextlib.suppress(AwayError):
                self._store.lead(LEASE, holder=self._holder, seconds=0)

    def _news(self, standing: Standing, now: float) -> Complete:
        before, self._before = self._before, standing
        for series in before.holes.keys() | standing.holes.keys():
            earlier, holes = before.holes.get(series, ()), standing.holes.get(series, ())
            self.gaps.seen(series, minus(holes, minus(holes, earlier)), now=now)
        news = {
            node: stamps
            for node, stamps in standing.complete.items()
            if self._told.get(node) != stamps and (not self._shared or before.complete.get(node) == stamps)
        }
        self.told(news)
        return news
