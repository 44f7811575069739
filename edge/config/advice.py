"""What to do about a value of the wrong form, for the slips that people make."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from edge.config.document import SHOWN

Place = tuple[str | int, ...]

PIXELS_FROM = 2
"""A coordinate from here on is one in pixels; what lies a little outside of 0 to 1 was drawn beside the picture."""
_DRAWN = frozenset(("points", "lane", "mask"))
_NUMBERS = frozenset(("float_parsing", "float_type", "int_parsing", "int_type", "int_from_float", "finite_number"))
_BOUNDS = frozenset(("greater_than", "greater_than_equal", "less_than_equal"))
_KEYED = frozenset(("dict_type", "model_type", "model_attributes_type"))
_WORDS = frozenset(("entries", "exits", "classes"))
"""Lists of words without spaces."""
DAY_SECONDS = 86400
_LIMITS = {
    "crowd_density": "[[2, 1.5], [3, 2.5]]",
    "congestion": "[[2, 2], [3, 3]]",
    "wrong_way": "[[1, 1]]",
    "stopped_vehicle": "[[60, 30]]",
}
"""Levels of the alarms that have a default."""
_OF_KEYS = {
    "area_m2": "give the square metres of ground that the zone covers, or leave it out",
    "every": "choose seconds that divide 3600, such as 10, 60, 300 or 900",
    "alarms": "name the alarm with its limits, such as {crowd_density: default}",
    "calibration": "put the points under its key points",
    "tiles": "give columns and rows, each 1 to 4, such as [2, 2]",
    "rate": "give pictures a second from 1 to 15; 5 suits most",
    "on_seconds": "give seconds from 0, at once, to 3600",
    "off_seconds": "give seconds from 0, at once, to 3600",
}


def advice(error: Mapping[str, Any], place: Place) -> str:
    """What to do about an error of pydantic at this place; empty where what was expected says it."""
    kind, value = error["type"], error["input"]
    key = next((step for step in reversed(place) if isinstance(step, str)), "")
    if kind == "missing":
        return "add it"
    if kind == "string_type":
        return "put it in quotes" if isinstance(value, int | float) else "write one text"
    if kind == "string_pattern_mismatch":
        return _id(value, key)
    if kind in _NUMBERS and isinstance(value, str) and (number := _number(value, drawn=is_drawn(place))):
        return number
    if kind in _BOUNDS and is_drawn(place):
        return _inside(value)
    if place[-2:-1] == ("alarms",) and key in _LIMITS and not isinstance(value, str | bool):
        return f"write default, or limits of its own, such as {{levels: {_limits(value, key)}}}"
    if place[-2:-1] == ("alarms",) and (kind in _KEYED or value == "default"):
        return "what is many depends on the place: give limits, such as {levels: [[20, 10]]}"
    if kind == "too_long" and place[:1] == ("lines",) and key == "points":
        return "a line has two points, its first and its last: take the others out, or draw more lines"
    return _of_place(kind, value, place) or _of_kind(kind, value, error.get("ctx", {}))


def _limits(value: object, kind: str) -> str:
    """Levels that may be meant by one number; those that are usual where it can be none."""
    if kind == "stopped_vehicle" and isinstance(value, int | float) and 0 < value < DAY_SECONDS:
        return f"[[{value:g}, {min(value, 30):g}]]"
    return _LIMITS[kind]


def is_drawn(place: Place) -> bool:
    """Whether what stands here is drawn on the picture."""
    metres = place[:1] == ("calibration",) and place[3:4] == (1,)
    return not _DRAWN.isdisjoint(place) and not metres


def comma(key: str | int, *, section: Mapping[str, Any]) -> str:
    """What to do about a key of a section that is what comes after a decimal comma; empty where it is not."""
    keys, key = list(section), str(key)[:SHOWN]
    if not key.isdigit() or section.get(key, 0) is not None:
        return ""
    name = keys[max(0, keys.index(key) - 1)]
    value = section[name]
    if name == "tiles" and isinstance(value, int):
        return f"put both in brackets, such as tiles: [{value}, {key}]"
    such = f": {_cut_off(name)}: {value}.{key}" if isinstance(value, int) and key != keys[0] else ", such as 0.5"
    return f"decimals come after a point{such}"


def _cut_off(text: str) -> str:
    """The text where it is short enough to be repeated, else three points."""
    return text if len(text) <= SHOWN else "..."


def _id(value: str, key: str) -> str:
    if key == "credentials":
        return "write only the name of the secret's file, such as gate, and user:password into that file"
    plain = unicodedata.normalize("NFKD", value[:200].lower().replace("đ", "d")).encode("ascii", "ignore").decode()
    name = re.sub("[^a-z0-9]+", "-", plain).strip("-")[:32].strip("-")
    return (
        f"write it as {name}" if name and "@" not in value else "write such a name"
    )  # what may be a login is not told


def _inside(value: object) -> str:
    if not isinstance(value, int | float) or not value >= PIXELS_FROM:
        return "keep it inside of the picture: 0 is its left or upper edge, 1 its right or lower"
    percent = ", per cent by 100" if value <= 100 else ""
    return f"points are fractions of the picture: divide pixels by its width and height{percent}"


def _number(text: str, *, drawn: bool) -> str:
    text = text.strip()[:SHOWN]
    if re.fullmatch(r"[-+]?[0-9]+,[0-9]+", text):
        return f"decimals come after a point: {text.replace(',', '.')}"
    if drawn and (percent := re.fullmatch(r"([0-9]+(?:[.,][0-9]+)?) ?%", text)):
        return f"write it as a fraction of the picture: {float(percent[1].replace(',', '.')) / 100:g}"
    return "write the number alone, without a unit" if re.match(r"[-+]?[0-9]", text) else ""


def _of_place(kind: str, value: object, place: Place) -> str:
    """What suits only the key that stands at this place."""
    key = place[-1]
    if key == "tiles" and kind == "tuple_type" and isinstance(value, str | int):
        numbers = re.findall("[1-4]", _cut_off(str(value)))
        pair = f"[{numbers[0]}, {numbers[-1]}]" if len(numbers) in (1, 2) else "[2, 2]"
        return f"write columns and rows in brackets: {pair}"
    if key == "pcu" and not isinstance(value, str):
        return "name the set, or give each class its factor"
    if place[-2:-1] == ("pcu",) and kind in _NUMBERS | _BOUNDS:
        return "give a factor from 0 to 10, such as 1 for a car"
    listed = isinstance(value, str) and kind == "tuple_type" and 0 < len(value) <= SHOWN and "@" not in value
    if listed and key in _WORDS:
        words = re.findall(r"[^][(),;\s]+", str(value))
        return f"put it in brackets: [{', '.join(words)}]"
    if listed and key == "names" and "," in str(value):
        return f"put it in brackets: [{value}]"
    known = kind in _NUMBERS | _BOUNDS | _KEYED
    section = next((step for step in reversed(place) if isinstance(step, str)), "")
    return _OF_KEYS.get(section, "") if known and (section == key or section == "tiles") else ""


def _of_kind(kind: str, value: object, context: Mapping[str, Any]) -> str:
    if kind == "literal_error":
        if isinstance(value, str) and value in context["expected"].split(" or "):
            return "write it without quotes"
        known = re.findall(r"'([^']+)'", context["expected"])
        near = difflib.get_close_matches(value.lower(), known, n=1) if isinstance(value, str) else []
        return f"did you mean {near[0]}?" if near else "choose one of these"
    if kind == "tuple_type":
        return "put entries under it, or take it out" if value is None else "write a list in brackets"
    if kind in _KEYED:
        return "see configs/reference.yaml"
    if kind in ("greater_than_equal", "less_than_equal"):
        return f"write {context.get('ge', context.get('le')):g} or {'more' if kind[0] == 'g' else 'less'}"
    if kind == "greater_than":
        return f"write more than {context.get('gt'):g}"
    if kind in ("bool_type", "bool_parsing"):
        return "write true or false" if value not in (0, 1) else f"write {str(bool(value)).lower()}"
    if kind in _NUMBERS and isinstance(value, bool):
        return "write it in digits"
    told = {"too_short": "add what is missing", "too_long": "take out what is too much", "string_too_short": "write it"}
    return told.get(kind, "")
