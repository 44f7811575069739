"""The AsyncAPI 3.0 document of the contract, as the device sees it: it sends, and receives what the centre says."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any, Literal

from edge import events, render
from edge.config.rules import PCU_SETS, Line, Zone
from edge.config.schema import Broker, Camera, Edge
from edge.dataflow import CLASSES, Alarm, Crossing, Instant, Period, Stamp, Tally
from edge.mqtt.topics import MAJOR, Topics
from edge.standing import HEALTH_SECONDS

_TOPICS = Topics("{root}", "{node}")
_AT = 1795388400.0
_STAMP = Stamp("1c9f03aa", 18432)
_LINE = Line(id="l1", points=((0.12, 0.55), (0.93, 0.55)), names=("vào trung tâm", "ra ngoại ô"))
_ZONE = Zone(id="z1", points=((0.1, 0.3), (0.9, 0.3), (0.9, 0.95), (0.1, 0.95)), name="Quảng trường", area_m2=420)
_FACTS = {"classes": CLASSES, "pcu": PCU_SETS["tcvn-4054-2005"]}
_TRAFFIC = (
    ("headway.0", 288.0), ("headway.1", 291.0), ("headways.0", 485.0), ("headways.1", 454.0), ("occupied.sum", 53.8),
    ("slowness.0", 18.02), ("slowness.1", 18.7), ("speeds.0", 501.0), ("speeds.1", 470.0),
)  # fmt: skip
_MOVES = (
    ("entries", 1400.0), ("moves.north>south.car", 88.0), ("moves.north>south.motorcycle", 612.0), ("unmatched", 98.0)
)  # fmt: skip
_WAITS = (
    ("metres.max", 31.5), ("metres.sum", 885.0), ("vehicles.max", 42.0), ("vehicles.sum", 1062.0), ("wait", 1260.0),
    ("waits", 60.0),
)  # fmt: skip
_ALARM = Alarm(Instant(0, _AT), "z1", "crowd_density", "raised", 2, 3.12, 3.0, 2.5, since=_AT - 30)
_DESCRIPTION = """\
What a device at the roadside tells the centre over MQTT, and what the centre tells it. MQTT 5, or 3.1.1: nothing that
is needed travels in properties only. Delivered means stored by the centre: a device keeps every numbered message until
the centre confirms its number, or its life ends and a gap is told. Duplicates are allowed; (node, epoch, seq) names a
message. No field is ever null, absent is not zero, and readers ignore unknown fields. Made
from the code by `edge schema`."""
_PARAMETERS = {
    "root": {"description": "The city's first level.", "default": "hue"},
    "node": {"description": "The device: [a-z0-9][a-z0-9-]{0,31}, not centre.", "examples": ["hue-07"]},
    "camera": {"description": "The camera: [a-z0-9][a-z0-9-]{0,31}.", "examples": ["le-loi-01"]},
    "rule": {"description": "The line or zone: [a-z0-9][a-z0-9-]{0,31}.", "examples": ["l1"]},
    "centre": {"description": "The centre that confirms: [a-z0-9][a-z0-9-]{0,31}.", "examples": ["centre-1"]},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Channel:
    """One topic and its message; `life` in seconds is the longest that it travels with as its expiry."""

    message: str
    address: str
    summary: str
    action: Literal["send", "receive"] = "send"
    qos: int = 1
    retain: bool = False
    life: int | None = None
    answered: bool = False


def _data(kind: str, summary: str) -> _Channel:
    address = _TOPICS.data(kind, camera="{camera}", rule="{rule}")
    return _Channel(message=kind, address=address, summary=summary, life=events.LIFE_SECONDS[kind])


def _camera(kind: str) -> str:
    return _TOPICS.camera("{camera}", kind=kind)


_CHANNELS = (
    _data("flow", "Crossings of a line in one interval."),
    _data("zone", "People, and vehicles where asked, in a zone over one interval."),
    _data("turn", "Turning movements of one interval."),
    _data("queue", "What waits behind a stop line over one interval."),
    _data("alarm", "A change of an alarm."),
    _Channel(
        message="alarm-now", address=_TOPICS.alarm_now("{camera}", rule="{rule}"),
        summary="The alarm as it stands; empty: none does.", retain=True,
    ),
    _data("cross", "One single crossing; off by default, for acceptance tests."),
    _Channel(message="node-status", address=_TOPICS.status, summary="The device as it stands; its Will.", retain=True),
    _Channel(message="info", address=_TOPICS.info, summary="What is needed to read the rest.", retain=True),
    _Channel(message="gap", address=_TOPICS.gap, summary="Numbers that will never come."),
    _Channel(
        message="camera-status", address=_camera("status"), summary="The camera as it stands; empty: it is gone.",
        retain=True,
    ),
    _Channel(
        message="health", address=_camera("health"), summary="How the analysis runs.", qos=0, life=HEALTH_SECONDS
    ),
    _Channel(
        message="stored", address=_TOPICS.stored("{centre}"), summary="What the centre has on its disk.",
        action="receive", retain=True,
    ),
    _Channel(
        message="resend", address=_TOPICS.command("resend"), summary="Send these numbers again, or tell the gap.",
        action="receive", answered=True,
    ),
    _Channel(
        message="rebirth", address=_TOPICS.command("rebirth"), summary="Tell all states anew; no body is needed.",
        action="receive", answered=True,
    ),
)  # fmt: skip


def document() -> dict[str, Any]:
    """The whole document; the schemas are referred to as files beside it."""
    examples = {name: json.loads(body) for name, body in _examples().items()}
    answer = {
        "address": None,
        "description": "The Response Topic of the command, below the device's own topics.",
        **_messages("answer"),
    }
    return {
        "asyncapi": "3.0.0",
        "id": f"urn:hue:edge:{MAJOR}",
        "info": {"title": "edge: counting beside the camera", "version": MAJOR, "description": _DESCRIPTION},
        "defaultContentType": "application/json",
        "servers": {"broker": _server()},
        "channels": {each.message: _channel(each) for each in _CHANNELS} | {"answer": answer},
        "operations": {f"{each.action}-{each.message}": _operation(each) for each in _CHANNELS},
        "components": {
            "parameters": _PARAMETERS,
            "messages": {each.message: _message(each, examples) for each in _CHANNELS}
            | {"answer": _with_body("answer", "To a command.", examples)},
        },
    }


def _server() -> dict[str, Any]:
    will = events.NodeStatus(state="offline").to_bytes().decode()
    return {
        "host": "{host}",
        "protocol": "secure-mqtt",
        "protocolVersion": "5",
        "description": "The city's broker, with TLS.",
        "variables": {"host": {"description": "Name and port.", "default": "mqtt.hue.example:8883"}},
        "bindings": {"mqtt": _bound(lastWill={"topic": _TOPICS.status, "qos": 1, "retain": True, "message": will})},
    }


def _channel(channel: _Channel) -> dict[str, Any]:
    names = re.findall(r"{(\w+)}", channel.address)
    parameters = {name: {"$ref": f"#/components/parameters/{name}"} for name in names}
    return {"address": channel.address, "parameters": parameters, **_messages(channel.message)}


def _operation(channel: _Channel) -> dict[str, Any]:
    life = {} if channel.life is None else {"messageExpiryInterval": channel.life}
    operation: dict[str, Any] = {
        "action": channel.action,
        "channel": {"$ref": f"#/channels/{channel.message}"},
        "summary": channel.summary,
        "messages": [{"$ref": f"#/channels/{channel.message}/messages/{channel.message}"}],
        "bindings": {"mqtt": _bound(qos=channel.qos, retain=channel.retain, **life)},
    }
    if channel.answered:
        operation["reply"] = {
            "address": {"location": "$message.header#/responseTopic"},
            "channel": {"$ref": "#/channels/answer"},
            "messages": [{"$ref": "#/channels/answer/messages/answer"}],
        }
    return operation


def _message(channel: _Channel, examples: dict[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = {"name": channel.message, "summary": channel.summary}
    if channel.message in examples:
        message = _with_body(channel.message, channel.summary, examples)
    return message | {"headers": _properties()} if channel.answered else message


def _with_body(name: str, summary: str, examples: dict[str, Any]) -> dict[str, Any]:
    schema = {
        "schemaFormat": "application/schema+json;version=2020-12",
        "schema": {"$ref": f"./schemas/{name}.json"},
    }
    return {"name": name, "summary": summary, "payload": schema, "examples": [{"payload": examples[name]}]}


def _messages(name: str) -> dict[str, Any]:
    return {"messages": {name: {"$ref": f"#/components/messages/{name}"}}}


def _properties() -> dict[str, Any]:
    return {
        "type": "object",
        "description": "Properties of MQTT 5. Without a Response Topic there is no answer.",
        "properties": {"responseTopic": {"type": "string"}, "correlationData": {"type": "string"}},
    }


def _bound(**values: object) -> dict[str, Any]:
    return {**values, "bindingVersion": "0.2.0"}


def _examples() -> dict[str, bytes]:
    """Messages as the device makes them, and the centre's."""
    camera, epoch, seq = "le-loi-01", _STAMP.epoch, _STAMP.seq
    counts = {"motorcycle": (412, 388), "car": (61, 57), "bus": (4, 3), "truck": (9, 7), "pedestrian": (20, 31)}
    line = Period("l1", "flow", _AT, 300, analysed=294, numbers=_TRAFFIC)
    alarm = render.alarm(_ALARM, stamp=_STAMP, camera=camera, alarm_id=f"{epoch}-{seq}")
    numbers = (("pedestrian.sum", 7752.6), ("pedestrian.max", 149), ("pedestrian.last", 137))
    area = Period("z1", "zone", _AT, 60, analysed=59, numbers=numbers)
    gone = {"epoch": epoch, "from": 1, "to": 120}
    made: tuple[tuple[str, events.Part], ...] = (
        ("flow", render.flow(line, Tally(counts, (90412, 88771)), stamp=_STAMP, camera=camera, facts=_FACTS)),
        ("zone", render.zone(area, stamp=_STAMP, camera=camera, area_m2=_ZONE.area_m2)),
        (
            "turn",
            render.turn(Period("t1", "turn", _AT, 300, analysed=294, numbers=_MOVES), stamp=_STAMP, camera=camera),
        ),
        (
            "queue",
            render.queue(Period("q1", "queue", _AT, 60, analysed=59, numbers=_WAITS), stamp=_STAMP, camera=camera),
        ),
        ("alarm", alarm),
        ("alarm-now", alarm),
        ("cross", render.cross(Crossing(Instant(0, _AT), "l1", 0, "car", 1), stamp=_STAMP, camera=camera)),
        ("node-status", events.NodeStatus(state="online", since=events.utc(_AT))),
        ("camera-status", events.CameraStatus(camera=camera, state="ok", since=events.utc(_AT))),
        ("info", _info()),
        ("health", events.Health(camera=camera, at=events.utc(_AT), rate_hz=5, age_p95_ms=210.4, inference_ms=31.2)),
        (
            "gap",
            events.Gap.model_validate({**gone, "reason": "their life ended", "at": events.utc(_AT)}),
        ),
        ("stored", events.Stored(epoch=epoch, seq=seq)),
        ("resend", events.Resend.model_validate({"epoch": epoch, "from": 121, "to": 140})),
        ("answer", events.Answer(ok=True, again=20)),
    )
    return {name: each.model_dump_json(exclude_none=True, by_alias=True).encode() for name, each in made}


def _info() -> events.Info:
    edge = Edge(node="hue-07", broker=Broker(host="mqtt.hue.example"))
    camera = Camera(name="Cầu Trường Tiền, bờ bắc", lines=(_LINE,), zones=(_ZONE,))
    weights = hashlib.sha256(b"the weights").hexdigest()
    return events.info(edge, cameras={"le-loi-01": camera}, models={camera.analyse.model: weights})
