"""What arrives from the broker, read once: accepted and typed, or rejected with a reason; there is no third way."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field, ValidationError

from edge.centre.forms import Check, compiled, content
from edge.dataflow import Stamp
from edge.events import (
    AlarmChange,
    CameraStatus,
    Cross,
    Data,
    Epoch,
    Event,
    Flow,
    Gap,
    Health,
    Info,
    NodeStatus,
    QueueLength,
    Turns,
    ZoneCount,
)
from edge.mqtt.topics import Topic, parse
from edge.schemas import schema

LATEST: dict[str, type[Event]] = {"status": NodeStatus, "info": Info}
LATEST_OF_CAMERA: dict[str, type[Event]] = {"status": CameraStatus, "health": Health}
DATA: dict[str, type[Data]] = {
    "flow": Flow, "zone": ZoneCount, "turn": Turns, "queue": QueueLength, "alarm": AlarmChange, "cross": Cross
}  # fmt: skip
RETAINED = ("status", "info", "alarm-now")
"""Kinds that are taken back by a message without a body."""
MOST_SEQ = 2**63 - 1
"""SQLite counts no further; a device that sends a message a second needs ages to get there."""
FIRST_YEAR, LAST_YEAR = 1970, 9998
"""What is reckoned with moments stays within what a calendar can name."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """A numbered message."""

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
        return _accepted(where, body)
    except ValidationError:
        reason = "what fits the schema and no computer"
    except ValueError as error:
        reason = str(error)
    return Rejected(topic, body, f"{where.kind}: {reason}", where.node, _stamp(body))


def _accepted(where: Topic, body: bytes) -> Arrival:
    if not body and where.kind in RETAINED:
        return Present(where.node, where.camera, _standing(where), None)
    made, check = _FORMS[where.kind, bool(where.camera)]
    told = content(body)
    if fault := check(told):
        raise ValueError(fault)
    event = made.model_validate(told)
    _agree(event, where)
    _moments(event)
    if isinstance(event, Gap):
        if not event.first <= event.last <= MOST_SEQ:
            raise ValueError("from, to: no range")
        return Forgone(where.node, event)
    if isinstance(event, Data) and where.kind != "alarm-now":
        if event.seq > MOST_SEQ:
            raise ValueError("seq: beyond what a database can hold")
        return Numbered(where.node, where.kind, event, body.decode())
    return Present(where.node, where.camera, _standing(where), body.decode())


def _standing(where: Topic) -> str:
    """Under which kind a state is kept: alarms are one for each rule."""
    return f"alarm/{where.rule}" if where.kind == "alarm-now" else where.kind


def _agree(event: Event, where: Topic) -> None:
    for name in ("node", "camera", "rule"):
        if getattr(event, name, told := getattr(where, name)) != told:
            raise ValueError(f"{name}: another one in the body than in the topic")


def _moments(event: Event) -> None:
    for name in ("start", "at", "since"):
        if text := getattr(event, name, None):
            try:
                year = datetime.fromisoformat(text).year
            except ValueError:
                raise ValueError(f"{name}: no moment of the calendar") from None
            if not FIRST_YEAR <= year <= LAST_YEAR:
                raise ValueError(f"{name}: before {FIRST_YEAR} or after {LAST_YEAR}")


class _Number(BaseModel):
    """The number alone, of a message whose rest is wrong, read as generously as can be."""

    epoch: Epoch
    seq: Annotated[int, Field(ge=1, le=MOST_SEQ)]


def _stamp(body: bytes) -> Stamp | None:
    try:
        number = _Number.model_validate(json.loads(body.decode(errors="replace")))
    except (ValueError, RecursionError):
        return None
    return Stamp(number.epoch, number.seq)


def _forms() -> dict[tuple[str, bool], tuple[type[Event], Check]]:
    """The type and the check of each kind, of a device and of a camera."""
    return {
        **{(kind, True): (made, compiled(schema(kind))) for kind, made in DATA.items()},
        ("status", False): (NodeStatus, compiled(schema("node-status"))),
        ("status", True): (CameraStatus, compiled(schema("camera-status"))),
        ("alarm-now", True): (AlarmChange, compiled(schema("alarm-now"))),
        ("health", True): (Health, compiled(schema("health"))),
        ("info", False): (Info, compiled(schema("info"))),
        ("gap", False): (Gap, compiled(schema("gap"))),
    }


_FORMS = _forms()
