"""What the live table says: alarms that stand, devices and cameras, and the latest interval of every rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from edge.centre.clocks import AHEAD_SECONDS
from edge.centre.records import Body, Message, Records
from edge.centre.tables import INTERVALS
from edge.dataflow import CLASSES
from edge.events import COUNTED, utc

GOOD = ("ok", "online")
ARROWS = ("→", "←")
SHORT = {"pedestrian": "foot", "bicycle": "bike", "motorcycle": "moto"}
"""Classes in the head of a table that has to fit into 100 columns."""
MOST_MOVES = 3
Key = tuple[str, str, str]


def page(records: Records, *, title: str, now: float) -> RenderableType:
    """What stands as of `now`, Unix seconds: alarms first, then devices and cameras, then the latest interval of every
    rule within a day. What a clock that is ahead has dated later is not shown, for it would stand there until then."""
    day_ago, midnight, soon = utc(now - 86_400), utc(_midnight(now)), utc(now + AHEAD_SECONDS)
    present = records.present()
    rules = _rules(present)
    parts: list[RenderableType] = [_head(records, title=title, now=now)]
    if alarms := {key: body for key, body in present.items() if key[2].startswith("alarm/")}:
        parts += [Text(), _alarms(alarms, present, rules, now=now)]
    parts += [Text(), _states(present)]
    latest = {kind: records.last_intervals(kind, since=day_ago, until=soon) for kind in INTERVALS}
    if flows := latest["flow"]:
        parts += [Text(), _lines(flows, rules, records.volumes(since=midnight, until=soon))]
    for kind, table in (("zone", _zones), ("queue", _queues), ("turn", _turns)):
        if latest[kind]:
            parts += [Text(), table(latest[kind], rules)]
    return Group(*parts)


def busiest(moves: Mapping[str, Mapping[Any, int]]) -> str:
    """The busiest turning movements in one text, such as `north>south 700, east>south 12, and 4 more`."""
    volumes = sorted(
        ((sum(counts.values()), way) for way, counts in moves.items()), key=lambda each: (-each[0], each[1])
    )
    told = [f"{way} {volume:g}" for volume, way in volumes[:MOST_MOVES]]
    return ", ".join([*told, f"and {len(volumes) - MOST_MOVES} more"] if len(volumes) > MOST_MOVES else told)


def _head(records: Records, *, title: str, now: float) -> Text:
    numbers = records.absent() | records.tally()  # rejected messages: also those without a number
    text = Text()
    text.append(title, style="bold")
    text.append(f"  {datetime.fromtimestamp(now).astimezone():%H:%M:%S}\n")
    for name in ("stored", "duplicates", "rejected", "missing", "lost", "never used"):
        bad = numbers[name] > 0 and name in ("rejected", "missing", "lost")
        text.append(f"{name} {numbers[name]}  ", style="red" if bad else "")
    return text


def _states(present: dict[Key, Body]) -> Table:
    table = _table("device", "camera", "state", "since", "analysed")
    for (node, camera, kind), body in present.items():
        if kind != "status":
            continue
        word = body["state"]
        state = Text(word, style="green" if word in GOOD else "yellow" if word in COUNTED else "red")
        if body.get("reason"):
            state.append(f" ({body['reason']})")
        rate = present.get((node, camera, "health"), {}).get("rate_hz")
        table.add_row(node, camera, state, _clock(body.get("since")), f"{rate:g}/s" if rate is not None else "")
    return table


def _lines(flows: list[Message], rules: dict[Key, Any], today: dict[Any, tuple[int, int]]) -> Table:
    kinds = [k for k in CLASSES if any(k in flow.body.get("count", {}) for flow in flows)]
    heads = [SHORT.get(kind, kind) for kind in kinds]
    table = _table("camera", "line", "direction", *heads, "last", "today", "seen", "interval", right=3)
    for flow in flows:
        key = (flow.node, flow.camera, flow.rule)
        names = rules.get(key, {}).get("directions") or ARROWS
        for way in (0, 1):
            count = {kind: pair[way] for kind, pair in flow.body.get("count", {}).items()}
            table.add_row(
                flow.camera if way == 0 else "",
                flow.rule if way == 0 else "",
                Text(names[way]),
                *(str(count.get(kind, "")) for kind in kinds),
                str(sum(count.values())) if count else "–",
                str(today.get(key, (0, 0))[way]),
                *(_looked_at(flow) if way == 0 else ("", "")),
                end_section=way == 1,
            )
    return table


def _alarms(alarms: Mapping[Key, Body], present: Mapping[Key, Body], rules: Mapping[Key, Any], *, now: float) -> Table:
    """The highest level first, of the same the latest; it is not known to stand where device or camera are lost."""
    table = _table("ALARM", "camera", "place", "level", "value", "limit", "since", "", right=3)
    latest = sorted(alarms.items(), key=lambda each: each[1]["since"], reverse=True)
    for (node, camera, _), body in sorted(latest, key=lambda each: -each[1]["level"]):
        doubt = _doubt(present, node, camera, unknown=body["state"] == "unknown")
        table.add_row(
            Text(body["kind"].replace("_", " ")),
            f"{node}/{camera}",
            _name(rules, (node, camera, body["rule"])),
            str(body["level"]),
            "?" if doubt else str(body.get("value", "")),
            str(body["limit"]),
            _clock(body["since"]),
            Text(doubt or _ago(body["since"], now)),
            style="yellow" if doubt else "bold red",
        )
    return table


def _doubt(present: Mapping[Key, Body], node: str, camera: str, *, unknown: bool) -> str:
    """Why it is not known whether an alarm stands; an empty text where it is."""
    device, looks = (present.get((node, each, "status"), {}).get("state", GOOD[0]) for each in ("", camera))
    if unknown:
        return f"camera {'lost' if looks in GOOD else looks}"
    return "" if device in GOOD else f"device {device}"


def _zones(zones: Sequence[Message], rules: Mapping[Key, Any]) -> Table:
    table = _table("camera", "zone", "people now", "mean", "max", "people/m²", "seen", "interval", right=2)
    for zone in zones:
        people = zone.body.get("people", {})
        told = (str(people.get(each, "–")) for each in ("last", "mean", "max"))
        table.add_row(*_place(zone, rules), *told, str(zone.body.get("density_m2", "")), *_looked_at(zone))
    return table


def _queues(queues: Sequence[Message], rules: Mapping[Key, Any]) -> Table:
    table = _table("camera", "queue", "vehicles", "max", "metres", "max", "wait s", "seen", "interval", right=2)
    for queue in queues:
        parts = [queue.body.get(each, {}) for each in ("vehicles", "metres")]
        told = [str(part.get(each, "–")) for part in parts for each in ("mean", "max")]
        table.add_row(*_place(queue, rules), *told, str(queue.body.get("wait_s", "–")), *_looked_at(queue))
    return table


def _turns(turns: Sequence[Message], rules: Mapping[Key, Any]) -> Table:
    table = _table("camera", "turn", "busiest movements", "all", "unmatched", "seen", "interval", right=3)
    for turn in turns:
        moves, unmatched = turn.body.get("moves"), turn.body.get("unmatched")
        table.add_row(
            *_place(turn, rules),
            Text(busiest(moves or {})),
            "–" if moves is None else f"{sum(sum(counts.values()) for counts in moves.values()):g}",
            "" if unmatched is None else f"{unmatched:.0%}",
            *_looked_at(turn),
        )
    return table


def _table(*columns: str, right: int = 99) -> Table:
    """Columns from the number `right` on hold numbers, which are whole or not there; names are wrapped."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number >= right else "left", no_wrap=number >= right)
    return table


def _place(message: Message, rules: Mapping[Key, Any]) -> tuple[str, Text]:
    return message.camera, _name(rules, (message.node, message.camera, message.rule))


def _name(rules: Mapping[Key, Any], key: Key) -> Text:
    return Text(rules.get(key, {}).get("name") or key[2])


def _looked_at(message: Message) -> tuple[Text, str]:
    """Which share of the interval, and which interval."""
    coverage = message.body["coverage"]
    share = Text(f"{coverage:.0%}", style="default" if coverage >= 0.95 else "red")
    return share, f"{_clock(message.start).removesuffix(':00')} +{message.seconds:g}s"


def _rules(present: dict[Key, Body]) -> dict[Key, Any]:
    return {
        (node, name, rule): described
        for (node, _, kind), body in present.items()
        if kind == "info"
        for name, camera in body["cameras"].items()
        for rule, described in camera["rules"].items()
    }


def _ago(text: str, now: float) -> str:
    minutes = max(0, int(now - datetime.fromisoformat(text).timestamp())) // 60
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"


def _clock(text: str | None) -> str:
    if not text:
        return ""
    try:
        return f"{datetime.fromisoformat(text).astimezone():%H:%M:%S}"
    except OverflowError:  # the first or the last day of the calendar in another time zone
        return text


def _midnight(now: float) -> float:
    """The last midnight of this machine's time zone; by the rules of the zone, for the offset of now may not have been
    that of the night."""
    return datetime.fromtimestamp(now).replace(hour=0, minute=0, second=0, microsecond=0, fold=0).timestamp()
