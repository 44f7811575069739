"""JSON by chance: instances of a JSON Schema, and what they become when values, names and bytes go wrong."""

from __future__ import annotations

import json
import random
from typing import Any

from fuzz_mutate import number, worse

TEXTS = {
    "^([0-9a-f]{64}|unknown)$": ("unknown", "0" * 64),
    "^[0-9a-f]{8}$": ("1c9f03aa", "00000000"),
    "^[0-9a-f]{8}-[0-9]+$": ("1c9f03aa-7", f"1c9f03aa-{'9' * 30}"),
    "^[a-z0-9][a-z0-9-]{0,31}$": ("gate", "l1", "z1", "l2", "a" * 32),
    "^[a-z]+$": ("ok", "auth", "nostream", "z" * 500),
}
"""What fits a pattern of the contract."""
MOMENTS = (
    "2026-11-22T23:00:00Z", "2026-11-22T23:05:00.5Z", "2026-02-29T00:00:00Z", "0000-01-01T00:00:00Z",
    "9999-12-31T29:59:59Z", "1969-12-31T23:59:59Z", "2026-13-01T00:00:00Z", "2026-11-22T24:00:00Z",
    "2026-11-22T23:00:00." + "1" * 300 + "Z", "2100-01-01T00:00:00Z", "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999Z",
)  # fmt: skip
ODD = (
    None, True, False, 0, -1, 1e308, -1e308, 0.1, "", "x", "\u0000", "\ud800", "𝕎" * 9, "a\nb", "\x1b[31mred", "Cầu",
    [], {}, [[]], [1, 2, 3], {"a": 1}, {"": None}, "1e999", "NaN", 2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1,
    2**64, 10**40, -(2**63), "x" * 3000, "[/bold red]", "%s", "l1>l2", "__proto__",
)  # fmt: skip
RAW = (
    b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"1" * 5000, b"0.1e-99999", b"[" * 3000, b'{"a":' * 3000,
    b'"\\ud800"', b'"\\u0000"', b"\xff", b"nul", b"'x'", b"01", b"+1", b"1.", b".5", b"0x1", b"// x",
    b"\xef\xbb\xbf", b',"seq":7', b',"v":2', b"\x00", b'"\\', b"tru", b"{}{}", b"[1,]",
)  # fmt: skip


def instance(schema: dict[str, Any], chance: random.Random, root: dict[str, Any] | None = None) -> Any:
    """A value that mostly fits the schema."""
    root = root or schema
    if "$ref" in schema:
        return instance(root["$defs"][schema["$ref"].rpartition("/")[2]], chance, root)
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return instance(chance.choice(schema[word]), chance, root)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return chance.choice(schema["enum"])
    match schema.get("type"):
        case "object":
            return _object(schema, chance, root)
        case "array":
            return _array(schema, chance, root)
        case "integer" | "number" as kind:
            return _number(schema, chance, whole=kind == "integer")
        case "boolean":
            return chance.choice((True, False))
    return chance.choice(
        MOMENTS if schema.get("format") == "date-time" else TEXTS.get(schema.get("pattern", ""), ("x", "Cầu", ""))
    )


def _object(schema: dict[str, Any], chance: random.Random, root: dict[str, Any]) -> dict[str, Any]:
    required = schema.get("required", ())
    found = {
        name: instance(each, chance, root)
        for name, each in schema.get("properties", {}).items()
        if name in required or chance.random() < 0.6
    }
    more = schema.get("additionalProperties")
    if isinstance(more, dict):
        names = schema.get("propertyNames", {})
        names = root["$defs"][names["$ref"].rpartition("/")[2]] if "$ref" in names else names
        for _ in range(chance.choice((0, 1, 2, 3))):
            name = (
                instance({"type": "string", **names}, chance, root) if names else chance.choice(("l1>l2", "x", "gate"))
            )
            found[str(name)] = instance(more, chance, root)
    return found


def _array(schema: dict[str, Any], chance: random.Random, root: dict[str, Any]) -> list[Any]:
    if "prefixItems" in schema:
        return [instance(each, chance, root) for each in schema["prefixItems"]]
    size = max(schema.get("minItems", 0), min(chance.choice((1, 2, 3)), schema.get("maxItems", 3)))
    return [instance(schema.get("items", {}), chance, root) for _ in range(size)]


def _number(schema: dict[str, Any], chance: random.Random, *, whole: bool) -> float:
    low, high = schema.get("minimum", schema.get("exclusiveMinimum", -1e9)), schema.get("maximum", 1e9)
    if chance.random() < 0.3:
        found: float = chance.choice((low, high, min(max(number(chance), low), high)))
    else:
        found = chance.uniform(max(low, 0), min(high, 5000))
    return int(found) if whole else found


def encoded(value: Any, chance: random.Random) -> bytes:
    """The value as JSON, in half of the cases with values, names or bytes gone wrong."""
    if chance.random() < 0.3:
        for _ in range(chance.choice((1, 1, 2, 4))):
            value = _odd(value, chance)
    body = json.dumps(value, ensure_ascii=chance.random() < 0.5, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return worse(body, chance, words=RAW) if chance.random() < 0.3 else body


def _odd(value: Any, chance: random.Random) -> Any:
    if isinstance(value, dict) and value and chance.random() < 0.9:
        name = chance.choice(list(value))
        match chance.randrange(5):
            case 0:
                return {each: kept for each, kept in value.items() if each != name}
            case 1:
                return {**value, str(chance.choice(ODD))[:200]: value[name]}
            case _:
                return {**value, name: _odd(value[name], chance)}
    if isinstance(value, list) and value and chance.random() < 0.7:
        at = chance.randrange(len(value))
        return chance.choice((value * 3, value[:at], [*value[:at], _odd(value[at], chance), *value[at + 1 :]]))
    return chance.choice(ODD)
