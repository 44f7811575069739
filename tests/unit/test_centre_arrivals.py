"""What the centre accepts and what it rejects, and why."""

from __future__ import annotations

import json
from typing import Any

import pytest

from edge.centre.arrivals import Forgone, Numbered, Present, Rejected, read
from edge.dataflow import Stamp

FLOW = {
    "v": 1, "seq": 18432, "epoch": "1c9f03aa", "camera": "le-loi-01", "rule": "l1", "start": "2026-11-22T23:00:00Z",
    "seconds": 300, "count": {"motorcycle": [412, 388], "car": [61, 57]}, "total": [90412, 88771],
    "pcu": [211.2, 196.4], "coverage": 0.98,
}  # fmt: skip
TOPIC = "hue/1/hue-07/le-loi-01/flow/l1"


def flow(**changes: Any) -> bytes:
    return json.dumps({k: v for k, v in {**FLOW, **changes}.items() if v is not ...}).encode()


def test_read_flow_of_the_contract_with_fields_that_it_does_not_know():
    arrival = read(TOPIC, flow(), root="hue")
    assert isinstance(arrival, Numbered)
    assert (arrival.node, arrival.kind, arrival.stamp) == ("hue-07", "flow", Stamp("1c9f03aa", 18432))
    assert json.loads(arrival.body)["pcu"] == [211.2, 196.4]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"seq": ...}, "flow: seq: missing"),
        ({"v": 2}, "flow: v: not 1"),
        ({"coverage": 1.2}, "flow: coverage: more than 1"),
        ({"start": "2026-11-22 23:00"}, "flow: start: not of its form"),
        ({"count": {"rickshaw": [1, 2]}}, 'flow: count: a name in it: none of "pedestrian"'),
        ({"camera": "le-loi-02"}, "flow: camera: another one in the body than in the topic"),
        ({"rule": "l2"}, "flow: rule: another one in the body than in the topic"),
        ({"seq": 2**63}, "flow: seq: beyond what a database can hold"),
        ({"seconds": 10**400}, "flow: seconds: "),
        ({"flags": ["tired"]}, "flow: flags.0: "),
        ({"start": "2026-02-30T23:00:00Z"}, "flow: start: no moment of the calendar"),
        ({"start": "9999-12-31T23:59:00Z"}, "flow: start: before 1970 or after 9998"),
        ({"start": "0001-01-01T00:00:00Z"}, "flow: start: before 1970 or after 9998"),
        ({"start": "٢٠٢٦-11-22T23:00:00Z"}, "flow: start: "),
        ({"note": "\0"}, "flow: a text with U+0000"),
        ({"note": "\\\\\0"}, "flow: a text with U+0000"),
        ({"note": ["\ud83d"]}, "flow: "),
        ({"count": {"\0": [1, 2]}}, "flow: a text with U+0000"),
    ],
)
def test_read_flow_with_a_fault_is_rejected_with_its_reason(changes: dict[str, Any], reason: str):
    arrival = read(TOPIC, flow(**changes), root="hue")
    assert isinstance(arrival, Rejected)
    assert arrival.reason.startswith(reason)


@pytest.mark.parametrize("note", ["🛵", "\\u0000", "\\\\u0000", "\\ud83d"])
def test_read_text_that_only_looks_like_what_cannot_be_stored_is_accepted(note: str):
    assert isinstance(read(TOPIC, flow(note=note), root="hue"), Numbered)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\xfe", b"null", b"[]", b"[" * 100_000, b'{"seq":' + b"9" * 9999 + b"}"]
)
def test_read_body_that_is_no_message_is_rejected(body: bytes):
    arrival = read(TOPIC, body, root="hue")
    assert isinstance(arrival, Rejected)
    assert arrival.stamp is None


def test_read_rejected_message_keeps_its_number_where_it_has_one():
    arrival = read(TOPIC, flow(total=...), root="hue")
    assert isinstance(arrival, Rejected)
    assert (arrival.node, arrival.stamp) == ("hue-07", Stamp("1c9f03aa", 18432))


@pytest.mark.parametrize(
    "topic", ["", "hue", "hanoi/1/hue-07/status", "hue/2/hue-07/status", "hue/1/hue-07/x/flow", "hue/1/A/status"]
)
def test_read_topic_of_somebody_else_is_rejected(topic: str):
    assert isinstance(read(topic, flow(), root="hue"), Rejected)


def test_read_alarm_as_it_stands_and_taken_back():
    body = (
        b'{"v":1,"seq":18440,"epoch":"1c9f03aa","camera":"gate","rule":"z1","at":"2026-11-22T23:05:20Z",'
        b'"alarm":"1c9f03aa-18440","kind":"crowd_density","state":"raised","level":2,"value":3.12,"limit":3.0,'
        b'"clears_below":2.5,"since":"2026-11-22T23:04:50Z"}'
    )
    topic = "hue/1/n1/gate/alarm/z1"
    assert isinstance(read(topic, body, root="hue"), Numbered)
    assert read(f"{topic}/now", body, root="hue") == Present("n1", "gate", "alarm/z1", body.decode())
    assert read(f"{topic}/now", b"", root="hue") == Present("n1", "gate", "alarm/z1", None)
    assert isinstance(read(topic, b"", root="hue"), Rejected)


def test_read_status_gap_and_taken_back():
    status = b'{"v":1,"state":"online","since":"2026-11-22T23:00:00Z"}'
    assert read("hue/1/n1/status", status, root="hue") == Present("n1", "", "status", status.decode())
    assert read("hue/1/n1/status", b"", root="hue") == Present("n1", "", "status", None)
    gap = b'{"v":1,"epoch":"1c9f03aa","from":4,"to":9,"reason":"full","at":"2026-11-22T23:00:00Z"}'
    arrival = read("hue/1/n1/gap", gap, root="hue")
    assert isinstance(arrival, Forgone)
    assert (arrival.gap.first, arrival.gap.last) == (4, 9)
    assert isinstance(read("hue/1/n1/gap", gap.replace(b"4", b"10"), root="hue"), Rejected)
    other = b'{"v":1,"camera":"gate","state":"ok","since":"2026-11-22T23:00:00Z"}'
    assert isinstance(read("hue/1/n1/door/status", other, root="hue"), Rejected)
