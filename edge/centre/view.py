"""What a person sees of the centre: a live table on a terminal, or one line for each message."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from edge.centre.arrivals import Numbered
from edge.centre.database import AwayError
from edge.centre.page import busiest, page
from edge.centre.records import Records
from edge.centre.store import Written
from edge.events import AlarmChange, Cross, Event, Flow, Interval, QueueLength, Turns, ZoneCount

REFRESH_SECONDS = 1.0
LOG_LINES = 5


def line(message: Numbered) -> str:
    """One message in one line, such as `2026-11-22T23:00:00Z hue-01/gate flow l1 300 s car 61/57 coverage 0.98`."""
    event = message.event
    parts = [f"{message.node}/{event.camera}", message.kind, event.rule]
    if isinstance(event, Interval):
        parts = [event.start, *parts, f"{event.seconds:g} s", *_numbers(event), f"coverage {event.coverage:g}"]
        parts += event.flags or ()
    elif isinstance(event, Cross | AlarmChange):
        parts = [event.at, *parts, *_numbers(event)]
    return " ".join((*parts, f"#{event.seq}", *(["late"] if event.late else [])))


def _numbers(event: Event) -> Iterable[str]:
    match event:
        case Flow(count=count) if count:
            return [f"{kind} {a}/{b}" for kind, (a, b) in count.items()]
        case ZoneCount(people=people) if people:
            return [f"people mean {people.mean:g} max {people.max} last {people.last}"]
        case Turns(moves=moves) if moves:
            return [busiest(moves)]
        case QueueLength(vehicles=vehicles) if vehicles:
            return [f"vehicles mean {vehicles.mean:g} max {vehicles.max:g}"]
        case Cross():
            return [event.kind, str(event.direction)]
        case AlarmChange():
            value = [] if event.value is None else [f"value {event.value:g}"]
            return [event.kind, event.state, f"level {event.level}", *value, f"limit {event.limit:g}"]
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
