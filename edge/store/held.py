"""Intervals whose time is not known yet: counted, closed and without a number until it is."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict, dataclass

from edge.dataflow import Period

Counts = dict[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Held:
    """An interval with its label of a clock that could not be believed: `offset` ahead of the seconds since the start
    of the machine `boot`; `counts` by class; `id` is its place in the store."""

    id: int
    boot: str
    offset: float
    period: Period
    counts: Counts


def put_held(
    db: sqlite3.Connection, camera: str, period: Period, counts: Counts, *, since_boot: tuple[str, float]
) -> None:
    """Keeps an interval; `since_boot` is its boot and offset. Within a transaction of the caller."""
    body = json.dumps({"period": {**asdict(period), "flags": sorted(period.flags)}, "counts": counts})
    db.execute("INSERT INTO held (camera, boot, offset, body) VALUES (?, ?, ?, ?)", (camera, *since_boot, body))


def as_held(row: tuple[int, str, float, str]) -> Held:
    """Of id, boot, offset and body as put_held wrote them."""
    body = json.loads(row[3])
    fields = body["period"]
    numbers = tuple((name, value) for name, value in fields["numbers"])
    period = Period(**{**fields, "flags": frozenset(fields["flags"]), "numbers": numbers})
    return Held(*row[:3], period, {kind: (a, b) for kind, (a, b) in body["counts"].items()})
