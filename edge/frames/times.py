"""When a live picture was taken, on this machine's monotonic clock."""

from __future__ import annotations

from collections import deque

import av

from edge.dataflow import Instant

JUMP_SECONDS = 1.0
"""A picture that comes so much earlier by its time than any of the last two trials: the stream's time has jumped."""

LATE_SECONDS = 3.0
"""What comes later than this is not believed to be late."""

DRIFT = 0.03
"""How much faster or slower than ours a stream's clock may run and still be believed: a hundred times what a quartz
does, and little enough to smooth seconds of jitter."""

TRIAL_SECONDS = 5.0
"""How long a stream's clock is watched before it is held against the trial before, again and again."""

SANE_SECONDS = 10.0
"""How long a camera's clock must be sane before it is followed."""

STEP_SECONDS = 0.001
"""The least between two pictures, so that time never stands still."""

ODD, ODD_SECONDS, ODD_TRIALS = 3, 60.0, 4
"""So many odd times within so many seconds, or odd trials in a row: the stream's times are called wrong."""

LAG_SECONDS = 1.0
"""The longest that a picture can have been on its way; a camera's clock that says more, or less than none, is wrong."""

EARLY_SECONDS = 0.1
"""How far a right clock may be ahead of ours."""

SLEW = 0.05
"""By how many seconds a second the lag is followed, so that time never jumps."""


class Dating:
    """The moment at which each picture of one connection was taken."""

    def __init__(self, unit: float) -> None:
        """`unit` is a tick of the stream in seconds."""
        self._unit = unit
        self._stream, self._sender = StreamClock(), SenderClock()

    @property
    def wrong(self) -> bool:
        """Whether the stream's times are wrong, so that arrival counts."""
        return self._stream.wrong

    def of(self, picture: av.VideoFrame, *, zero: float | None, now: Instant) -> Instant:
        """When a picture that has arrived `now` was taken; `zero` is what the camera's clock said at second 0 of the
        stream. The lag moves both clocks alike: how they stand to each other is ours alone to say."""
        presented = None if picture.pts is None else picture.pts * self._unit
        seconds = self._stream.seconds(presented, arrived=now.seconds)
        utc = now.utc - (now.seconds - seconds)
        observed = None if presented is None or zero is None else utc - (presented + zero)
        lag = self._sender.lag(observed, at=seconds)
        return Instant(seconds - lag, utc - lag)


class SenderClock:
    """How long before it came in a picture was taken, by the camera's own clock where that is sane: for
    `SANE_SECONDS` never hours off, only behind ours by what a camera needs to encode and send."""

    def __init__(self) -> None:
        self._sane_since: float | None = None
        self._target = self._lag = 0.0
        self._at: float | None = None

    def lag(self, observed: float | None, *, at: float) -> float:
        """Seconds, 0 to LAG_SECONDS, changing by no more than SLEW; `observed` is how far the camera's clock has it
        before ours, None where it does not say; `at` in monotonic seconds, rising."""
        if observed is not None:
            sane = -EARLY_SECONDS <= observed <= LAG_SECONDS
            self._sane_since = (at if self._sane_since is None else self._sane_since) if sane else None
            trusted = self._sane_since is not None and at - self._sane_since >= SANE_SECONDS
            self._target = max(0.0, observed) if trusted else 0.0
        step = 0.0 if self._at is None else SLEW * (at - self._at)
        self._at = at
        self._lag += max(-step, min(step, self._target - self._lag))
        return self._lag


class StreamClock:
    """Turns presentation times into monotonic seconds, free of the network's jitter.

    A picture cannot arrive before it is taken, so the least of (arrival - presentation) is the best known offset
    between the clocks; later arrivals are delays. The offset gives way by `DRIFT`, to follow a slow camera clock.
    Presentation times that do not increase, or drift more than that, are ignored: arrival counts then. Drift is told
    by the least offset of one trial against that of the last, which a network that stands still does not change.
    """

    def __init__(self) -> None:
        self._offset: float | None = None
        self._presented: float | None = None
        self._arrived = 0.0
        self._last = float("-inf")
        self._trial: tuple[float, float] | None = None
        self._least_before: float | None = None
        self._believed = True
        self._failed_trials = 0
        self._odd: deque[float] = deque(maxlen=ODD)

    @property
    def wrong(self) -> bool:
        """Whether the stream's times are odd again and again: standing, jumping, or running at another speed."""
        often = len(self._odd) == ODD and self._arrived - self._odd[0] < ODD_SECONDS
        return often or self._failed_trials >= ODD_TRIALS

    def seconds(self, presented: float | None, *, arrived: float) -> float:
        """When the picture was taken: always more than the last answer, and no later than `arrived` but for
        `STEP_SECONDS`. `presented` in seconds of the stream, None where it has no time."""
        if presented is not None and self._leaps(presented, arrived):
            self._odd.append(arrived)
        if presented is None or (self._presented is not None and presented <= self._presented):
            self._forget(presented)
            estimate = arrived
        else:
            self._judge(arrived - presented, arrived)
            estimate = self._anchored(presented, arrived) if self._believed else arrived
            self._presented = presented
        self._arrived = arrived
        self._last = max(estimate, self._last + STEP_SECONDS)
        return self._last

    def _leaps(self, presented: float, arrived: float) -> bool:
        """Whether the stream's time stands, goes back, or jumps ahead of ours. The picture before a pause comes late,
        the one after it in time: that is no jump."""
        if self._presented is not None and presented <= self._presented:
            return True
        if self._trial is None:
            return False
        least = self._trial[0] if self._least_before is None else min(self._trial[0], self._least_before)
        return arrived - presented < least - JUMP_SECONDS

    def _anchored(self, presented: float, arrived: float) -> float:
        observed = arrived - presented
        if self._offset is None or observed - self._offset > LATE_SECONDS:
            self._offset = observed
        else:
            self._offset = min(self._offset + DRIFT * (arrived - self._arrived), observed)
        return presented + self._offset

    def _judge(self, observed: float, arrived: float) -> None:
        """Hold the least offset of each trial against that of the one before."""
        least, began = self._trial or (observed, arrived)
        elapsed = arrived - began
        if elapsed >= TRIAL_SECONDS:
            if self._least_before is not None:
                self._believed = abs(least - self._least_before) <= DRIFT * elapsed
                self._failed_trials = 0 if self._believed else self._failed_trials + 1
                self._offset = self._offset if self._believed else None
            self._least_before, least, began = least, observed, arrived
        self._trial = (min(least, observed), began)

    def _forget(self, presented: float | None) -> None:
        """Start afresh from a picture whose time is missing or goes back."""
        self._offset = self._trial = self._least_before = None
        self._presented = presented
