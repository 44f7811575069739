"""From the steady clock to the labels of the wall clock, through everything that is done to the latter."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace

from edge.clock import Clock
from edge.dataflow import Instant

STEP_SECONDS = 2.0
"""From here on a difference between the wall clock and the steady one is a step. A slewed or smeared clock has none at
all, for the kernel slews both alike; a leap second has one."""
NOISE_SECONDS = 0.1
"""Below this it is the time that passed between looking at the two."""


@dataclass(frozen=True, slots=True)
class Era:
    """A stretch of time in which the wall clock was not set: since `began`, seconds from the start of the machine
    `boot`, it has been `offset` ahead of them; `known` where that is the right time."""

    boot: str
    began: float
    offset: float
    known: bool

    @classmethod
    def parse(cls, text: str) -> Era:
        """What to_json gave."""
        return cls(**json.loads(text))

    def to_json(self) -> str:
        """For the journal."""
        return json.dumps(asdict(self))


class Timeline:
    """Follows the wall clock. `era` is the present one, which `before`, that of the process before this one, may have
    been already."""

    def __init__(self, clock: Clock, now: Instant, *, before: Era | None = None) -> None:
        self._clock = clock
        self._ahead = now.utc - now.seconds
        self.era = self._new(now)
        if before and before.boot == clock.boot and abs(before.offset - self.era.offset) <= STEP_SECONDS:
            self.era = before
            self.look(now)

    def look(self, now: Instant) -> bool:
        """Takes in what the clocks say now; whether the wall clock was set since the last look."""
        fresh = self._new(now)
        difference = fresh.offset - self.era.offset
        stepped = abs(difference) > STEP_SECONDS
        if stepped:
            self.era = fresh
        elif abs(difference) > NOISE_SECONDS:
            self.era = replace(self.era, offset=fresh.offset)
        if not self.era.known and self._clock.synchronised():
            self.era = replace(self.era, known=True)
        self._ahead = self.era.offset + self._clock.slept()
        return stepped

    def label(self, at: Instant) -> Instant:
        """The same moment with the label that it has in the era as it was looked at last: its own, where that is it."""
        utc = at.seconds + self._ahead
        return at if abs(at.utc - utc) <= NOISE_SECONDS else Instant(at.seconds, utc)

    def given_up(self, now: Instant) -> bool:
        """Whether the time was waited for long enough."""
        return now.seconds + self._clock.slept() - self.era.began >= self._clock.patience

    def _new(self, now: Instant) -> Era:
        since_boot = now.seconds + self._clock.slept()
        return Era(self._clock.boot, since_boot, now.utc - since_boot, self._clock.synchronised() is not False)
