"""What a person sees of the demonstration, read from the centre's store: only what really came through MQTT."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from edge.centre.records import Crossed, Message
from edge.config.schema import Camera
from edge.dataflow import CLASSES

LATEST = 5


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What there is to show at one moment; `phase` says in a few words what is going on."""

    phase: str
    crossings: list[Crossed]
    zones: list[Message]
    stored: int
    missing: int


class View(Protocol):
    """Shows one snapshot after the other."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None: ...

    def show(self, snapshot: Snapshot) -> None:
        """Shows what is new."""


def view_for(camera: Camera, *, title: str) -> View:
    """The view that fits where the output goes: a picture that changes on a terminal, else lines."""
    return Terminal(camera, title=title) if sys.stdout.isatty() else Lines(camera)


class Terminal:
    """One picture in place, drawn anew."""

    def __init__(self, camera: Camera, *, title: str, console: Console | None = None) -> None:
        self._camera, self._title = camera, title
        self._live = Live(console=console, auto_refresh=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._live.stop()

    def show(self, snapshot: Snapshot) -> None:
        """Draws it."""
        self._live.update(picture(self._camera, snapshot, title=self._title), refresh=True)


class Lines:
    """A line for each crossing, each zone's interval and each change of what is going on."""

    def __init__(self, camera: Camera) -> None:
        self._names = {line.id: line.names for line in camera.lines}
        self._phase = ""
        self._crossings = self._zones = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        sys.stdout.flush()

    def show(self, snapshot: Snapshot) -> None:
        """Writes what is new."""
        phase = snapshot.phase.partition(":")[0]
        if phase != self._phase:
            self._phase = phase
            sys.stdout.write(f"{snapshot.phase}\n")
        for each in snapshot.crossings[self._crossings :]:
            sys.stdout.write(f"{_clock(each.at)} {each.line} {self._names[each.line][each.direction]} {each.kind}\n")
        for zone in snapshot.zones[self._zones :]:
            sys.stdout.write(f"{_clock(zone.start)} {zone.rule} {_people(zone)}\n")
        self._crossings, self._zones = len(snapshot.crossings), len(snapshot.zones)
        sys.stdout.flush()


def picture(camera: Camera, snapshot: Snapshot, *, title: str) -> RenderableType:
    """Counts per line, direction and class since the start, people in the zones, the latest crossings."""
    parts: list[RenderableType] = [Text(snapshot.phase, style="bold"), Text(), _lines(camera, snapshot.crossings)]
    if camera.zones:
        parts += [Text(), _zones(camera, snapshot.zones)]
    parts += [Text(), *_latest(camera, snapshot.crossings)]
    missing = f", {snapshot.missing} missing" if snapshot.missing else ""
    parts.append(
        Text(f"{snapshot.stored} messages stored by the centre{missing}; Ctrl-C stops everything", style="dim")
    )
    return Panel(Group(*parts), title=title, title_align="left")


def _lines(camera: Camera, crossings: list[Crossed]) -> Table:
    counts = Counter((each.line, each.direction, each.kind) for each in crossings)
    counted = {kind for line in camera.lines for kind in line.classes}
    kinds = [kind for kind in CLASSES if kind in counted]
    table = _table("line", "direction", *kinds, right=2)
    for line in camera.lines:
        for way in (0, 1):
            numbers = [str(counts[line.id, way, kind]) if kind in line.classes else "" for kind in kinds]
            table.add_row(line.id if way == 0 else "", Text(line.names[way]), *numbers)
    return table


def _zones(camera: Camera, zones: list[Message]) -> Table:
    last = {each.rule: each for each in zones}
    table = _table("zone", "people now", "mean", "max", "seconds", right=1)
    for zone in camera.zones:
        message = last.get(zone.id)
        people = message.body.get("people", {}) if message else {}
        numbers = [str(people.get(name, "–")) for name in ("last", "mean", "max")]
        table.add_row(Text(zone.name or zone.id), *numbers, f"{message.seconds:g}" if message else "")
    return table


def _latest(camera: Camera, crossings: list[Crossed]) -> list[Text]:
    names = {line.id: line.names for line in camera.lines}
    texts = [f"{_clock(c.at)}  {c.line} {names[c.line][c.direction]} {c.kind}" for c in crossings[: -LATEST - 1 : -1]]
    return [Text(text, style="cyan") for text in [*texts, *[""] * (LATEST - len(texts))]]


def _people(zone: Message) -> str:
    people = zone.body.get("people")
    if not people:
        return "no picture"
    return f"people now {people['last']} mean {people['mean']} max {people['max']}"


def _table(*columns: str, right: int) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 3, 0, 0))
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number >= right else "left", no_wrap=True)
    return table


def _clock(text: str) -> str:
    return f"{datetime.fromisoformat(text).astimezone():%H:%M:%S}"
