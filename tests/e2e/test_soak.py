"""The soak's own judgement, and three minutes of it; an hour: scripts/bench/soak."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import Counter

import pytest
from soak_ import Interval, _row_faults
from soak_faults import FAULTS, plan
from soak_levels import Sample, children, growth, lives, sample


def life(pid, seconds, *, grows=0.0, descriptors=9, threads=3):
    return [Sample(pid, age, 100_000 + int(grows * age), 50_000, descriptors, threads) for age in range(0, seconds, 10)]


def test_level_life_does_not_grow():
    assert growth([life(1, 3600)], settled=600) == []


def test_memory_that_grows_after_it_has_settled_is_told():
    (told,) = growth([life(1, 3600, grows=1.5)], settled=600)
    assert told.startswith("memory 98")
    assert "+4.5%" in told


def test_memory_that_grows_before_it_has_settled_is_not_told():
    samples = [Sample(1, age, 100_000 + 100 * min(age, 300), 0, 9, 3) for age in range(0, 3600, 10)]
    assert growth([samples], settled=600) == []


def test_life_that_begins_with_more_than_the_one_before_is_told():
    grown = [Sample(2, each.age, 110_000, 0, 9, 3) for each in life(2, 400)]
    (told,) = growth([life(1, 600), grown], settled=600)
    assert "memory" in told
    assert "+10.0%" in told


def test_descriptors_and_threads_that_stay_are_told_and_a_swing_is_not():
    samples = life(1, 600) + [Sample(1, age, 100_000, 0, 10, 4) for age in range(600, 3600, 10)]
    assert [each.split()[0] for each in growth([samples], settled=500)] == ["descriptors", "threads"]
    swing = life(1, 3480) + [Sample(1, age, 100_000, 0, 30, 9) for age in range(3480, 3600, 10)]
    assert growth([swing], settled=600) == []


def test_short_lives_say_nothing():
    assert growth([life(1, 100), life(2, 100, descriptors=50)], settled=600) == []


def test_samples_of_this_process():
    before = sample(os.getpid(), age=0.0)
    with open(os.devnull, "rb"):  # noqa: PTH123 - what is measured is the descriptor
        thread = threading.Event()
        waiting = threading.Thread(target=thread.wait)
        waiting.start()
        after = sample(os.getpid(), age=10.0)
        thread.set()
        waiting.join()
    assert (after.descriptors, after.threads) == (before.descriptors + 1, before.threads + 1)
    assert after.resident > after.anonymous > 1000
    assert lives([before, after]) == [[before, after]]
    assert sample(2**22, age=0.0) is None


def test_children_by_their_words():
    with subprocess.Popen([sys.executable, "-c", "input()", "mine"], stdin=subprocess.PIPE) as child:
        found = children(os.getpid())
        assert {words[-1]: pid for words, pid in found.items()}["mine"] == child.pid
        child.communicate(b"\n")


def test_plan_is_the_same_for_the_same_seed_and_has_every_fault():
    cameras = [f"cam-{i}" for i in range(1, 9)]
    assert plan(60, cameras, seed=1) == plan(60, cameras, seed=1) != plan(60, cameras, seed=2)
    often = Counter(fault.name for fault in plan(60, cameras, seed=1))
    assert often == dict.fromkeys(FAULTS, 3)


def test_interval_that_is_missing_or_overlaps_or_is_late_is_told():
    whole = [Interval(start, 60.0, 1.0) for start in (0.0, 60.0, 120.0, 180.0)]
    assert _row_faults(whole, 240.0) == []
    assert _row_faults(whole, 300.0) == ["ends 60 s too early"]
    assert _row_faults([], 60.0) == ["nothing"]
    assert _row_faults([whole[0], *whole[2:]], 240.0) == ["+60 s between 00:00:00 and 00:02:00"]
    assert _row_faults([*whole[:2], Interval(90.0, 60.0, 1.0)], 150.0) == ["-30 s between 00:01:00 and 00:01:30"]


@pytest.mark.long
def test_three_minutes_of_two_cameras(vtest, tmp_path):
    script = "scripts/bench/soak"
    words = ["--minutes", "3", "--cameras", "2", "--clip", str(vtest), "--out", str(tmp_path / "out.json")]
    done = subprocess.run([sys.executable, script, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "every interval was delivered" in done.stdout
