"""The rules of a camera file: what is measured where, and when somebody is told at once."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, model_validator

from edge.config.document import hidden
from edge.config.fault import cut, fault, shown
from edge.config.parts import Corner, Flag, Id, Interval, Number, Polygon, Position, RoadUser, Section, each_once
from edge.config.slips import anything, each_in_brackets, falling, on_picture, refuse_decimal_commas, two_numbers

AlarmKind = Literal["crowd_density", "crowd_count", "congestion", "queue", "wrong_way", "stopped_vehicle"]


DENSEST = 12.0
"""People/m2 that no crowd reaches: from 6 to 9 on it is a crush (Fruin, Pedestrian Planning and Design, 1971; Weidmann,
Transporttechnik der Fussgaenger, 1993)."""
JAMMED = 3
"""The worst state of traffic."""
Level = Annotated[tuple[Number, Number], BeforeValidator(two_numbers(falling, example="[20, 10]"))]
_LEVELS = each_in_brackets("levels", example="[[20, 10]]", alone=True)


class Limits(Section):
    """When an alarm is raised and cleared."""

    levels: Annotated[tuple[Level, ...], Field(min_length=1, max_length=3), BeforeValidator(_LEVELS)]
    """For level 1, 2, 3: the value from which it is raised, and the one below which it is cleared."""
    on_seconds: Number = Field(default=20, ge=0, le=3600)
    """How long a limit must hold before the alarm is raised; a higher level is told at once."""
    off_seconds: Number = Field(default=60, ge=0, le=3600)
    """How long the value must stay below before it is cleared."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        ups = [up for up, _ in self.levels]
        upside = [f"[{down:g}, {up:g}]" for up, down in self.levels if down > up]
        if ups != sorted(set(ups)) or upside:
            raise fault(
                "the levels are not in order",
                expected="rising limits, each cleared at or below what raises it, such as [[2, 1.5], [3, 2.5]]",
                found=str([list(level) for level in self.levels]),
                do=f"what raises it comes before what clears it: {upside[0]}"
                if upside
                else "put the lowest level first",
                place=("levels",),
            )
        for i, (_, down) in enumerate(self.levels):
            if down <= 0:
                raise fault(
                    "this alarm would never be cleared, for nothing is below",
                    expected="two numbers above 0",
                    found=shown(list(self.levels[i])),
                    do="give what raises it and below what it is cleared, such as [20, 10]",
                    place=("levels", i),
                )
        return self


DEFAULTS: dict[str, Limits] = {
    "crowd_density": Limits(levels=((2.0, 1.5), (3.0, 2.5), (4.0, 3.5))),
    "congestion": Limits(levels=((2, 2), (3, 3)), on_seconds=30),
    "wrong_way": Limits(levels=((1, 1),), on_seconds=0),
    "stopped_vehicle": Limits(levels=((60, 10),), on_seconds=0, off_seconds=10),
}
"""What `default` means: crowd density in people/m2 (watch, warning, critical), congestion as its state 0 to 3,
wrong_way as riders, stopped_vehicle as seconds. The others depend on the place and have none."""


_HIGHEST = {
    "congestion": (
        JAMMED,
        "there is no such state of traffic",
        f"a state, at most {JAMMED} (jammed)",
        "give states, such as [[2, 2], [3, 3]], or write default",
    ),
    "crowd_density": (
        DENSEST,
        "no crowd is as dense",
        f"people on a square metre, at most {DENSEST:g}",
        "give people/m2, such as [[2, 1.5]], or use crowd_count for a number of people",
    ),
}
"""The alarms whose levels end somewhere: where, and how a higher one is refused: what, expected, what to do."""


class Alarms(Section):
    """Which alarm a rule has: at most one, `default` or with limits of its own."""

    crowd_density: Literal["default"] | Limits | None = None
    """Of people/m2."""
    crowd_count: Limits | None = None
    """Of people."""
    congestion: Literal["default"] | Limits | None = None
    """Of the state of traffic: 0 free, 1 dense, 2 slow, 3 jammed."""
    queue: Limits | None = None
    """Of vehicles that wait."""
    wrong_way: Literal["default"] | Limits | None = None
    """Of vehicles over a line the forbidden way."""
    stopped_vehicle: Literal["default"] | Limits | None = None
    """Of the seconds that a vehicle has stood in a zone."""

    @property
    def one(self) -> tuple[str, Limits] | None:
        """The alarm and its limits."""
        for kind in type(self).model_fields:
            limits = getattr(self, kind)
            if limits is not None:
                return kind, limits if isinstance(limits, Limits) else DEFAULTS[kind]
        return None

    @model_validator(mode="after")
    def _at_most_one(self) -> Self:
        kinds = [kind for kind in type(self).model_fields if getattr(self, kind) is not None]
        if len(kinds) > 1:
            raise fault(
                "two alarms on one rule",
                expected="one, for a rule has one alarm topic",
                found=" and ".join(kinds),
                do="draw the same place once more, with an id of its own, for the other",
            )
        return self

    @model_validator(mode="after")
    def _levels_that_exist(self) -> Self:
        for kind, (most, what, expected, do) in _HIGHEST.items():
            limits = getattr(self, kind)
            for i, (up, _) in enumerate(limits.levels if isinstance(limits, Limits) else ()):
                if up > most:
                    place = (kind, "levels", i)
                    raise fault(what, expected=expected, found=f"{up:g}", do=do, place=place)
        return self


def _only(alarms: Alarms, *kinds: str) -> None:
    if alarms.one and alarms.one[0] not in kinds:
        raise fault(
            "this rule cannot have this alarm",
            expected=" or ".join(kinds),
            found=alarms.one[0],
            do="take it out, or put it where it belongs",
            place=("alarms", alarms.one[0]),
        )


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


ARROWS = ("→", "←")


def _no_word(direction: object, info: ValidationInfo) -> object:
    if isinstance(direction, bool) or (isinstance(direction, str) and direction not in ("0", "1")):
        names = info.data.get("names", ARROWS)
        first, second = ("the first of names", "the second") if names == ARROWS else names
        raise fault(
            "this is no direction",
            expected="0 or 1",
            found=shown(direction),
            do=f"write 0 for {cut(hidden(first))}, 1 for {cut(hidden(second))}, or leave it out",
        )
    return direction


class Line(Section):
    """A line whose crossings are counted, by class and direction."""

    id: Id
    points: Annotated[
        tuple[Corner, Corner],
        BeforeValidator(each_in_brackets("points", example="[[0.1, 0.5], [0.9, 0.5]]")),
        AfterValidator(_has_length),
    ]
    """First and last point, as fractions of the picture."""
    names: Annotated[tuple[str, str], AfterValidator(each_once)] = ARROWS
    """What to call the two directions: left to right of the line walked first to last, and the other way."""
    classes: Annotated[tuple[RoadUser, ...], Field(min_length=1), AfterValidator(each_once)] = (
        "motorcycle", "bicycle", "car", "bus", "truck", "pedestrian",
    )  # fmt: skip
    """The classes that are counted here."""
    every: Interval = 300
    """Seconds of one interval."""
    crossings: Flag = False
    """Also publish every single crossing (for acceptance tests)."""
    forbidden: Annotated[Literal[0, 1] | None, BeforeValidator(_no_word)] = None
    """The direction that nobody may ride: 0 is the first of `names`, 1 the second."""
    alarms: Alarms = Alarms()
    """wrong_way, of the forbidden direction."""

    @model_validator(mode="after")
    def _forbidden_for_wrong_way(self) -> Self:
        _only(self.alarms, "wrong_way")
        if self.alarms.wrong_way and self.forbidden is None:
            raise fault(
                "wrong_way without a forbidden direction",
                expected="forbidden: 0 or 1",
                found="none",
                do="say which direction nobody may ride",
            )
        return self


class Zone(Section):
    """An area in which people are counted, and vehicles where asked."""

    id: Id
    points: Polygon
    """The corners in order, as fractions of the picture."""
    name: str = ""
    """What people call it."""
    area_m2: Number | None = Field(default=None, gt=0, allow_inf_nan=False)
    """The ground it covers; with it the density is told."""
    vehicles: Flag = False
    """Also count vehicles by class."""
    every: Interval = 60
    """Seconds of one interval."""
    alarms: Alarms = Alarms()
    """crowd_density, crowd_count, congestion or stopped_vehicle."""

    @model_validator(mode="after")
    def _alarm_of_a_zone(self) -> Self:
        _only(self.alarms, "crowd_density", "crowd_count", "congestion", "stopped_vehicle")
        return self


class Turn(Section):
    """Turning movements at a junction: who came in over which line and left over which."""

    id: Id
    entries: Annotated[tuple[Id, ...], Field(min_length=1)]
    """Lines over which vehicles come in, in whichever direction."""
    exits: Annotated[tuple[Id, ...], Field(min_length=1)]
    """Lines over which they leave."""
    within_seconds: Number = Field(default=120, gt=0, le=600)
    """Who has not left by then counts as unmatched."""
    every: Interval = 300
    """Seconds of one interval."""


class Queue(Section):
    """Vehicles that wait on one lane behind a stop line."""

    id: Id
    stop_line: Id
    """The line at which they wait."""
    lane: Polygon
    """The lane behind it, as far as the queue can reach."""
    every: Interval = 60
    """Seconds of one interval."""
    alarms: Alarms = Alarms()
    """queue, in vehicles."""

    @model_validator(mode="after")
    def _alarm_of_a_queue(self) -> Self:
        _only(self.alarms, "queue")
        return self


def _point_and_place(value: object) -> object:
    sides = value if isinstance(value, list | tuple) else ()
    if len(sides) == 2:
        refuse_decimal_commas(sides[0], on_picture, place=(0,))
        refuse_decimal_commas(sides[1], anything, place=(1,))
    if len(sides) != 2 or not all(isinstance(side, list | tuple) and len(side) == 2 for side in sides):
        raise fault(
            "this is no point with its place",
            expected="[x, y] in fractions of the picture and [metres, metres] on the ground",
            found=shown(value),
            do="write both in brackets, such as [[0.2, 0.8], [12.5, 0]]",
        )
    return value


Pair = Annotated[tuple[Position, tuple[Number, Number]], BeforeValidator(_point_and_place)]
_PAIRS = each_in_brackets("points", example="[[[0.2, 0.8], [12.5, 0]], [[0.7, 0.8], [19, 0]]]")


class Calibration(Section):
    """Points of the picture whose place on the ground is known: with them there are metres and km/h."""

    points: Annotated[tuple[Pair, ...], Field(min_length=4, max_length=100), BeforeValidator(_PAIRS)]
    """Each as [[x, y] in fractions of the picture, [metres, metres] on the ground]; four or more, well spread."""


PCU_SETS: dict[str, dict[RoadUser, float]] = {
    "tcvn-4054-2005": {"bicycle": 0.2, "motorcycle": 0.3, "car": 1.0, "truck": 2.0, "bus": 2.5},
}
"""Named factors: TCVN 4054:2005, table 2, flat terrain."""
