"""What people meant by a value of the wrong kind, and what is told of values that could never do what they are for."""

from __future__ import annotations

import pytest
from config_ import CAMERA, faults

from edge.config.load import load_camera

LINE = CAMERA + "    %s\n"
ZONE = CAMERA + "zones: [{id: z, points: [[0, 0], [1, 0], [1, 1]], %s}]\n"
ALARM = ZONE % "alarms: {%s}"
POINTS = CAMERA.replace("[[0.12, 0.55], [0.93, 0.55]]", "%s")


@pytest.mark.parametrize(
    ("form", "written", "told"),
    [
        (LINE, "crossings: 1", "lines[0].crossings: expected true or false, found 1; write true"),
        (LINE, "crossings: maybe", "lines[0].crossings: expected true or false, found 'maybe'; write true or false"),
        (ZONE, "vehicles: 0", "zones[0].vehicles: expected true or false, found 0; write false"),
        (
            LINE,
            "names: [ra, ra]",
            "lines[0].names: one stands twice, expected each only once, found 'ra' again;"
            " take one out, or write the one that is meant",
        ),
        (
            LINE,
            "classes: [car, bus, car]",
            "lines[0].classes: one stands twice, expected each only once, found 'car' again;"
            " take one out, or write the one that is meant",
        ),
        (
            LINE,
            "names: [vào, ra]\n    forbidden: ra",
            "lines[0].forbidden: this is no direction, expected 0 or 1, found 'ra'; write 0 for vào, 1 for ra, or leave"
            " it out",
        ),
        (
            ALARM,
            "congestion: {levels: [[2, 1], [5, 1]]}",
            "zones[0].alarms.congestion.levels[1]: there is no such state of traffic, expected a state, at most 3"
            " (jammed), found 5; give states, such as [[2, 2], [3, 3]], or write default",
        ),
        (
            ALARM,
            "crowd_count: {levels: [[0, 0]]}",
            "zones[0].alarms.crowd_count.levels[0]: this alarm would never be cleared, for nothing is below, expected"
            " two numbers above 0, found [0.0, 0.0];"
            " give what raises it and below what it is cleared, such as [20, 10]",
        ),
        (
            ALARM,
            "stopped_vehicle: 60",
            "zones[0].alarms.stopped_vehicle: expected 'default', or keys with values, found 60; write default, or"
            " limits of its own, such as {levels: [[60, 30]]}",
        ),
        (
            ALARM,
            "stopped_vehicle: 20",
            "zones[0].alarms.stopped_vehicle: expected 'default', or keys with values, found 20; write default, or"
            " limits of its own, such as {levels: [[20, 20]]}",
        ),
        (
            ALARM,
            "congestion: 2",
            "zones[0].alarms.congestion: expected 'default', or keys with values, found 2; write default, or"
            " limits of its own, such as {levels: [[2, 2], [3, 3]]}",
        ),
        (
            POINTS,
            "[[0.1, 0.5], [0.5, 0.5], [0.9, 0.6]]",
            "lines[0].points: expected at most 2 entries, found [[0.1, 0.5], [0.5, 0.5], [0.9, 0.6]]; a line has two"
            " points, its first and its last: take the others out, or draw more lines",
        ),
        (
            CAMERA + "mask: %s\n",
            "[[0, 0], [1, 0], [1, 0.1], [0, 0.1]]",
            "mask: the corners of one area, without its own brackets, expected areas, each a list of corners, found"
            " [[0, 0], [1, 0], [1, 0.1], [0, 0.1]]; put square brackets around all of it once more:"
            " [[[0, 0], [1, 0], [1, 0.1], [0, 0.1]]]",
        ),
        (CAMERA + "%s: []\n", "Queue", "Queue: unknown key; did you mean queues?"),
        (CAMERA + "%s: []\n", "Lane", "Lane: unknown key; it belongs to another part of the file,"
         " see configs/reference.yaml"),
        (CAMERA + "%s: []\n", "queue", "queue: unknown key; did you mean queues?"),
        (LINE, "name: [a, b]", "lines[0].name: unknown key; did you mean names?"),
        (LINE, "Classes: [car]", "lines[0].Classes: unknown key; did you mean classes?"),
        (CAMERA + "%s: [a, b]\n", "names", "names: unknown key; it belongs to another part of the file, see"
         " configs/reference.yaml"),
        (LINE, "wrong_way: x", "lines[0].wrong_way: unknown key; it belongs to another part of the file,"
         " see configs/reference.yaml"),
    ],
)  # fmt: skip
def test_what_is_meant_is_told(tmp_path, form, written, told):
    assert [text for _, _, text in faults(tmp_path, form % written)] == [told]


@pytest.mark.parametrize(
    ("form", "written"),
    [
        (LINE, "crossings: yes"),
        (LINE, "crossings: false"),
        (LINE, "names: [ra, vào]\n    forbidden: 1"),
        (LINE, "classes: [car, bus]"),
        (ALARM, "congestion: {levels: [[3, 1]]}"),
        (ALARM, "crowd_count: {levels: [[1, 1]]}"),
        (ALARM, "stopped_vehicle: {levels: [[60, 30]]}"),
        (ALARM, "stopped_vehicle: {levels: [[20, 20]]}"),
        (ALARM, "congestion: {levels: [[2, 2], [3, 3]]}"),
        (CAMERA + "mask: %s\n", "[[[0, 0], [1, 0], [1, 0.1], [0, 0.1]]]"),
    ],
)
def test_what_is_right_is_taken(tmp_path, form, written):
    file = tmp_path / "a.yaml"
    file.write_text(form % written, encoding="utf-8")
    assert load_camera(file).lines
