"""Intervals, crossings and alarms -> the messages of the contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge.dataflow import CLASSES, Alarm, Crossing, Period, Stamp, Tally
from edge.events import AlarmChange, Cross, Flow, Interval, Level, QueueLength, Turns, ZoneCount, utc
from edge.measurements.crowd import counterflow, dwell_mean, dwell_p95, flow_min_m, rise_min


def interval(period: Period, tally: Tally, *, stamp: Stamp, camera: str, facts: Mapping[str, Any]) -> Interval:
    """The message of one interval; `facts` are those of the rule under which it was counted: the `classes`, `pcu` and
    `metres` of a line, the `area_m2` of a zone."""
    match period.kind:
        case "flow":
            return flow(period, tally, stamp=stamp, camera=camera, facts=facts)
        case "turn":
            return turn(period, stamp=stamp, camera=camera)
        case "queue":
            return queue(period, stamp=stamp, camera=camera)
    return zone(period, stamp=stamp, camera=camera, area_m2=facts.get("area_m2"))


def flow(period: Period, tally: Tally, *, stamp: Stamp, camera: str, facts: Mapping[str, Any]) -> Flow:
    """The message of one interval of a line: each of the `classes` counted there is named, real zeros too."""
    count: dict[str, tuple[int, int]] = {}
    if period.analysed > 0 or tally.counts:
        count = dict.fromkeys(facts["classes"], (0, 0)) | tally.counts
    fields: dict[str, Any] = {"count": count or None, "total": tally.totals}
    if count and (factors := facts.get("pcu")):
        fields["pcu"] = [round(sum(pair[d] * factors.get(kind, 0) for kind, pair in count.items()), 1) for d in (0, 1)]
    if period.analysed > 0:
        fields |= _traffic(period, count, facts.get("metres"))
    return Flow.model_validate(_head(period, stamp=stamp, camera=camera) | fields)


def _traffic(period: Period, count: Mapping[str, tuple[int, int]], metres: float | None) -> dict[str, Any]:
    numbers = dict(period.numbers)
    fields: dict[str, Any] = {
        "speed_kmh": _pair(numbers, "speeds", "slowness"),
        "headway_s": _pair(numbers, "headway", "headways"),
    }
    if "occupied.sum" in numbers and list(count) != ["pedestrian"]:
        fields["occupancy"] = round(min(1.0, numbers["occupied.sum"] / period.analysed), 3)
    if list(count) == ["pedestrian"]:
        fields |= _walking(count["pedestrian"], period.analysed, metres)
    return fields


def _walking(people: tuple[int, int], seconds: float, metres: float | None) -> dict[str, Any]:
    """What a line for pedestrians alone tells of their flow."""
    against = counterflow(*people)
    fields: dict[str, Any] = {"counterflow": None if against is None else round(against, 3)}
    if metres:
        fields["walk_min_m"] = [round(flow_min_m(number, seconds=seconds, width_m=metres), 2) for number in people]
    return fields


def _pair(numbers: Mapping[str, float], over: str, under: str) -> tuple[float, float] | None:
    """The quotient of two sums in both directions, 0 where there is none; None where there is none at all."""
    pairs = [(numbers.get(f"{over}.{d}", 0.0), numbers.get(f"{under}.{d}", 0.0)) for d in (0, 1)]
    a, b = (round(top / bottom, 1) if bottom else 0.0 for top, bottom in pairs)
    return (a, b) if a or b else None


def zone(period: Period, *, stamp: Stamp, camera: str, area_m2: float | None) -> ZoneCount:
    """The message of one interval of a zone: means over the analysed time, the density where the area is known."""
    fields = _head(period, stamp=stamp, camera=camera)
    if period.analysed > 0:
        numbers = dict(period.numbers)
        levels = {k: _level(numbers, k, period.analysed) for k in CLASSES if f"{k}.sum" in numbers}
        people = levels.pop(CLASSES[0], None)
        fields |= {"people": people, "vehicles": levels or None}
        fields |= {"density_m2": round(people.mean / area_m2, 3)} if area_m2 and people else {}
        fields |= _visits(period)
    return ZoneCount.model_validate(fields)


def _visits(period: Period) -> dict[str, Any]:
    numbers = dict(period.numbers)
    fields: dict[str, Any] = {name: int(numbers[name]) for name in ("entered", "left") if name in numbers}
    if "congestion.last" in numbers:
        fields["congestion"] = int(numbers["congestion.last"])
    mean, p95 = dwell_mean(numbers), dwell_p95(numbers)
    if mean is not None and p95 is not None:
        fields["dwell_s"] = {"mean": round(mean), "p95": round(p95)}
    if "level.last" in numbers:
        fields["level"] = int(numbers["level.last"])
        fields["rise_min"] = round(rise_min(numbers, analysed=period.analysed), 1)
    return fields


def turn(period: Period, *, stamp: Stamp, camera: str) -> Turns:
    """The message of one interval of turning movements."""
    fields = _head(period, stamp=stamp, camera=camera)
    if period.analysed > 0:
        numbers = dict(period.numbers)
        moves: dict[str, dict[str, int]] = {}
        for name, number in sorted(numbers.items()):
            if name.startswith("moves."):
                way, kind = name.removeprefix("moves.").rsplit(".", 1)
                moves.setdefault(way, {})[kind] = int(number)
        fields["moves"] = moves
        if entries := numbers.get("entries"):
            fields["unmatched"] = round(min(1.0, numbers.get("unmatched", 0) / entries), 3)
    return Turns.model_validate(fields)


def queue(period: Period, *, stamp: Stamp, camera: str) -> QueueLength:
    """The message of one interval of a queue."""
    fields = _head(period, stamp=stamp, camera=camera)
    if period.analysed > 0:
        numbers = dict(period.numbers)
        for name in ("vehicles", "metres"):
            if f"{name}.sum" in numbers:
                mean = numbers[f"{name}.sum"] / period.analysed
                most = numbers.get(f"{name}.max", mean)
                fields[name] = {"mean": round(mean, 1), "max": round(most, 1)}
        if numbers.get("waits"):
            fields["wait_s"] = round(numbers["wait"] / numbers["waits"], 1)
    return QueueLength.model_validate(fields)


def alarm(change: Alarm, *, stamp: Stamp, camera: str, alarm_id: str, doubted: bool = False) -> AlarmChange:
    """The message of a change of an alarm; `doubted` says that its times are of a clock that was not set."""
    fields = {"seq": stamp.seq, "epoch": stamp.epoch, "camera": camera, "rule": change.rule, "alarm": alarm_id}
    fields |= {"at": utc(change.at.utc), "since": utc(change.since), "kind": change.kind, "state": change.state}
    fields |= {"level": change.level, "limit": change.limit, "clears_below": change.clears_below}
    fields |= {} if change.state == "unknown" else {"value": round(change.value, 2)}
    fields |= {"flags": ("clock",)} if doubted else {}
    return AlarmChange.model_validate(fields)


def cross(crossing: Crossing, *, stamp: Stamp, camera: str, doubted: bool = False) -> Cross:
    """The message of a single crossing; `doubted` says that its time is of a clock that was not set."""
    fields = {"seq": stamp.seq, "epoch": stamp.epoch, "camera": camera, "rule": crossing.line}
    at = utc(crossing.at.utc, millis=True)
    fields |= {"flags": ("clock",)} if doubted else {}
    return Cross.model_validate({**fields, "at": at, "class": crossing.kind, "direction": crossing.direction})


def _head(period: Period, *, stamp: Stamp, camera: str) -> dict[str, Any]:
    return {
        "seq": stamp.seq,
        "epoch": stamp.epoch,
        "camera": camera,
        "rule": period.rule,
        "start": utc(period.start),
        "seconds": int(period.seconds) if period.seconds == int(period.seconds) else round(period.seconds, 3),
        "coverage": round(period.coverage, 3),
        "flags": tuple(sorted(period.flags)) or None,
    }


def _level(numbers: Mapping[str, float], kind: str, analysed: float) -> Level:
    mean = numbers.get(f"{kind}.sum", 0.0) / analysed
    most, last = numbers.get(f"{kind}.max", 0), numbers.get(f"{kind}.last", 0)
    return Level(mean=round(mean, 2), max=int(most), last=int(last))
