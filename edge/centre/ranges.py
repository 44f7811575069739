"""Sets of numbers as sorted ranges that neither touch nor overlap: ((1, 40), (42, 99)), both ends included."""

from __future__ import annotations

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
        for low, high in taken:
            if high < first or low > last:
                continue
            if low > first:
                left.append((first, low - 1))
            first = high + 1
        if first <= last:
            left.append((first, last))
    return tuple(left)


def contains(ranges: Ranges, number: int) -> bool:
    """Whether the number is in one of them."""
    return any(first <= number <= last for first, last in ranges)


def complete_to(ranges: Ranges) -> int:
    """The last number of the unbroken row that begins at 1; 0 where 1 is missing."""
    return ranges[0][1] if ranges and ranges[0][0] <= 1 else 0


def holes(ranges: Ranges) -> Ranges:
    """What is missing from 1 up to the greatest number."""
    return minus(((1, ranges[-1][1]),), ranges) if ranges else ()


def size(ranges: Ranges) -> int:
    """How many numbers there are."""
    return sum(last - first + 1 for first, last in ranges)
