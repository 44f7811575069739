"""Everything that one camera measures at once, from tracks to the messages of the contract."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pytest
from contract import fits

from edge import render
from edge.config.schema import Camera
from edge.dataflow import CLASSES, Instant, Period, Stamp, Tally, Tracks
from edge.measurements.measures import Measures
from edge.recorder import Recorder
from edge.store.journal import Journal
from edge.store.outbox import Outbox

BEGIN = 1_800_000_000.0
ASPECT = 16 / 9
WIDE, DEEP = 40.0, 80.0
"""Metres of ground in the picture, seen from straight above so that speeds are easy to reckon."""
CAMERA = Camera.model_validate(
    {
        "lines": [
            {"id": "south", "points": [[0, 0.8], [0.6, 0.8]], "every": 60, "classes": ["motorcycle", "car"],
             "forbidden": 0, "alarms": {"wrong_way": "default"}},
            {"id": "north", "points": [[0, 0.2], [0.6, 0.2]], "every": 60, "classes": ["motorcycle", "car"]},
        ],
        "zones": [{"id": "square", "points": [[0.7, 0.1], [0.95, 0.1], [0.95, 0.6], [0.7, 0.6]], "every": 60,
                   "area_m2": 4, "alarms": {"crowd_density": "default"}}],
        "turns": [{"id": "through", "entries": ["south"], "exits": ["north"], "every": 60}],
        "queues": [{"id": "wait", "stop_line": "north", "lane": [[0.4, 0.2], [0.6, 0.2], [0.6, 0.75], [0.4, 0.75]]}],
        "calibration": {"points": [[[0, 0], [0, DEEP]], [[1, 0], [WIDE, DEEP]], [[1, 1], [WIDE, 0]], [[0, 1], [0, 0]]]},
        "pcu": "tcvn-4054-2005",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Mover:
    """A road user whose point is at `x`, `y` at `begin` and moves `vy` a second."""

    track: int
    kind: str
    x: float
    y: float
    vy: float = 0.0
    begin: float = 0.0
    end: float = 60.0

    def box(self, at: float) -> tuple[float, float, float, float]:
        bottom = self.y + self.vy * (at - self.begin)
        return (self.x - 0.01, bottom - 0.04, self.x + 0.01, bottom)


def tracks_of(movers: list[Mover], at: float) -> Tracks:
    there = [m for m in movers if m.begin <= at < m.end and 0.03 < m.box(at)[3] < 0.99]
    return Tracks(
        at=Instant(at, BEGIN + at),
        aspect=ASPECT,
        ids=np.array([m.track for m in there], dtype=np.int64),
        boxes=np.array([m.box(at) for m in there], dtype=np.float32).reshape(-1, 4),
        classes=np.array([CLASSES.index(m.kind) for m in there], dtype=np.int8),
        confirmed=np.ones(len(there), dtype=bool),
    )


@pytest.fixture
def street(tmp_path):
    """Five pictures a second through measures and recorder; what the outbox has then, by kind and rule."""

    def run(movers: list[Mover], seconds: float) -> dict[tuple[str, str], list[dict]]:
        measures = Measures(CAMERA)
        journal = Journal(tmp_path / "edge.db", camera="cam")
        recorder = Recorder(journal, name="cam", camera=CAMERA, now=Instant(0.0, BEGIN))
        for i in range(1, round(seconds * 5)):
            measured = measures.update(tracks_of(movers, i / 5))
            at = Instant(i / 5, BEGIN + i / 5)
            recorder.record(at, measured.crossings, measured.samples)
            recorder.alarm(measured.alarms, measures.standing)
            recorder.tick(at)
        outbox = Outbox(tmp_path / "edge.db")
        said: dict[tuple[str, str], list[dict]] = {}
        for each in sorted(outbox.waiting(limit=1000, now=BEGIN), key=lambda m: m.stamp.seq):
            fits(each.body, each.kind)
            said.setdefault((each.kind, each.rule), []).append(json.loads(each.body))
        outbox.close()
        journal.close()
        return said

    return run


def test_measures_tell_every_kind_of_the_contract(street):
    up = -0.125  # 10 m/s on this ground
    through = [Mover(i, "motorcycle", 0.2, 0.97, up, begin=5.07 * i, end=5.07 * i + 9) for i in range(1, 9)]
    standing = [Mover(20, "car", 0.5, 0.24), Mover(21, "car", 0.5, 0.3)]
    people = [Mover(30 + i, "pedestrian", 0.75 + 0.016 * i, 0.4) for i in range(10)]
    said = street([*through, *standing, *people], 64)
    (south,) = said["flow", "south"]
    assert south["count"] == {"motorcycle": [0, 8], "car": [0, 0]}
    assert south["pcu"] == [0, pytest.approx(2.4)]
    assert south["speed_kmh"] == [0, pytest.approx(36, rel=0.05)]
    assert south["headway_s"] == [0, pytest.approx(5.07, abs=0.1)]
    assert 0 < south["occupancy"] < 0.1
    (turn,) = said["turn", "through"]
    assert turn["moves"] == {"south>north": {"motorcycle": 8}}
    assert turn["unmatched"] == 0
    (queue,) = said["queue", "wait"]
    assert queue["vehicles"]["max"] == 2
    assert queue["metres"]["max"] == pytest.approx(8, abs=4)
    (square,) = said["zone", "square"]
    assert square["people"]["max"] == 10
    assert square["level"] == 1
    (alarm,) = said["alarm", "square"]
    assert (alarm["kind"], alarm["state"], alarm["level"], alarm["value"]) == ("crowd_density", "raised", 1, 2.5)


def test_measures_tell_who_rides_the_forbidden_way(street):
    said = street([Mover(1, "motorcycle", 0.2, 0.5, 0.07, begin=1, end=8)], 30)
    (alarm,) = said["alarm", "south"]
    assert (alarm["kind"], alarm["state"], alarm["value"]) == ("wrong_way", "raised", 1)


@pytest.mark.parametrize("kind", ["flow", "zone", "turn", "queue"])
@pytest.mark.parametrize("analysed", [0.0, 60.0])
def test_interval_of_an_older_version_without_its_numbers_is_told_all_the_same(kind, analysed):
    """An interval that was open at an upgrade must not stop its camera."""
    period = Period("r1", kind, BEGIN, 60, analysed)
    facts = {"classes": ["car"]} if kind == "flow" else {}
    body = render.interval(period, Tally({}, (0, 0)), stamp=Stamp("1c9f03aa", 1), camera="cam", facts=facts).to_bytes()
    fits(body, kind)


def test_vehicle_that_the_edge_of_the_picture_cuts_is_where_rules_reach_to_it():
    whole = [[0, 0], [1, 0], [1, 1], [0, 1]]
    camera = Camera.model_validate(
        {
            "lines": [{"id": "stop", "points": [[0, 0.95], [1, 0.95]]}],
            "zones": [
                {"id": "z", "points": whole, "vehicles": True, "alarms": {"stopped_vehicle": "default"}},
                {"id": "jam", "points": whole, "vehicles": True, "alarms": {"congestion": "default"}},
            ],
            "queues": [{"id": "q", "stop_line": "stop", "lane": whole}],
        }
    )
    measures, boxes = Measures(camera), [(0.2 * i, 0.6, 0.2 * i + 0.18, 1.0) for i in range(5)]
    for k in range(300):
        at, ids = Instant(k / 5, BEGIN + k / 5), np.arange(5, dtype=np.int64)
        box = np.array(boxes, dtype=np.float32)
        kinds, sure = np.full(5, CLASSES.index("car"), dtype=np.int8), np.ones(5, dtype=bool)
        samples = measures.update(Tracks(at, ASPECT, ids, box, kinds, sure)).samples
    present = {each.rule: each.present for each in samples}
    assert (present["z"]["car"], present["q"]["vehicles"]) == (5, 5)
    assert present["z"]["stopped"] == pytest.approx(59.8, abs=0.1)
    assert present["jam"]["congestion"] == 3


def test_line_on_which_a_queue_stands_says_that_its_count_is_a_lower_bound(street):
    jam = [Mover(40 + i, "motorcycle", 0.3 + 0.03 * i, 0.81) for i in range(4)]
    said = street(jam, 64)
    flags = {rule: interval.get("flags", []) for (kind, rule), (interval, *_) in said.items() if kind == "flow"}
    assert sorted(rule for rule, told in flags.items() if "saturated" in told) == ["south"]
