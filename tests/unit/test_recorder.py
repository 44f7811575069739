"""Measurements into a real journal, and the messages that come out."""

from __future__ import annotations

import json

import pytest
from contract import fits

from edge.config.schema import Camera
from edge.dataflow import Crossing, Instant, Sample
from edge.recorder import Recorder, retire
from edge.store.journal import Journal
from edge.store.outbox import Outbox

CAMERA = Camera.model_validate(
    {
        "lines": [{"id": "l1", "points": [[0.1, 0.5], [0.9, 0.5]], "every": 60, "classes": ["car", "motorcycle"]}],
        "zones": [{"id": "z1", "points": [[0, 0], [1, 0], [1, 1]], "every": 60, "area_m2": 10, "vehicles": True}],
    }
)
BEGIN = 1_800_000_000.0


@pytest.fixture
def database(tmp_path):
    return tmp_path / "edge.db"


def recorder(database, camera=CAMERA, *, now=BEGIN):
    journal = Journal(database, camera="cam-1", epoch="0123abcd")
    return Recorder(journal, name="cam-1", camera=camera, now=Instant(now - BEGIN, now))


def crossing(t, *, kind="car", direction=0, line="l1"):
    return Crossing(Instant(t - BEGIN, t), line, direction, kind, 1)


def drive(under_test, begin, end, crossings=(), *, people=3):
    """Five pictures a second; each crossing is known one picture after it happened."""
    waiting = sorted(crossings, key=lambda c: c.at.utc)
    for i in range(round((end - begin) * 5)):
        t = begin + (i + 1) / 5
        known = [c for c in waiting if c.at.utc < t]
        waiting = waiting[len(known) :]
        under_test.record(Instant(t - BEGIN, t), known, [Sample(Instant(t, t), "z1", {"pedestrian": people, "bus": 0})])
        under_test.tick(Instant(t - BEGIN, t))


def messages(database):
    outbox = Outbox(database)
    waiting = outbox.waiting(limit=100, now=0)
    outbox.close()
    for each in waiting:
        fits(each.body, each.kind)
    return [json.loads(each.body) for each in waiting]


def test_interval_becomes_the_contracts_messages(database):
    crossings = [crossing(BEGIN + 5), crossing(BEGIN + 6, kind="motorcycle"), crossing(BEGIN + 7, direction=1)]
    drive(recorder(database), BEGIN, BEGIN + 63, crossings)
    flow, zone = messages(database)
    assert flow == {
        "v": 1, "seq": 1, "epoch": "0123abcd", "camera": "cam-1", "rule": "l1", "start": "2027-01-15T08:00:00Z",
        "seconds": 60, "coverage": 1.0, "count": {"car": [1, 1], "motorcycle": [1, 0]}, "total": [2, 1],
    }  # fmt: skip
    assert zone["people"] == {"mean": 3.0, "max": 3, "last": 3}
    assert zone["density_m2"] == 0.3
    assert zone["vehicles"]["bus"] == {"mean": 0.0, "max": 0, "last": 0}
    assert (zone["seq"], zone["coverage"]) == (2, 1.0)


def test_interval_open_at_a_kill_goes_on_with_its_counts(database):
    first = recorder(database)
    drive(first, BEGIN, BEGIN + 20, [crossing(BEGIN + 5)])
    second = recorder(database, now=BEGIN + 22)
    drive(second, BEGIN + 22, BEGIN + 63, [crossing(BEGIN + 30)])
    flow = messages(database)[0]
    assert flow["count"]["car"] == [2, 0]
    assert flow["coverage"] == pytest.approx(58 / 60, abs=0.03)


def test_interval_without_video_has_no_counts_and_a_real_zero_has(database):
    under_test = recorder(database)
    drive(under_test, BEGIN, BEGIN + 61)
    under_test.tick(Instant(185, BEGIN + 185))
    first, _, second = [m for m in messages(database) if m["rule"] == "l1"][:3]
    assert first["count"] == {"car": [0, 0], "motorcycle": [0, 0]}
    assert "count" not in second
    assert (second["coverage"], second["flags"]) == (0.0, ["nostream"])
    assert second["total"] == [0, 0]


def test_crossing_known_too_late_counts_in_the_next_interval(database):
    under_test = recorder(database)
    drive(under_test, BEGIN, BEGIN + 63)
    under_test.record(Instant(63.2, BEGIN + 63.2), [crossing(BEGIN + 59)], [])
    drive(under_test, BEGIN + 63.2, BEGIN + 124)
    counts = [m["count"]["car"] for m in messages(database) if m["rule"] == "l1"]
    assert counts == [[0, 0], [1, 0]]


def test_sum_of_intervals_is_the_growth_of_the_total(database):
    crossings = [crossing(BEGIN + 3 * i, direction=i % 2) for i in range(1, 90)]
    drive(recorder(database), BEGIN, BEGIN + 303, crossings)
    flows = [m for m in messages(database) if m["rule"] == "l1"]
    assert len(flows) == 5
    for direction in (0, 1):
        summed = sum(m["count"]["car"][direction] for m in flows)
        assert summed == flows[-1]["total"][direction]
    assert sum(flows[-1]["total"]) == 89
    assert [m["seq"] for m in messages(database)] == list(range(1, 11))


def test_single_crossings_are_told_where_asked(database):
    line = CAMERA.lines[0].model_copy(update={"crossings": True})
    camera = CAMERA.model_copy(update={"lines": (line,)})
    drive(recorder(database, camera), BEGIN, BEGIN + 10, [crossing(BEGIN + 5.25, direction=1)])
    (told,) = messages(database)
    assert told == {
        "v": 1, "seq": 1, "epoch": "0123abcd", "camera": "cam-1", "rule": "l1",
        "at": "2027-01-15T08:00:05.250Z", "class": "car", "direction": 1,
    }  # fmt: skip


def test_interval_of_a_rule_that_is_gone_is_told_with_what_it_counted(database):
    drive(recorder(database), BEGIN, BEGIN + 20, [crossing(BEGIN + 5)])
    other = CAMERA.lines[0].model_copy(update={"id": "l2"})
    recorder(database, CAMERA.model_copy(update={"lines": (other,)}), now=BEGIN + 21)
    (flow,) = messages(database)
    assert (flow["rule"], flow["flags"], flow["seconds"], flow["count"]) == (
        "l1",
        ["config"],
        20,
        {"car": [1, 0], "motorcycle": [0, 0]},
    )


def test_flow_with_six_classes_stays_under_400_bytes(database):
    every = ("motorcycle", "bicycle", "car", "bus", "truck", "pedestrian")
    line = CAMERA.lines[0].model_copy(update={"id": "l" * 32, "classes": every})
    under_test = recorder(database, CAMERA.model_copy(update={"lines": (line,)}))
    many = [crossing(BEGIN + 1 + i / 100, kind=k, direction=i % 2, line=line.id) for i in range(800) for k in every]
    drive(under_test, BEGIN, BEGIN + 63, many)
    outbox = Outbox(database)
    (message,) = [m for m in outbox.waiting(limit=10, now=0) if m.kind == "flow"]
    assert len(message.body) < 400


def test_cut_interval_is_told_with_the_facts_that_it_was_counted_under(database):
    drive(recorder(database), BEGIN, BEGIN + 20, people=10)
    zone = CAMERA.zones[0].model_copy(update={"area_m2": 1000.0})
    lines = (CAMERA.lines[0].model_copy(update={"classes": ("car", "motorcycle", "bus")}),)
    recorder(database, CAMERA.model_copy(update={"lines": lines, "zones": (zone,)}), now=BEGIN + 21)
    flow, cut = messages(database)
    assert flow["count"] == {"car": [0, 0], "motorcycle": [0, 0]}
    assert cut["density_m2"] == 1.0


def test_name_changes_nothing_and_a_mask_ends_the_interval(database):
    drive(recorder(database), BEGIN, BEGIN + 20)
    recorder(database, CAMERA.model_copy(update={"name": "Cầu"}), now=BEGIN + 21)
    assert messages(database) == []
    mask = (((0.0, 0.0), (1.0, 0.0), (1.0, 0.1)),)
    recorder(database, CAMERA.model_copy(update={"mask": mask}), now=BEGIN + 22)
    assert [(m["rule"], m["flags"]) for m in messages(database)] == [("l1", ["config"]), ("z1", ["config"])]


def test_what_begins_after_a_change_is_on_record_before_anything_is_told(database):
    drive(recorder(database), BEGIN, BEGIN + 20)
    other = CAMERA.model_copy(update={"mask": (((0.0, 0.0), (1.0, 0.0), (1.0, 0.1)),)})
    recorder(database, other, now=BEGIN + 21)  # and is killed at once
    drive(recorder(database, other, now=BEGIN + 22), BEGIN + 22, BEGIN + 63)
    told = [(m["start"], m["seconds"]) for m in messages(database) if m["rule"] == "l1"]
    assert told == [("2027-01-15T08:00:00Z", 20), ("2027-01-15T08:00:20Z", 40)]


def test_retired_camera_tells_what_it_had(database):
    drive(recorder(database), BEGIN, BEGIN + 20, [crossing(BEGIN + 5)])
    journal = Journal(database, camera="cam-1")
    retire(journal, name="cam-1")
    flow, _ = messages(database)
    assert (flow["count"]["car"], flow["flags"]) == ([1, 0], ["config"])
    assert journal.open_periods() == []
