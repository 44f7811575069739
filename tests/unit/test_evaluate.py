"""Counted against true."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge.config.rules import Line, Zone
from edge.dataflow import Crossing, Instant
from edge.errors import EdgeError
from edge.evaluate import Truth, check_any, check_lines, check_zones, drawn_elsewhere, load_truth, score, walked_back

TRUTH = {
    "lines": [
        {
            "id": "l1",
            "points": [[0, 0.5], [1, 0.5]],
            "tolerance_s": 0.7,
            "events": [
                {"t": 1.0, "direction": 0, "class": "car", "accept": ["car", "truck"]},
                {"t": 2.0, "direction": 0, "class": "car", "accept": ["car"]},
                {"t": 3.0, "direction": 1, "class": "bicycle", "accept": ["bicycle", "person"]},
                {"t": 9.0, "direction": 0, "class": "car", "accept": ["car"], "optional": True},
            ],
        }
    ]
}

LINE = {"id": "l1", "points": [[0, 0], [1, 1]], "events": []}
ZONE = {"id": "z1", "points": [[0, 0], [1, 0], [1, 1]]}


@pytest.fixture
def line(tmp_path):
    file = tmp_path / "a.truth.json"
    file.write_text(json.dumps(TRUTH))
    return load_truth(file).lines[0]


def crossing(t, direction=0, kind="car"):
    return Crossing(Instant(t, t), "l1", direction, kind, 1)


def test_score_all_found(line):
    result = score(line, [crossing(1.2, kind="truck"), crossing(2.1), crossing(3.3, 1, "motorcycle"), crossing(9.2)])
    assert (result.true, result.counted, result.matched, result.right_class) == (3, 3, 3, 2)
    assert (result.recall, result.precision) == (1.0, 1.0)


def test_score_tells_what_is_accepted_and_what_is_optional(line):
    result = score(line, [crossing(1.2, kind="truck"), crossing(2.1), crossing(3.3, 1, "pedestrian"), crossing(9.2)])
    assert (result.right_class, result.other_class, result.optional) == (3, 2, 1)
    assert result.counts[("truck", 0)] == (1, 0)
    wrong = score(line, [crossing(2.1, kind="truck")])
    assert (wrong.right_class, wrong.other_class, wrong.optional) == (0, 0, 0)


@pytest.mark.parametrize(
    ("points", "elsewhere", "back"),
    [
        ([[0, 0.5], [1, 0.5]], (), ()),
        ([[0.005, 0.5], [1, 0.495]], (), ()),
        ([[0, 0.5], [1, 0.52]], ("l1",), ()),
        ([[1, 0.52], [0, 0.5]], ("l1",), ()),
        ([[1, 0.5], [0, 0.5]], (), ("l1",)),
        ([[0.995, 0.5], [0, 0.505]], (), ("l1",)),
    ],
)
def test_line_drawn_elsewhere_or_backwards_in_the_truth_is_found(points, elsewhere, back):
    lines = [Line(id="l1", points=points), Line(id="l2", points=[[0, 0.9], [1, 0.9]])]
    assert drawn_elsewhere(Truth.model_validate(TRUTH), lines) == elsewhere
    assert walked_back(Truth.model_validate(TRUTH), lines) == back


def test_score_counts_misses_doubles_and_wrong_directions(line):
    result = score(line, [crossing(1.0), crossing(1.1), crossing(3.0, 0)])
    assert (result.matched, result.counted) == (1, 3)
    assert result.missed == ((2.0, "car", 0), (3.0, "bicycle", 1))
    assert result.extra == ((1.1, "car", 0), (3.0, "car", 0))


def test_score_matches_one_to_one(line):
    assert score(line, [crossing(1.5)]).matched == 1


@pytest.mark.parametrize(
    ("event", "told"),
    [
        ({"direction": True}, "lines[0].events[0].direction, expected a whole number, found true"),
        ({"t": True}, "lines[0].events[0].t, expected a number, found true"),
        ({"t": "soon"}, "lines[0].events[0].t, expected a number, found 'soon'"),
        ({"direction": 2}, "lines[0].events[0].direction, expected at most 1, found 2"),
        ({"t": "1.2"}, "lines[0].events[0].t, expected a number, found '1.2'"),
        ({"t": -1.2}, "lines[0].events[0].t, expected at least 0, found -1.2"),
        ({"direction": "1"}, "lines[0].events[0].direction, expected a whole number, found '1'"),
        ({"optional": "yes"}, "lines[0].events[0].optional, expected true or false, found 'yes'"),
        ({"optional": 1}, "lines[0].events[0].optional, expected true or false, found 1"),
    ],
)
def test_truth_with_a_wrong_number_is_one_line(tmp_path, event, told):
    right = {"t": 1, "direction": 0, "class": "car"}
    file = tmp_path / "x.json"
    file.write_text(json.dumps({"lines": [{"id": "l1", "points": [[0, 0], [1, 1]], "events": [right | event]}]}))
    with pytest.raises(EdgeError) as caught:
        load_truth(file)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"line": []}, "line: unknown key; did you mean lines?"),
        ({"Zones": [], "lines": []}, "Zones: unknown key; did you mean zones?"),
        ({"lines": [LINE | {"tolerance": 2}]}, "lines[0].tolerance: unknown key; did you mean tolerance_s?"),
        ({"lines": [LINE | {"tolerance_s": -1}]}, "lines[0].tolerance_s, expected at least 0, found -1"),
        ({"lines": [LINE | {"points": [[0, 300], [1, 1]]}]}, "lines[0].points[0][1], expected at most 1, found 300"),
        ({"lines": [LINE, LINE]}, "lines[1].id: one id stands twice, expected an id of its own, found another 'l1'"),
        ({"zones": [ZONE, ZONE]}, "zones[1].id: one id stands twice, expected an id of its own, found another 'z1'"),
        ({"zones": [ZONE | {"visits": [[2, 6]]}]}, "zones[0].visits: unknown key; did you mean visits_s?"),
        (
            {"zones": [ZONE | {"visits_s": [[1, 5], [6, 2]]}]},
            "zones[0].visits_s[1]: a visit ends before it begins, expected [begin, end], found [6.0, 2.0]; exchange",
        ),
        ({"zones": [ZONE | {"people": [[1, -1]]}]}, "zones[0].people[0][1], expected at least 0, found -1"),
        ({"zones": [ZONE | {"people": [[float("inf"), 1]]}]}, "zones[0].people[0][0], expected a finite number"),
    ],
)
def test_truth_with_a_slip_says_where_and_what_is_meant(tmp_path, content, told):
    file = tmp_path / "x.json"
    file.write_text(json.dumps(content))
    with pytest.raises(EdgeError) as caught:
        load_truth(file)
    assert f"{file}: no truth file, {told}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_truth_may_be_described_and_have_a_byte_order_mark(tmp_path):
    described = {"line": "the stop line", "lanes": 3, "video": "a.mp4", "fps": 25, "origin": {"city": "Huế"}}
    file = tmp_path / "x.json"
    parts = {
        "lines": [LINE | {"note": None}],
        "zones": [ZONE | {"note": "whole", "tolerance_s": 1, "visits_s": [[2, 2]]}],
    }
    file.write_text(json.dumps(described | parts), encoding="utf-8-sig")
    truth = load_truth(file)
    assert ([line.id for line in truth.lines], truth.zones[0].visits_s) == (["l1"], ((2.0, 2.0),))


def test_every_truth_at_hand_loads(media):
    files = [*media.glob("*.truth.json"), *(Path(__file__).parents[2] / "edge" / "demo").glob("*.truth.json")]
    assert len(files) > 5
    for file in files:
        check_any(load_truth(file), where=str(file))


@pytest.mark.parametrize("text", ["", "[]", '{"lines": [{"id": 1}]}', '{"lines": [}', '{"lines" {}'])
def test_truth_that_is_none_is_one_line(tmp_path, text):
    file = tmp_path / "x.json"
    file.write_text(text)
    with pytest.raises(EdgeError, match="no truth file"):
        load_truth(file)


@pytest.mark.parametrize(
    ("event", "told"),
    [
        ({"class": "Car"}, r"lines\[0\].events\[0\].class, expected 'pedestrian', .* or 'truck', found 'Car'; see"),
        ({"accept": ["lorry"]}, r"events\[0\].accept\[0\], expected 'pedestrian', .* or 'person', found 'lorry'; see"),
        ({"direction": 2}, r"events\[0\].direction, expected at most 1, found 2; see"),
        ({"t": "1:20"}, r"events\[0\].t, expected a number, found '1:20'; see"),
    ],
)
def test_truth_with_a_wrong_event_says_which_and_what_is_expected(tmp_path, event, told):
    file = tmp_path / "x.json"
    line = TRUTH["lines"][0]
    file.write_text(json.dumps({"lines": [line | {"events": [line["events"][0] | event]}]}))
    with pytest.raises(EdgeError, match=told):
        load_truth(file)


def test_truth_that_says_nothing_is_told():
    with pytest.raises(EdgeError, match="says nothing, expected lines or zones"):
        check_any(Truth.model_validate({"source": "street"}), where="a.truth.json")


def test_score_finds_the_most_pairs_not_the_nearest_first(line):
    later = [crossing(1.5), crossing(2.1)]
    assert score(line, later).matched == 2
    shifted = line.model_copy(update={"tolerance_s": 1.2})
    assert score(shifted, [crossing(1.9), crossing(3.0)]).matched == 2


def test_truth_of_a_zone_that_the_camera_does_not_have():
    truth = Truth.model_validate({"zones": [{"id": "z9", "points": [[0, 0], [1, 0], [1, 1]]}]})
    have = Zone(id="z1", points=((0, 0), (1, 0), (1, 1)))
    with pytest.raises(EdgeError, match=r"a zone z9.*z1"):
        check_zones(truth, [have], where="a.truth.json")
    check_zones(truth, [have, have.model_copy(update={"id": "z9"})], where="a.truth.json")
    check_lines(truth, [], where="a.truth.json")
