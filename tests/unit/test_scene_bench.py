"""The benchmark of simulated scenes: what it calls found, lost and false, and that it can be stopped and go on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edge.dataflow import Alarm, Crossing, Instant, Sample

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "scripts"), str(ROOT / "scripts/bench")]
import _scene_hours as hours  # noqa: E402
from _scene_alarms import Asked, asked, judged  # noqa: E402
from _scene_queues import can_be_known, can_be_seen  # noqa: E402
from _scene_rules import camera_of  # noqa: E402
from _scene_scores import Seen, measured, speeds_of, turns_of  # noqa: E402
from scenes.library import SCENES  # noqa: E402
from scenes.noise import NONE, ROAD_USERS  # noqa: E402


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
        due = {each.kind: len(each.due) for each in asked(scene, camera_of(scene), noise=ROAD_USERS)}
        assert due.pop(kind) == 1
        assert not any(due.values())


def test_true_turns_are_those_of_the_trips():
    scene = SCENES["junction"](0)
    ways = {f"{t.entry}>{t.exit}.{t.kind}" for t in scene.truth.trips}
    turns = turns_of(scene)
    assert turns.total() > 30
    assert set(turns) <= ways


def test_vehicle_of_which_the_picture_shows_a_part_in_the_zone_may_be_told_but_need_not_be():
    scene = SCENES["stopped vehicle"](4013)
    (stopped,) = (each for each in asked(scene, camera_of(scene), noise=ROAD_USERS) if each.kind == "stopped_vehicle")
    assert stopped.due == ()
    assert stopped.may


def test_vehicle_within_the_error_of_its_box_of_a_zone_may_be_told_but_need_not_be():
    """A car stands 0.015 of the picture outside, 0.03 of the height of its box."""
    scene = SCENES["stopped vehicle"](5079)
    (stopped,) = (each for each in asked(scene, camera_of(scene), noise=ROAD_USERS) if each.kind == "stopped_vehicle")
    assert stopped.due == ()
    assert stopped.may


def test_vehicle_within_the_error_of_its_box_inside_a_zone_may_be_told_but_need_not_be():
    """A motorcycle stands 0.005 of the picture inside, 0.07 of the width of its box."""
    scene = SCENES["junction"](3129)
    (stopped,) = (each for each in asked(scene, camera_of(scene), noise=ROAD_USERS) if each.kind == "stopped_vehicle")
    assert stopped.due == ()
    assert stopped.may


def test_queue_whose_vehicles_hide_each_other_all_the_while_may_be_told_but_need_not_be():
    """Eighteen wait at the red light, of whom eight are ever shown; the limit is eight."""
    scene = SCENES["signal"](5072)
    by_noise = {
        noise: next(each for each in asked(scene, camera_of(scene), noise=noise) if each.kind == "queue")
        for noise in (NONE, ROAD_USERS)
    }
    assert by_noise[NONE].due
    assert by_noise[ROAD_USERS].due == ()
    assert by_noise[ROAD_USERS].may == by_noise[NONE].may != ()


def test_speeds_are_compared_with_all_and_with_those_counted():
    """Who is not counted for being slow makes the mean wrong, but not that of the others."""
    scene = SCENES["signal"](4001)
    (line,) = scene.lines
    true = [c for c in scene.truth.crossings([line]) if c.speed_kmh > 1]
    quick = [c for c in true if c.speed_kmh > 15]
    found = [Crossing(Instant(c.at, c.at), line.id, c.direction, c.kind, c.user) for c in quick]
    told = [
        Sample(each.at, line.id, {}, {f"speeds.{c.direction}": 1.0, f"slowness.{c.direction}": 1 / c.speed_kmh})
        for each, c in zip(found, quick, strict=True)
    ]
    row = speeds_of(scene, Seen(found, {line.id: told}))
    assert len(true) > len(quick) + 5
    assert row["speed.n"] == 2
    assert row["speed.off"] > 0.1
    assert row["speed.counted.off"] < 0.02


def test_queue_that_can_be_seen_is_the_part_of_the_true_one_that_is_large_and_not_hidden():
    scene = SCENES["signal"](4014)
    at = np.arange(0, 140, 0.5) + 0.05
    true = np.column_stack(scene.truth.queue("n"))[(at * 10).astype(int)]
    everyone, some = can_be_seen(scene, at, NONE), can_be_seen(scene, at, ROAD_USERS)
    assert np.abs(everyone[:, 0] - true[:, 0]).mean() < 0.1
    assert np.abs(everyone[:, 1] - true[:, 1]).mean() < 0.2
    assert (some <= everyone).all()
    assert 0.5 * true[:, 0].mean() < some[:, 0].mean() < 0.95 * true[:, 0].mean()


def test_one_rider_of_many_is_asked_for_once(monkeypatch):
    monkeypatch.setattr(hours, "PASS", 120)
    monkeypatch.setattr(hours, "EARLY_SLICES", 2)
    row = hours.measured_hours(1, NONE, rate=5.0, confident=0.5)
    assert row["seconds"] > 120
    assert row["passed"] >= 120
    assert {part: row[f"alarm.wrong_way.{part}"] for part in ("due", "found", "false")} == {
        "due": 1, "found": 1, "false": 0
    }  # fmt: skip
    assert row["matched"] > 0.95 * row["true"] > 120


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
    assert "| wrong_way | 0 | 0 | 0 | 0.0 | 2156.9 |" in first  # 3 by the 120 s, in days
    assert "0 scenes run" in second
    assert first.splitlines()[:3] == second.splitlines()[:3]
    rows.write_text("".join(json.dumps(json.loads(r) | {"code": "other"}) for r in rows.read_text().splitlines()))
    third = subprocess.run([*command, "--scenes", "1"], capture_output=True, text=True, check=True).stdout
    assert "1 scenes run" in third


def test_who_waits_in_a_queue_is_known_once_it_was_shown_though_it_is_hidden_now():
    scene = SCENES["signal"](4014)
    true, _ = scene.truth.queue("n")
    at = np.arange(0, len(true), 5)
    known, seen = can_be_known(scene, ROAD_USERS)[at], can_be_seen(scene, at / 10, ROAD_USERS)[:, 0]
    assert (known >= seen).all()
    assert seen.sum() < known.sum() < true[at].sum()
    assert (can_be_known(scene, NONE)[at] == true[at]).mean() > 0.9
