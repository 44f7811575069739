"""What arrives from the broker, read once: accepted and typed, or rejected with a reason; there is no third way."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field, ValidationError

from edge.dataflow import Stamp
from edge.events import (
    CameraStatus,
    Cross,
    Data,
    Epoch,
    Event,
    Flow,
    Gap,
    Health,
    Info,
    Interval,
    NodeStatus,
    ZoneCount,
)
from edge.mqtt.topics import DATA_KINDS, Topic, parse

LATEST: dict[str, type[Event]] = {"status": NodeStatus, "info": Info}
LATEST_OF_CAMERA: dict[str, type[Event]] = {"status": CameraStatus, "health": Health}
DATA: dict[str, type[Data]] = {"flow": Flow, "zone": ZoneCount, "cross": Cross}
MOST_SEQ = 2**63 - 1
"""SQLite counts no further; a device that sends a message a second needs ages to get there."""
SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
ZERO = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
MOST_SECONDS = 3600
"""The longest interval of the contract."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """A numbered message; kinds that this version does not read are accepted by what all kinds have in common."""

    node: str
    kind: str
    event: Data
    body: str

    @property
    def stamp(self) -> Stamp:
        """Its epoch and number."""
        return Stamp(self.event.epoch, self.event.seq)


@dataclass(frozen=True, slots=True)
class Present:
    """How a device or a camera (empty for the device) stands now; only the latest matters. No body: taken back."""

    node: str
    camera: str
    kind: str
    body: str | None


@dataclass(frozen=True, slots=True)
class Forgone:
    """A device says that numbers will never come."""

    node: str
    gap: Gap


@dataclass(frozen=True, slots=True)
class Rejected:
    """A message that is not of the contract. Where its sender and number can be read, it is still accounted for."""

    topic: str
    body: bytes
    reason: str
    node: str = ""
    stamp: Stamp | None = None


Arrival = Numbered | Present | Forgone | Rejected


def read(topic: str, body: bytes, *, root: str) -> Arrival:
    """The message as its type; Rejected where topic, form or the agreement of the two is wrong."""
    where = parse(topic, root=root)
    if where is None:
        return Rejected(topic, body, "the topic is none of the contract")
    try:
        arrival = _accepted(where, body)
        _storable(body)
    except ValidationError as error:
        reason = _first(error)
    except ValueError as error:
        reason = str(error)
    else:
        return arrival
    reason = reason.replace("\0", "\\0")  # a key of the message may be part of it
    return Rejected(topic, body, f"{where.kind}: {reason}", where.node, _stamp(body))


def _accepted(where: Topic, body: bytes) -> Arrival:
    if where.kind in DATA_KINDS:
        return _numbered(where, body)
    if where.kind == "gap":
        gap = Gap.model_validate_json(body)
        if not gap.first <= gap.last <= MOST_SEQ:
            raise ValueError("from, to: no range")
        return Forgone(where.node, gap)
    if not body:
        return Present(where.node, where.camera, where.kind, None)
    schema = (LATEST_OF_CAMERA if where.camera else LATEST)[where.kind]
    state = schema.model_validate_json(body)
    if isinstance(state, CameraStatus | Health):
        _agree("camera", state.camera, where.camera)
    if isinstance(state, Info):
        _agree("node", state.node, where.node)
    return Present(where.node, where.camera, where.kind, body.decode())


def _numbered(where: Topic, body: bytes) -> Numbered:
    event = DATA.get(where.kind, Data).model_validate_json(body)
    _agree("camera", event.camera, where.camera)
    _agree("rule", event.rule, where.rule)
    if event.seq > MOST_SEQ:
        raise ValueError("seq: beyond what a database can hold")
    if isinstance(event, Interval):
        _instant("start", event.start)
        if event.seconds > MOST_SECONDS:
            raise ValueError("seconds: longer than the contract allows")
    elif isinstance(event, Cross):
        _instant("at", event.at)
    return Numbered(where.node, where.kind, event, body.decode())


def _storable(body: bytes) -> None:
    """JSON may hold U+0000 and halves of surrogate pairs, which no database takes as text."""
    if not SUSPECT.search(body):
        return
    text = json.dumps(json.loads(body), ensure_ascii=False)
    if ZERO.search(text) or any("\ud800" <= each <= "\udfff" for each in text):
        raise ValueError("a text with U+0000 or half a surrogate pair")


def _instant(name: str, text: str) -> None:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{name}: no moment of the calendar") from None


def _agree(name: str, told: str, topic: str) -> None:
    if told != topic:
        raise ValueError(f"{name}: another one in the body than in the topic")


def _first(error: ValidationError) -> str:
    """The first fault without the values, which would make every reason another one."""
    fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(step) for step in fault["loc"])
    text = "not JSON" if fault["type"] == "json_invalid" else fault["msg"]
    return f"{place}: {text}" if place else text


class _Number(BaseModel):
    """The number alone, of a message whose rest is wrong."""

    epoch: Epoch
    seq: Annotated[int, Field(ge=1, le=MOST_SEQ)]


def _stamp(body: bytes) -> Stamp | None:
    try:
        number = _Number.model_validate_json(body)
    except ValidationError:
        return None
    return Stamp(number.epoch, number.seq)
