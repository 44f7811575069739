"""When a live picture was taken, on this machine's monotonic clock."""

from __future__ import annotations

JUMP_SECONDS = 1.0
"""Stream and arrival further apart than this: the stream's clock jumped, or the network stood still."""

DRIFT = 0.03
"""How much faster or slower than ours a stream's clock may run and still be believed: a hundred times what a quartz
does, and little enough to smooth seconds of jitter."""

TRIAL_SECONDS = 10.0
"""How long a stream's clock is watched before it is judged, again and again."""

STEP_SECONDS = 0.001
"""The least between two pictures, so that time never stands still."""


class StreamClock:
    """Turns presentation times into monotonic seconds, free of the network's jitter.

    A picture cannot arrive before it is taken, so the least of (arrival - presentation) is the best known offset
    between the clocks; later arrivals are delays. The offset gives way by `DRIFT`, to follow a slow camera clock.
    Presentation times that do not increase, or drift more than that, are ignored: arrival counts then.
    """

    def __init__(self) -> None:
        self._offset: float | None = None
        self._presented: float | None = None
        self._arrived = 0.0
        self._last = float("-inf")
        self._trial: tuple[float, float] | None = None
        self._believed = True

    def seconds(self, presented: float | None, *, arrived: float) -> float:
        """When the picture was taken: always more than the last answer, and no later than `arrived` but for
        `STEP_SECONDS`. `presented` in seconds of the stream, None where it has no time."""
        increases = presented is not None and (self._presented is None or presented > self._presented)
        if presented is None or not increases:
            self._forget(presented)
            estimate = arrived
        else:
            self._judge(presented, arrived)
            estimate = self._anchored(presented, arrived) if self._believed else arrived
            self._presented, self._arrived = presented, arrived
        self._last = max(estimate, self._last + STEP_SECONDS)
        return self._last

    def _anchored(self, presented: float, arrived: float) -> float:
        observed = arrived - presented
        if self._offset is None or observed - self._offset > JUMP_SECONDS:
            self._offset = observed
        else:
            self._offset = min(self._offset + DRIFT * (arrived - self._arrived), observed)
        return presented + self._offset

    def _judge(self, presented: float, arrived: float) -> None:
        """Compare how far both clocks came since the trial began."""
        if self._trial is None:
            self._trial = (presented, arrived)
        elapsed = arrived - self._trial[1]
        if elapsed >= TRIAL_SECONDS:
            self._believed = abs((presented - self._trial[0]) / elapsed - 1) <= DRIFT
            self._trial = (presented, arrived)
            self._offset = self._offset if self._believed else None

    def _forget(self, presented: float | None) -> None:
        """Start afresh from a picture whose time is missing or goes back."""
        self._offset = self._trial = None
        self._presented = presented
