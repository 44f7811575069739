"""What every part of a configuration is made of: ids, fractions of the picture, polygons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticKnownError

from edge.config.fault import fault, shown
from edge.config.slips import each_in_brackets, on_picture, two_numbers
from edge.geometry import Point, polygon_area, segments_cross

RoadUser = Literal["pedestrian", "bicycle", "motorcycle", "car", "bus", "truck"]
ID = r"[a-z0-9][a-z0-9-]{0,31}"
"""The form of every id, for it stands in topics."""
Id = Annotated[str, StringConstraints(pattern=f"^{ID}$")]


def refusing(kind: type, error: Literal["float_type", "int_type"]) -> BeforeValidator:
    """Refuses values of a type that would be taken for the number that they are not."""

    def check(value: object) -> object:
        if isinstance(value, kind):
            raise PydanticKnownError(error)
        return value

    return BeforeValidator(check)


def _no_number(value: object) -> object:
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise PydanticKnownError("bool_type")
    return value


Flag = Annotated[bool, BeforeValidator(_no_number)]
"""true or false, or the words yes and no of older YAML, but no number."""
_BUT_NO_TRUTH = refusing(bool, "float_type")
Number = Annotated[float, _BUT_NO_TRUTH]
"""A number of a file, never true or false, which Python takes for 1 and 0; one in quotes is the same number."""
Whole = Annotated[int, refusing(bool, "int_type")]
Fraction = Annotated[float, Field(ge=0, le=1), _BUT_NO_TRUTH]
"""In the messages too, whose schemas name its bounds because they come first."""
Position = tuple[Fraction, Fraction]
Corner = Annotated[Position, BeforeValidator(two_numbers(on_picture, example="[0.3, 0.4]"))]
"""A position that a person wrote."""


def _divides_the_hour(seconds: int) -> int:
    if 3600 % seconds:
        raise fault(
            "the interval does not fit into the hour",
            expected="seconds that divide 3600, such as 10, 60, 300, 900",
            found=str(seconds),
            do="choose such a number, so that intervals start on the wall clock",
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
    area = polygon_area(points)
    if area < 1e-4:
        raise fault(
            "the polygon has hardly any area",
            expected="an area of the picture",
            found=f"{area:.6f} of the picture",
            do="check the corners",
        )
    return points


Interval = Annotated[Whole, Field(ge=10, le=3600), AfterValidator(_divides_the_hour)]
Polygon = Annotated[
    tuple[Corner, ...],
    Field(min_length=3, max_length=100),
    BeforeValidator(each_in_brackets("points", example="[[0, 0], [1, 0], [1, 0.1]]")),
    AfterValidator(_simple_polygon),
]


class Section(BaseModel):
    """A part of a file: immutable, and a key that it does not know is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


def points_of(polygon: Polygon) -> list[Point]:
    """A polygon of the configuration as plain points."""
    return [(x, y) for x, y in polygon]


def each_once(values: tuple[str, ...]) -> tuple[str, ...]:
    """Refuses what stands twice in a list of words."""
    twice = [value for i, value in enumerate(values) if value in values[:i]]
    if twice:
        raise fault(
            "one stands twice",
            expected="each only once",
            found=f"{shown(twice[0])} again",
            do="take one out, or write the one that is meant",
        )
    return values


def own_ids(places: Sequence[tuple[str, tuple[str | int, ...]]]) -> None:
    """Refuses an id that stands twice; each comes with its place."""
    ids = [rule for rule, _ in places]
    for i, (rule, place) in enumerate(places):
        if rule in ids[:i]:
            raise fault(
                "two rules have one id",
                expected="an id of its own for every line, zone, turn and queue",
                found=f"another {rule}",
                do="rename one",
                place=place,
            )
