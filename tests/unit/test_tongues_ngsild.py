"""NGSI-LD entities against the schemas and normalized examples of Smart Data Models."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import jsonschema
import pytest

from edge.centre.tongues import ngsild
from edge.dataflow import CLASSES
from tests.unit.tongues_ import BARE, CONTEXT, COUNT, INFO, blind_flow, blind_zone, cross, flow, status, zone

MODELS = Path(__file__).resolve().parents[1] / "data" / "smart-data-models"
OWN = {"coverage", "flags", "peopleMean", "peopleMax", "peopleLast", "peoplePerSquareMetre"}
"""What the models have no word for."""


def published(model: str, ending: str) -> dict:
    return json.loads((MODELS / f"{model}.{ending}").read_text())


def simplified(entity: dict) -> dict:
    """The key-values form, in which the schemas are written."""
    values = {k: v["value"] if isinstance(v, dict) else v for k, v in entity.items() if k != "@context"}
    return {k: v["@value"] if isinstance(v, dict) and "@value" in v else v for k, v in values.items()}


def check(entity: dict) -> dict:
    """Checks an entity against its published model; its key-values form."""
    schema, example = published(entity["type"], "schema.json"), published(entity["type"], "example-normalized.jsonld")
    found = simplified(entity)
    jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(found)
    assert found.keys() - OWN <= schema["properties"].keys()
    assert entity["@context"] == example["@context"]
    for name, attribute in entity.items():
        if name not in ("id", "type", "@context"):
            assert attribute["type"] == "Property"
            assert attribute.keys() <= {"type", "value", "observedAt"}
        if name in example and name in ("dateObservedFrom", "dateObservedTo"):
            assert attribute["value"].keys() == example[name]["value"].keys()
            assert attribute["value"]["@type"] == "DateTime"
            datetime.fromisoformat(attribute["value"]["@value"])
    return found


@pytest.mark.parametrize("model", ["TrafficFlowObserved", "CrowdFlowObserved"])
def test_ngsild_published_example_fits_the_published_schema(model):
    example = published(model, "example-normalized.jsonld")
    jsonschema.Draft202012Validator(published(model, "schema.json")).validate(simplified(example))


@pytest.mark.parametrize("event", [flow(), blind_flow(), zone(), blind_zone()], ids=["flow", "blind", "zone", "blindz"])
@pytest.mark.parametrize("context", [CONTEXT, BARE], ids=["described", "bare"])
def test_ngsild_entities_are_of_the_models(event, context):
    for entity in ngsild.entities(event, context):
        check(entity)
        assert entity["id"].isascii()


def test_ngsild_line_is_an_entity_each_way_for_each_class():
    found = {e["id"]: check(e) for e in ngsild.entities(flow(), CONTEXT)}
    assert len(found) == 2 * len(CLASSES)
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
    for entity in (*blind, *ngsild.entities(blind_zone(), CONTEXT)):
        found = check(entity)
        assert (found["coverage"], found["flags"]) == (0, ["nostream"])
        assert not found.keys() & {"intensity", "peopleCount", "peopleMean", "peopleMax", "peopleLast"}


def test_ngsild_zero_without_coverage_is_no_zero_and_a_real_one_is():
    def intensities(**fields):
        return [e["intensity"]["value"] for e in ngsild.entities(flow(**fields), BARE) if "intensity" in e]

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


def test_ngsild_has_no_word_for_the_rest():
    for event in (INFO, status("dark"), cross("car", 0)):
        assert ngsild.entities(event, CONTEXT) == []
