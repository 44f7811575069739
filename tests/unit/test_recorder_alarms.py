"""Alarms in the journal: one id from raised to cleared, whoever dies in between."""

from __future__ import annotations

import json

import pytest
from contract import fits

from edge.config.schema import Camera
from edge.dataflow import Alarm, Instant
from edge.recorder import Recorder, retire
from edge.store.journal import Journal
from edge.store.outbox import Outbox

NOW = 1_795_000_020.0
CAMERA = Camera.model_validate(
    {"zones": [{"id": "z1", "points": [[0, 0], [1, 0], [1, 1]], "area_m2": 40, "alarms": {"crowd_density": "default"}}]}
)


def change(state: str, *, level: int = 1, after: float = 0.0) -> Alarm:
    at = Instant(after, NOW + after)
    return Alarm(at, "z1", "crowd_density", state, level, 2.345, 2.0, 1.5, since=NOW - 20)


@pytest.fixture
def database(tmp_path):
    return tmp_path / "edge.db"


def recorder(database) -> Recorder:
    return Recorder(Journal(database, camera="cam"), name="cam", camera=CAMERA, now=Instant(0, NOW))


def alarms(database) -> tuple[list[dict], list[bytes]]:
    """The messages in order of their numbers, and what stands."""
    outbox = Outbox(database)
    waiting = sorted(outbox.waiting(limit=100, now=NOW), key=lambda each: each.stamp.seq)
    messages = [each.body for each in waiting if each.kind == "alarm"]
    for body in messages:
        fits(body, "alarm")
    standing = [each.body for each in outbox.announcements() if each.kind == "alarm"]
    outbox.close()
    return [json.loads(body) for body in messages], standing


def test_alarm_has_one_id_from_raised_to_cleared_through_a_kill(database):
    first = recorder(database)
    first.alarm([change("raised")], {"z1": {"level": 1}})
    first.tick(Instant(0.1, NOW + 0.1))
    second = recorder(database)
    assert second.standing == {"z1": {"level": 1}}
    second.alarm([change("changed", level=2, after=5)], {"z1": {"level": 2}})
    second.tick(Instant(5.1, NOW + 5.1))
    messages, (now,) = alarms(database)
    assert json.loads(now) == messages[-1]
    second.alarm([change("cleared", level=0, after=90)], {})
    second.tick(Instant(90.1, NOW + 90.1))
    messages, (now,) = alarms(database)
    assert now == b""
    assert [each["state"] for each in messages] == ["raised", "changed", "cleared"]
    assert {each["alarm"] for each in messages} == {f"{messages[0]['epoch']}-{messages[0]['seq']}"}
    assert messages[0]["value"] == 2.35
    second.alarm([change("raised", after=200)], {"z1": {"level": 1}})
    second.tick(Instant(200.1, NOW + 200.1))
    messages, _ = alarms(database)
    assert messages[-1]["alarm"] != messages[0]["alarm"]


def test_alarm_of_a_camera_that_is_gone_is_unknown_and_stands_no_longer(database):
    first = recorder(database)
    first.alarm([change("raised")], {"z1": {"level": 1}})
    first.tick(Instant(0.1, NOW + 0.1))
    retire(Journal(database, camera="cam"), name="cam")
    messages, (now,) = alarms(database)
    assert [each["state"] for each in messages] == ["raised", "unknown"]
    assert "value" not in messages[-1]
    assert now == b""
    assert recorder(database).standing == {}
