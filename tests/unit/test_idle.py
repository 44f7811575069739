"""`edge check` on rules that can never count; and that what it lets pass can."""

from __future__ import annotations

import re

import numpy as np
import pytest
from tracks_ import seen

from edge.check import check
from edge.config.rules import Line, Turn, Zone
from edge.config.schema import Camera
from edge.config.settings import Settings
from edge.dataflow import Detections, Instant
from edge.geometry import bottom_centres, inside
from edge.idle import UNSEEN, idle
from edge.measurements.crossings import CrossingCounter
from edge.measurements.movements import Movements
from edge.tracks.tracker import Tracker

CAMERA = """\
source: {url: "rtsp://192.168.1.21/main"}
lines:
  - {id: l1, points: [[0.03, 0.5], [0.15, 0.5]]}
"""
LINE = "  - {id: l2, points: @[%s]}\n"
WALK = "  - {id: w, points: [[0.1, 0.9], [0.9, 0.9]], classes: [pedestrian]%s}\n"
ZONE = "zones:\n  - {id: z1, points: %s[[0, 0], [1, 0], [1, %s]]%s}\n"
QUEUE = "queues:\n  - {id: q1, stop_line: %sl1, lane: %s}\n"
TOP = "mask: [[[0, 0], [1, 0], [1, 0.4], [0, 0.4]]]\n"
RIGHT = "mask: [[[0.5, 0], [1, 0], [1, 1], [0.5, 1]]]\n"
ISLAND = "mask: [[[0.05, 0.03], [0.97, 0.03], [0.97, 0.97], [0.05, 0.97]]]\n"
GROUND = """\
calibration:
  points: [[[0.2, 0.9], [0, 0]], [[0.8, 0.9], [10, 0]], [[0.6, 0.2], [10, 80]], [[0.4, 0.2], [0, 80]]]
"""
BIKES = LINE.replace("@[%s]", "[[0.1, 0.6], [0.9, 0.6]], classes: [bicycle]")


def told(tmp_path, text, *, model="road-users"):
    (tmp_path / "cameras").mkdir()
    (tmp_path / "edge.yaml").write_text("node: hue-1\nbroker: {host: mqtt.example.org}\n")
    (tmp_path / "cameras/a.yaml").write_text(f"{text}analyse: {{model: {model}}}\n")
    return [(f.line, f.column, f.text) for f in check(Settings(config=tmp_path)) if "analyse.model:" not in f.text]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(CAMERA + LINE % "[0.1, 1], [0.9, 1]", "nothing to see on one side", id="on the lower border"),
        pytest.param(CAMERA + LINE % "[0, 0.1], [0, 0.9]", "nothing to see on one side", id="on the left border"),
        pytest.param(CAMERA + LINE % "[0.1, 0.002], [0.9, 0.002]", "on one side", id="nearer than its band"),
        pytest.param(CAMERA + LINE % "[0.1, 0.3], [0.9, 0.3]" + TOP, "on one side", id="in the mask"),
        pytest.param(
            CAMERA + LINE % "[0.5, 0.5], [0.6, 0.5]" + ISLAND, "found mask all around it", id="deep in the mask"
        ),
        pytest.param(CAMERA + LINE % "[0.6, 0.5], [0.9, 0.5]" + RIGHT, "mask all around it", id="along the mask"),
        pytest.param(
            CAMERA + ZONE % ("@", "0.39", "") + TOP, "zones[0].points: nobody can be", id="a zone in the mask"
        ),
        pytest.param(
            CAMERA + QUEUE % ("", "@[[0, 0], [1, 0], [1, 0.39]]") + TOP, "queues[0].lane", id="a lane in the mask"
        ),
        pytest.param(
            CAMERA + WALK % ", forbidden: 0, alarms: {wrong_way: @default}", "can never be raised", id="rides on foot"
        ),
        pytest.param(
            CAMERA + WALK % "" + "turns:\n  - {id: t1, entries: @[w], exits: [w]}\n", "no turn", id="turns on foot"
        ),
        pytest.param(
            CAMERA + ZONE % ("", "0.9", ", alarms: {crowd_density: @default}") + GROUND,
            "give area_m2",
            id="area of the sky",
        ),
        pytest.param(
            CAMERA + QUEUE % ("@", "[[0.4, 0.2], [0.6, 0.2], [0.6, 0.25]]") + GROUND,
            "expected the lane within 20 m of it, found ",
            id="the line of another lane",
        ),
    ],
)
def test_rule_that_can_never_count_is_told_with_its_place(tmp_path, text, says):
    before = text.split("@")[0]
    ((line, column, fault),) = told(tmp_path, text.replace("@", ""))
    assert (line, column) == (before.count("\n") + 1, len(before.rsplit("\n", 1)[-1]) + 1), fault
    assert says in fault
    assert re.fullmatch(r"\S+: .+, expected .+, found .+; .+", fault)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(LINE % "[0.1, 0.99], [0.9, 0.99]", id="near the border"),
        pytest.param(LINE % "[0.5, 0.5], [0.5, 0.52]", id="short"),
        pytest.param(
            LINE % "[0.1, 0.52], [0.9, 0.52]" + "mask: [[[0, 0.5], [1, 0.5], [1, 0.6]]]\n", id="in a narrow mask"
        ),
        pytest.param(
            LINE % "[0.3, 0.4], [0.8, 0.4]" + "mask: [[[0.2, 0.2], [0.9, 0.2], [0.9, 0.6], [0.2, 0.6]]]\n",
            id="in a mask that is bridged",
        ),
        pytest.param(ZONE % ("", "0.41", "") + TOP, id="a tip out of the mask"),
        pytest.param("turns:\n  - {id: t1, entries: [l1], exits: [l1]}\n", id="who turns back"),
        pytest.param(QUEUE % ("", "[[0.4, 0.3], [0.6, 0.3], [0.6, 0.49]]") + GROUND, id="a lane near its line"),
    ],
)
def test_rule_that_can_count_is_let_pass(tmp_path, text):
    assert told(tmp_path, CAMERA + text.replace("@", "")) == []


def test_classes_that_the_model_does_not_tell(tmp_path):
    ((row, column, fault),) = told(tmp_path, CAMERA + BIKES, model="omz_pvb_2002")
    assert (row, column) == (4, BIKES.index("[bicycle") + 1)
    assert "lines[1].classes: the model tells none" in fault
    assert "expected one of pedestrian, motorcycle, car, found bicycle" in fault


def test_rules_of_vehicles_with_a_model_of_people_and_of_people_with_one_of_vehicles():
    camera = Camera.model_validate(
        {
            "lines": [{"id": "l1", "points": [[0.1, 0.5], [0.9, 0.5]]}],
            "zones": [
                {"id": "z1", "points": [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]},
                {"id": "z2", "points": [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]], "vehicles": True},
                {"id": "z3", "points": [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]], "alarms": {"congestion": "default"}},
            ],
            "turns": [{"id": "t1", "entries": ["l1"], "exits": ["l1"]}],
            "queues": [{"id": "q1", "stop_line": "l1", "lane": [[0.1, 0.5], [0.9, 0.5], [0.5, 0.9]]}],
        }
    )
    places = {kinds: [place for place, _ in idle(camera, kinds=kinds, ground=None)] for kinds in map(frozenset, KINDS)}
    assert places[frozenset({"pedestrian"})] == [("zones", 2, "alarms", "congestion"), ("turns", 0), ("queues", 0)]
    assert places[frozenset({"car", "bus"})] == [("zones", 0)]
    assert list(idle(camera, kinds=None, ground=None)) == []


KINDS = ({"pedestrian"}, {"car", "bus"})


def crossed(deep, *, speed):
    """How often one counts who goes at this speed, picture heights a second, over a line amid a mask so deep."""
    mask = [(0.0, 0.52 - deep / 2), (1.0, 0.52 - deep / 2), (1.0, 0.52 + deep / 2), (0.0, 0.52 + deep / 2)]
    tracker, counter, counted = Tracker(), CrossingCounter([Line(id="l1", points=((0.1, 0.5), (0.9, 0.5)))]), 0
    for i, y in enumerate(np.arange(0.05, 1.0, speed / 5).tolist()):
        boxes = np.array([[0.45, y - 0.2, 0.55, y]], dtype=np.float32).clip(0, 1)
        boxes = boxes[~inside(bottom_centres(boxes), mask)]
        sure, cars = np.full(len(boxes), 0.9, np.float32), np.full(len(boxes), 3, np.int8)
        found = Detections(Instant(i / 5, 1000 + i / 5), 1.78, boxes, sure, cars)
        counted += len(counter.update(tracker.update(found)))
    return counted


def test_line_in_a_mask_that_is_bridged_counts():
    assert [crossed(deep, speed=0.5) for deep in (0.1, 0.4, 0.6)] == [1, 1, 1]


@pytest.mark.parametrize("speed", [0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0])
def test_line_deep_in_the_mask_counts_nobody(speed):
    assert crossed(UNSEEN, speed=speed) == 0


@pytest.mark.parametrize("y", [0.0, 0.001, 0.999, 1.0])
def test_nobody_crosses_a_line_that_is_refused_at_the_border(y):
    line = Line(id="l1", points=((0.0, y), (1.0, y)))
    refused = Camera(lines=(line,))
    assert [place for place, _ in idle(refused, kinds=None, ground=None)] == [("lines", 0, "points")]
    counter, random = CrossingCounter([line]), np.random.default_rng(1)
    for i in range(400):
        points = random.choice([0.0, 0.01, 0.5, 0.99, 1.0], size=(20, 2))
        boxes = {j: (x - 0.01, bottom - 0.02, x + 0.01, bottom) for j, (x, bottom) in enumerate(points.tolist())}
        assert not counter.update(seen(i / 5, boxes))


def test_turn_over_one_line_counts_who_turns_back():
    line = Line(id="l1", points=((0.1, 0.5), (0.9, 0.5)))
    counter, turns = CrossingCounter([line]), Movements([Turn(id="t1", entries=("l1",), exits=("l1",))], [line])
    ways = [0.3 + 0.05 * i for i in range(9)] + [0.7 - 0.05 * i for i in range(9)]
    added = []
    for i, y in enumerate(ways):
        tracks = seen(i / 5, {1: (0.45, y - 0.1, 0.55, y)})
        added += [sample.added for sample in turns.update(tracks, counter.update(tracks))]
    assert sum(each.get("moves.l1>l1.motorcycle", 0) for each in added) == 1


def test_mask_over_everything_leaves_nothing_to_count():
    whole = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    line = Line(id="l1", points=((0.1, 0.5), (0.9, 0.5)))
    camera = Camera(mask=(whole,), lines=(line,), zones=(Zone(id="z1", points=whole),))
    places = [place for place, _ in idle(camera, kinds=None, ground=None)]
    assert places == [("lines", 0, "points"), ("zones", 0, "points")]
