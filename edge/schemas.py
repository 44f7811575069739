"""The JSON Schemas (2020-12) of the contract's messages, made from the types in `edge.events`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from edge import asyncapi, events
from edge.errors import EdgeError
from edge.mqtt.topics import MAJOR

MESSAGES: dict[str, type[BaseModel]] = {
    "flow": events.Flow,
    "zone": events.ZoneCount,
    "turn": events.Turns,
    "queue": events.QueueLength,
    "alarm": events.AlarmChange,
    "alarm-now": events.AlarmChange,
    "cross": events.Cross,
    "node-status": events.NodeStatus,
    "camera-status": events.CameraStatus,
    "info": events.Info,
    "health": events.Health,
    "gap": events.Gap,
    "stored": events.Stored,
    "resend": events.Resend,
    "answer": events.Answer,
}
"""Every message of this version that has a body, by the name of its schema."""


def schema(name: str) -> dict[str, Any]:
    """What the sender of a message keeps to: a field that it always sends is required, one that it may leave out is
    never null. Fields that are not named may come with a later version."""
    made = MESSAGES[name].model_json_schema(mode="serialization", by_alias=True, schema_generator=_Sent)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"urn:hue:edge:{MAJOR}:{name}"}
    return {**head, "title": name, "description": "", **_tidy(made)}


def documents() -> dict[Path, str]:
    """Every generated file by its place below docs/: a schema for each message, and the AsyncAPI document."""
    schemas = {Path("schemas", f"{name}.json"): _text(schema(name)) for name in MESSAGES}
    return {**schemas, Path("asyncapi.json"): _text(asyncapi.document())}


def document(name: str) -> str:
    """The text of one of them: the name of a message, or asyncapi. EdgeError for any other name."""
    found = {path.stem: text for path, text in documents().items()}
    if name not in found:
        raise EdgeError("edge schema", f"{name}: no such message", do=f"choose one of {', '.join(found)}")
    return found[name]


def write(folder: Path) -> list[Path]:
    """Writes every document below a folder and returns the files. EdgeError where that is not possible."""
    written = []
    for path, text in documents().items():
        file = folder / path
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        except OSError as error:
            do = "name a folder of yours"
            raise EdgeError(str(file), f"cannot be written, {error.strerror}", do=do) from None
        written.append(file)
    return written


class _Sent(GenerateJsonSchema):
    """What is sent, which is less than what can be read: nothing is null, and only what may be null can be absent."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def field_is_required(
        self,
        field: core_schema.ModelField | core_schema.DataclassField | core_schema.TypedDictField,
        total: bool,  # noqa: ARG002, FBT001 - pydantic's form
    ) -> bool:
        inner = field["schema"]
        return not (inner["type"] == "default" and inner["schema"]["type"] == "nullable")

    def tuple_schema(self, schema: core_schema.TupleSchema) -> JsonSchemaValue:
        """Places that are all alike are told once, which older readers of JSON Schema understand too."""
        made = super().tuple_schema(schema)
        places = made.get("prefixItems", [])
        if places and "items" not in made and all(each == places[0] for each in places):
            made["items"] = made.pop("prefixItems")[0]
        return made

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """Keys that must fit a pattern: any other is a fault, as it is when a message is read."""
        made = super().dict_schema(schema)
        for pattern, value in made.pop("patternProperties", {}).items():
            made |= {"propertyNames": {"pattern": pattern}, "additionalProperties": value}
        return made


def _tidy(value: Any) -> Any:  # noqa: ANN401 - a schema is any JSON
    """Without the titles that only repeat a name; descriptions in one line."""
    if isinstance(value, list):
        return [_tidy(each) for each in value]
    if not isinstance(value, dict):
        return value
    kept = {key: each for key, each in value.items() if key != "title" or not isinstance(each, str)}
    lines = {"description": " ".join(kept["description"].split())} if isinstance(kept.get("description"), str) else {}
    return {key: _tidy(each) for key, each in kept.items()} | lines


def _text(content: dict[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"
