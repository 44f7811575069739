"""Topics: spelt as the contract does, read back as they were meant."""

from __future__ import annotations

import pytest
from paho.mqtt.client import topic_matches_sub

from edge.mqtt.topics import DATA_KINDS, Topic, Topics, of_all_nodes, parse

TOPICS = Topics("hue", "node-1")


def test_topics_are_those_of_the_contract():
    assert TOPICS.status == "hue/1/node-1/status"
    assert TOPICS.info == "hue/1/node-1/info"
    assert TOPICS.gap == "hue/1/node-1/gap"
    assert TOPICS.camera("le-loi-01", kind="health") == "hue/1/node-1/le-loi-01/health"
    assert TOPICS.data("flow", camera="le-loi-01", rule="l1") == "hue/1/node-1/le-loi-01/flow/l1"
    assert TOPICS.command("resend") == "hue/1/node-1/cmd/resend"
    assert TOPICS.stored("main") == "hue/1/centre/main/stored/node-1"
    assert TOPICS.listens == ("hue/1/node-1/cmd/+", "hue/1/centre/+/stored/node-1")


SAID = {
    TOPICS.status: Topic("node-1", "status"),
    TOPICS.info: Topic("node-1", "info"),
    TOPICS.gap: Topic("node-1", "gap"),
    TOPICS.camera("cam", kind="status"): Topic("node-1", "status", "cam"),
    TOPICS.camera("cam", kind="health"): Topic("node-1", "health", "cam"),
    **{TOPICS.data(kind, camera="cam", rule="l1"): Topic("node-1", kind, "cam", "l1") for kind in DATA_KINDS},
}


@pytest.mark.parametrize("topic", SAID)
def test_what_a_device_says_reaches_the_centre_once_and_is_understood(topic):
    assert parse(topic, root="hue") == SAID[topic]
    assert sum(topic_matches_sub(each, topic) for each in of_all_nodes("hue")) == 1


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "hue",
        "hue/1",
        "hue/1/node-1",
        "hue/2/node-1/status",
        "danang/1/node-1/status",
        "hue/1/node-1/status/more",
        "hue/1/Node/status",
        "hue/1//status",
        "hue/1/node-1/cam/flow/l1/now",
        "hue/1/node-1/cam/picture/l1",
        TOPICS.command("resend"),
        TOPICS.command("status"),
        TOPICS.stored("main"),
        "hue/1/centre/flow/flow/l1",
    ],
)
def test_other_topics_are_nothing_that_a_device_says(topic):
    assert parse(topic, root="hue") is None


def test_centre_hears_no_commands_and_no_confirmations_of_its_own():
    for topic in (TOPICS.command("resend"), TOPICS.stored("main")):
        assert not any(topic_matches_sub(each, topic) for each in of_all_nodes("hue"))


def test_device_knows_its_commands_and_confirmations():
    assert TOPICS.verb_of(TOPICS.command("resend")) == "resend"
    assert TOPICS.centre_of(TOPICS.stored("main")) == "main"
    other = Topics("hue", "node-2")
    for topic in (other.command("resend"), other.stored("main"), TOPICS.status, "hue/1/node-1/cmd/", "a/b/c/d/e/f", ""):
        assert TOPICS.verb_of(topic) is None
        assert TOPICS.centre_of(topic) is None
