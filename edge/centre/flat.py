"""What a centre has stored as flat tables: one row for each thing that was counted, without the nesting of messages.

Columns are the contract's fields; where it has none there is nothing, for absent is not zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from operator import itemgetter
from typing import Any

from edge.centre.hours import hours
from edge.centre.records import Body, Records
from edge.dataflow import CLASSES
from edge.events import utc

Row = tuple[Any, ...]
TEXT, WHOLE, REAL, MOMENT = "text", "whole", "real", "moment"
PLACE = {"node": TEXT, "camera": TEXT, "rule": TEXT}
KEY = {**PLACE, "start": MOMENT, "seconds": REAL}
REST = {"coverage": REAL, "flags": TEXT}
STAMP = {"epoch": TEXT, "seq": WHOLE}
COLUMNS = {
    "flow": {**KEY, "class": TEXT, "direction": WHOLE, "count": WHOLE, "pcu": REAL, "speed_kmh": REAL,
             "headway_s": REAL, "occupancy": REAL, "walk_min_m": REAL, **REST},
    "zone": {**KEY, "class": TEXT, "mean": REAL, "max": WHOLE, "last": WHOLE, "density_m2": REAL, "entered": WHOLE,
             "left": WHOLE, "dwell_mean_s": REAL, "dwell_p95_s": REAL, "level": WHOLE, **REST},
    "turn": {**KEY, "entry": TEXT, "exit": TEXT, "class": TEXT, "count": WHOLE, "unmatched": REAL, **REST},
    "queue": {**KEY, "vehicles_mean": REAL, "vehicles_max": REAL, "metres_mean": REAL, "metres_max": REAL,
              "wait_s": REAL, **REST},
    "hours": {**PLACE, "start": MOMENT, "direction": WHOLE, "volume": WHOLE, "pcu": REAL, "largest_15_min": WHOLE,
              "phf": REAL, "coverage": REAL},
    "crossings": {**PLACE, "at": MOMENT, "class": TEXT, "direction": WHOLE, **STAMP},
    "alarms": {**PLACE, "at": MOMENT, "alarm": TEXT, "kind": TEXT, "state": TEXT, "level": WHOLE, "value": REAL,
               "limit": REAL, "clears_below": REAL, "since": MOMENT, **STAMP},
    "gaps": {"node": TEXT, "epoch": TEXT, "first": WHOLE, "last": WHOLE, "numbers": WHOLE, "fate": TEXT,
             "reason": TEXT, "told": MOMENT},
}  # fmt: skip
"""The columns of each table and what they hold. `flags` are separated by spaces."""
MISSING = "missing"


def rows(table: str, records: Records, *, since: str = "") -> Iterator[Row]:
    """The rows of a table, of what is from `since` (RFC 3339) on."""
    match table:
        case "crossings":
            return _crossings(records, since)
        case "alarms":
            return _alarms(records, since)
        case "gaps":
            return _gaps(records, since)
        case "hours":
            return hours(records, since=since)
    return _intervals(table, records, since)


def _intervals(kind: str, records: Records, since: str) -> Iterator[Row]:
    """An interval in which nothing was looked at is one row without a class."""
    cells: dict[str, Callable[[Body], list[Row]]] = {"flow": _flow, "zone": _zone, "turn": _turn, "queue": _queue}
    width = len(COLUMNS[kind]) - len(KEY) - len(REST)
    for message in chain.from_iterable(records.pages(kind, since=since)):
        body = message.body
        key = (message.node, message.camera, message.rule, message.start, message.seconds)
        rest = (body["coverage"], " ".join(body.get("flags", ())))
        for each in cells[kind](body) or [(None,) * width]:
            yield (*key, *each, *rest)


def _flow(body: Body) -> list[Row]:
    """One row for each class and direction, and one for each direction with what holds for all of its vehicles; a
    speed or headway of 0 is none that was measured."""
    counts, walk = body.get("count", {}), body.get("walk_min_m", (None, None))
    found: list[Row] = [
        (name, way, int(number), None, None, None, None, walk[way] if name == CLASSES[0] else None)
        for name, pair in counts.items()
        for way, number in enumerate(pair)
    ]
    pcu, speed, headway = (body.get(name) or (None, None) for name in ("pcu", "speed_kmh", "headway_s"))
    for way in (0, 1):
        whole = (pcu[way], speed[way] or None, headway[way] or None, body.get("occupancy"))
        if any(value is not None for value in whole):
            found.append((None, way, None, *whole, None))
    return found


def _zone(body: Body) -> list[Row]:
    """One row for each class; what is told of people, and the level of the zone's alarm, in that of people."""
    people = {CLASSES[0]: body["people"]} if "people" in body else {}
    dwell = body.get("dwell_s", {})
    told = (body.get("density_m2"), body.get("entered"), body.get("left"), dwell.get("mean"), dwell.get("p95"))
    own = (*told, body.get("level"))
    return [
        (name, level["mean"], int(level["max"]), int(level["last"]), *(own if name in people else (None,) * len(own)))
        for name, level in (people | body.get("vehicles", {})).items()
    ]


def _turn(body: Body) -> list[Row]:
    """One row for each entry, exit and class; the share that was not seen to leave in all of them."""
    unmatched = body.get("unmatched")
    found: list[Row] = [
        (*way.partition(">")[::2], name, int(number), unmatched)
        for way, counts in body.get("moves", {}).items()
        for name, number in counts.items()
    ]
    return found or [(None, None, None, None, unmatched)]


def _queue(body: Body) -> list[Row]:
    parts = [body.get(name, {}).get(each) for name in ("vehicles", "metres") for each in ("mean", "max")]
    return [(*parts, body.get("wait_s"))]


def _crossings(records: Records, since: str) -> Iterator[Row]:
    for each in chain.from_iterable(records.crossing_pages(since=since)):
        yield (each.node, each.camera, each.line, each.at, each.kind, each.direction, each.stamp.epoch, each.stamp.seq)


def _alarms(records: Records, since: str) -> Iterator[Row]:
    for node, body in chain.from_iterable(records.alarm_pages(since=since)):
        yield (node, *(body.get(name) for name in list(COLUMNS["alarms"])[1:]))


def _gaps(records: Records, since: str) -> Iterator[Row]:
    """Ranges of numbers under which nothing is stored: those told as lost or never used, those rejected, and those
    that are still asked for, which no moment was told for."""
    told = [
        (each.series.node, each.series.epoch, each.first, each.last, each.size, each.fate.value, each.reason, moment)
        for each in records.lost()
        if (moment := utc(each.told, millis=True)) >= since
    ]
    missing = [
        (series.node, series.epoch, first, last, last - first + 1, MISSING, None, None)
        for series, ranges in records.holes().items()
        for first, last in ranges
    ]
    yield from sorted([*told, *missing], key=itemgetter(0, 1, 2))
