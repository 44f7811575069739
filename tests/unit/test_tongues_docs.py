"""docs/tongues.md says what the code does."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.centre.bridge import TONGUES, read_also
from edge.centre.entities import BATCH_ENTITIES, MOST_PAUSE_SECONDS, MOST_WAITING, UNFIT, UPSERT
from edge.centre.tongues import homeassistant, ngsild, onvif
from edge.errors import EdgeError
from tests.unit.tongues_ import CONTEXT, change, flow, queue, zone

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "tongues.md").read_text()


def test_docs_tongues_samples_are_options():
    samples = [line.split("--also ")[1] for line in TEXT.splitlines() if line.startswith("    edge listen")]
    asked = [read_also(sample) for sample in samples]
    assert {name for also in asked for name in also.tongues} == set(TONGUES)
    assert [also.entities for also in asked] == [None, "entities.jsonl", "http://broker.example:1026"]


def test_docs_tongues_names_every_topic_and_attribute():
    for local in (onvif.COUNTER, onvif.OCCUPANCY, onvif.CROSSED, onvif.SIGNAL_LOSS):
        assert f"`{local}`" in TEXT
    for local in onvif.FAULTS.values():
        assert local.split("/")[1] in TEXT
    traffic = flow(flags=["partial"], speed_kmh=[27.8, 25.1], headway_s=[0.6, 0.6], occupancy=0.183)
    events = (traffic, zone(), queue(), change(state="cleared", level=0))
    for entity in (each for event in events for each in ngsild.entities(event, CONTEXT)):
        for name in entity.keys() - {"id", "type", "name"}:
            assert f"`{name}`" in TEXT, name
    assert f"`{homeassistant.PREFIX}/" in TEXT
    assert f"`{homeassistant.ALARM_PREFIX}/" in TEXT
    for category, kind in ngsild.ALERTS.values():
        assert f"`{category}`" in TEXT
        assert f"`{kind}`" in TEXT
    assert all(f"`{each}`" in TEXT for each in ngsild.SEVERITIES)


def test_docs_tongues_numbers_are_those_of_the_code():
    assert f"{onvif.MOST_COUNT:,}" in TEXT
    assert f"at most {BATCH_ENTITIES} at once" in TEXT
    assert f"{MOST_WAITING:,} entities wait" in TEXT
    assert f"1, 2, 4 … {MOST_PAUSE_SECONDS:g} s" in TEXT
    assert f"({', '.join(map(str, sorted(UNFIT)))})" in TEXT
    assert f"`POST {UPSERT}`" in TEXT
    assert homeassistant.EXPIRE_INTERVALS == 3
    assert "three intervals" in TEXT


@pytest.mark.parametrize("text", ["onvif,", "onvif=file", "ngsi-ld=", "ONVIF"])
def test_also_that_is_no_tongue_is_refused(text):
    with pytest.raises(EdgeError, match="no tongue"):
        read_also(text)


def test_also_nothing_is_nothing():
    assert not read_also("")
