"""How a camera's analysis runs, gathered over a minute."""

from __future__ import annotations

import statistics
import time

from edge import events

MINUTE = 60.0


class HealthLog:
    """The ages and durations of one minute's analysed pictures."""

    def __init__(self, camera: str, *, now: float) -> None:
        self._camera = camera
        self._began = now
        self._ages: list[float] = []
        self._times: list[float] = []

    def analysed(self, *, age: float, took: float) -> None:
        """Notes one picture: seconds from the camera's picture to the end of its analysis, and of the analysis."""
        self._ages.append(age)
        self._times.append(took)

    def due(self, now: float) -> events.Health | None:
        """The message of the last minute once it is over, without the numbers of the connection; begins anew.
        `now` is on the steady clock."""
        seconds = now - self._began
        if seconds < MINUTE:
            return None
        health = events.Health(
            camera=self._camera,
            at=events.utc(time.time()),
            rate_hz=round(len(self._times) / seconds, 2),
            age_p95_ms=_milliseconds(sorted(self._ages)[int(0.95 * len(self._ages))]) if self._ages else None,
            inference_ms=_milliseconds(statistics.median(self._times)) if self._times else None,
        )
        self._began, self._ages, self._times = now, [], []
        return health


def _milliseconds(seconds: float) -> float:
    return round(max(0.0, seconds) * 1000, 1)
