"""The benchmark of simulated scenes: what it calls found, lost and false, and that it can be stopped and go on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from edge.dataflow import Alarm, Instant

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "scripts"), str(ROOT / "scripts/bench")]
from _scene_alarms import Asked, asked, judged  # noqa: E402
from _scene_rules import camera_of  # noqa: E402
from _scene_scores import measured, turns_of  # noqa: E402
from scenes.library import SCENES  # noqa: E402
from scenes.noise import ROAD_USERS  # noqa: E402


def raised(*times, kind="queue"):
    """Alarms that are raised and cleared at these moments in turn."""
    states = ["raised", "cleared"] * len(times)
    return [
        Alarm(Instant(t, t), "q1", kind, state, 1, 9.0, 8.0, 4.0, t) for t, state in zip(times, states, strict=False)
    ]


@pytest.mark.parametrize(
    ("alarms", "found", "false"),
    [
        (raised(52.0, 80.0), 1, 0),
        (raised(75.0), 0, 1),
        (raised(10.0, 44.5), 1, 1),
        (raised(10.0, 30.0), 0, 1),
        ([], 0, 0),
        (raised(52.0, kind="congestion"), 0, 0),
    ],
)
def test_alarm_is_found_about_its_time_and_false_where_none_may_be(alarms, found, false):
    wanted = Asked("queue", due=(50.0,), may=((45.0, 60.0),))
    verdict = judged(wanted, alarms, seconds=100.0)
    assert (verdict.due, verdict.found, verdict.false) == (1, found, false)


def test_truth_of_a_scene_asks_for_what_happens_in_it():
    for name, kind in (("wrong way", "wrong_way"), ("stopped vehicle", "stopped_vehicle")):
        scene = SCENES[name](0)
        due = {each.kind: len(each.due) for each in asked(scene, camera_of(scene))}
        assert due.pop(kind) == 1
        assert not any(due.values())


def test_true_turns_are_those_of_the_trips():
    scene = SCENES["junction"](0)
    ways = {f"{t.entry}>{t.exit}.{t.kind}" for t in scene.truth.trips}
    turns = turns_of(scene)
    assert turns.total() > 30
    assert set(turns) <= ways


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2))
def test_queue_of_a_scene_that_stands_on_a_line_for_ten_minutes_adds_nothing_to_the_other_direction(seed):
    row = measured(SCENES["standing queue"](seed), ROAD_USERS, rate=5.0, confident=0.5)
    assert row["seconds"] >= 600
    assert row["true"] > 0
    assert row["backwards"] == 0


def test_bench_goes_on_from_its_rows(tmp_path):
    rows = tmp_path / "rows.jsonl"
    command = [ROOT / "scripts/bench/scenes", "--kinds", "free flow", "--rates", "3", "--noise", "none", "--rows", rows]
    first = subprocess.run([*command, "--scenes", "1"], capture_output=True, text=True, check=True).stdout
    second = subprocess.run([*command, "--scenes", "1"], capture_output=True, text=True, check=True).stdout
    assert "1 scenes run" in first
    assert "0 scenes run" in second
    assert first.splitlines()[:3] == second.splitlines()[:3]
    rows.write_text("".join(json.dumps(json.loads(r) | {"code": "other"}) for r in rows.read_text().splitlines()))
    third = subprocess.run([*command, "--scenes", "1"], capture_output=True, text=True, check=True).stdout
    assert "1 scenes run" in third
