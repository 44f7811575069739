"""How much of a video was really analysed."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from edge.measurements.periods import BRIDGED_SECONDS


@dataclass(slots=True)
class Watched:
    """The `seconds` of a video, looked at `rate` times a second, and those of them that were `analysed`, by the rule of
    the intervals: the time since the picture before, where tracks bridge it."""

    rate: float
    seconds: float = 0.0
    analysed: float = 0.0
    _last: float = field(default=-math.inf, init=False)

    def picture(self, at: float, *, analysed: bool) -> None:
        """The next picture, at so many seconds of the video, and whether it was analysed."""
        if analysed:
            gap = at - self._last
            self.analysed += gap if gap <= BRIDGED_SECONDS else min(at, 1 / self.rate)
            self._last = at
        self.seconds = at

    @property
    def coverage(self) -> float:
        """The share of the video that was analysed, 0 to 1."""
        return min(1.0, self.analysed / self.seconds) if self.seconds else 0.0
