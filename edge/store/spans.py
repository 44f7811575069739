"""The stretches of the calendar that a rule has told intervals of: no two of them overlap, whatever the clock does."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from itertools import pairwise

SPANS = 8
"""How many stretches apart are remembered; of more the two that are closest count as one with the time between."""
LEAST_SECONDS = 1.0
"""The length of an interval for which there is no room where it belongs."""


@dataclass(frozen=True, slots=True)
class Spans:
    """Stretches (start, end) in Unix seconds, in order, apart from each other."""

    taken: tuple[tuple[float, float], ...] = ()

    def free(self, start: float, end: float) -> tuple[float, float]:
        """The longest part of the interval that is free; where there is none, the least that an interval may be, at
        the first moment after its start that is free for so long."""
        parts, at = [], start
        for begin, until in self.taken:
            parts.append((at, min(begin, end)))
            at = max(at, until)
        longest = max([*parts, (at, end)], key=lambda part: part[1] - part[0])
        if longest[1] - longest[0] >= LEAST_SECONDS:
            return longest
        for begin, until in self.taken:
            if begin < start + LEAST_SECONDS and start < until:
                start = until
        return start, start + LEAST_SECONDS

    def add(self, start: float, end: float) -> Spans:
        """These and another one, which touches none of them but at its ends. The time just before and after it stays
        free as long as it can: there the clock goes on, or comes back to."""
        joined: list[tuple[float, float]] = []
        for begin, until in sorted((*self.taken, (start, end))):
            if joined and begin <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(until, joined[-1][1]))
            else:
                joined.append((begin, until))
        while len(joined) > SPANS:
            gaps = [(b[0] - a[1], i) for i, (a, b) in enumerate(pairwise(joined)) if not a[0] <= start < b[1]]
            _, least = min(gaps)
            joined[least : least + 2] = [(joined[least][0], joined[least + 1][1])]
        return Spans(tuple(joined))


def read_spans(db: sqlite3.Connection, camera: str, rule: str) -> Spans:
    """What a rule has told. Within a transaction of the caller."""
    row = db.execute("SELECT spans FROM told WHERE camera = ? AND rule = ?", (camera, rule)).fetchone()
    return Spans(tuple((begin, until) for begin, until in json.loads(row[0]))) if row else Spans()


def write_spans(db: sqlite3.Connection, camera: str, rule: str, spans: Spans) -> None:
    """Keeps what a rule has told. Within a transaction of the caller."""
    text = json.dumps(spans.taken, separators=(",", ":"))
    db.execute("INSERT OR REPLACE INTO told VALUES (?, ?, ?)", (camera, rule, text))
