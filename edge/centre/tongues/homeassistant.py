"""Home Assistant: MQTT discovery of every line and zone as sensors, and their state after each interval.

Documented at https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery and /integrations/sensor.mqtt/. A null in
the state is rendered as `None`, which Home Assistant shows as unknown: where nothing was looked at there is no number.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from edge import __version__
from edge.centre.tongues import WAYS, Context, Message, Told, standing, volumes
from edge.events import Flow, Info, Interval, RuleInfo, ZoneCount
from edge.mqtt.topics import Topics

PREFIX = "homeassistant/sensor"
ORIGIN = {"name": "edge", "sw_version": __version__}
EXPIRE_INTERVALS = 3
"""A number that was not renewed for so many intervals is shown as unavailable."""


@dataclass(frozen=True, slots=True)
class _Sensor:
    """One number of a rule's state: its key there, its name for people, and what else discovery is told."""

    key: str
    name: str
    more: dict[str, Any]


def messages(event: Told, context: Context) -> list[Message]:
    """Discovery for an info, the state for an interval; nothing for the rest, which is read from the contract."""
    match event:
        case Info():
            return _discovery(event, context)
        case Flow():
            return [_state(event, context, _flow(event, context))]
        case ZoneCount():
            return [_state(event, context, _zone(event))]
    return []


def kept(info: Info, context: Context) -> set[str]:
    """The topics that a device of this description has retained messages on."""
    states = {_state_topic(context, c, rule) for c, described in info.cameras.items() for rule in described.rules}
    return states | {each.topic for each in _discovery(info, context)}


def _discovery(info: Info, context: Context) -> list[Message]:
    topics = Topics(context.root, context.node)
    device = {"identifiers": [_uid(context)], "name": context.node, "sw_version": info.software}
    told = [_config(_uid(context), "status", _status("status", topics.status, device=device))]
    for camera, described in info.cameras.items():
        name = _uid(context, camera)
        device = {
            "identifiers": [name],
            "name": described.name,
            "model": described.model.name,
            "sw_version": info.software,
            "via_device": _uid(context),
        }
        status = _status("status", topics.camera(camera, kind="status"), device=device)
        status["availability"] = _availability(context)
        told.append(_config(name, "status", status))
        for rule, about in described.rules.items():
            common = {
                "state_topic": _state_topic(context, camera, rule),
                "availability": _availability(context, camera),
                "availability_mode": "all",
                "expire_after": EXPIRE_INTERVALS * about.every,
                "device": device,
            }
            told += [_config(name, f"{rule}_{each.key}", _of(each, common)) for each in _sensors(rule, about)]
    return told


def _sensors(rule: str, about: RuleInfo) -> Iterator[_Sensor]:
    if about.kind == "flow":
        yield from _line_sensors(rule, about)
    else:
        yield from _zone_sensors(about.name or rule, about)
    label = about.name or rule
    quiet = {"entity_category": "diagnostic"}
    yield _Sensor("coverage", f"{label}: coverage", _measured("%") | quiet)
    yield _Sensor("start", f"{label}: start of the interval", {"device_class": "timestamp"} | quiet)
    yield _Sensor("seconds", f"{label}: length of the interval", _measured("s") | {"device_class": "duration"} | quiet)


def _line_sensors(rule: str, about: RuleInfo) -> Iterator[_Sensor]:
    for way, direction in zip(WAYS, about.directions or ("→", "←"), strict=True):
        for kind in about.classes or ():
            yield _Sensor(f"{way}_{kind}", f"{rule} {direction}: {kind}", _measured("crossings"))
        total = {"unit_of_measurement": "crossings", "state_class": "total_increasing"}
        yield _Sensor(f"{way}_total", f"{rule} {direction}: total", total)


def _zone_sensors(label: str, about: RuleInfo) -> Iterator[_Sensor]:
    for key in ("mean", "max", "last"):
        yield _Sensor(f"people_{key}", f"{label}: people, {key}", _measured("people"))
    if about.area_m2:
        yield _Sensor("density_m2", f"{label}: density", _measured("people/m²"))


def _measured(unit: str) -> dict[str, Any]:
    return {"unit_of_measurement": unit, "state_class": "measurement"}


def _status(key: str, topic: str, *, device: dict[str, Any]) -> dict[str, Any]:
    """A sensor that reads the contract itself."""
    return {
        "name": key,
        "state_topic": topic,
        "value_template": "{{ value_json.state }}",
        "entity_category": "diagnostic",
        "device": device,
    }


def _of(sensor: _Sensor, common: dict[str, Any]) -> dict[str, Any]:
    return {"name": sensor.name, "value_template": f"{{{{ value_json.{sensor.key} }}}}", **sensor.more, **common}


def _config(group: str, key: str, config: dict[str, Any]) -> Message:
    """Ids have no underscore of their own, so that joined by underscores no two are the same."""
    unique = f"{group}_{key}"
    names = {"unique_id": unique, "default_entity_id": f"sensor.{unique.replace('-', '_')}"}
    body = json.dumps({**config, **names, "origin": ORIGIN}, ensure_ascii=False, separators=(",", ":"))
    return Message(f"{PREFIX}/{group}/{key}/config", body.encode(), kept=True)


def _availability(context: Context, camera: str | None = None) -> list[dict[str, str]]:
    """A count is there while the device is online and its camera ok, as the contract's retained states say."""
    topics = Topics(context.root, context.node)
    asked = [(topics.status, "online")] + ([(topics.camera(camera, kind="status"), "ok")] if camera else [])
    return [
        {"topic": topic, "value_template": f"{{{{ 'online' if value_json.state == '{good}' else 'offline' }}}}"}
        for topic, good in asked
    ]


def _flow(event: Flow, context: Context) -> dict[str, Any]:
    about = context.rule(event.camera, event.rule)
    kinds = (about.classes if about else None) or tuple(event.count or ())
    state: dict[str, Any] = {}
    for way, name in enumerate(WAYS):
        counts = volumes(event, way)
        state |= {f"{name}_{kind}": counts.get(kind) for kind in kinds}
        state[f"{name}_total"] = event.total[way] if counts else None
    return state


def _zone(event: ZoneCount) -> dict[str, Any]:
    people = event.people if event.coverage > 0 else None
    state = {f"people_{key}": getattr(people, key, None) for key in ("mean", "max", "last")}
    return {**state, "density_m2": event.density_m2 if people else None}


def _state(event: Interval, context: Context, numbers: dict[str, Any]) -> Message:
    head = {"start": event.start, "seconds": event.seconds, "coverage": round(100 * event.coverage, 1)}
    topic = _state_topic(context, event.camera, event.rule)
    body = json.dumps({**head, **numbers}, separators=(",", ":")).encode()
    return Message(topic, body, standing(event), kept=True)


def _state_topic(context: Context, camera: str, rule: str) -> str:
    return f"{PREFIX}/{_uid(context, camera)}/{rule}/state"


def _uid(context: Context, *names: str) -> str:
    return "_".join(("edge", context.root, context.node, *names))
