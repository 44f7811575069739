"""What may stand in `edge.yaml` and in a camera file: frozen, unknown keys refused. The defaults are here only."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from edge.geometry import Point, segments_cross

RoadUser = Literal["pedestrian", "bicycle", "motorcycle", "car", "bus", "truck"]
ID = r"[a-z0-9][a-z0-9-]{0,31}"
"""The form of every id, for it stands in topics."""
Id = Annotated[str, StringConstraints(pattern=f"^{ID}$")]
Fraction = Annotated[float, Field(ge=0, le=1)]
Position = tuple[Fraction, Fraction]


def fault(kind: str, *, expected: str, found: str, do: str, place: tuple[str | int, ...] = ()) -> PydanticCustomError:
    """A fault in the sense of a value, told like every other: what was expected, what was found, what to do; `place`
    leads from the value that is checked to the part of it that is at fault."""
    context = {"kind": kind, "expected": expected, "found": found, "do": do, "place": place}
    return PydanticCustomError("edge", "{kind}", context)


def _divides_the_hour(seconds: int) -> int:
    if 3600 % seconds:
        raise fault(
            "the interval does not fit into the hour",
            expected="seconds that divide 3600, such as 10, 60, 300, 900",
            found=str(seconds),
            do="choose one of these, so that intervals start on the wall clock",
        )
    return seconds


def _simple_polygon(points: tuple[Position, ...]) -> tuple[Position, ...]:
    edges = list(zip(points, [*points[1:], points[0]], strict=True))
    if any(segments_cross(a, b) for i, a in enumerate(edges) for b in edges[i + 1 :]):
        raise fault(
            "the sides of the polygon cross each other",
            expected="the corners in order around the area",
            found=str([list(p) for p in points]),
            do="put the corners in the order in which one walks round",
        )
    area = abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in edges)) / 2
    if area < 1e-4:
        raise fault(
            "the polygon has hardly any area",
            expected="an area of the picture",
            found=f"{area:.6f} of the picture",
            do="check the corners",
        )
    return points


Interval = Annotated[int, Field(ge=10, le=3600), AfterValidator(_divides_the_hour)]
Polygon = Annotated[tuple[Position, ...], Field(min_length=3), AfterValidator(_simple_polygon)]


class Section(BaseModel):
    """A part of a file: immutable, and a key that it does not know is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def _camera_address(url: str) -> str:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises on a port that is no number
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("rtsp", "rtsps") or not parts.hostname:
        raise fault(
            "the address is no camera address",
            expected="rtsp://ADDRESS:PORT/PATH",
            found="something else",
            do="copy the stream's address from the camera's manual or web page",
        )
    if "@" in parts.netloc:
        raise fault(
            "the address holds a user or a password",
            expected="an address without them",
            found="text before an @",
            do="take it out and name a secret under source.credentials",
        )
    return url


class Source(Section):
    """Where the pictures come from."""

    url: Annotated[str, AfterValidator(_camera_address)]
    """RTSP address of the stream (the sub-stream is enough), without user and password."""
    credentials: Id | None = None
    """Name of the secret that holds `user:password`."""
    transport: Literal["tcp", "udp"] = "tcp"
    """How RTP travels: tcp, or udp where the camera's tcp is poor."""


class Analyse(Section):
    """How the pictures are looked at."""

    rate: float = Field(default=5, ge=1, le=15)
    """Pictures analysed a second."""
    model: str = Field(default="nanodet-g", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """Name of a model's card, NAME.toml."""


def _has_length(points: tuple[Position, Position]) -> tuple[Position, Position]:
    (x1, y1), (x2, y2) = points
    if (x2 - x1) ** 2 + (y2 - y1) ** 2 < 0.02**2:
        raise fault(
            "the line is too short to count on",
            expected="two points at least 0.02 of the picture apart",
            found=str([list(p) for p in points]),
            do="draw it across the road",
        )
    return points


class Line(Section):
    """A line whose crossings are counted, by class and direction."""

    id: Id
    points: Annotated[tuple[Position, Position], AfterValidator(_has_length)]
    """First and last point, as fractions of the picture."""
    names: tuple[str, str] = ("→", "←")
    """What to call the two directions: left to right of the line walked first to last, and the other way."""
    classes: Annotated[tuple[RoadUser, ...], Field(min_length=1)] = (
        "motorcycle", "bicycle", "car", "bus", "truck", "pedestrian",
    )  # fmt: skip
    """The classes that are counted here."""
    every: Interval = 300
    """Seconds of one interval."""
    crossings: bool = False
    """Also publish every single crossing (for acceptance tests)."""


class Zone(Section):
    """An area in which people are counted, and vehicles where asked."""

    id: Id
    points: Polygon
    """The corners in order, as fractions of the picture."""
    name: str = ""
    """What people call it."""
    area_m2: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """The ground it covers; with it the density is told."""
    vehicles: bool = False
    """Also count vehicles by class."""
    every: Interval = 60
    """Seconds of one interval."""


class Camera(Section):
    """A camera file, `cameras/<id>.yaml`."""

    name: str = ""
    """What people call it; Vietnamese letters are welcome."""
    source: Source | None = None
    """Where the pictures come from; only `edge replay` goes without."""
    analyse: Analyse = Analyse()
    """How they are looked at."""
    mask: tuple[Polygon, ...] = ()
    """Areas that are never analysed."""
    lines: tuple[Line, ...] = ()
    """Lines to count on."""
    zones: tuple[Zone, ...] = ()
    """Zones to count people in."""

    @model_validator(mode="after")
    def _rules_have_their_own_ids(self) -> Camera:
        places = [(line.id, ("lines", i, "id")) for i, line in enumerate(self.lines)]
        places += [(zone.id, ("zones", i, "id")) for i, zone in enumerate(self.zones)]
        ids = [rule for rule, _ in places]
        for i, (rule, place) in enumerate(places):
            if rule in ids[:i]:
                raise fault(
                    "two rules have one id",
                    expected="an id of its own for every line and zone",
                    found=f"another {rule}",
                    do="rename one",
                    place=place,
                )
        if not ids:
            raise fault(
                "nothing is counted",
                expected="at least one line or zone",
                found="none",
                do="add one under lines or zones",
            )
        return self


class Tls(Section):
    """How the broker is verified and how this device proves who it is."""

    ca: Path | None = None
    """Certificate authority of the broker; without it, the system's."""
    certificate: Path | None = None
    """This device's certificate."""
    key: Path | None = None
    """Its key."""

    @model_validator(mode="after")
    def _certificate_with_key(self) -> Tls:
        if (self.certificate is None) != (self.key is None):
            raise fault(
                "half of an identity",
                expected="certificate and key together",
                found="only one of them",
                do="give both or neither",
            )
        return self


def _no_is_false(tls: object) -> object:
    if isinstance(tls, dict | Tls) or tls is False:
        return tls
    raise fault("no TLS section", expected="false, or keys ca, certificate, key", found=repr(tls), do="write false")


class Broker(Section):
    """The MQTT broker."""

    host: str = Field(min_length=1)
    """Name or address."""
    port: int = Field(default=8883, ge=1, le=65535)
    """Port; 8883 with TLS, 1883 mostly without."""
    tls: Annotated[Tls | Literal[False], BeforeValidator(_no_is_false)] = Tls()
    """Verified TLS by default; `false` only on a network that nobody else is on."""
    credentials: Id | None = None
    """Name of the secret that holds `user:password`."""
    keepalive_seconds: int = Field(default=30, ge=5, le=600)
    """How soon a dead link is noticed."""


class Storage(Section):
    """How the journal and the outbox are kept."""

    flush_seconds: float = Field(default=30, ge=1, le=600)
    """What a power cut may cost at most. Each flush writes a few kilobytes: 30 spares an SD card, 1 suits an SSD."""
    outbox_mb: int = Field(default=256, ge=16, le=4096)
    """Memory for what waits for the centre; beyond it the oldest goes first, alarms last, and the centre is told."""


def _not_the_centre(node: str) -> str:
    if node == "centre":
        raise fault(
            "this level of the topics belongs to the centre",
            expected="another id",
            found=node,
            do="name the device after its place",
        )
    return node


class Edge(Section):
    """The device's file, `edge.yaml`."""

    node: Annotated[Id, AfterValidator(_not_the_centre)]
    """This device's id, used in every topic."""
    root: Id = "hue"
    """First level of every topic; one for each city."""
    centre: Id = "centre-1"
    """The id of the centre whose word counts: what it confirms as stored is let go of here."""
    broker: Broker
    storage: Storage = Storage()


def points_of(polygon: Polygon) -> list[Point]:
    """A polygon of the configuration as plain points."""
    return [(x, y) for x, y in polygon]
