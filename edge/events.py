"""Measurements -> events -> bytes: the messages of the MQTT contract, version 1. Readers ignore unknown fields."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema

from edge import __version__
from edge.config.schema import Camera, Edge, Fraction, Id, Line, Position, RoadUser, Zone
from edge.dataflow import CLASSES, Crossing, Period, Stamp, Tally

DAY = 86_400
LIFE_SECONDS = {"flow": 7 * DAY, "zone": DAY, "cross": DAY}
"""How long a message of each kind is kept for a centre that has not confirmed it."""

_UTC = r"^[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]+)?Z$"
Utc = Annotated[str, StringConstraints(pattern=_UTC), Field(json_schema_extra={"format": "date-time"})]
Epoch = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}$")]
Seq = Annotated[int, Field(ge=1, le=2**64 - 1)]
Count = Annotated[int, Field(ge=0, le=2**63 - 1)]
Number = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_SPAN = {"type": "number", "exclusiveMinimum": 0, "maximum": 3600}
Seconds = Annotated[int | float, Field(gt=0, le=3600), WithJsonSchema(_SPAN)]
Flag = Literal["nostream", "partial", "clock", "blind", "dark", "moved", "saturated", "slow", "config"]


class Part(BaseModel):
    """A message or a part of one."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)


class Event(Part):
    """A message of a device."""

    v: Literal[1] = 1
    """The major version of the contract."""

    def to_bytes(self) -> bytes:
        """Compact JSON in UTF-8 without nulls."""
        return self.model_dump_json(exclude_none=True, by_alias=True).encode()


class Data(Event):
    """A numbered message: (node, epoch, seq) names it once and for all."""

    seq: Seq
    """The number of the message: one more than that of the device's message before it."""
    epoch: Epoch
    """New only when the device lost its counter."""
    camera: Id
    rule: Id
    late: Literal[True] | None = None
    """Delivered from the outbox after an outage."""


class Interval(Data):
    """A numbered message on one interval of one rule."""

    start: Utc
    seconds: Seconds
    coverage: Fraction
    """The share of the interval that was really analysed."""
    flags: Annotated[tuple[Flag, ...], Field(min_length=1)] | None = None
    """Why the numbers may not tell everything; absent where nothing is to be said."""


class Flow(Interval):
    """Crossings of a line in one interval."""

    count: dict[RoadUser, tuple[Count, Count]] | None = None
    """[left to right of the line walked first to last, the other way] by class; absent where nothing was analysed."""
    total: tuple[Count, Count]
    """All classes since the counter began, in both directions."""


class Level(Part):
    """How many at a time: the mean over the analysed time, the most, and at the end."""

    mean: Number
    max: Count
    last: Count


class ZoneCount(Interval):
    """People in a zone, and vehicles by class where asked. None of them where nothing was analysed."""

    people: Level | None = None
    vehicles: dict[RoadUser, Level] | None = None
    density_m2: Number | None = None
    """People per square metre, of the mean, where the area is known."""


class Cross(Data):
    """One single crossing."""

    at: Utc
    kind: RoadUser = Field(alias="class")
    direction: Literal[0, 1]
    """0 = from the left to the right of the line walked from its first point to its last, 1 = the other way."""


class NodeStatus(Event):
    """The device as it stands; `offline` is the broker's word (the Will)."""

    state: Literal["online", "offline", "stopped"]
    since: Utc | None = None
    reason: str | None = None
    """What is wrong with the device itself, such as a disk that cannot be written; absent where nothing is."""


class CameraStatus(Event):
    """The camera as it stands: `ok`, or what is wrong, since when and why."""

    camera: Id
    state: Annotated[str, StringConstraints(pattern=r"^[a-z]+$")]
    since: Utc
    reason: str | None = None


class Health(Event):
    """How a camera's analysis runs, once a minute."""

    camera: Id
    at: Utc
    rate_hz: Number
    """Pictures analysed a second."""
    age_p95_ms: Number | None = None
    """From the camera's picture to the end of its analysis."""
    inference_ms: Number | None = None
    """Median time to analyse one picture."""
    reconnects: Count = 0
    """Connections to the camera that were lost, since the process began."""
    dropped: Count = 0
    """Pictures decoded and not analysed because a newer one was there, since the process began."""
    damaged: Count = 0
    """Pictures not analysed because they were damaged, since the process began."""


class Gap(Event):
    """Messages `from` to `to` of an epoch will not come, because of `reason`."""

    epoch: Epoch
    first: Seq = Field(alias="from")
    last: Seq = Field(alias="to")
    reason: str
    at: Utc

    model_config = ConfigDict(populate_by_name=True)


class Stored(Part):
    """From the centre: every message of the epoch up to `seq` is on its disk."""

    epoch: Epoch
    seq: Annotated[int, Field(ge=0, lt=2**64)]


class Resend(Part):
    """From the centre: send the messages `from` to `to` of an epoch again, or say that they are lost."""

    epoch: Epoch
    first: Seq = Field(alias="from")
    last: Seq = Field(alias="to")

    model_config = ConfigDict(populate_by_name=True)


class Answer(Part):
    """To a command, on its Response Topic: how many messages are sent `again`, or the `error` that was in it."""

    ok: bool
    again: Count | None = None
    error: str | None = None


class RuleInfo(Part):
    """What a reader needs to know of a rule."""

    kind: Literal["flow", "zone"]
    name: str | None = None
    directions: tuple[str, str] | None = None
    """What people call the two directions of a line."""
    classes: tuple[RoadUser, ...] | None = None
    """The classes that are counted on a line."""
    points: tuple[Position, ...]
    """First and last of a line, the corners of a zone, as fractions of the picture: x to the right, y down."""
    every: Annotated[int, Field(ge=10, le=3600)]
    """Seconds of one interval."""
    area_m2: Annotated[float, Field(gt=0)] | None = None
    """The ground that a zone covers."""


class ModelInfo(Part):
    """Which network looks at the pictures."""

    name: str
    sha256: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64}|unknown)$")]
    """Of its weights; unknown where the device has none."""


class CameraInfo(Part):
    """What a reader needs to know of a camera."""

    name: str
    rate_hz: Number
    model: ModelInfo
    rules: dict[Id, RuleInfo]


class Info(Event):
    """Everything needed to read the rest of a device's messages."""

    node: Id
    software: str
    config: str
    """A fingerprint of the configuration; another one means that a rule may have changed."""
    classes: tuple[str, ...] = CLASSES
    units: dict[str, str] = Field(
        default={"seconds": "s", "mean": "people or vehicles", "density_m2": "people/m2", "coverage": "share 0..1"}
    )
    cameras: dict[Id, CameraInfo]


def utc(seconds: float, *, millis: bool = False) -> str:
    """Unix seconds as RFC 3339 in UTC, such as 2026-11-22T23:00:00Z."""
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds" if millis else "seconds")
    return text.replace("+00:00", "Z")


def flow(period: Period, tally: Tally, *, stamp: Stamp, camera: str, classes: Sequence[str]) -> Flow:
    """The message of one interval of a line: each of the `classes` counted there is named, real zeros too."""
    count: dict[str, tuple[int, int]] = {}
    if period.analysed > 0 or tally.counts:
        count = dict.fromkeys(classes, (0, 0)) | tally.counts
    fields = {"count": count or None, "total": tally.totals}
    return Flow.model_validate(_head(period, stamp=stamp, camera=camera) | fields)


def zone(period: Period, *, stamp: Stamp, camera: str, area_m2: float | None) -> ZoneCount:
    """The message of one interval of a zone: means over the analysed time, the density where the area is known."""
    fields = _head(period, stamp=stamp, camera=camera)
    if period.analysed > 0:
        numbers = dict(period.numbers)
        levels = {k: _level(numbers, k, period.analysed) for k in CLASSES if f"{k}.sum" in numbers}
        people = levels.pop(CLASSES[0])
        fields |= {"people": people, "vehicles": levels or None}
        fields |= {"density_m2": round(people.mean / area_m2, 3)} if area_m2 else {}
    return ZoneCount.model_validate(fields)


def cross(crossing: Crossing, *, stamp: Stamp, camera: str) -> Cross:
    """The message of a single crossing."""
    fields = {"seq": stamp.seq, "epoch": stamp.epoch, "camera": camera, "rule": crossing.line}
    at = utc(crossing.at.utc, millis=True)
    return Cross.model_validate({**fields, "at": at, "class": crossing.kind, "direction": crossing.direction})


def info(edge: Edge, *, cameras: Mapping[str, Camera], models: Mapping[str, str]) -> Info:
    """The device's `info`; `models` maps the name of each model to the SHA-256 of its weights."""
    described = {
        name: CameraInfo(
            name=camera.name or name,
            rate_hz=camera.analyse.rate,
            model=ModelInfo(name=camera.analyse.model, sha256=models.get(camera.analyse.model, "unknown")),
            rules={r.id: _line_info(r) for r in camera.lines} | {r.id: _zone_info(r) for r in camera.zones},
        )
        for name, camera in sorted(cameras.items())
    }
    config = hashlib.sha256("".join(c.model_dump_json() for c in described.values()).encode()).hexdigest()[:12]
    return Info(node=edge.node, software=__version__, config=config, cameras=described)


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


def _line_info(line: Line) -> RuleInfo:
    return RuleInfo(kind="flow", directions=line.names, classes=line.classes, points=line.points, every=line.every)


def _zone_info(rule: Zone) -> RuleInfo:
    return RuleInfo(kind="zone", name=rule.name or None, points=rule.points, every=rule.every, area_m2=rule.area_m2)
