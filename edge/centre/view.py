"""What a person sees of the centre: a live table on a terminal, or one line for each message."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from types import TracebackType
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from edge.centre.arrivals import Numbered
from edge.centre.clocks import AHEAD_SECONDS
from edge.centre.database import AwayError
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
    """The table, drawn anew when something was stored and once a REFRESH_SECONDS; log lines stand below it, at once."""

    def __init__(self, records: Records, *, title: str, console: Console | None = None) -> None:
        self._records, self._title = records, title
        self._live = Live(console=console, auto_refresh=False)
        self._log = _LastLines(self._put)
        self._picture: RenderableType = Text(title)
        self._next = 0.0

    def __enter__(self) -> LiveView:
        self._live.start()
        self._log.take_over()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.draw()
        self._log.give_back()
        self._live.stop()

    def show(self, _: Written) -> None:
        """Draws when it is time."""
        if time.monotonic() >= self._next:
            self.draw()

    def draw(self) -> None:
        """Draws now; while the database is away the last picture stays."""
        self._next = time.monotonic() + REFRESH_SECONDS
        try:
            self._picture = page(self._records, title=self._title, now=time.time())
        except AwayError:
            return
        self._put()

    def _put(self) -> None:
        """Shows the last picture and the lines; from whatever thread, for a line may come from any."""
        log = [Text(each, style="yellow", overflow="ellipsis", no_wrap=True) for each in self._log.lines]
        self._live.update(Group(self._picture, *log), refresh=True)


def page(records: Records, *, title: str, now: float) -> RenderableType:
    """Devices and cameras, lines and zones as they stand; the last day is looked at, `now` is Unix seconds. What a
    clock that is ahead has dated later is not shown, for it would stand there until then."""
    day_ago, midnight, soon = utc(now - 86_400), utc(_midnight(now)), utc(now + AHEAD_SECONDS)
    present = records.present()
    rules = _rules(present)
    flows = records.last_intervals("flow", since=day_ago, until=soon)
    zones = records.last_intervals("zone", since=day_ago, until=soon)
    parts: list[RenderableType] = [_head(records, title=title, now=now), Text(), _states(present)]
    if flows:
        parts += [Text(), _lines(flows, rules, records.volumes(since=midnight, until=soon))]
    if zones:
        parts += [Text(), _zones(zones, rules)]
    return Group(*parts)


def _head(records: Records, *, title: str, now: float) -> Text:
    numbers = records.absent() | records.tally()  # rejected messages: also those without a number
    shown = ("stored", "duplicates", "rejected", "missing", "lost", "never used")
    text = Text(title, style="bold")
    text.append(f"  {datetime.fromtimestamp(now).astimezone():%H:%M:%S}", style="default")
    for name in shown:
        bad = numbers[name] > 0 and name in ("rejected", "missing", "lost")
        text.append(f"  {name} {numbers[name]}", style="red" if bad else "default")
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
    try:
        return f"{datetime.fromisoformat(text).astimezone():%H:%M:%S}"
    except OverflowError:  # the first or the last day of the calendar in another time zone
        return text


def _midnight(now: float) -> float:
    """The last midnight of this machine's time zone."""
    return datetime.fromtimestamp(now).astimezone().replace(hour=0, minute=0, second=0, microsecond=0).timestamp()


class _LastLines(logging.Handler):
    """Takes the place of the log's other ways out, which would write across the table."""

    def __init__(self, news: Callable[[], None]) -> None:
        super().__init__()
        self._news = news
        self.lines: deque[str] = deque(maxlen=LOG_LINES)
        self._before: list[logging.Handler] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{time.strftime('%H:%M:%S')} {record.getMessage()}")
        self._news()

    def take_over(self) -> None:
        root = logging.getLogger()
        self._before, root.handlers = root.handlers, [self]

    def give_back(self) -> None:
        logging.getLogger().handlers = self._before
