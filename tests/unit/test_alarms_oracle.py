"""Alarms: the machine against an oracle that looks back over all values, on random walks with losses."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from edge.config.rules import Limits
from edge.dataflow import Instant
from edge.measurements.alarms import LOST_SECONDS, AlarmMachine

BOOT = 1_000_000.0
"""What the wall clock was when the steady one was 0."""


def held_since(samples, test, first):
    """How long the last of the samples and those before it, back to `first`, have passed a test; None: not at all."""
    passed = None
    for now, value in reversed(samples[first:]):
        if not test(value):
            break
        passed = now
    return None if passed is None else samples[-1][0] - passed


def oracle(past, limits, level, since):
    """The level after the last of the past samples, when it was `level` before it and level j counts from sample
    `since[j]` (of level 0: the on-delay), by looking back over all of them: slow and plain."""
    reached = sum(past[-1][1] >= up for up, _ in limits.levels)
    if level == 0:
        held = held_since(past, lambda value: value >= limits.levels[0][0], since[0])
        return reached if held is not None and held >= limits.on_seconds else 0
    for each in range(level, 0, -1):
        below = held_since(past, lambda value, down=limits.levels[each - 1][1]: value < down, since[each])
        if below is None or below < limits.off_seconds:
            return max(each, reached)
    return reached


def truth(samples, limits):
    """The level after each sample. What was before a time in which nothing was seen, or before a level was reached,
    does not count."""
    level, levels, since = 0, [], [0] * (len(limits.levels) + 1)
    for i, (now, _) in enumerate(samples):
        if i and now - samples[i - 1][0] > LOST_SECONDS:
            since = [i] * len(since)
        before, level = level, oracle(samples[: i + 1], limits, level, since)
        if level > before:
            since[before + 1 : level + 1] = [i + 1] * (level - before)
        if before and not level:
            since[0] = i + 1
        levels.append(level)
    return levels


@pytest.mark.parametrize("seed", range(60))
def test_alarm_agrees_with_an_oracle_on_random_values(seed):
    rng = random.Random(seed)
    limits = Limits(
        levels=((2.0, 1.5), (3.0, 2.5), (4.0, 3.5))[: rng.randint(1, 3)],
        on_seconds=rng.choice([0, 1, 5]),
        off_seconds=rng.choice([0, 2, 8]),
    )
    now, value, samples = 0.0, 1.0, []
    for _ in range(1500):
        now = round(now + (rng.uniform(5.5, 30) if rng.random() < 0.005 else rng.choice([0.125, 0.25, 0.5])), 3)
        if rng.random() < 0.3:
            value = min(5.0, max(0.0, value + rng.choice([-1.0, -0.5, 0.5, 1.0])))
        samples.append((now, value))
    alarm, level, levels, changes = AlarmMachine("z", "crowd_count", limits), 0, [], []
    for moment, number in samples:
        for change in alarm.update(Instant(moment, BOOT + moment), number):
            level = change.level
            changes.append(change)
        levels.append(level)
    assert levels == truth(samples, limits)
    assert any(levels), "the walk raises an alarm"
    standing = [(before.state, after.state) for before, after in pairwise(changes)]
    assert all((after == "raised") == (before == "cleared") for before, after in standing)
    for change in changes:
        if change.state == "raised":
            assert change.at.utc - change.since >= limits.on_seconds
            assert change.value >= change.limit
