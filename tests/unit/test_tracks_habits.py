"""How those before went, and what is expected of the next."""

from __future__ import annotations

import numpy as np
import pytest

from edge.tracks.habits import Habits, Learning

USUAL = np.array([42.0, 42.0, 1.4])
VEHICLES = np.array([2])


def passed(habits, tracks, *, speed=0.4, sights=12):
    """So many cars of size 0.1 to the right at this speed, from the same place."""
    for track in range(tracks):
        for k in range(sights):
            habits.watch([(track, 2, k + 1)], np.array([[0.3 + speed * k / 5, 0.5, 0.1, 0.1]]), track * 60 + k / 5)
        habits.forget([track])


def test_habits_tell_how_those_before_went():
    habits = Habits(Learning(), families=3)
    passed(habits, 20)
    mean, variance = habits.expected(VEHICLES, np.array([[0.5, 0.5, 0.1, 0.1]]), USUAL)
    assert mean[0] == pytest.approx([2.9, 0.0, 0.0], abs=0.3)
    assert (variance[0] < USUAL / 2).all()


def test_habits_never_outweigh_the_doubt():
    """However many passed: those who go otherwise than most must be found too."""
    variances = []
    for tracks in (20, 2000):
        habits = Habits(Learning(), families=3)
        passed(habits, tracks)
        variances.append(habits.expected(VEHICLES, np.array([[0.5, 0.5, 0.1, 0.1]]), USUAL)[1][0])
    assert variances[1] == pytest.approx(variances[0])
    assert (variances[1] > USUAL / 5).all()


def test_habits_know_nothing_of_other_places_and_families():
    habits = Habits(Learning(), families=3)
    passed(habits, 20)
    for families, box in ((VEHICLES, [0.5, 0.9, 0.1, 0.1]), (np.array([1]), [0.5, 0.5, 0.1, 0.1])):
        mean, variance = habits.expected(families, np.array([box]), USUAL)
        assert (mean[0] == 0).all()
        assert variance[0] == pytest.approx(USUAL)


def test_habits_learn_nothing_from_what_stands_or_is_seen_twice_only():
    habits = Habits(Learning(), families=3)
    passed(habits, 20, speed=0.0, sights=200)
    passed(habits, 20, speed=2.0, sights=2)
    mean, variance = habits.expected(VEHICLES, np.array([[0.5, 0.5, 0.1, 0.1]]), USUAL)
    assert (mean[0] == 0).all()
    assert variance[0] == pytest.approx(USUAL)
    assert habits._courses == {}
