"""The form of a message: JSON that is read one way only, and the published JSON Schemas as checks."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any, NoReturn

from edge.errors import EdgeError

try:
    from jsonschema_rs import Draft202012Validator, ValidationError
    from jsonschema_rs import ValidationErrorKind as Kind
except ImportError:
    raise EdgeError(
        "edge.centre",
        "a centre needs jsonschema-rs, which is not installed",
        do="in the checkout run: .venv/bin/pip install -e '.[centre]'",
    ) from None

Json = dict[str, Any]
Check = Callable[[Any], str]
"""The first fault of a value, such as `total.0: less than 0`; empty where there is none. No text of the message but the
names of the schema is in it, so that equal faults read alike."""

SUSPECT = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
WORDS = {
    "required": "missing", "type": "no", "const": "not", "enum": "none of", "minimum": "less than",
    "maximum": "more than", "exclusiveMinimum": "not more than", "minItems": "fewer items than",
    "maxItems": "more items than", "pattern": "not of its form",
}  # fmt: skip
"""What to say of a keyword that was not kept to; of another one its name."""
LIMITS = ("limit", "types", "options", "expected_value")
"""What the library calls the value of a keyword."""


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
    """A schema of JSON Schema 2020-12 as a check; `format` says something to people only, as the standard has it."""
    validator = Draft202012Validator(schema)

    def check(value: Any) -> str:  # noqa: ANN401 - any JSON
        return "" if validator.is_valid(value) else _told(next(iter(validator.iter_errors(value))))

    return check


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


def _told(error: ValidationError) -> str:
    """Names of the message that no schema knows are `*`, or `a name in it` where the name itself is wrong."""
    place, kind, more = _place(error), error.kind, ""
    if isinstance(kind, Kind.Required):
        place.append(kind.property)
    if isinstance(kind, Kind.PropertyNames):
        more, kind = "a name in it: ", kind.error.kind
    told = kind.as_dict()
    limit = next((told[name] for name in LIMITS if name in told), "")
    if isinstance(limit, list):
        limit = ", ".join(str(each) if isinstance(kind, Kind.Type) else json.dumps(each) for each in limit)
    words = WORDS.get(kind.name, kind.name)
    return f"{'.'.join(place)}: {more}{words} {limit}".removeprefix(": ").strip()


def _place(error: ValidationError) -> list[str]:
    """Where the fault is, by the names of the schema and the numbers of items."""
    steps, found, names = iter(error.evaluation_path), iter(error.instance_path), []
    for step in steps:
        if step == "properties":
            next(found)
            names.append(str(next(steps)))
        elif step in ("additionalProperties", "items"):
            told = next(found, None)
            names.append(str(told) if step == "items" else "*")
    return names
