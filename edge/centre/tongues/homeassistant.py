"""Home Assistant: MQTT discovery of every line, zone and queue as sensors, their state after each interval, and of an
alarm as a binary sensor.

Documented at https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery, /integrations/sensor.mqtt/ and
/integrations/binary_sensor.mqtt/. A null in the state is rendered as `None`, which Home Assistant shows as unknown:
where nothing was looked at there is no number.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from edge import __version__
from edge.centre.tongues import WAYS, AlarmNow, Context, Message, Told, standing, volumes
from edge.events import COUNTED, AlarmChange, Flow, Info, Interval, QueueLength, RuleInfo, ZoneCount
from edge.mqtt.topics import Topics

PREFIX = "homeassistant/sensor"
ALARM_PREFIX = "homeassistant/binary_sensor"
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
        case QueueLength():
            return [_state(event, context, _queue(event))]
        case AlarmNow():
            return _alarm(event, context)
    return []


def kept(info: Info, context: Context) -> set[str]:
    """The topics that a device of this description has retained messages on."""
    rules = [(c, rule, about) for c, described in info.cameras.items() for rule, about in described.rules.items()]
    measured = {_state_topic(context, c, rule) for c, rule, about in rules if about.kind != "turn"}
    alarms = {each.topic for c, rule, _ in rules for each in _alarm(AlarmNow(c, rule, None), context)}
    return measured | alarms | {each.topic for each in _discovery(info, context)}


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
            if about.alarm:
                told.append(_alarm_config(camera, rule, context))
    return told


def _sensors(rule: str, about: RuleInfo) -> Iterator[_Sensor]:
    """None of a turn, whose movements are only known when they are made."""
    label = about.name or rule
    match about.kind:
        case "flow":
            yield from _line_sensors(rule, about)
        case "zone":
            yield from _zone_sensors(label, about)
        case "queue":
            yield from _queue_sensors(label)
        case _:
            return
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


def _queue_sensors(label: str) -> Iterator[_Sensor]:
    for key in ("mean", "max"):
        yield _Sensor(f"vehicles_{key}", f"{label}: vehicles waiting, {key}", _measured("vehicles"))
    for key in ("mean", "max"):
        yield _Sensor(f"metres_{key}", f"{label}: length, {key}", _measured("m") | {"device_class": "distance"})
    yield _Sensor("wait_s", f"{label}: mean wait", _measured("s") | {"device_class": "duration"})


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


def _config(group: str, key: str, config: dict[str, Any], *, prefix: str = PREFIX) -> Message:
    """Ids have no underscore of their own, so that joined by underscores no two are the same."""
    unique = f"{group}_{key}"
    names = {"unique_id": unique, "default_entity_id": f"{prefix.rpartition('/')[2]}.{unique.replace('-', '_')}"}
    body = json.dumps({**config, **names, "origin": ORIGIN}, ensure_ascii=False, separators=(",", ":"))
    return Message(f"{prefix}/{group}/{key}/config", body.encode(), kept=True)


def _availability(context: Context, camera: str | None = None) -> list[dict[str, str]]:
    """A count is there while the device is online and its camera can be counted on, as the contract's retained states
    say: also one whose view moved a little, and one that runs by the file before a wrong one."""
    topics = Topics(context.root, context.node)
    asked = [(topics.status, ["online"])] + ([(topics.camera(camera, kind="status"), list(COUNTED))] if camera else [])
    return [
        {"topic": topic, "value_template": f"{{{{ 'online' if value_json.state in {good} else 'offline' }}}}"}
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


def _queue(event: QueueLength) -> dict[str, Any]:
    state: dict[str, Any] = {}
    for name in ("vehicles", "metres"):
        extent = getattr(event, name) if event.coverage > 0 else None
        state |= {f"{name}_{key}": getattr(extent, key, None) for key in ("mean", "max")}
    return {**state, "wait_s": event.wait_s}


def _alarm(event: AlarmNow, context: Context) -> list[Message]:
    """Discovery and state; no order of times, for what a device says of now is always its latest word."""
    body = json.dumps(_standing(event.change), separators=(",", ":")).encode()
    return [
        _alarm_config(event.camera, event.rule, context),
        Message(_alarm_topic(event.camera, event.rule, context), body, kept=True),
    ]


def _alarm_config(name: str, rule: str, context: Context) -> Message:
    """Discovery of a rule's alarm."""
    group, about, camera = _uid(context, name), context.rule(name, rule), context.camera(name)
    topic = _alarm_topic(name, rule, context)
    config = {
        "name": f"{(about.name if about else None) or rule}: alarm",
        "state_topic": topic,
        "value_template": "{{ value_json.state }}",
        "json_attributes_topic": topic,
        "device_class": "problem",
        "availability": _availability(context),
        "device": {"identifiers": [group], "name": camera.name if camera else name},
    }
    return _config(group, f"{rule}_alarm", config, prefix=ALARM_PREFIX)


def _standing(change: AlarmChange | None) -> dict[str, Any]:
    """Neither on nor off where the camera is lost."""
    if change is None or change.state == "cleared":
        return {"state": "OFF"}
    told = change.model_dump(include={"kind", "level", "value", "limit", "since"}, exclude_none=True)
    return {"state": None if change.state == "unknown" else "ON", **told}


def _state(event: Interval, context: Context, numbers: dict[str, Any]) -> Message:
    head = {"start": event.start, "seconds": event.seconds, "coverage": round(100 * event.coverage, 1)}
    topic = _state_topic(context, event.camera, event.rule)
    body = json.dumps({**head, **numbers}, separators=(",", ":")).encode()
    return Message(topic, body, standing(event), kept=True)


def _alarm_topic(camera: str, rule: str, context: Context) -> str:
    return f"{ALARM_PREFIX}/{_uid(context, camera)}/{rule}/state"


def _state_topic(context: Context, camera: str, rule: str) -> str:
    return f"{PREFIX}/{_uid(context, camera)}/{rule}/state"


def _uid(context: Context, *names: str) -> str:
    return "_".join(("edge", context.root, context.node, *names))
