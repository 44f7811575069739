"""Measurements -> events -> bytes: the messages of the MQTT contract, version 1. Readers ignore unknown fields."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema

from edge import __version__
from edge.config.parts import Fraction, Id, Position, RoadUser
from edge.config.rules import AlarmKind, Line, Queue, Turn, Zone
from edge.config.schema import Camera, Edge
from edge.dataflow import CLASSES

DAY = 86_400
LIFE_SECONDS = {"flow": 7 * DAY, "turn": 7 * DAY, "zone": DAY, "queue": DAY, "cross": DAY, "alarm": DAY // 24}
"""How long a message of each kind is kept for a centre that has not confirmed it."""

_UTC = r"^[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]+)?Z$"
Utc = Annotated[str, StringConstraints(pattern=_UTC), Field(json_schema_extra={"format": "date-time"})]
Epoch = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}$")]
Seq = Annotated[int, Field(ge=1, le=2**64 - 1)]
Count = Annotated[int, Field(ge=0, le=2**63 - 1)]
Number = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_SPAN = {"type": "number", "exclusiveMinimum": 0, "maximum": 3600}
Seconds = Annotated[int | float, Field(gt=0, le=3600), WithJsonSchema(_SPAN)]
COUNTED = ("ok", "shifted", "config")
"""The states of a camera whose counts can be relied on: also where its view moved a little and the lines follow, and
where it is counted by the version of its file before a wrong one."""
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
    flags: Annotated[tuple[Flag, ...], Field(min_length=1)] | None = None
    """Why it may not tell everything, or not the right time; absent where nothing is to be said."""


class Interval(Data):
    """A numbered message on one interval of one rule."""

    start: Utc
    seconds: Seconds
    coverage: Fraction
    """The share of the interval that was really analysed."""


class Flow(Interval):
    """Crossings of a line in one interval."""

    count: dict[RoadUser, tuple[Count, Count]] | None = None
    """[left to right of the line walked first to last, the other way] by class; absent where nothing was analysed."""
    total: tuple[Count, Count]
    """All classes since the counter began, in both directions."""
    pcu: tuple[Number, Number] | None = None
    """The counts in passenger-car units, where factors are named."""
    speed_kmh: tuple[Number, Number] | None = None
    """Space-mean (harmonic) speed in both directions, where the camera is calibrated; 0 where none was measured."""
    headway_s: tuple[Number, Number] | None = None
    """Mean time from the front of a vehicle to that of the next; 0 where fewer than two passed."""
    occupancy: Fraction | None = None
    """The share of the analysed time in which the line was covered."""
    walk_min_m: tuple[Number, Number] | None = None
    """Pedestrians a minute and metre of the line: of a line for them alone, where the camera is calibrated."""
    counterflow: Annotated[float, Field(ge=0, le=0.5)] | None = None
    """Share of the pedestrians who went against the more frequent direction: of a line for them alone."""


class Level(Part):
    """How many at a time: the mean over the analysed time, the most, and at the end."""

    mean: Number
    max: Count
    last: Count


class Dwell(Part):
    """How long people stayed, in seconds."""

    mean: Number
    p95: Number


class ZoneCount(Interval):
    """People in a zone, and vehicles by class where asked. None of them where nothing was analysed."""

    people: Level | None = None
    vehicles: dict[RoadUser, Level] | None = None
    density_m2: Number | None = None
    """People per square metre, of the mean, where the area is known."""
    congestion: Annotated[int, Field(ge=0, le=3)] | None = None
    """The state of traffic at the end: 0 free, 1 dense, 2 slow, 3 jammed; of zones with vehicles."""
    entered: Count | None = None
    """People who came in."""
    left: Count | None = None
    """People who left."""
    dwell_s: Dwell | None = None
    """How long those who left had stayed."""
    rise_min: float | None = None
    """By how many people a minute it filled, negative where it emptied; told where the zone has an alarm."""
    level: Annotated[int, Field(ge=0, le=3)] | None = None
    """Of the zone's alarm at the end."""


class Turns(Interval):
    """Turning movements of one interval, counted when the vehicle leaves."""

    moves: dict[str, dict[RoadUser, Count]] | None = None
    """By "entry>exit" and class; absent where nothing was analysed."""
    unmatched: Fraction | None = None
    """Share of the entries that were not seen to leave; absent where nobody came in."""


class Extent(Part):
    """Mean over the analysed time, and the most."""

    mean: Number
    max: Number


class QueueLength(Interval):
    """What waits on one lane. None of it where nothing was analysed."""

    vehicles: Extent | None = None
    metres: Extent | None = None
    """From the stop line to the tail, where the camera is calibrated."""
    wait_s: Number | None = None
    """Mean wait of those who left; absent where nobody did."""


class AlarmChange(Data):
    """A change of an alarm."""

    at: Utc
    alarm: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}-[0-9]+$")]
    """One id from raised to cleared."""
    kind: AlarmKind
    state: Literal["raised", "changed", "cleared", "unknown"]
    level: Annotated[int, Field(ge=0, le=3)]
    value: float | None = None
    """As measured; absent where the camera is lost."""
    limit: float
    clears_below: float
    since: Utc
    """When the condition began."""


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
    damaged: Count = 0
    """Pictures not analysed because they were damaged, since the process began."""
    blur: Fraction | None = None
    """How much of the sharpness of its installation the picture has lost; absent where that cannot be told."""


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

    kind: Literal["flow", "zone", "turn", "queue"]
    name: str | None = None
    directions: tuple[str, str] | None = None
    """What people call the two directions of a line."""
    classes: tuple[RoadUser, ...] | None = None
    """The classes that are counted on a line."""
    points: tuple[Position, ...] | None = None
    """First and last of a line, the corners of a zone or lane, as fractions of the picture: x to the right, y down."""
    lines: tuple[Id, ...] | None = None
    """The entries of a turn, or the stop line of a queue."""
    exits: tuple[Id, ...] | None = None
    """The exits of a turn."""
    every: Annotated[int, Field(ge=10, le=3600)]
    """Seconds of one interval."""
    area_m2: Annotated[float, Field(gt=0)] | None = None
    """The ground that a zone covers."""
    alarm: AlarmKind | None = None
    """The alarm that this rule can raise; absent where it has none."""


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
    pcu: dict[RoadUser, Number] | None = None
    """The factors of passenger-car units, where some are named."""


class Info(Event):
    """Everything needed to read the rest of a device's messages."""

    node: Id
    software: str
    config: str
    """A fingerprint of the configuration; another one means that a rule may have changed."""
    classes: tuple[str, ...] = CLASSES
    units: dict[str, str] = Field(
        default={
            "seconds": "s",
            "mean": "people or vehicles",
            "density_m2": "people/m2",
            "coverage": "share 0..1",
            "pcu": "passenger-car units",
            "speed_kmh": "km/h",
            "headway_s": "s",
            "occupancy": "share 0..1",
            "walk_min_m": "people/min/m",
            "dwell_s": "s",
            "rise_min": "people/min",
            "metres": "m",
            "wait_s": "s",
        }
    )
    cameras: dict[Id, CameraInfo]


def utc(seconds: float, *, millis: bool = False) -> str:
    """Unix seconds as RFC 3339 in UTC, such as 2026-11-22T23:00:00Z."""
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds" if millis else "seconds")
    return text.replace("+00:00", "Z")


def info(edge: Edge, *, cameras: Mapping[str, Camera], models: Mapping[str, str]) -> Info:
    """The device's `info`; `models` maps the name of each model to the SHA-256 of its weights."""
    described = {
        name: CameraInfo(
            name=camera.name or name,
            rate_hz=camera.analyse.rate,
            model=ModelInfo(name=camera.analyse.model, sha256=models.get(camera.analyse.model, "unknown")),
            rules={rule.id: _rule_info(rule) for rule in camera.rules},
            pcu=camera.factors or None,
        )
        for name, camera in sorted(cameras.items())
    }
    config = hashlib.sha256("".join(c.model_dump_json() for c in described.values()).encode()).hexdigest()[:12]
    return Info(node=edge.node, software=__version__, config=config, cameras=described)


def _rule_info(rule: Line | Zone | Turn | Queue) -> RuleInfo:
    fields: dict[str, object] = {"every": rule.every}
    if not isinstance(rule, Turn) and rule.alarms.one:
        fields["alarm"] = rule.alarms.one[0]
    match rule:
        case Line():
            fields |= {"kind": "flow", "directions": rule.names, "classes": rule.classes, "points": rule.points}
        case Zone():
            fields |= {"kind": "zone", "name": rule.name or None, "points": rule.points, "area_m2": rule.area_m2}
        case Turn():
            fields |= {"kind": "turn", "lines": rule.entries, "exits": rule.exits}
        case Queue():
            fields |= {"kind": "queue", "lines": (rule.stop_line,), "points": rule.lane}
    return RuleInfo.model_validate(fields)
