"""What to do about a value of the wrong form, for the slips that people make."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any

Place = tuple[str | int, ...]

PIXELS_FROM = 2
"""A coordinate from here on is one in pixels; what lies a little outside of 0 to 1 was drawn beside the picture."""
_DRAWN = frozenset(("points", "lane", "mask"))
_NUMBERS = frozenset(("float_parsing", "float_type", "int_parsing", "int_type", "int_from_float", "finite_number"))
_BOUNDS = frozenset(("greater_than", "greater_than_equal", "less_than_equal"))
_KEYED = frozenset(("dict_type", "model_type", "model_attributes_type"))
_OF_KEYS = {
    "area_m2": "give the square metres of ground that the zone covers, or leave it out",
    "every": "choose one of 10, 60, 300, 900 and 3600",
    "alarms": "name the alarm with its limits, such as {crowd_density: default}",
    "calibration": "put the points under its key points",
}


def advice(error: Mapping[str, Any], place: Place) -> str:
    """What to do about an error of pydantic at this place; empty where what was expected says it."""
    kind, value = error["type"], error["input"]
    key = next((step for step in reversed(place) if isinstance(step, str)), "")
    if kind == "missing":
        return "add it"
    if kind == "string_type" and isinstance(value, int | float):
        return "put it in quotes"
    if kind in _NUMBERS and isinstance(value, str) and (number := _number(value)):
        return number
    if kind in _BOUNDS and is_drawn(place):
        pixels = isinstance(value, int | float) and value >= PIXELS_FROM
        return "points are fractions of the picture: divide pixels by its width and height" if pixels else ""
    if place[-2:-1] == ("alarms",) and (kind in _KEYED or value == "default"):
        return "what is many depends on the place: give limits, such as {levels: [[20, 10]]}"
    if key in _OF_KEYS and place[-1] == key and kind in _NUMBERS | _BOUNDS | _KEYED:
        return _OF_KEYS[key]
    return _of_kind(kind, value, error.get("ctx", {}))


def is_drawn(place: Place) -> bool:
    """Whether what stands here is drawn on the picture."""
    return not _DRAWN.isdisjoint(place)


def comma(key: str) -> str:
    """What to do about a key that is what comes after a decimal comma; empty where it is not."""
    return "decimals come after a point, such as 0.5" if key.isdigit() else ""


def _number(text: str) -> str:
    if re.fullmatch(r"[-+]?[0-9]+,[0-9]+", text.strip()):
        return f"decimals come after a point: {text.strip().replace(',', '.')}"
    return "write the number alone, without a unit" if re.match(r"\s*[-+]?[0-9]", text) else ""


def _of_kind(kind: str, value: object, context: Mapping[str, Any]) -> str:
    if kind == "literal_error":
        known = re.findall(r"'([^']+)'", context["expected"])
        near = difflib.get_close_matches(value.lower(), known, n=1) if isinstance(value, str) else []
        return f"did you mean {near[0]}?" if near else "choose one of these"
    if kind == "tuple_type" and value is None:
        return "put entries under it, or take it out"
    if kind == "tuple_type":
        return f"put it in brackets: [{value}]" if isinstance(value, str) and value else "write a list in brackets"
    if kind in _KEYED:
        return "see configs/reference.yaml"
    return {"too_short": "add what is missing", "too_long": "take out what is too much"}.get(kind, "")
