"""Cameras whose process says nothing, told by the one process that still does."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable

from edge.store.outbox import Outbox

SILENT_SECONDS = 180.0
"""A camera's process tells how it does each minute: this is three times missed."""
LOOK_SECONDS = 10.0


class Silence:
    """Listens for the `cameras` that should run. Time is that since it began to listen, for the wall clock may be set;
    a camera whose state is `config` says itself why it does not run."""

    def __init__(
        self, outbox: Outbox, cameras: Callable[[], Iterable[str]], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._outbox, self._cameras, self._clock = outbox, cameras, clock
        self._heard: dict[str, tuple[frozenset[tuple[str, str, int]], float]] = {}
        """What each camera told last (of each kind and rule the version), and since when nothing else."""
        self._looks_at, self._fault = float("-inf"), ""

    def fault(self) -> str:
        """Which cameras say nothing; empty where all do."""
        now = self._clock()
        if now >= self._looks_at:
            self._looks_at = now + LOOK_SECONDS
            silent = ", ".join(sorted(self._silent(now)))
            self._fault = f"the process of {silent} says nothing; look at its log" if silent else ""
        return self._fault

    def _silent(self, now: float) -> list[str]:
        told = self._outbox.announcements()
        refused = {each.camera for each in told if each.kind == "status" and _state(each.body) == "config"}
        there = set(self._cameras()) - refused
        for name in there:
            last = frozenset((each.kind, each.rule, each.version) for each in told if each.camera == name)
            if name not in self._heard or self._heard[name][0] != last:
                self._heard[name] = last, now
        self._heard = {name: heard for name, heard in self._heard.items() if name in there}
        return [name for name, (_, at) in self._heard.items() if now - at >= SILENT_SECONDS]


def _state(body: bytes) -> str:
    return str(json.loads(body)["state"]) if body else ""
