"""What people and machines are told of an evaluation."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

from evaluation_ import TRUTH, seen

from edge.config.rules import Line
from edge.evaluate import Truth, load_truth
from edge.evaluation import Observed, evaluated
from edge.evaluation_report import as_json, report

PAGE = (Path(__file__).resolve().parents[2] / "docs/evaluate.md").read_text(encoding="utf-8")


def test_event_after_the_last_picture_is_neither_for_nor_against():
    truth = Truth.model_validate({"lines": TRUTH["lines"]})
    seen = Observed(seconds=7.5, coverage=1.0, crossings=(), people={}, visits={})
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


def test_report_tells_of_a_line_that_the_truth_walks_the_other_way():
    told = "The same line walked the other way in the truth: l1; its directions are exchanged, so turn its points"
    truth = Truth.model_validate(TRUTH)
    for points, back in (([[0, 0.5], [1, 0.5]], []), ([[1, 0.5], [0, 0.5]], ["l1"])):
        result = evaluated(truth, seen(), lines=[Line(id="l1", points=points)])
        machine = json.loads(as_json(result))
        assert (machine["back"], machine["elsewhere"]) == (back, [])
        assert (told in report(result)) is bool(back)
        assert "Drawn elsewhere" not in report(result)


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
    assert report(evaluated(truth, replace(seen(), seconds=60.0))).splitlines()[-1].startswith("| z2 |")


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


def test_report_tells_over_what_it_is_and_how_to_read_it():
    text = report(evaluated(Truth.model_validate(TRUTH), seen()))
    assert text.splitlines()[0] == "10.0 s of video; coverage 0.950, the share of it that was analysed."
    assert "as flows in an hour, here times 360: under 5 is good for an hour of traffic" in text
    for word in ("Recall is", "precision the share", "mean absolute error", "Visits to a zone"):
        assert word in text
    assert json.loads(as_json(evaluated(Truth.model_validate(TRUTH), seen())))["coverage"] == 0.95


def test_report_calls_directions_as_the_camera_file_does():
    line = Line(id="l1", points=((0, 0.5), (1, 0.5)), names=("vào | ra", "ra"))
    text = report(evaluated(Truth.model_validate(TRUTH), seen(), lines=[line]))
    assert "| l1 | car | 0 vào \\| ra | 8 | 9 | 6.5 |" in text


def test_report_has_no_share_of_nothing():
    empty = {"lines": [TRUTH["lines"][0] | {"id": "l2", "events": []}]}
    result = evaluated(Truth.model_validate(empty), seen())
    assert "| l2 | 0 | 0 | – | – | – |" in report(result).splitlines()
    (line,) = json.loads(as_json(result))["lines"]
    assert not {"recall", "precision"} & set(line)


def test_report_tells_of_classes_that_the_line_does_not_count():
    events = [{"t": 1, "direction": 0, "class": "car"}, {"t": 2, "direction": 0, "class": "truck", "accept": ["bus"]},
              {"t": 3, "direction": 0, "class": "bicycle", "optional": True}]  # fmt: skip
    truth = Truth.model_validate({"lines": [TRUTH["lines"][0] | {"events": events}]})
    told = "Of a class that `classes` of the line lack: {}; counted only where taken for another."
    for classes, lacking in (("motorcycle", "l1 car 1, l1 truck 1"), ("bus", "l1 car 1"), ("bus car", "")):
        line = Line(id="l1", points=((0, 0.5), (1, 0.5)), classes=tuple(classes.split()))
        result = evaluated(truth, seen(), lines=[line])
        assert (told.format(lacking) in report(result).splitlines()) is bool(lacking)
        uncounted = json.loads(as_json(result))["uncounted"]
        assert ", ".join(f"{each['line']} {each['class']} {each['number']}" for each in uncounted) == lacking


def test_report_tells_of_zones_and_visits_that_the_clip_does_not_show():
    late = {"id": "z1", "points": TRUTH["zones"][0]["points"], "people": [[50, 2]], "visits_s": [[1, 5], [3, 8.5]]}
    result = evaluated(Truth.model_validate({"zones": [late]}), seen())
    assert report(result).splitlines()[-3::2] == [
        "Left out: people in z1, of whom no true number is near a picture in time.",
        "Hardly to be found: 1 true visits that go on up to the last picture, at 10.0 s.",
    ]
    told = json.loads(as_json(result))
    assert (told["unseen"], told["unfinished"], told["people"]) == (["z1"], 1, [])


def test_page_has_a_truth_that_is_read_and_every_key_of_the_json(tmp_path):
    sample = tmp_path / "sample.truth.json"
    sample.write_text(PAGE.split("```json\n")[1].split("```")[0])
    truth = load_truth(sample)
    assert truth.lines[0].events[2].optional
    assert truth.zones[0].visits_s
    told = json.loads(as_json(evaluated(truth, seen())))
    (told_of,) = re.findall(r"^The JSON has .*?\n\n", PAGE, re.DOTALL | re.MULTILINE)
    assert set(told) <= set(re.findall(r"`(\w+)`", told_of))
