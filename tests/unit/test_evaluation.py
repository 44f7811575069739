"""People, visits and flows against their truth, and the reports."""

from __future__ import annotations

import json

import pytest

from edge.config.rules import Line
from edge.dataflow import Crossing, Instant
from edge.evaluate import Truth
from edge.evaluation import Observed, as_json, evaluated, geh, people_score, report, visit_score
from edge.measurements.visits import Visit

SQUARE = [[0, 0], [1, 0], [1, 1], [0, 1]]
TRUTH = {
    "lines": [
        {
            "id": "l1",
            "points": [[0, 0.5], [1, 0.5]],
            "events": [{"t": t, "direction": 0, "class": "car"} for t in range(1, 10)],
        }
    ],
    "zones": [
        {"id": "z1", "points": SQUARE, "people": [[t / 10, 2] for t in range(100)]},
        {"id": "z2", "points": SQUARE, "visits_s": [[1, 11], [20, 40]]},
    ],
}


@pytest.fixture
def zone():
    return Truth.model_validate(TRUTH).zones[0]


def visit(begin, end):
    return Visit(begin, end, whole=True)


def test_geh_of_flows_in_an_hour():
    assert geh(1100, 1000, seconds=3600) == pytest.approx(3.086, abs=0.001)  # sqrt(2 * 100^2 / 2100)
    assert geh(275, 250, seconds=900) == pytest.approx(3.086, abs=0.001)
    assert geh(5, 5, seconds=60) == 0.0
    assert geh(0, 0, seconds=60) == 0.0


def test_people_score_by_its_definitions(zone):
    score = people_score(zone, [(0.0, 2.0), (1.02, 3.0), (2.0, 0.0), (3.0, 2.0)])
    assert (score.pictures, score.mae, score.bias) == (4, 0.75, -0.25)
    assert score.rmse == pytest.approx((5 / 4) ** 0.5)
    assert score.nae == pytest.approx((0.5 + 1.0) / 4)


def test_people_score_leaves_out_what_no_truth_is_near(zone):
    score = people_score(zone, [(5.0, 2.0), (10.1, 2.0), (10.5, 90.0), (600.0, 90.0)])
    assert (score.pictures, score.mae) == (2, 0.0)
    assert people_score(zone, [(600.0, 2.0)]) is None


def test_people_score_of_an_empty_zone_has_no_nae(zone):
    nobody = zone.model_copy(update={"people": ((0.0, 0), (1.0, 0))})
    assert people_score(nobody, [(0.0, 1.0)]).nae is None


def test_visit_score_matches_one_to_one_by_overlap():
    score = visit_score("z", [(1, 11), (20, 40)], [visit(1.5, 10), visit(2, 11.5), visit(19, 39.5), visit(50, 60)])
    assert (score.true, score.counted, score.found) == (2, 4, 2)
    assert score.dwell_errors == (pytest.approx(-0.5), pytest.approx(0.5))


def test_visit_score_of_halves_is_not_found():
    assert visit_score("z", [(0, 20)], [visit(0, 9), visit(11, 20)]).found == 0


def seen():
    crossings = tuple(Crossing(Instant(t + 0.2, t), "l1", 0, "car", t) for t in range(1, 9))
    return Observed(
        seconds=10.0,
        crossings=crossings,
        people={"z1": tuple((t / 5, 2.0 if t % 2 else 3.0) for t in range(50)), "z2": ()},
        visits={"z1": (), "z2": (visit(1, 12),)},
    )


def test_event_after_the_last_picture_is_neither_for_nor_against():
    truth = Truth.model_validate({"lines": TRUTH["lines"]})
    seen = Observed(seconds=7.5, crossings=(), people={}, visits={})
    result = evaluated(truth, seen)
    assert (result.lines[0].true, result.after) == (7, 2)
    assert json.loads(as_json(result))["after"] == 2
    (line,) = report(result).splitlines()[-1:]
    assert line == "Left out: 2 of the truth's crossings, which lie after the last picture, at 7.5 s."


def test_report_tells_of_a_line_that_the_truth_draws_elsewhere():
    told = "Drawn elsewhere in the truth: l1; counted where the camera file has it."
    truth = Truth.model_validate(TRUTH)
    for points, elsewhere in (([[0, 0.5], [1, 0.5]], []), ([[0, 0.8], [1, 0.8]], ["l1"])):
        result = evaluated(truth, seen(), lines=[Line(id="l1", points=points)])
        assert json.loads(as_json(result))["elsewhere"] == elsewhere
        assert (told in report(result).splitlines()) is bool(elsewhere)


def test_report_tells_why_classes_are_accepted_that_no_count_has():
    line = TRUTH["lines"][0]
    vague = [{"t": 1, "direction": 0, "class": "truck", "accept": ["car"]},
             {"t": 2, "direction": 0, "class": "car", "optional": True}]  # fmt: skip
    events = [*vague, *line["events"][2:]]
    result = evaluated(Truth.model_validate({"lines": [line | {"events": events}]}), seen())
    text = report(result).splitlines()
    assert "| l1 | 8 | 7 | 0.875 | 1.000 | 1.000 |" in text
    assert "| l1 | truck | 0 | 0 | 1 | 26.8 |" in text
    assert text[-3::2] == [
        "Left out: 1 counted crossings of `optional` events, which `edge replay` has.",
        "Of a class that `accept` allows: 1; the counts by class and GEH go by the class told.",
    ]
    told = json.loads(as_json(result))["lines"][0]
    assert (told["other_class"], told["optional"], told["right_class"]) == (1, 1, 7)


def test_report_has_no_notes_where_the_tables_tell_all():
    truth = Truth.model_validate(TRUTH)
    assert report(evaluated(truth, seen())).splitlines()[-1].startswith("| z2 |")


def test_reports_tell_the_same():
    result = evaluated(Truth.model_validate(TRUTH), seen())
    told = json.loads(as_json(result))
    (line,) = told["lines"]
    assert (line["true"], line["counted"], line["matched"], line["recall"]) == (9, 8, 8, 0.8889)
    assert line["counts"] == [{"class": "car", "direction": 0, "counted": 8, "true": 9, "geh": 6.51}]
    assert line["missed"] == [{"t": 9.0, "class": "car", "direction": 0}]
    assert told["people"] == [
        {"zone": "z1", "pictures": 50, "mae": 0.5, "rmse": 0.7071, "bias": 0.5, "nae": 0.25},
    ]
    assert told["visits"] == [{"zone": "z2", "true": 2, "counted": 1, "found": 1, "dwell_errors_s": [1.0]}]
    text = report(result)
    for row in (
        "| l1 | 9 | 8 | 0.889 | 1.000 | 1.000 |",
        "| l1 | car | 0 | 8 | 9 | 6.5 |",
        "| z1 | 50 | 0.500 | 0.707 | 0.250 | +0.500 |",
        "| z2 | 2 | 1 | 1 | 1.000 | 1.000 |",
    ):
        assert row in text.splitlines()


def test_report_leaves_out_what_the_truth_says_nothing_on():
    lines = Truth.model_validate({"lines": TRUTH["lines"]})
    assert "people" not in report(evaluated(lines, seen()))
    assert "recall" not in report(evaluated(Truth.model_validate({"zones": TRUTH["zones"]}), seen()))
