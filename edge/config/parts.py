"""What every part of a configuration is made of: ids, fractions of the picture, polygons, and how a fault is told."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from edge.config.document import SHOWN
from edge.geometry import Point, polygon_area, segments_cross

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


def shown(value: object) -> str:
    """What stands there, without any password that somebody wrote in a wrong place."""
    text = repr(value) if isinstance(value, str) else str(value)
    return cut(re.sub(r"//[^/\s]*@", "//...@", text))


def cut(text: str) -> str:
    """The text, or its beginning where it is too long to be told."""
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


def _divides_the_hour(seconds: int) -> int:
    if 3600 % seconds:
        raise fault(
            "the interval does not fit into the hour",
            expected="seconds that divide 3600, such as 10, 60, 300, 900",
            found=str(seconds),
            do="choose one of these, so that intervals start on the wall clock",
        )
    return seconds


def _corners(points: object) -> object:
    if isinstance(points, list) and points and all(isinstance(each, int | float) for each in points):
        raise fault(
            "this is one point",
            expected="the corners, each as [x, y]",
            found=shown(points),
            do="put brackets around all corners, such as [[0, 0], [1, 0], [1, 0.1]]",
        )
    return points


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


Interval = Annotated[int, Field(ge=10, le=3600), AfterValidator(_divides_the_hour)]
Polygon = Annotated[
    tuple[Position, ...],
    Field(min_length=3, max_length=100),
    BeforeValidator(_corners),
    AfterValidator(_simple_polygon),
]


class Section(BaseModel):
    """A part of a file: immutable, and a key that it does not know is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


def points_of(polygon: Polygon) -> list[Point]:
    """A polygon of the configuration as plain points."""
    return [(x, y) for x, y in polygon]


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
