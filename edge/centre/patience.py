"""Waiting for a database that is away: longer each time, and a word about it at most every SAY_SECONDS."""

from __future__ import annotations

import logging
import random
import threading
import time

from edge.centre.database import AwayError

LOG = logging.getLogger("edge.centre")
FIRST_SECONDS = 0.5
MOST_SECONDS = 10.0
SAY_SECONDS = 10.0


class Patience:
    """One spell of waiting; the pauses double from FIRST_SECONDS to MOST_SECONDS, give or take a quarter."""

    def __init__(self) -> None:
        self._pause = FIRST_SECONDS
        self._said = float("-inf")

    def wait(self, error: AwayError, stop: threading.Event) -> bool:
        """Says why and waits; False where `stop` was set meanwhile."""
        if time.monotonic() - self._said >= SAY_SECONDS:
            LOG.warning("%s (trying again)", error)
            self._said = time.monotonic()
        pause = self._pause * random.uniform(0.75, 1.25)  # noqa: S311 - no secret
        self._pause = min(self._pause * 2, MOST_SECONDS)
        return not stop.wait(pause)
