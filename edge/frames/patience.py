"""How long to wait for a camera, and how long to leave it alone after it failed."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass

BACKOFF_SECONDS = {
    "auth": (60.0, 900.0),  # cameras lock an account after five wrong logins within half an hour or less
    "busy": (20.0, 60.0),
    "notfound": (30.0, 60.0, 120.0, 240.0, 300.0),
    "codec": (60.0, 120.0, 240.0, 480.0, 900.0),
    "novideo": (60.0, 120.0, 240.0, 480.0, 900.0),
}
"""The waits by the reason of a SourceError, one after the other; the last one stays."""

USUAL_BACKOFF_SECONDS = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)

LENDS = 2
"""How many refusals of a login that worked before pass for too many viewers, before it counts as wrong."""

SHAKY = 3
"""So many connections lost, and the next one is called unsteady."""
JITTER = 0.25
"""Share by which a wait is lengthened at random, so that many cameras do not come back as one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Limits in seconds: `connect` for an answer and a first packet; `silence` without a picture until the stream
    counts as lost; `key` with packets but no key frame yet; `heal` for a damaged picture to leave the stream where
    no key frame clears it; `stuck` inside the library until the process is better restarted; `steady` of good
    pictures until earlier failures are forgotten."""

    connect: float = 10.0
    silence: float = 10.0
    key: float = 30.0
    heal: float = 4.0
    stuck: float = 60.0
    steady: float = 30.0


class Backoff:
    """The waits between attempts on one connection."""

    def __init__(self) -> None:
        self._failures: Counter[str] = Counter()

    def after(self, reason: str) -> float:
        """Seconds to wait after one more failure for that reason."""
        waits = BACKOFF_SECONDS.get(reason, USUAL_BACKOFF_SECONDS)
        wait = waits[min(self._failures[reason], len(waits) - 1)]
        self._failures[reason] += 1
        return wait * random.uniform(1, 1 + JITTER)  # noqa: S311  # jitter, no secret

    def forget(self) -> None:
        """The stream ran well: start from the first wait again."""
        self._failures.clear()


class Pace:
    """Which pictures to take so that they come evenly at a rate from a stream of any other."""

    def __init__(self, rate: float) -> None:
        self._period = 1 / rate
        self._due = float("-inf")

    def is_due(self, seconds: float) -> bool:
        """Whether the picture taken at `seconds` fills the next slot; a quarter early will do, for jitter."""
        return seconds >= self._due - self._period / 4

    def take(self, seconds: float) -> None:
        """That picture fills it. Slots missed are not made up for."""
        self._due = max(self._due + self._period, seconds + self._period / 2)
