"""What may stand in `edge.yaml` and in a camera file: frozen, unknown keys refused. The defaults are here only."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from edge.config.document import hidden
from edge.config.fault import cut, fault, shown
from edge.config.hosts import host_alone
from edge.config.parts import Id, Number, Polygon, RoadUser, Section, Whole, own_ids
from edge.config.rules import PCU_SETS, Calibration, Line, Queue, Turn, Zone
from edge.config.slips import each_in_brackets, each_in_outer_brackets


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


def _card_name(name: str) -> str:
    if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise fault(
            "this is no name of a model",
            expected="letters, digits, ., _ and -, such as road-users",
            found=shown(name),
            do="name one that edge models lists",
        )
    return name


TileCount = Annotated[Whole, Field(ge=1, le=4)]


class Analyse(Section):
    """How the pictures are looked at."""

    rate: Number = Field(default=5, ge=1, le=15)
    """Pictures analysed a second."""
    model: Annotated[str, AfterValidator(_card_name)] = "road-users"
    """Name of a model's card, NAME.toml."""
    tiles: tuple[TileCount, TileCount] = (1, 1)
    """Columns and rows of overlapping tiles that are looked at besides the whole picture, where people and vehicles are
    small in it: [2, 2] costs five times as much."""


PcuFactor = Annotated[Number, Field(ge=0, le=10)]


def _is_split(factors: dict[str, object], name: str, key: str) -> bool:
    return key.isdigit() and factors[key] is None and isinstance(factors[name], int)


def _no_comma(factors: object) -> object:
    if not isinstance(factors, dict):
        return factors
    split = [(name, key) for name, key in pairwise(factors) if _is_split(factors, name, key)]
    if split:
        meant = ", ".join(f"{cut(hidden(name))}: {cut(str(factors[name]))}.{cut(key)}" for name, key in split[:5])
        raise fault(
            "this is what comes after a comma",
            expected="a class with its factor",
            found=cut(split[0][1]),
            do=f"decimals come after a point: {meant}",
            place=(split[0][1],),
        )
    return factors


_MASK = each_in_brackets("areas", example="[[[0, 0], [1, 0], [1, 0.1]]]")


class Camera(Section):
    """A camera file, `cameras/<id>.yaml`."""

    name: str = ""
    """What people call it; Vietnamese letters are welcome."""
    installed: str = ""
    """The day, or day and hour, when somebody last set the camera up, or any other words: with every change of them the
    view of its installation is taken anew."""
    source: Source | None = None
    """Where the pictures come from; only `edge replay` goes without."""
    analyse: Analyse = Analyse()
    """How they are looked at."""
    mask: Annotated[tuple[Polygon, ...], BeforeValidator(_MASK), BeforeValidator(each_in_outer_brackets)] = ()
    """Areas that are never analysed."""
    lines: tuple[Line, ...] = ()
    """Lines to count on."""
    zones: tuple[Zone, ...] = ()
    """Zones to count people in."""

    turns: tuple[Turn, ...] = ()
    """Junctions whose turning movements are counted."""
    queues: tuple[Queue, ...] = ()
    """Lanes whose queues are measured."""
    calibration: Calibration | None = None
    """What ties the picture to the ground; without it there are no metres and no km/h."""
    pcu: Annotated[Literal["tcvn-4054-2005"] | dict[RoadUser, PcuFactor] | None, BeforeValidator(_no_comma)] = None
    """Passenger-car units: a named set of factors, or one for every vehicle that is counted, 0 for what weighs none."""

    @model_validator(mode="after")
    def _rules_have_their_own_ids(self) -> Camera:
        ids = {
            "lines": [line.id for line in self.lines],
            "zones": [zone.id for zone in self.zones],
            "turns": [turn.id for turn in self.turns],
            "queues": [queue.id for queue in self.queues],
        }
        own_ids([(rule, (kind, i, "id")) for kind, rules in ids.items() for i, rule in enumerate(rules)])
        if not any(ids.values()):
            raise fault(
                "nothing is counted",
                expected="at least one line or zone",
                found="none",
                do="add one under lines or zones",
            )
        self._name_lines_that_are_there()
        self._density_has_an_area()
        self._every_vehicle_has_a_factor()
        return self

    def _density_has_an_area(self) -> None:
        for i, zone in enumerate(self.zones):
            if zone.alarms.crowd_density and zone.area_m2 is None and self.calibration is None:
                raise fault(
                    "an alarm of density without an area",
                    expected="area_m2 of the zone, or a calibration",
                    found="neither",
                    do="measure the ground that the zone covers",
                    place=("zones", i, "alarms", "crowd_density"),
                )

    def _every_vehicle_has_a_factor(self) -> None:
        usual = PCU_SETS["tcvn-4054-2005"]
        counted = [kind for kind in usual if any(kind in line.classes for line in self.lines)]
        without = [kind for kind in counted if kind not in self.factors]
        if self.pcu is not None and without:
            factors = ", ".join(f"{kind}: {usual[kind]:g}" for kind in without)
            raise fault(
                "vehicles that are counted have no factor",
                expected=f"one for each of {', '.join(counted)}",
                found=f"none for {', '.join(without)}",
                do=f"add them, such as {factors} (those of TCVN 4054), or 0 for what weighs nothing",
                place=("pcu",),
            )

    @property
    def factors(self) -> dict[RoadUser, float]:
        """Passenger-car units by class; empty where none are named."""
        return PCU_SETS[self.pcu] if isinstance(self.pcu, str) else self.pcu or {}

    @property
    def rules(self) -> tuple[Line | Zone | Turn | Queue, ...]:
        """Everything that has intervals of its own."""
        return (*self.lines, *self.zones, *self.turns, *self.queues)

    def _name_lines_that_are_there(self) -> None:
        lines = {line.id for line in self.lines}
        named: list[tuple[str, tuple[str | int, ...]]]
        named = [(queue.stop_line, ("queues", i, "stop_line")) for i, queue in enumerate(self.queues)]
        for i, turn in enumerate(self.turns):
            named += [(line, ("turns", i, "entries", j)) for j, line in enumerate(turn.entries)]
            named += [(line, ("turns", i, "exits", j)) for j, line in enumerate(turn.exits)]
        for line, place in named:
            if line not in lines:
                raise fault(
                    "there is no such line",
                    expected=f"one of {', '.join(sorted(lines)) or 'the lines, of which there are none'}",
                    found=line,
                    do="correct the id, or add the line",
                    place=place,
                )


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


_TLS = "leave it out for verified TLS, or name the files under it, such as {ca: /etc/edge/ca.crt}"


def _no_is_false(tls: object) -> object:
    if isinstance(tls, dict | Tls) or tls is False:
        return tls
    raise fault("no TLS section", expected="false, or keys ca, certificate, key", found=shown(tls), do=_TLS)


class Broker(Section):
    """The MQTT broker."""

    host: Annotated[str, Field(min_length=1), AfterValidator(host_alone)]
    """Name or address."""
    port: Whole = Field(default=8883, ge=1, le=65535)
    """Port; 8883 with TLS, 1883 mostly without."""
    tls: Annotated[Tls | Literal[False], BeforeValidator(_no_is_false)] = Tls()
    """Verified TLS by default; `false` only on a network that nobody else is on."""
    credentials: Id | None = None
    """Name of the secret that holds `user:password`."""
    keepalive_seconds: Whole = Field(default=30, ge=5, le=600)
    """How soon a dead link is noticed."""


class Storage(Section):
    """How the journal and the outbox are kept."""

    flush_seconds: Number = Field(default=30, ge=1, le=600)
    """What a power cut may cost at most. Each flush writes a few kilobytes: 30 spares an SD card, 1 suits an SSD."""
    outbox_mb: Whole = Field(default=256, ge=16, le=4096)
    """Memory for what waits for the centre; beyond it the oldest goes first, alarms last, and the centre is told."""


class Metrics(Section):
    """Numbers for Prometheus."""

    port: Whole | None = Field(default=None, ge=1024, le=65535)
    """Port of 127.0.0.1 on which the publisher answers; without it, it opens none."""


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
    metrics: Metrics = Metrics()
