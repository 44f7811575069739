"""NGSI-LD entities of the Smart Data Models: TrafficFlowObserved for vehicles, CrowdFlowObserved for people.

Published at https://github.com/smart-data-models/dataModel.Transportation. An entity stands for a place (a line, one
way, one class; or a zone) and each interval replaces it as a whole, so that nothing of an earlier one stays: where
nothing was looked at, there is `coverage` 0 and no count. What the models have no word for has a name of our own.
"""

from __future__ import annotations

from typing import Any

from edge.centre.tongues import WAYS, Context, Told, end, volumes
from edge.dataflow import CLASSES
from edge.events import Flow, Interval, ZoneCount

CONTEXT = "https://raw.githubusercontent.com/smart-data-models/dataModel.Transportation/master/context.jsonld"
VEHICLE_TYPES = {"motorcycle": "motorcycle", "bicycle": "bicycle", "car": "car", "bus": "bus", "truck": "lorry"}
"""The vehicleType of a class; people on foot are none."""

Entity = dict[str, Any]


def entities(event: Told, context: Context) -> list[Entity]:
    """The event as normalized entities with their @context; none for what is no observation of an interval."""
    match event:
        case Flow():
            return _flows(event, context)
        case ZoneCount():
            return [_zone(event, context)]
    return []


def _flows(event: Flow, context: Context) -> list[Entity]:
    """One entity each way for each class that the rule counts; without an info, for each class that is told."""
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
    return found


def _zone(event: ZoneCount, context: Context) -> Entity:
    """No peopleCount: the model means everybody detected in the period, which a zone does not know."""
    about, camera = context.rule(event.camera, event.rule), context.camera(event.camera)
    entity = _entity("CrowdFlowObserved", event, context=context, place=())
    if camera:
        name = about.name if about and about.name else event.rule
        entity["name"] = _property(f"{camera.name}: {name}")
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
