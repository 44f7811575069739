from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest

from edge.tracks.assignment import best_pairs


def best_sum(gain):
    """By trying everything: each choice of rows, in each order, against the first so many of each choice of columns."""
    rows, columns = gain.shape
    sums = [0.0]
    for count in range(1, min(rows, columns) + 1):
        for some in combinations(range(rows), count):
            sums += [gain[some, order].sum() for order in permutations(range(columns), count)]
    return max(sums)


@pytest.mark.parametrize("seed", range(60))
def test_pairs_gain_as_much_as_any_other_choice(seed):
    random = np.random.default_rng(seed)
    shape = tuple(random.integers(1, 6, 2))
    gain = random.normal(0.3, 1, shape) if seed % 2 else random.integers(-2, 4, shape).astype(float)
    rows, columns = best_pairs(gain)
    assert gain[rows, columns].sum() == pytest.approx(best_sum(gain))
    assert (gain[rows, columns] > 0).all()
    assert len(set(columns)) == len(columns)
    assert (np.diff(rows) > 0).all()


def test_pairs_where_the_greedy_choice_is_wrong():
    rows, columns = best_pairs(np.array([[10.0, 9.0], [9.0, 1.0]]))
    assert (list(rows), list(columns)) == ([0, 1], [1, 0])


def test_pairs_leave_alone_what_gains_nothing():
    rows, columns = best_pairs(np.array([[-1.0, 0.0], [-2.0, 3.0]]))
    assert (list(rows), list(columns)) == ([1], [1])


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_pairs_of_nothing(shape):
    rows, columns = best_pairs(np.zeros(shape))
    assert len(rows) == len(columns) == 0
