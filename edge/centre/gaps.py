"""When to ask a device for missing numbers: soon after a hole is seen, then ever more seldom while nothing comes."""

from __future__ import annotations

from dataclasses import dataclass

from edge.centre.ledger import Series
from edge.centre.ranges import Ranges, size

FIRST_SECONDS = 5.0
"""How old a hole must be: messages overtake each other for a moment."""
MOST_SECONDS = 600.0
RANGES_AT_ONCE = 10
"""Holes asked for at once, the lowest numbers first."""


@dataclass(slots=True)
class _Wait:
    holes: Ranges
    due: float
    pause: float = FIRST_SECONDS


class Gaps:
    """The holes of every series and the moments to ask for them; times in seconds of one clock that never jumps."""

    def __init__(self) -> None:
        self._waits: dict[Series, _Wait] = {}

    @property
    def missing(self) -> int:
        """How many numbers are missing."""
        return sum(size(wait.holes) for wait in self._waits.values())

    def seen(self, series: Series, holes: Ranges, *, now: float) -> None:
        """Tells what is missing now; while it becomes less, the device is answering and is not asked again."""
        wait = self._waits.get(series)
        if not holes:
            self._waits.pop(series, None)
        elif wait is None or size(holes) < size(wait.holes):
            self._waits[series] = _Wait(holes, now + FIRST_SECONDS)
        else:
            wait.holes = holes

    def back(self, node: str, *, now: float) -> None:
        """Tells that a device has come back, so that it is asked soon."""
        for series, wait in self._waits.items():
            if series.node == node:
                self._waits[series] = _Wait(wait.holes, now + FIRST_SECONDS)

    def due(self, *, now: float) -> list[tuple[Series, Ranges]]:
        """What to ask for now; the next time for the same comes after a pause twice as long."""
        asked = []
        for series, wait in self._waits.items():
            if wait.due <= now:
                asked.append((series, wait.holes[:RANGES_AT_ONCE]))
                wait.due = now + wait.pause
                wait.pause = min(wait.pause * 2, MOST_SECONDS)
        return asked
