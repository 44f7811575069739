"""Sets of numbers as ranges, against Python's own sets."""

from __future__ import annotations

import itertools
import random

from edge.centre.ranges import Ranges, added, complete_to, contains, holes, minus, size, union


def some_ranges(dice: random.Random) -> list[tuple[int, int]]:
    starts = [dice.randint(1, 60) for _ in range(dice.randint(0, 8))]
    return [(start, start + dice.randint(0, 9)) for start in starts]


def members(ranges: Ranges) -> set[int]:
    return {number for first, last in ranges for number in range(first, last + 1)}


def test_ranges_like_sets_on_random_input():
    for seed in range(500):
        dice = random.Random(seed)
        raw_a, raw_b = some_ranges(dice), some_ranges(dice)
        a, b = union(raw_a), union(raw_b)
        together = union(raw_a, raw_b)
        assert members(together) == members(tuple(raw_a)) | members(tuple(raw_b))
        assert all(before[1] + 1 < after[0] for before, after in itertools.pairwise(together))
        assert members(minus(a, b)) == members(a) - members(b)
        assert size(a) == len(members(a))
        assert {n for n in range(80) if contains(a, n)} == members(a)
        other = dice.choice(sorted(set(range(1, 80)) - members(a)))
        assert added(a, other, other) == union(a, [(other, other)])
        room = next((first for first, _ in a if first > other), other + 5)
        assert added(a, other, room - 1) == union(a, [(other, room - 1)])
        assert members(holes(a)) == set(range(1, max(members(a), default=0) + 1)) - members(a)
        unbroken = 0
        while unbroken + 1 in members(a):
            unbroken += 1
        assert complete_to(a) == unbroken


def test_ranges_of_huge_numbers_are_cheap():
    assert holes(union([(1, 4), (2**62, 2**62)])) == ((5, 2**62 - 1),)
    assert minus(((1, 2**62),), ((7, 2**61),)) == ((1, 6), (2**61 + 1, 2**62))
    assert size(((1, 2**62),)) == 2**62
