"""`edge replay` and `edge evaluate` on real clips."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from contract import fits

ROOT = Path(__file__).resolve().parents[2]
VTEST = ROOT / "edge/demo/vtest.yaml"


def edge(*arguments, models=None):
    environment = {**os.environ, **({"EDGE_MODEL_PATH": str(models)} if models else {})}
    result = subprocess.run(
        [sys.executable, "-m", "edge", *map(str, arguments)],
        capture_output=True, text=True, timeout=300, check=False, env=environment, cwd=ROOT,
    )  # fmt: skip
    assert "Traceback" not in result.stderr
    return result


def slowed(tmp_path, rate):
    """vtest's camera file at another rate."""
    file = tmp_path / "street.yaml"
    file.write_text(VTEST.read_text(encoding="utf-8").replace("rate: 8", f"rate: {rate}"), encoding="utf-8")
    return file


def test_replay_gives_the_same_bytes_twice(vtest, tmp_path):
    camera = slowed(tmp_path, 2)
    for run in ("one", "two"):
        result = edge("replay", vtest, "--camera", camera, "--crossings", tmp_path / f"{run}.crossings",
                      "--events", tmp_path / f"{run}.events")  # fmt: skip
        assert result.returncode == 0, result.stderr
    for kind in ("crossings", "events"):
        first = (tmp_path / f"one.{kind}").read_bytes()
        assert first == (tmp_path / f"two.{kind}").read_bytes()
        assert first


def test_replay_writes_crossings_and_messages_of_the_contract(vtest, tmp_path):
    camera = slowed(tmp_path, 4)
    crossings, events = tmp_path / "crossings", tmp_path / "events"
    assert edge("replay", vtest, "--camera", camera, "--crossings", crossings, "--events", events).returncode == 0
    rows = [json.loads(line) for line in crossings.read_text().splitlines()]
    assert [row["t"] for row in rows] == sorted(row["t"] for row in rows)
    assert all(set(row) == {"t", "line", "direction", "class", "track"} for row in rows)
    told = [json.loads(line) for line in events.read_text().splitlines()]
    for event in told:
        fits(json.dumps(event), "zone" if event["rule"] == "ca-san" else "flow")
    assert [event["seq"] for event in told] == list(range(1, len(told) + 1))
    flows = [event for event in told if "count" in event]
    assert {(event["rule"], event["start"]) for event in flows} == {
        (rule, f"1970-01-01T00:0{minute}:00Z") for rule in ("x200", "x346", "x460", "x560") for minute in (0, 1)
    }
    for rule in ("x200", "x346", "x460", "x560"):
        counted = sum(sum(event["count"]["pedestrian"]) for event in flows if event["rule"] == rule)
        assert counted == sum(row["line"] == rule for row in rows)
    (first, second) = (event["coverage"] for event in flows if event["rule"] == "x200")
    assert first == pytest.approx(1.0, abs=0.01)
    assert second == pytest.approx(19.5 / 60, abs=0.01)


def test_shipped_model_counts_the_street(vtest, tmp_path):
    scores = tmp_path / "scores.json"
    truth = ROOT / "edge/demo/vtest.truth.json"
    result = edge("evaluate", vtest, "--camera", VTEST, "--truth", truth, "--json", scores)
    assert result.returncode == 0, result.stderr
    lines = json.loads(scores.read_text())["lines"]
    true, counted, matched = (sum(line[key] for line in lines) for key in ("true", "counted", "matched"))
    assert matched / true >= 0.95
    assert matched / counted >= 0.92


@pytest.mark.parametrize(
    ("clip", "recall", "precision"),
    [
        ("traffic_sideview_o4n", 1.0, 1.0),
        ("traffic_highway_bgs03", 26 / 27, 26 / 27),
        ("traffic_motorway_cyclist_bgs02", 0.90, 0.95),
        ("traffic_topdown_intel_car", 1.0, 1.0),
    ],
)
def test_city_model_counts_traffic_at_six_pictures_a_second(media, shared_models, tmp_path, clip, recall, precision):
    truth = media / f"{clip}.truth.json"
    (video,) = (file for file in media.glob(f"{clip}.*") if file.suffix != ".json")
    camera = {
        "analyse": {"rate": 6, "model": "omz_pvb_2002"},
        "lines": [{"id": line["id"], "points": line["points"]} for line in json.loads(truth.read_text())["lines"]],
    }
    file, scores = tmp_path / "camera.yaml", tmp_path / "scores.json"
    file.write_text(json.dumps(camera))
    arguments = ("evaluate", video, "--camera", file, "--truth", truth, "--json", scores)
    result = edge(*arguments, models=shared_models)
    assert result.returncode == 0, result.stderr
    (line,) = json.loads(scores.read_text())["lines"]
    assert line["recall"] >= round(recall, 4), line
    assert line["precision"] >= round(precision, 4), line
