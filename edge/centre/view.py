"""What a person sees of the centre: a live table on a terminal, or one line for each message."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterable
from datetime import datetime
from types import TracebackType
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from edge.centre.arrivals import Numbered
from edge.centre.database import AwayError
from edge.centre.ranges import size
from edge.centre.records import Message, Records
from edge.centre.store import Written
from edge.dataflow import CLASSES
from edge.events import Cross, Flow, Interval, ZoneCount, utc

REFRESH_SECONDS = 1.0
LOG_LINES = 5
GOOD = ("ok", "online")
ARROWS = ("→", "←")


def line(message: Numbered) -> str:
    """One message in one line, such as `2026-11-22T23:00:00Z hue-01/gate flow l1 300 s car 61/57 coverage 0.98`."""
    event = message.event
    parts = [f"{message.node}/{event.camera}", message.kind, event.rule]
    if isinstance(event, Interval):
        parts = [event.start, *parts, f"{event.seconds:g} s", *_numbers(event), f"coverage {event.coverage:g}"]
        parts += event.flags or ()
    elif isinstance(event, Cross):
        parts = [event.at, *parts, event.kind, str(event.direction)]
    return " ".join((*parts, f"#{event.seq}", *(["late"] if event.late else [])))


def _numbers(event: Interval) -> Iterable[str]:
    if isinstance(event, Flow):
        return [f"{kind} {a}/{b}" for kind, (a, b) in (event.count or {}).items()]
    if isinstance(event, ZoneCount) and event.people:
        return [f"people mean {event.people.mean:g} max {event.people.max} last {event.people.last}"]
    return []


class LiveView:
    """The table, drawn anew when something was stored and once a REFRESH_SECONDS; log lines stand below it."""

    def __init__(self, records: Records, *, title: str, console: Console | None = None) -> None:
        self._records, self._title = records, title
        self._live = Live(console=console, auto_refresh=False)
        self._log = _LastLines()
        self._next = 0.0

    def __enter__(self) -> LiveView:
        self._log.take_over()
        self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.draw()
        self._live.stop()
        self._log.give_back()

    def show(self, _: Written) -> None:
        """Draws when it is time."""
        if time.monotonic() >= self._next:
            self.draw()

    def draw(self) -> None:
        """Draws now; while the database is away the last picture stays."""
        self._next = time.monotonic() + REFRESH_SECONDS
        try:
            now = page(self._records, title=self._title, now=time.time())
        except AwayError:
            return
        log = [Text(each, style="yellow", overflow="ellipsis", no_wrap=True) for each in self._log.lines]
        self._live.update(Group(now, *log), refresh=True)


def page(records: Records, *, title: str, now: float) -> RenderableType:
    """Devices and cameras, lines and zones as they stand; the last day is looked at, `now` is Unix seconds."""
    day_ago, midnight = utc(now - 86_400), utc(_midnight(now))
    present = records.present()
    rules = _rules(present)
    flows = records.last_intervals("flow", since=day_ago)
    zones = records.last_intervals("zone", since=day_ago)
    parts: list[RenderableType] = [_head(records, title=title, now=now), Text(), _states(present)]
    if flows:
        parts += [Text(), _lines(flows, rules, records.volumes(since=midnight))]
    if zones:
        parts += [Text(), _zones(zones, rules)]
    return Group(*parts)


def _head(records: Records, *, title: str, now: float) -> Text:
    tally = records.tally()
    missing = sum(size(ranges) for ranges in records.holes().values())
    lost = sum(each.last - each.first + 1 for each in records.lost())
    text = Text(title, style="bold")
    text.append(f"  {datetime.fromtimestamp(now).astimezone():%H:%M:%S}", style="default")
    for name, number in {**tally, "missing": missing, "lost": lost}.items():
        bad = number > 0 and name in ("rejected", "missing", "lost")
        text.append(f"  {name} {number}", style="red" if bad else "default")
    return text


def _states(present: dict[tuple[str, str, str], dict[str, Any]]) -> Table:
    table = _table("device", "camera", "state", "since", "analysed")
    for (node, camera, kind), body in present.items():
        if kind != "status":
            continue
        state = Text(body["state"], style="green" if body["state"] in GOOD else "red")
        if body.get("reason"):
            state.append(f" ({body['reason']})")
        rate = present.get((node, camera, "health"), {}).get("rate_hz")
        table.add_row(node, camera, state, _clock(body.get("since")), f"{rate:g}/s" if rate is not None else "")
    return table


def _lines(flows: list[Message], rules: dict[tuple[str, str, str], Any], today: dict[Any, tuple[int, int]]) -> Table:
    kinds = [k for k in CLASSES if any(k in flow.body.get("count", {}) for flow in flows)]
    table = _table("camera", "line", "direction", *kinds, "last", "today", "coverage", "interval", right=3)
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
                *((_share(flow.body["coverage"]), _span(flow)) if way == 0 else ("", "")),
                end_section=way == 1,
            )
    return table


def _zones(zones: list[Message], rules: dict[tuple[str, str, str], Any]) -> Table:
    table = _table("camera", "zone", "people now", "mean", "max", "people/m²", "coverage", "interval", right=2)
    for zone in zones:
        people = zone.body.get("people", {})
        name = rules.get((zone.node, zone.camera, zone.rule), {}).get("name") or zone.rule
        table.add_row(
            zone.camera,
            Text(name),
            *(str(people.get(each, "–")) for each in ("last", "mean", "max")),
            str(zone.body.get("density_m2", "")),
            _share(zone.body["coverage"]),
            _span(zone),
        )
    return table


def _table(*columns: str, right: int = 99) -> Table:
    """Columns from the number `right` on hold numbers."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number >= right else "left", overflow="ellipsis", no_wrap=True)
    return table


def _rules(present: dict[tuple[str, str, str], dict[str, Any]]) -> dict[tuple[str, str, str], Any]:
    return {
        (node, name, rule): described
        for (node, _, kind), body in present.items()
        if kind == "info"
        for name, camera in body["cameras"].items()
        for rule, described in camera["rules"].items()
    }


def _share(coverage: float) -> Text:
    return Text(f"{coverage:.0%}", style="default" if coverage >= 0.95 else "red")


def _span(message: Message) -> str:
    return f"{_clock(message.start)} +{message.seconds:g} s"


def _clock(text: str | None) -> str:
    if not text:
        return ""
    return f"{datetime.fromisoformat(text).astimezone():%H:%M:%S}"


def _midnight(now: float) -> float:
    """The last midnight of this machine's time zone."""
    return datetime.fromtimestamp(now).astimezone().replace(hour=0, minute=0, second=0, microsecond=0).timestamp()


class _LastLines(logging.Handler):
    """Takes the place of the log's other ways out, which would write across the table."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: deque[str] = deque(maxlen=LOG_LINES)
        self._before: list[logging.Handler] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{time.strftime('%H:%M:%S')} {record.getMessage()}")

    def take_over(self) -> None:
        root = logging.getLogger()
        self._before, root.handlers = root.handlers, [self]

    def give_back(self) -> None:
        logging.getLogger().handlers = self._before
