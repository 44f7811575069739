"""What a test hears is held against the committed schemas and the AsyncAPI document."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from paho.mqtt.client import MQTTMessage

DOCS = Path(__file__).resolve().parents[2] / "docs"
DOCUMENT = json.loads((DOCS / "asyncapi.json").read_text(encoding="utf-8"))
VALIDATORS = {
    file.stem: Draft202012Validator(json.loads(file.read_text(encoding="utf-8")))
    for file in (DOCS / "schemas").glob("*.json")
}
LEVEL = r"[a-z0-9][a-z0-9-]{0,31}"


@dataclass(frozen=True)
class Channel:
    """A channel of the AsyncAPI document: its message and how it travels."""

    message: str
    topic: re.Pattern[str]
    action: str
    qos: int
    retain: bool
    life: int | None


def _channels(document: dict[str, Any]) -> list[Channel]:
    found = []
    for operation in document["operations"].values():
        name = operation["channel"]["$ref"].removeprefix("#/channels/")
        pattern = re.sub(r"\\{\w+\\}", LEVEL, re.escape(document["channels"][name]["address"]))
        mqtt = operation["bindings"]["mqtt"]
        life = mqtt.get("messageExpiryInterval")
        found.append(Channel(name, re.compile(pattern), operation["action"], mqtt["qos"], mqtt["retain"], life))
    return found


CHANNELS = _channels(DOCUMENT)


def channel_of(topic: str) -> Channel | None:
    """The channel that a topic belongs to; None where it is none of the document."""
    fitting = [each for each in CHANNELS if each.topic.fullmatch(topic)]
    assert len(fitting) <= 1, f"{topic} is {[each.message for each in fitting]}"
    return fitting[0] if fitting else None


def conforms(message: MQTTMessage) -> None:
    """Fails where a message is not told as the document says: body, QoS, retained or not, life. Topics that are none
    of the contract's are no matter of it."""
    channel = channel_of(message.topic)
    if channel is None:
        if hasattr(message.properties, "CorrelationData"):
            fits(message.payload, "answer")
        return
    if message.payload or not channel.retain:
        fits(message.payload, channel.message)
    life = getattr(message.properties, "MessageExpiryInterval", 0)
    assert message.qos == channel.qos, f"{message.topic}: QoS {message.qos}"
    assert channel.retain or not message.retain, f"{message.topic}: retained"
    assert channel.life is None or life <= channel.life, f"{message.topic}: expires in {life} s"


def fits(body: bytes | str, name: str) -> None:
    """Fails where a message's body is not what the schema of its kind says."""
    if name not in VALIDATORS:
        return  # a command without a body
    faults = [f"{each.json_path}: {each.message}" for each in VALIDATORS[name].iter_errors(json.loads(body))]
    assert not faults, f"{name} {body[:300]!r}: {faults}"
