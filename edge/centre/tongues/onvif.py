"""ONVIF events over MQTT: ONVIF Core Specification, Event Broker ("onvif-ej"), with the rules of the Analytics Service
Specification (annex A) and the tampering events of the Imaging Service Specification.

Every property event is retained and carries no PropertyOperation; a deleted one is an empty payload (Core, "Property
events"). What ONVIF has no word for travels in items of the namespace prefix `edge:`. It has no topic for queues,
turning movements, and alarms of crowds and traffic.
"""

from __future__ import annotations

import json
from typing import Any

from edge.centre.tongues import WAYS, Context, Message, Told, end, standing, volumes
from edge.events import COUNTED, CameraStatus, Cross, Flow, Info, Interval, ZoneCount

CONFIGURATION = "edge"
"""The token of the analytics configuration; a camera has one."""
MOST_COUNT = 2**31 - 1
"""Count is an xs:int."""
COUNTER = "RuleEngine/CountAggregation/Counter"
OCCUPANCY = "RuleEngine/CountAggregation/OccupancyCounter"
CROSSED = "RuleEngine/LineDetector/Crossed"
SIGNAL_LOSS = "VideoSource/SignalLoss"
FAULTS = {
    "dark": "VideoSource/ImageTooDark/AnalyticsService",
    "bright": "VideoSource/ImageTooBright/AnalyticsService",
    "blind": "VideoSource/ImageTooBlurry/AnalyticsService",
    "moved": "VideoSource/GlobalSceneChange/AnalyticsService",
}
"""Faults of the picture; every other state gives none to look at (a frozen one is none), and is a lost signal."""
CLASS_TYPES = {"pedestrian": "Human", "bicycle": "Bicycle"}
"""The ObjectType of a class; motorcycles, cars, buses and trucks have no finer word than Vehicle there."""


def messages(event: Told, context: Context) -> list[Message]:
    """The event as onvif-ej messages; none where nothing was looked at."""
    match event:
        case Flow():
            return _counters(event, context)
        case ZoneCount():
            return _occupancy(event, context)
        case Cross():
            return [_crossed(event, context)]
        case CameraStatus():
            return _states(event, context)
    return []


def kept(info: Info, context: Context) -> set[str]:
    """The topics that a device of this description has retained messages on."""
    topics = set()
    for camera, described in info.cameras.items():
        topics |= {_topic(context, each, camera) for each in (SIGNAL_LOSS, *FAULTS.values())}
        for rule, about in described.rules.items():
            names = {"flow": [f"{rule}-{way}" for way in WAYS], "zone": [rule]}.get(about.kind, [])
            local = COUNTER if about.kind == "flow" else OCCUPANCY
            topics |= {_topic(context, local, camera, CONFIGURATION, name) for name in names}
    return topics


def _counters(event: Flow, context: Context) -> list[Message]:
    """Count is the contract's total: all classes since the counter began, one way, as a LineCounting rule with a
    Direction has it."""
    told = []
    for way, name in enumerate(WAYS):
        counts = volumes(event, way)
        if counts and event.total[way] <= MOST_COUNT:
            data = {"Count": event.total[way], "edge:Interval": {**_interval(event), "Count": counts}}
            told.append(_of_rule(COUNTER, f"{event.rule}-{name}", event, context=context, data=data))
    return told


def _occupancy(event: ZoneCount, context: Context) -> list[Message]:
    """Count is how many people were there at the end; they are seen, not reckoned from who came and went."""
    people = event.people
    if people is None or event.coverage == 0:
        return []
    levels: dict[str, Any] = {"Mean": people.mean, "Max": people.max}
    if event.density_m2 is not None:
        levels["Density"] = event.density_m2
    data = {"Count": people.last, "edge:Interval": {**_interval(event), **levels}}
    return [_of_rule(OCCUPANCY, event.rule, event, context=context, data=data)]


def _crossed(event: Cross, context: Context) -> Message:
    source = _source(event.camera, f"{event.rule}-{WAYS[event.direction]}")
    data = {"ClassTypes": CLASS_TYPES.get(event.kind, "Vehicle"), "edge:Class": event.kind}
    return Message(_topic(context, CROSSED, *source.values()), _body(event.at, source, data))


def _states(event: CameraStatus, context: Context) -> list[Message]:
    """The state of every fault, so that an old one ends."""
    fault = None if event.state in COUNTED else FAULTS.get(event.state, SIGNAL_LOSS)
    source = {"Source": event.camera}
    return [
        Message(
            _topic(context, local, event.camera),
            _body(event.since, source, {"State": local == fault, "edge:State": event.state}),
            kept=True,
        )
        for local in (SIGNAL_LOSS, *FAULTS.values())
    ]


def _of_rule(local: str, rule: str, event: Interval, *, context: Context, data: dict[str, Any]) -> Message:
    source = _source(event.camera, rule)
    body = _body(end(event), source, data)
    return Message(_topic(context, local, *source.values()), body, standing(event), kept=True)


def _source(camera: str, rule: str) -> dict[str, str]:
    return {"VideoSource": camera, "AnalyticsConfiguration": CONFIGURATION, "Rule": rule}


def _interval(event: Interval) -> dict[str, Any]:
    return {"Start": event.start, "Seconds": event.seconds, "Coverage": event.coverage}


def _topic(context: Context, local: str, *source: str) -> str:
    """TopicPrefix "/" PayloadPrefix "/" LocalTopic "/&" Source; the prefix is one level, unique for each device."""
    return f"{context.root}-{context.node}/onvif-ej/{local}/&{'/'.join(source)}"


def _body(at: str, source: dict[str, str], data: dict[str, Any]) -> bytes:
    return json.dumps({"UtcTime": at, "Source": source, "Data": data}, separators=(",", ":")).encode()
