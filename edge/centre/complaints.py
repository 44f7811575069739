"""What a centre finds wrong with what devices say: added up by cause, told in one line at most every SAY_SECONDS."""

from __future__ import annotations

import logging
import time
from collections import Counter

from edge.centre.clocks import AHEAD_SECONDS, ahead
from edge.centre.ledger import Fate
from edge.centre.store import Written

LOG = logging.getLogger("edge.centre")
SAY_SECONDS = 10.0
MOST = 5
"""Causes named in one line, the most frequent ones."""
LONGEST = 160
"""Characters of a topic or a cause in a line: a stranger may send 65,535."""


class Complaints:
    """Takes in what became of each batch; say() tells it when it is time."""

    def __init__(self) -> None:
        self._rejected = _Sum("messages rejected")
        self._lost = _Sum("messages told as lost")
        self._never_used = _Sum("numbers told as never used, no message is missing", level=logging.INFO)
        self._ahead = _Sum("messages from the future; set the clocks of these devices, or this machine's")

    def add(self, written: Written) -> None:
        """Takes in what was stored and what was not."""
        for rejected in written.rejected:
            self._rejected.add(rejected.reason, example=f"at last on {_short(repr(rejected.topic))}")
        for lost in written.lost:
            if lost.fate is not Fate.REJECTED:
                to = self._never_used if lost.fate is Fate.NEVER_USED else self._lost
                span = f"at last {lost.first} to {lost.last} of epoch {lost.series.epoch}"
                to.add(f"{lost.series.node}: {lost.reason!r}", lost.size, example=span)
        now = time.time()
        for message in written.stored:
            if (seconds := ahead(message.event, now=now)) > AHEAD_SECONDS:
                self._ahead.add(message.node, example=f"at last by {seconds:.0f} s")

    def say(self) -> None:
        """Tells what is due."""
        now = time.monotonic()
        for each in (self._rejected, self._lost, self._never_used, self._ahead):
            each.say(now)


class _Sum:
    """One sort of line: how much of it for which cause, with the last example."""

    def __init__(self, what: str, *, level: int = logging.WARNING) -> None:
        self._what, self._level = what, level
        self._numbers: Counter[str] = Counter()
        self._examples: dict[str, str] = {}
        self._said = float("-inf")

    def add(self, cause: str, number: int = 1, *, example: str) -> None:
        cause = _short(cause)
        self._numbers[cause] += number
        self._examples[cause] = example

    def say(self, now: float) -> None:
        if not self._numbers or now - self._said < SAY_SECONDS:
            return
        parts = [f"{cause} ({number}, {self._examples[cause]})" for cause, number in self._numbers.most_common(MOST)]
        parts += [f"and {len(self._numbers) - MOST} other causes"] if len(self._numbers) > MOST else []
        LOG.log(self._level, "%d %s: %s", self._numbers.total(), self._what, "; ".join(parts))
        self._numbers.clear()
        self._examples.clear()
        self._said = now


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
