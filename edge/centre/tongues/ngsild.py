"""NGSI-LD entities of the Smart Data Models: TrafficFlowObserved for vehicles, CrowdFlowObserved for people, Alert.

Published at https://github.com/smart-data-models, dataModel.Transportation and dataModel.Alert. An observation stands
for a place (a line, one way, one class; a zone; a queue) and each interval replaces it as a whole, so that nothing of
an earlier one stays: where nothing was looked at, there is `coverage` 0 and no count. What the models have no word for
has a name of our own.
"""

from __future__ import annotations

from typing import Any

from edge.centre.tongues import WAYS, Context, Told, end, seconds_of, volumes
from edge.dataflow import CLASSES
from edge.events import AlarmChange, Flow, Interval, QueueLength, ZoneCount

CONTEXT = "https://raw.githubusercontent.com/smart-data-models/dataModel.Transportation/master/context.jsonld"
VEHICLE_TYPES = {"motorcycle": "motorcycle", "bicycle": "bicycle", "car": "car", "bus": "bus", "truck": "lorry"}
"""The vehicleType of a class; people on foot are none."""
ALERT_CONTEXT = (
    "https://smartdatamodels.org/context.jsonld", "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context.jsonld"
)  # fmt: skip
ALERTS = {
    "crowd_density": ("security", "crowdRisk"), "crowd_count": ("security", "crowdRisk"),
    "congestion": ("traffic", "trafficJam"), "queue": ("traffic", "trafficJam"),
    "wrong_way": ("traffic", "carWrongDirection"), "stopped_vehicle": ("traffic", "carStopped"),
}  # fmt: skip
"""The category and subCategory of a kind of alarm."""
SEVERITIES = ("informational", "medium", "high", "critical")
"""Of the levels 0 to 3."""

Entity = dict[str, Any]


def entities(event: Told, context: Context) -> list[Entity]:
    """The event as normalized entities with their @context; none for what is no observation of an interval."""
    match event:
        case Flow():
            return _flows(event, context)
        case ZoneCount():
            return [_zone(event, context)]
        case QueueLength():
            return [_queue(event, context)]
        case AlarmChange():
            return [_alert(event, context)]
    return []


def as_of(entity: Entity) -> float:
    """As of when an entity stands, in Unix seconds."""
    told: str = (entity.get("dateObservedTo") or entity["dateIssued"])["value"]["@value"]
    return seconds_of(told)


def _flows(event: Flow, context: Context) -> list[Entity]:
    """One entity each way for each class that the rule counts (without an info, for each class that is told), and one
    for all of its vehicles."""
    about, camera = context.rule(event.camera, event.rule), context.camera(event.camera)
    told = event.count or {}
    kinds = [kind for kind in CLASSES if kind in told or (about and kind in (about.classes or ()))]
    found = []
    for way, name in enumerate(WAYS):
        counts = volumes(event, way)
        for kind in kinds:
            model = "TrafficFlowObserved" if kind in VEHICLE_TYPES else "CrowdFlowObserved"
            entity = _entity(model, event, context=context, place=(name, kind))
            if kind in VEHICLE_TYPES:
                entity["vehicleType"] = _property(VEHICLE_TYPES[kind])
            if kind in counts:
                entity["intensity" if kind in VEHICLE_TYPES else "peopleCount"] = _observed(counts[kind], event)
            if camera and about and about.directions:
                entity["name"] = _property(f"{camera.name}: {about.directions[way]}")
            found.append(entity)
        if any(kind in VEHICLE_TYPES for kind in kinds):
            found.append(_all_vehicles(event, way, counts, context=context))
    return found


def _all_vehicles(event: Flow, way: int, counts: dict[str, int], *, context: Context) -> Entity:
    """Speed, headway and occupancy are of all classes; 0 means that there was none to be measured."""
    entity = _entity("TrafficFlowObserved", event, context=context, place=(WAYS[way],))
    vehicles = [number for kind, number in counts.items() if kind in VEHICLE_TYPES]
    if vehicles:
        entity["intensity"] = _observed(sum(vehicles), event)
    if event.coverage > 0:
        for name, pair in (("averageVehicleSpeed", event.speed_kmh), ("averageHeadwayTime", event.headway_s)):
            if pair and pair[way] > 0:
                entity[name] = _observed(pair[way], event)
        if event.occupancy is not None:
            entity["occupancy"] = _observed(event.occupancy, event)
    return entity


def _queue(event: QueueLength, context: Context) -> Entity:
    """The model has no word for what waits, so the numbers have names of our own."""
    entity = _named(_entity("TrafficFlowObserved", event, context=context, place=()), event, context)
    if event.coverage > 0:
        told = {
            f"queue{name.capitalize()}{key.capitalize()}": getattr(extent, key)
            for name in ("vehicles", "metres")
            for key in ("mean", "max")
            if (extent := getattr(event, name))
        }
        told |= {} if event.wait_s is None else {"queueWaitSeconds": event.wait_s}
        entity |= {name: _observed(value, event) for name, value in told.items()}
    return entity


def _alert(event: AlarmChange, context: Context) -> Entity:
    """One entity from raised to cleared, valid from when the condition began until it was cleared."""
    category, kind = ALERTS[event.kind]
    names = ("Alert", context.root, context.node, event.camera, event.rule, event.alarm)
    cleared = event.state == "cleared"
    data = event.model_dump(include={"kind", "state", "level", "value", "limit"}, exclude_none=True)
    entity: Entity = {
        "id": ":".join(("urn:ngsi-ld", *names)),
        "type": "Alert",
        "alertSource": _property(":".join(("urn:ngsi-ld:Device", context.root, context.node, event.camera))),
        "category": _property(category),
        "subCategory": _property(kind),
        "severity": {**_property(SEVERITIES[0 if cleared else event.level]), "observedAt": event.at},
        "dateIssued": _property(_time(event.at)),
        "validFrom": _property(_time(event.since)),
        "data": _property(data),
        "@context": list(ALERT_CONTEXT),
    }
    if cleared:
        entity["validTo"] = _property(_time(event.at))
    return _named(entity, event, context)


def _named(entity: Entity, event: Interval | AlarmChange, context: Context) -> Entity:
    """With what people call its camera and rule."""
    if camera := context.camera(event.camera):
        about = context.rule(event.camera, event.rule)
        entity["name"] = _property(f"{camera.name}: {(about.name if about else None) or event.rule}")
    return entity


def _zone(event: ZoneCount, context: Context) -> Entity:
    """No peopleCount: the model means everybody detected in the period, which a zone does not know."""
    entity = _named(_entity("CrowdFlowObserved", event, context=context, place=()), event, context)
    if event.people and event.coverage > 0:
        levels = {"peopleMean": event.people.mean, "peopleMax": event.people.max, "peopleLast": event.people.last}
        if event.density_m2 is not None:
            levels["peoplePerSquareMetre"] = event.density_m2
        entity |= {name: _observed(value, event) for name, value in levels.items()}
    return entity


def _entity(model: str, event: Interval, *, context: Context, place: tuple[str, ...]) -> Entity:
    """What every observation says. dateObserved is an ISO 8601 interval and therefore Text, as the models define."""
    ended = end(event)
    entity: Entity = {
        "id": ":".join(("urn:ngsi-ld", model, context.root, context.node, event.camera, event.rule, *place)),
        "type": model,
        "dateObserved": _property(f"{event.start}/{ended}"),
        "dateObservedFrom": _property(_time(event.start)),
        "dateObservedTo": _property(_time(ended)),
        "coverage": _property(event.coverage),
        "@context": [CONTEXT],
    }
    if event.flags:
        entity["flags"] = _property(list(event.flags))
    return entity


def _observed(value: float, event: Interval) -> Entity:
    return {**_property(value), "observedAt": end(event)}


def _property(value: object) -> Entity:
    return {"type": "Property", "value": value}


def _time(text: str) -> dict[str, str]:
    return {"@type": "DateTime", "@value": text}
