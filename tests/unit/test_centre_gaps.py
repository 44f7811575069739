"""When the centre asks for what is missing."""

from __future__ import annotations

import itertools

from edge.centre.gaps import MOST_SECONDS, RANGES_AT_ONCE, Gaps
from edge.centre.ledger import Series

SERIES = Series("n1", "0a0a0a0a")


def asked_at(gaps: Gaps, *, until: float) -> list[float]:
    return [float(now) for now in range(int(until)) if gaps.due(now=now)]


def test_gaps_ask_after_five_seconds_and_then_ever_more_seldom():
    gaps = Gaps()
    gaps.seen(SERIES, ((3, 9),), now=0)
    moments = asked_at(gaps, until=4000)
    assert moments[:5] == [5, 10, 20, 40, 80]
    pauses = [after - before for before, after in itertools.pairwise(moments)]
    assert max(pauses) == MOST_SECONDS


def test_gaps_that_close_by_themselves_are_not_asked_for():
    gaps = Gaps()
    gaps.seen(SERIES, ((3, 3),), now=0)
    gaps.seen(SERIES, (), now=1)
    assert asked_at(gaps, until=1000) == []
    assert gaps.missing == 0


def test_gaps_that_shrink_give_the_device_time_and_those_that_grow_do_not():
    gaps = Gaps()
    gaps.seen(SERIES, ((1, 100),), now=0)
    for now in range(1, 60):
        gaps.seen(SERIES, ((1 + now, 100),), now=now)
        assert gaps.due(now=now) == []
    gaps.seen(SERIES, ((60, 100), (105, 105)), now=63)
    assert gaps.due(now=64) == [(SERIES, ((60, 100), (105, 105)))]


def test_gaps_of_a_device_that_came_back_are_asked_for_soon():
    gaps = Gaps()
    gaps.seen(SERIES, ((3, 9),), now=0)
    asked_at(gaps, until=700)
    gaps.back("n2", now=700)
    assert gaps.due(now=706) == []
    gaps.back("n1", now=700)
    assert gaps.due(now=706) == [(SERIES, ((3, 9),))]


def test_gaps_many_holes_are_asked_for_in_portions_from_below():
    gaps = Gaps()
    holes = tuple((n, n) for n in range(1, 100, 2))
    gaps.seen(SERIES, holes, now=0)
    assert gaps.due(now=5) == [(SERIES, holes[:RANGES_AT_ONCE])]
