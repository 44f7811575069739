"""Sets of numbers as sorted ranges that neither touch nor overlap: ((1, 40), (42, 99)), both ends included."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

Range = tuple[int, int]
Ranges = tuple[Range, ...]


def union(*parts: Iterable[Range]) -> Ranges:
    """Every number that is in one of them."""
    merged: list[Range] = []
    for first, last in sorted(each for part in parts for each in part):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return tuple(merged)


def minus(ranges: Ranges, taken: Ranges) -> Ranges:
    """The numbers of `ranges` that are not in `taken`."""
    left: list[Range] = []
    for first, last in ranges:
        place = max(0, bisect_right(taken, first, key=_first) - 1)
        while place < len(taken) and taken[place][0] <= last:
            low, high = taken[place]
            if low > first:
                left.append((first, low - 1))
            first = max(first, high + 1)
            place += 1
        if first <= last:
            left.append((first, last))
    return tuple(left)


def contains(ranges: Ranges, number: int) -> bool:
    """Whether the number is in one of them."""
    place = bisect_right(ranges, number, key=_first)
    return place > 0 and number <= ranges[place - 1][1]


def added(ranges: Ranges, first: int, last: int) -> Ranges:
    """The same with the numbers `first` to `last`, none of which was there; cheap however many ranges there are."""
    place = bisect_right(ranges, first, key=_first)
    low = high = place
    if place > 0 and ranges[place - 1][1] == first - 1:
        low, first = place - 1, ranges[place - 1][0]
    if place < len(ranges) and ranges[place][0] == last + 1:
        high, last = place + 1, ranges[place][1]
    return (*ranges[:low], (first, last), *ranges[high:])


def complete_to(ranges: Ranges) -> int:
    """The last number of the unbroken row that begins at 1; 0 where 1 is missing."""
    return ranges[0][1] if ranges and ranges[0][0] <= 1 else 0


def holes(ranges: Ranges) -> Ranges:
    """What is missing from 1 up to the greatest number."""
    return minus(((1, ranges[-1][1]),), ranges) if ranges else ()


def size(ranges: Ranges) -> int:
    """How many numbers there are."""
    return sum(last - first + 1 for first, last in ranges)


def _first(each: Range) -> int:
    return each[0]
