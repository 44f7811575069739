"""Home Assistant's rules of discovery, from its documentation (/integrations/mqtt/#mqtt-discovery,
/integrations/sensor.mqtt/ and /integrations/binary_sensor.mqtt/, whose licence lets us cite but not copy) and its
TOPIC_MATCHER."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from edge.centre.tongues import homeassistant
from edge.dataflow import CLASSES
from edge.events import Info
from edge.mqtt.topics import Topics
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
    stands_not,
    status,
    zone,
)

TOPIC = re.compile(r"homeassistant/sensor/(?P<node_id>[a-zA-Z0-9_-]+)/(?P<object_id>[a-zA-Z0-9_-]+)/config")
KEYS = {
    "availability", "availability_mode", "default_entity_id", "device", "device_class", "entity_category",
    "expire_after", "name", "origin", "state_class", "state_topic", "unique_id", "unit_of_measurement",
    "value_template",
}  # fmt: skip
DEVICE_KEYS = {"identifiers", "name", "model", "sw_version", "via_device"}
CONFIGS = [(m.topic, json.loads(m.body)) for m in homeassistant.messages(INFO, CONTEXT)]


def shown(key: str, event) -> object:
    """What a sensor shows after an event: its template picks one key of the state, and None is unknown."""
    (state,) = homeassistant.messages(event, CONTEXT)
    config = next(config for topic, config in CONFIGS if topic.endswith(f"/{event.rule}_{key}/config"))
    assert config["state_topic"] == state.topic
    return json.loads(state.body)[re.fullmatch(r"\{\{ value_json\.(\w+) \}\}", config["value_template"])[1]]


def test_homeassistant_discovery_is_what_home_assistant_reads():
    for message in homeassistant.messages(INFO, CONTEXT):
        assert message.kept
        assert TOPIC.fullmatch(message.topic)
    for _, config in CONFIGS:
        assert config.keys() <= KEYS
        assert {"state_topic", "unique_id", "name", "device", "origin", "value_template"} <= config.keys()
        assert config["device"].keys() <= DEVICE_KEYS
        assert config["device"]["identifiers"], "identifiers or connections must be there"
        assert config["origin"]["name"] == "edge"
        assert re.fullmatch(r"sensor\.[a-z0-9_]+", config["default_entity_id"])
        assert config.get("state_class") in (None, "measurement", "total_increasing")
        assert config.get("entity_category") in (None, "diagnostic")  # the only one that sensors may have
        if config.get("device_class") == "timestamp":
            assert not config.keys() & {"state_class", "unit_of_measurement"}
        assert config["state_topic"].isascii()


def test_homeassistant_ids_are_unique_and_no_names():
    for ids in ([topic for topic, _ in CONFIGS], *([c[key] for _, c in CONFIGS] for key in ("unique_id",))):
        assert len(ids) == len(set(ids)) == 2 + 2 * 7 + 3 + 4 + 3 + 5 + 3
        assert all(each.isascii() for each in ids)


def test_homeassistant_names_are_what_people_call_them():
    names = {config["name"] for _, config in CONFIGS}
    assert {"l1 vào trung tâm: motorcycle", "l1 ra ngoại ô: total", "Quảng trường: people, last"} <= names
    assert {config["device"]["name"] for _, config in CONFIGS} == {"n1", "Cầu Trường Tiền, bờ bắc"}


@pytest.mark.parametrize("kind", CLASSES)
def test_homeassistant_shows_each_class_each_way(kind):
    assert [shown(f"{way}_{kind}", flow()) for way in "ab"] == COUNT[kind]


def test_homeassistant_shows_totals_and_the_interval():
    assert [shown(key, flow()) for key in ("a_total", "b_total")] == [90412, 88771]
    assert [shown(key, flow()) for key in ("start", "seconds", "coverage")] == ["2026-11-22T23:00:00Z", 300, 98.0]


def test_homeassistant_shows_people_of_a_zone():
    keys = ("people_mean", "people_max", "people_last", "density_m2", "coverage")
    assert [shown(key, zone()) for key in keys] == [131.4, 149, 137, 0.313, 100.0]


def test_homeassistant_shows_a_queue():
    keys = ("vehicles_mean", "vehicles_max", "metres_mean", "metres_max", "wait_s", "coverage")
    assert [shown(key, queue()) for key in keys] == [17.7, 42, 14.8, 31.5, 21.5, 100.0]
    assert [shown(key, blind_queue()) for key in keys] == [None] * 5 + [0]
    assert shown("metres_mean", queue(metres=None)) is None  # not calibrated
    assert not [topic for topic, _ in CONFIGS if "/t1" in topic]


def alarm(event) -> tuple[dict, dict]:
    """The discovery of an alarm and its state."""
    config, state = homeassistant.messages(event, CONTEXT)
    assert config.kept and state.kept
    assert re.fullmatch(r"homeassistant/binary_sensor/[a-zA-Z0-9_-]+/[a-zA-Z0-9_-]+/config", config.topic)
    told = json.loads(config.body)
    assert told["state_topic"] == told["json_attributes_topic"] == state.topic
    assert told["value_template"] == "{{ value_json.state }}"
    return told, json.loads(state.body)


def test_homeassistant_alarm_is_a_binary_sensor():
    config, state = alarm(stands())
    assert config.keys() <= KEYS | {"json_attributes_topic"}
    assert config["device_class"] == "problem"  # on: there is one
    assert config["default_entity_id"] == "binary_sensor.edge_hue_n1_le_loi_01_z1_alarm"
    assert config["name"] == "Quảng trường: alarm"
    assert config["device"] == {"identifiers": ["edge_hue_n1_le-loi-01"], "name": "Cầu Trường Tiền, bờ bắc"}
    assert state == {"state": "ON", "kind": "crowd_density", "level": 2, "value": 3.12, "limit": 3.0,
                     "since": "2026-11-22T23:04:50Z"}  # fmt: skip


def test_homeassistant_alarm_is_there_before_the_first_where_the_device_tells_of_it():
    described = INFO.model_dump(exclude_none=True)
    described["cameras"]["le-loi-01"]["rules"]["z1"]["alarm"] = "crowd_density"
    context = replace(CONTEXT, info=Info.model_validate(described))
    told = homeassistant.messages(context.info, context)
    (config,) = [each for each in told if each.topic.startswith(homeassistant.ALARM_PREFIX)]
    assert config == homeassistant.messages(stands(), context)[0]
    assert {each.topic for each in told} <= homeassistant.kept(context.info, context)


def test_homeassistant_alarm_is_off_where_none_stands_and_unknown_where_the_camera_is_lost():
    assert alarm(stands_not())[1] == {"state": "OFF"}
    assert alarm(stands(state="cleared", level=0))[1] == {"state": "OFF"}
    unknown = alarm(stands(state="unknown", value=None))[1]
    assert unknown["state"] is None
    assert "value" not in unknown
    assert homeassistant.messages(change(), CONTEXT) == []  # what stands is told, not each change


def test_homeassistant_shows_unknown_where_nothing_was_looked_at():
    for key in ("a_motorcycle", "b_pedestrian", "a_total", "b_total"):
        assert shown(key, blind_flow()) is None
        assert shown(key, flow(count={"car": [0, 0]}, coverage=0)) is None
    for key in ("people_mean", "people_max", "people_last", "density_m2"):
        assert shown(key, blind_zone()) is None
    assert shown("coverage", blind_flow()) == shown("coverage", blind_zone()) == 0


def test_homeassistant_real_zero_is_a_zero():
    assert shown("a_car", flow(count={"car": [0, 1]}, coverage=0.5)) == 0
    assert shown("a_bus", flow(count={"car": [0, 1]}, coverage=0.5)) is None  # not counted by the device


def test_homeassistant_counts_are_there_while_device_and_camera_are():
    config = next(config for topic, config in CONFIGS if topic.endswith("/l1_a_car/config"))
    topics = Topics("hue", "n1")
    assert [each["topic"] for each in config["availability"]] == [
        topics.status,
        topics.camera("le-loi-01", kind="status"),
    ]
    assert "in ['online']" in config["availability"][0]["value_template"]
    assert "in ['ok', 'shifted', 'config']" in config["availability"][1]["value_template"]
    assert (config["availability_mode"], config["expire_after"]) == ("all", 900)
    state = next(config for topic, config in CONFIGS if topic.endswith("_le-loi-01/status/config"))
    assert state["state_topic"] == topics.camera("le-loi-01", kind="status")  # its own trouble must not hide it
    assert [each["topic"] for each in state["availability"]] == [topics.status]


def test_homeassistant_keeps_the_topics_that_it_says_it_keeps():
    events = (INFO, flow(), zone(), queue(), *(stands(rule) for rule in ("l1", "z1", "q1", "t1")))
    told = [m for event in events for m in homeassistant.messages(event, CONTEXT)]
    assert {each.topic for each in told} == homeassistant.kept(INFO, CONTEXT)
    assert all(each.kept for each in told)


def test_homeassistant_reads_the_rest_from_the_contract_itself():
    assert homeassistant.messages(status("dark"), CONTEXT) == homeassistant.messages(cross("car", 0), CONTEXT) == []
    (state,) = homeassistant.messages(flow(), BARE)
    assert json.loads(state.body)["a_motorcycle"] == 412
