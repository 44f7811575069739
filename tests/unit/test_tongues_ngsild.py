"""NGSI-LD entities against the schemas and normalized examples of Smart Data Models."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import get_args

import jsonschema
import pytest

from edge.centre.tongues import ngsild
from edge.config.rules import AlarmKind
from edge.dataflow import CLASSES
from tests.unit.tongues_ import (
    BARE,
    CONTEXT,
    COUNT,
    INFO,
    blind_flow,
    blind_queue,
    blind_zone,
    change,
    cross,
    flow,
    queue,
    stands,
    status,
    zone,
)

MODELS = Path(__file__).resolve().parents[1] / "data" / "smart-data-models"
QUEUE = ("queueVehiclesMean", "queueVehiclesMax", "queueMetresMean", "queueMetresMax", "queueWaitSeconds")
OWN = {"coverage", "flags", "peopleMean", "peopleMax", "peopleLast", "peoplePerSquareMetre", *QUEUE}
"""What the models have no word for."""


def published(model: str, ending: str) -> dict:
    return json.loads((MODELS / f"{model}.{ending}").read_text())


def simplified(entity: dict) -> dict:
    """The key-values form, in which the schemas are written."""
    values = {
        k: v["value"] if isinstance(v, dict) and "value" in v else v for k, v in entity.items() if k != "@context"
    }
    return {k: v["@value"] if isinstance(v, dict) and "@value" in v else v for k, v in values.items()}


def check(entity: dict) -> dict:
    """Checks an entity against its published model; its key-values form."""
    alert = entity["type"] == "Alert"
    example = published(entity["type"], "example.jsonld" if alert else "example-normalized.jsonld")
    schema = published(entity["type"], "schema.json")
    found = simplified(entity)
    jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(found)
    assert found.keys() - OWN <= schema["properties"].keys()
    assert entity["@context"] == example["@context"]
    for name, attribute in entity.items():
        if name not in ("id", "type", "@context"):
            assert attribute["type"] == "Property"
            assert attribute.keys() <= {"type", "value", "observedAt"}
        if name in example and name in ("dateObservedFrom", "dateObservedTo", "dateIssued", "validFrom", "validTo"):
            assert attribute["value"].keys() == (example[name] if alert else example[name]["value"]).keys()
            assert attribute["value"]["@type"] == "DateTime"
            datetime.fromisoformat(attribute["value"]["@value"])
    return found


@pytest.mark.parametrize("model", ["TrafficFlowObserved", "CrowdFlowObserved", "Alert"])
def test_ngsild_published_example_fits_the_published_schema(model):
    example = published(model, "example.jsonld" if model == "Alert" else "example-normalized.jsonld")
    jsonschema.Draft202012Validator(published(model, "schema.json")).validate(simplified(example))


TRAFFIC = {"speed_kmh": [27.8, 25.1], "headway_s": [0.6, 0], "occupancy": 0.183}
EVENTS = [flow(), flow(**TRAFFIC), blind_flow(), zone(), blind_zone(), queue(), blind_queue(), change(),
          change(state="cleared", level=0)]  # fmt: skip


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("context", [CONTEXT, BARE], ids=["described", "bare"])
def test_ngsild_entities_are_of_the_models(event, context):
    for entity in ngsild.entities(event, context):
        check(entity)
        assert entity["id"].isascii()


def test_ngsild_line_is_an_entity_each_way_for_each_class():
    found = {e["id"]: check(e) for e in ngsild.entities(flow(), CONTEXT)}
    assert len(found) == 2 * (len(CLASSES) + 1)
    for kind, counts in COUNT.items():
        for way, count in zip("ab", counts, strict=True):
            if kind == "pedestrian":
                entity = found[f"urn:ngsi-ld:CrowdFlowObserved:hue:n1:le-loi-01:l1:{way}:pedestrian"]
                assert (entity["peopleCount"], entity.get("vehicleType")) == (count, None)
            else:
                entity = found[f"urn:ngsi-ld:TrafficFlowObserved:hue:n1:le-loi-01:l1:{way}:{kind}"]
                assert entity["intensity"] == count
                assert entity["vehicleType"] == ("lorry" if kind == "truck" else kind)


def test_ngsild_interval_and_name_are_exact():
    entity = ngsild.entities(flow(start="2026-11-22T23:00:00.500Z", seconds=59.25), CONTEXT)[1]
    assert check(entity)["name"].startswith("Cầu Trường Tiền, bờ bắc: ")
    assert entity["dateObserved"]["value"] == "2026-11-22T23:00:00.500Z/2026-11-22T23:00:59.750Z"
    assert (
        entity["intensity"]["observedAt"] == entity["dateObservedTo"]["value"]["@value"] == "2026-11-22T23:00:59.750Z"
    )
    assert entity["coverage"]["value"] == 0.98


def test_ngsild_without_video_there_is_coverage_and_no_count():
    blind = ngsild.entities(blind_flow(), CONTEXT)
    assert [e["id"] for e in blind] == [e["id"] for e in ngsild.entities(flow(), CONTEXT)]  # they replace the old ones
    for entity in (*blind, *ngsild.entities(blind_zone(), CONTEXT), *ngsild.entities(blind_queue(), CONTEXT)):
        found = check(entity)
        assert (found["coverage"], found["flags"]) == (0, ["nostream"])
        counts = {"intensity", "peopleCount", "peopleMean", "peopleMax", "peopleLast", "occupancy", *QUEUE}
        assert not found.keys() & counts


def test_ngsild_zero_without_coverage_is_no_zero_and_a_real_one_is():
    def intensities(**fields):
        found = [e for e in ngsild.entities(flow(**fields), BARE) if "vehicleType" in e]
        return [e["intensity"]["value"] for e in found if "intensity" in e]

    assert intensities(count={"car": [0, 0]}, coverage=0) == []
    assert intensities(count={"car": [2, 0]}, coverage=0) == [2]
    assert intensities(count={"car": [2, 0]}, coverage=0.01) == [2, 0]  # never scaled up


def test_ngsild_zone_claims_no_count_of_everybody():
    (entity,) = ngsild.entities(zone(), CONTEXT)
    found = check(entity)
    assert found["name"] == "Cầu Trường Tiền, bờ bắc: Quảng trường"
    assert "peopleCount" not in found
    assert [found[k] for k in ("peopleMean", "peopleMax", "peopleLast", "peoplePerSquareMetre")] == [
        131.4, 149, 137, 0.313,
    ]  # fmt: skip


def test_ngsild_all_vehicles_of_a_way_have_speed_headway_and_occupancy():
    found = {e["id"]: check(e) for e in ngsild.entities(flow(**TRAFFIC), CONTEXT)}
    first, second = (found[f"urn:ngsi-ld:TrafficFlowObserved:hue:n1:le-loi-01:l1:{way}"] for way in "ab")
    vehicles = [sum(counts[way] for kind, counts in COUNT.items() if kind != "pedestrian") for way in (0, 1)]
    assert [each["intensity"] for each in (first, second)] == vehicles
    assert (first["averageVehicleSpeed"], first["averageHeadwayTime"], first["occupancy"]) == (27.8, 0.6, 0.183)
    assert second["averageVehicleSpeed"] == 25.1
    assert "averageHeadwayTime" not in second  # 0: fewer than two passed
    on_foot = ngsild.entities(flow(count={"pedestrian": [1, 2]}), BARE)
    assert {each["type"] for each in on_foot} == {"CrowdFlowObserved"}


def test_ngsild_queue_is_an_entity_with_names_of_our_own():
    (entity,) = ngsild.entities(queue(), CONTEXT)
    found = check(entity)
    assert found["id"] == "urn:ngsi-ld:TrafficFlowObserved:hue:n1:le-loi-01:q1"
    assert found["name"] == "Cầu Trường Tiền, bờ bắc: Làn trái"
    assert [found[name] for name in QUEUE] == [17.7, 42, 14.8, 31.5, 21.5]
    assert "intensity" not in found


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("crowd_density", ("security", "crowdRisk")),
        ("crowd_count", ("security", "crowdRisk")),
        ("congestion", ("traffic", "trafficJam")),
        ("queue", ("traffic", "trafficJam")),
        ("wrong_way", ("traffic", "carWrongDirection")),
        ("stopped_vehicle", ("traffic", "carStopped")),
    ],
)
def test_ngsild_alarm_is_an_alert_with_a_word_of_the_model(kind, words):
    assert {*ngsild.ALERTS} == {*get_args(AlarmKind)}
    found = check(ngsild.entities(change(kind=kind), CONTEXT)[0])
    assert (found["category"], found["subCategory"]) == words


def test_ngsild_alarm_is_one_entity_from_raised_to_cleared():
    states = [("raised", 1), ("changed", 3), ("unknown", 3), ("cleared", 0)]
    told = [
        change(state=state, level=level, at=f"2026-11-22T23:0{n}:00Z") for n, (state, level) in enumerate(states, 5)
    ]
    found = [check(entity) for each in told for entity in ngsild.entities(each, CONTEXT)]
    assert {each["id"] for each in found} == {"urn:ngsi-ld:Alert:hue:n1:le-loi-01:z1:1c9f03aa-18440"}
    assert [each["severity"] for each in found] == ["medium", "critical", "critical", "informational"]
    assert {each["validFrom"] for each in found} == {"2026-11-22T23:04:50Z"}
    assert [each.get("validTo") for each in found] == [None, None, None, "2026-11-22T23:08:00Z"]
    assert [each["dateIssued"] for each in found] == [each.at for each in told]
    assert found[0]["data"] == {"kind": "crowd_density", "state": "raised", "level": 1, "value": 3.12, "limit": 3.0}
    assert [ngsild.as_of(entity) for each in told for entity in ngsild.entities(each, CONTEXT)] == sorted(
        datetime.fromisoformat(each.at).timestamp() for each in told
    )


def test_ngsild_has_no_word_for_the_rest():
    for event in (INFO, status("dark"), cross("car", 0), stands()):
        assert ngsild.entities(event, CONTEXT) == []
