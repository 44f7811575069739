"""`edge evaluate` on the clips with people in them."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from edge.config.settings import OWN_MODELS


def evaluate(clip, *, rate, media, models, folder):
    """The JSON and the Markdown report of a clip with the lines and zones of its truth."""
    truth = media / f"{clip}.truth.json"
    known = json.loads(truth.read_text())
    (video,) = (file for file in media.glob(f"{clip}.*") if file.suffix != ".json")
    camera = {
        "analyse": {"rate": rate, "model": "omz_pvb_2002"},
        "mask": known.get("mask", []),
        "lines": [{"id": line["id"], "points": line["points"]} for line in known.get("lines", [])],
        "zones": [{"id": zone["id"], "points": zone["points"]} for zone in known["zones"]],
    }
    file, scores, report = folder / "camera.yaml", folder / "scores.json", folder / "report.md"
    file.write_text(json.dumps(camera))
    command = ["evaluate", video, "--camera", file, "--truth", truth, "--json", scores, "--report", report]
    subprocess.run(
        [sys.executable, "-m", "edge", *map(str, command)],
        env=os.environ | {"EDGE_MODEL_PATH": f"{OWN_MODELS}:{models}"},
        check=True,
        capture_output=True,
        timeout=1200,
    )
    return json.loads(scores.read_text()), report.read_text()


@pytest.mark.long
def test_evaluate_people_of_the_street(media, shared_models, tmp_path):
    told, report = evaluate("peds_pets09_vtest", rate=10, media=media, models=shared_models, folder=tmp_path)
    assert {people["zone"]: people["mae"] <= 0.5 for people in told["people"]} == {"all": True, "z1": True}
    assert "people MAE" in report
    assert "GEH" in report


@pytest.mark.long
@pytest.mark.parametrize("rate", [10, 3])
def test_evaluate_visits_of_one_by_one(media, shared_models, tmp_path, rate):
    told, report = evaluate(
        "people_dwell_intel_onebyone", rate=rate, media=media, models=shared_models, folder=tmp_path
    )
    (visits,) = told["visits"]
    assert (visits["true"], visits["found"], visits["counted"]) == (6, 6, 6)
    assert max(abs(error) for error in visits["dwell_errors_s"]) <= 1.5
    assert "dwell error" in report
