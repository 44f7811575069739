"""The form of a message: JSON that is read one way only, and the published JSON Schemas as checks."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

Json = dict[str, Any]
Check = Callable[[Any], str]
"""The first fault of a value, such as `total.0: less than 0`; empty where there is none. No text of the message but the
names of the schema is in it, so that equal faults read alike."""

SUSPECT = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
NOT_CHECKED = {"$schema", "$id", "$defs", "title", "description", "format"}
"""What says something to people only; `format` is no check in JSON Schema 2020-12."""


def content(body: bytes) -> Any:  # noqa: ANN401 - any JSON
    """What JSON in UTF-8 says. ValueError where it is none, where readers would not agree on it (one name twice), or
    where no database holds it."""
    try:
        text = body.decode()
        found = json.loads(text, object_pairs_hook=_unique, parse_float=_finite, parse_constant=_no_number)
    except UnicodeDecodeError:
        raise ValueError("not JSON in UTF-8") from None
    except (json.JSONDecodeError, RecursionError):
        raise ValueError("not JSON") from None
    if SUSPECT.search(text):
        _storable(found)
    return found


def compiled(schema: Json) -> Check:
    """A schema as a check: exactly what it says, for the keywords that `edge.schemas` writes. KeyError for another."""
    return _all(schema, schema.get("$defs", {}))


def _unique(pairs: list[tuple[str, Any]]) -> Json:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a name twice in one object")
    return made


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("a number beyond what a computer holds")
    return number


def _no_number(_: str) -> NoReturn:
    raise ValueError("not JSON")


def _storable(value: Any) -> None:  # noqa: ANN401 - any JSON
    """JSON may hold U+0000 and halves of surrogate pairs, which no database takes as text."""
    text = json.dumps(value, ensure_ascii=False)
    if re.search(r"(?<!\\)(?:\\\\)*\\u0000|[\ud800-\udfff]", text):
        raise ValueError("a text with U+0000 or half a surrogate pair")


def _all(schema: Json, definitions: Json) -> Check:
    """The type first, which each of our schemas has, for the other keywords look at a value of that type only."""
    if "$ref" in schema:
        return _all(definitions[schema["$ref"].removeprefix("#/$defs/")], definitions)
    keywords = sorted(schema.keys() - NOT_CHECKED - {"type"})
    checks = (_type(schema["type"]), *(KEYWORDS[each](schema, definitions) for each in keywords))

    def check(value: Any) -> str:  # noqa: ANN401
        for each in checks:
            if fault := each(value):
                return fault
        return ""

    return check


def _type(name: str) -> Check:
    """1.0 is an integer and true is none, as JSON Schema has it."""
    fault = f"no {name}"
    if name == "integer":
        return lambda value: "" if type(value) is int or (type(value) is float and value.is_integer()) else fault
    kinds = {
        "number": (int, float), "string": (str,), "boolean": (bool,), "object": (dict,), "array": (list,)
    }[name]  # fmt: skip
    return lambda value: "" if type(value) in kinds else fault


def _one_of(values: Iterable[Any]) -> Check:
    """Here true is not 1, as in JSON and unlike Python; the values of our schemas can be hashed."""
    allowed = {(type(each) is bool, each) for each in values}
    names = ", ".join(json.dumps(each) for each in values)
    fault = f"not {names}" if len(allowed) == 1 else f"none of {names}"
    return lambda value: "" if (type(value) is bool, value) in allowed else fault


def _pattern(schema: Json, _: Json) -> Check:
    """ECMA-262 has its `$` at the very end only."""
    fits = re.compile(schema["pattern"].replace("$", r"\Z")).search
    return lambda value: "" if fits(value) else "not of its form"


def _properties(schema: Json, definitions: Json) -> Check:
    checks = [(name, _all(each, definitions)) for name, each in schema["properties"].items()]

    def check(value: Json) -> str:
        for name, each in checks:
            if name in value and (fault := each(value[name])):
                return _below(name, fault)
        return ""

    return check


def _required(schema: Json, _: Json) -> Check:
    names = schema["required"]

    def check(value: Json) -> str:
        return next((f"{name}: missing" for name in names if name not in value), "")

    return check


def _items(schema: Json, definitions: Json) -> Check:
    inner = _all(schema["items"], definitions)

    def check(value: list[Any]) -> str:
        for number, each in enumerate(value):
            if fault := inner(each):
                return _below(str(number), fault)
        return ""

    return check


def _names(schema: Json, definitions: Json) -> Check:
    inner = _all({"type": "string"} | schema["propertyNames"], definitions)

    def check(value: Json) -> str:
        for each in value:
            if fault := inner(each):
                return f"a name in it: {fault}"
        return ""

    return check


def _others(schema: Json, definitions: Json) -> Check:
    """The values of every name that `properties` does not know; whose names they are is no matter of the schema."""
    inner, known = _all(schema["additionalProperties"], definitions), schema.get("properties", {}).keys()

    def check(value: Json) -> str:
        for name, each in value.items():
            if name not in known and (fault := inner(each)):
                return _below("*", fault)
        return ""

    return check


def _below(place: str, fault: str) -> str:
    """`total` and `0: less than 0` are `total.0: less than 0`; `total` and `no array` are `total: no array`."""
    head, colon, _ = fault.partition(": ")
    return f"{place}.{fault}" if colon and " " not in head else f"{place}: {fault}"


def _bound(name: str, fits: Callable[[Any, Any], bool], words: str) -> Callable[[Json, Json], Check]:
    def make(schema: Json, _: Json) -> Check:
        bound = schema[name]
        return lambda value: "" if fits(value, bound) else f"{words} {bound}"

    return make


KEYWORDS: dict[str, Callable[[Json, Json], Check]] = {
    "minimum": _bound("minimum", lambda value, bound: value >= bound, "less than"),
    "maximum": _bound("maximum", lambda value, bound: value <= bound, "more than"),
    "exclusiveMinimum": _bound("exclusiveMinimum", lambda value, bound: value > bound, "not more than"),
    "minItems": _bound("minItems", lambda value, bound: len(value) >= bound, "fewer items than"),
    "maxItems": _bound("maxItems", lambda value, bound: len(value) <= bound, "more items than"),
    "const": lambda schema, _: _one_of([schema["const"]]),
    "enum": lambda schema, _: _one_of(schema["enum"]),
    "pattern": _pattern,
    "properties": _properties,
    "required": _required,
    "items": _items,
    "propertyNames": _names,
    "additionalProperties": _others,
}
