"""ONVIF over MQTT as the specifications write it: github.com/onvif/specs, doc/Core.xml "Event Broker" (topic structure,
JSON event payload, property events), doc/Analytics.xml annex "Line crossing counting rule", "Occupancy Counting rule",
"Line Detector" and "Message" (Source, ClassTypes), doc/Imaging.xml "Tampering". ONVIF lets nobody change its documents,
so their rules stand here as tests."""

from __future__ import annotations

import json
import re
from datetime import datetime

import pytest

from edge.centre.tongues import Message, onvif
from tests.unit.tongues_ import (
    BARE,
    CONTEXT,
    INFO,
    blind_flow,
    blind_zone,
    change,
    cross,
    flow,
    queue,
    stands,
    status,
    zone,
)

# Topic = TopicPrefix "/" PayloadPrefix "/" LocalTopic [ "/&" Source ]; Source = SVALUE *("/" SVALUE); no '#', no '+'
TOPIC = re.compile(r"(?P<prefix>[^/#+&]+)/onvif-ej/(?P<local>[A-Za-z]+(/[A-Za-z]+)*)/&(?P<source>[^/#+]+(/[^/#+]+)*)")
DATA = {  # topic -> the items that the specification names, whether it is a property
    "RuleEngine/CountAggregation/Counter": ({"Count": int}, True),
    "RuleEngine/CountAggregation/OccupancyCounter": ({"Count": int}, True),
    "RuleEngine/LineDetector/Crossed": ({"ClassTypes": str}, False),
    "VideoSource/SignalLoss": ({"State": bool}, True),
    "VideoSource/ImageTooDark/AnalyticsService": ({"State": bool}, True),
    "VideoSource/ImageTooBright/AnalyticsService": ({"State": bool}, True),
    "VideoSource/ImageTooBlurry/AnalyticsService": ({"State": bool}, True),
    "VideoSource/GlobalSceneChange/AnalyticsService": ({"State": bool}, True),
}
OBJECT_TYPES = {"Animal", "HumanFace", "Human", "Bicycle", "Vehicle", "LicensePlate"}
"""The examples of ObjectType that the specification lists under "Object Classification"."""
EVERYTHING = [flow(), zone(), cross("motorcycle", 0), *(status(s) for s in ("ok", "dark", "blind", "moved", "frozen"))]


def read(message: Message) -> tuple[str, dict]:
    """Checks a message against the specification; its local topic and content."""
    topic = TOPIC.fullmatch(message.topic)
    assert topic, message.topic
    content = json.loads(message.body)
    assert list(content) == ["UtcTime", "Source", "Data"]  # in this order, and no PropertyOperation
    assert datetime.fromisoformat(content["UtcTime"]).utcoffset().total_seconds() == 0
    assert "/".join(content["Source"].values()) == topic["source"]
    names = ["VideoSource", "AnalyticsConfiguration", "Rule"] if "RuleEngine" in topic["local"] else ["Source"]
    assert list(content["Source"]) == names
    items, is_property = DATA[topic["local"]]
    assert message.kept is is_property
    for name, kind in items.items():
        assert type(content["Data"][name]) is kind
    for name in content["Data"].keys() - items.keys():
        assert name.startswith("edge:"), "a vendor's item needs a prefix of its namespace"
    return topic["local"], content


@pytest.mark.parametrize("event", EVERYTHING, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("context", [CONTEXT, BARE], ids=["described", "bare"])
def test_onvif_messages_are_of_the_specification(event, context):
    told = onvif.messages(event, context)
    assert told
    for message in told:
        read(message)
        assert message.topic.isascii()


def test_onvif_counter_is_the_total_of_each_way():
    first, second = onvif.messages(flow(), CONTEXT)
    assert first.topic == "hue-n1/onvif-ej/RuleEngine/CountAggregation/Counter/&le-loi-01/edge/l1-a"
    assert second.topic.endswith("/&le-loi-01/edge/l1-b")
    assert json.loads(first.body) == {
        "UtcTime": "2026-11-22T23:05:00Z",
        "Source": {"VideoSource": "le-loi-01", "AnalyticsConfiguration": "edge", "Rule": "l1-a"},
        "Data": {
            "Count": 90412,
            "edge:Interval": {
                "Start": "2026-11-22T23:00:00Z",
                "Seconds": 300,
                "Coverage": 0.98,
                "Count": {"motorcycle": 412, "car": 61, "bus": 4, "truck": 9, "bicycle": 11, "pedestrian": 20},
            },
        },
    }
    assert json.loads(second.body)["Data"]["Count"] == 88771


def test_onvif_says_nothing_where_nothing_was_looked_at():
    assert onvif.messages(blind_flow(), CONTEXT) == []
    assert onvif.messages(blind_zone(), CONTEXT) == []
    assert onvif.messages(flow(count={"car": [0, 0]}, coverage=0), CONTEXT) == []


def test_onvif_crossings_of_a_moment_too_short_for_coverage_count_the_other_way_does_not():
    (told,) = onvif.messages(flow(count={"car": [2, 0]}, coverage=0), CONTEXT)
    assert told.topic.endswith("/l1-a")


def test_onvif_count_beyond_an_xs_int_is_not_told():
    (told,) = onvif.messages(flow(total=[2**31, 2**31 - 1]), CONTEXT)
    assert json.loads(told.body)["Data"]["Count"] == 2**31 - 1


def test_onvif_occupancy_is_who_is_there_at_the_end():
    (told,) = onvif.messages(zone(), CONTEXT)
    local, content = read(told)
    assert local == "RuleEngine/CountAggregation/OccupancyCounter"
    assert content["UtcTime"] == "2026-11-22T23:01:00Z"
    assert content["Data"]["Count"] == 137
    assert content["Data"]["edge:Interval"]["Mean"] == 131.4
    assert content["Data"]["edge:Interval"]["Density"] == 0.313


@pytest.mark.parametrize(
    ("kind", "word"),
    [("motorcycle", "Vehicle"), ("bicycle", "Bicycle"), ("car", "Vehicle"), ("pedestrian", "Human")],
)
def test_onvif_crossed_has_the_nearest_word_and_our_own_beside_it(kind, word):
    (told,) = onvif.messages(cross(kind, 1), CONTEXT)
    local, content = read(told)
    assert (local, content["UtcTime"]) == ("RuleEngine/LineDetector/Crossed", "2026-11-22T23:00:01.250Z")
    assert content["Source"]["Rule"] == "l1-b"
    assert content["Data"] == {"ClassTypes": word, "edge:Class": kind}
    assert word in OBJECT_TYPES


@pytest.mark.parametrize(
    ("state", "true"),
    [
        ("ok", None),
        ("shifted", None),
        ("config", None),
        ("frozen", "VideoSource/SignalLoss"),
        ("dark", "VideoSource/ImageTooDark/AnalyticsService"),
        ("bright", "VideoSource/ImageTooBright/AnalyticsService"),
        ("blind", "VideoSource/ImageTooBlurry/AnalyticsService"),
        ("moved", "VideoSource/GlobalSceneChange/AnalyticsService"),
        ("nostream", "VideoSource/SignalLoss"),
        ("auth", "VideoSource/SignalLoss"),
        ("somethingnew", "VideoSource/SignalLoss"),
    ],
)
def test_onvif_camera_state_raises_one_fault_and_ends_the_others(state, true):
    told = [read(each) for each in onvif.messages(status(state), CONTEXT)]
    assert len(told) == 5
    assert [local for local, content in told if content["Data"]["State"]] == ([true] if true else [])
    assert {content["Data"]["edge:State"] for _, content in told} == {state}


def test_onvif_keeps_the_topics_that_it_says_it_keeps():
    told = [each for event in EVERYTHING for each in onvif.messages(event, CONTEXT) if each.kept]
    assert {each.topic for each in told} == onvif.kept(INFO, CONTEXT)


def test_onvif_has_no_word_for_descriptions_queues_and_alarms():
    for event in (INFO, queue(), change(), stands()):
        assert onvif.messages(event, CONTEXT) == []
