"""Clock hours of traffic over a line, with the peak-hour factor.

PHF = V / (4 x V15), the volume of an hour over four times that of its busiest quarter (Highway Capacity Manual, TRB):
1 is even traffic, 0.25 all of it in one quarter. Quarters begin at :00, :15, :30 and :45. Volumes are vehicles, thus
all classes but pedestrians, as they were counted: nothing is scaled up. Hours are those of UTC: no daylight saving time
takes one away or has one twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, groupby
from typing import Any

from edge.centre.records import Message, Records
from edge.dataflow import CLASSES
from edge.events import utc

HOUR, QUARTER = 3600, 900
ON_FOOT = CLASSES[0]


@dataclass(slots=True)
class _Quarter:
    """15 minutes: the `seconds` of intervals that lie within it and were looked at, and the vehicles in them."""

    seconds: float = 0.0
    volume: int = 0


@dataclass(slots=True)
class _Hour:
    """One hour of one line, one way."""

    volume: int | None = None
    pcu: float | None = None
    watched: float = 0.0
    quarters: list[_Quarter] = field(default_factory=lambda: [_Quarter() for _ in range(HOUR // QUARTER)])

    def add(self, flow: Message, way: int, *, start: float) -> None:
        """Takes in an interval that begins `start` seconds after the hour."""
        count = flow.body.get("count")
        self.watched += flow.body["coverage"] * flow.seconds
        if count is None:
            return
        volume = sum(int(pair[way]) for name, pair in count.items() if name != ON_FOOT)
        self.volume = (self.volume or 0) + volume
        if "pcu" in flow.body:
            self.pcu = (self.pcu or 0.0) + flow.body["pcu"][way]
        number = int(start // QUARTER)
        known = flow.body["coverage"] > 0 and "clock" not in flow.body.get("flags", ())
        if known and start + flow.seconds <= (number + 1) * QUARTER + 0.01:
            self.quarters[number].seconds += flow.seconds
            self.quarters[number].volume += volume

    @property
    def largest(self) -> int | None:
        """Vehicles in the busiest quarter; None where an interval is missing, was not looked at at all, is of a clock
        that was wrong or lies in two quarters, for then it is not known which one it was."""
        if any(each.seconds < QUARTER - 0.01 for each in self.quarters):
            return None
        return max(each.volume for each in self.quarters)


def hours(records: Records, *, since: str = "") -> Iterator[tuple[Any, ...]]:
    """A row for each hour from `since` (RFC 3339) on, line and direction in which there was an interval: node, camera,
    rule, start, direction, volume, pcu, largest_15_min, phf, coverage."""
    begin = utc(-(-datetime.fromisoformat(since).timestamp() // HOUR) * HOUR) if since else ""
    flows = chain.from_iterable(records.pages("flow", since=begin))
    for hour, within in groupby(flows, key=lambda flow: _seconds(flow) // HOUR * HOUR):
        yield from _of_hour(hour, within)


def _of_hour(hour: float, flows: Iterable[Message]) -> Iterator[tuple[Any, ...]]:
    found: dict[tuple[str, str, str, int], _Hour] = {}
    for flow in flows:
        for way in (0, 1):
            one = found.setdefault((flow.node, flow.camera, flow.rule, way), _Hour())
            one.add(flow, way, start=_seconds(flow) - hour)
    for (node, camera, rule, way), one in sorted(found.items()):
        largest = one.largest
        phf = round(one.volume / (4 * largest), 3) if one.volume and largest else None
        pcu = None if one.pcu is None else round(one.pcu, 1)
        coverage = round(min(1.0, one.watched / HOUR), 3)
        yield node, camera, rule, utc(hour), way, one.volume, pcu, largest, phf, coverage


def _seconds(flow: Message) -> float:
    return datetime.fromisoformat(flow.start).timestamp()
