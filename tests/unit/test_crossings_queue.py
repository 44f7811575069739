"""What a line counts on which a queue stands."""

from __future__ import annotations

import numpy as np
import pytest
from crossings_ import ACROSS, seen, stood

from edge.measurements.crossings import CrossingCounter

FLIES_OFF = (0.518, 0.494, 0.45, 0.36, 0.25, 0.18, 0.12, 0.06, 0.01)
COMES_BY = (0.53, 0.47, 0.41, 0.35, 0.29, 0.23, 0.17, 0.11, 0.05)


def queue(counter, seconds, *, at=0.5):
    """Four who stand on the line for so long, each hopping to its neighbour's place now and then."""
    rng = np.random.default_rng(6)
    found, rows = [], np.array([at - 0.09, at - 0.03, at + 0.03, at + 0.09])
    for k in range(int(seconds * 5)):
        if rng.random() < 0.1:
            a = rng.integers(3)
            rows[[a, a + 1]] = rows[[a + 1, a]]
        places = {n: (0.4 + 0.02 * n, float(y + rng.normal(0, 0.006))) for n, y in enumerate(rows)}
        found += counter.update(seen(k * 0.2, places, kind="motorcycle"))
    return found


def test_one_born_beside_a_queue_that_leaps_into_it_counts_nothing():
    counter = CrossingCounter([ACROSS])
    queue(counter, 20)
    found = []
    for k, y in enumerate((0.80, 0.55, 0.42, 0.30, 0.28, *[0.28] * 15)):
        found += counter.update(seen(20 + k * 0.2, {77: (0.45, y), 0: (0.4, 0.49), 1: (0.5, 0.52)}, kind="motorcycle"))
    assert found == []


def test_one_that_leaps_through_a_queue_and_stays_in_it_counts_nothing():
    """Two false boxes half a second apart, then one of the queue after the other."""
    counter = CrossingCounter([ACROSS])
    queue(counter, 20)
    found, times = [], (20.0, 20.6, 21.2, 21.4, 21.6, *np.arange(21.8, 25, 0.2))
    for t, y in zip(times, (0.84, 0.63, 0.39, 0.29, 0.07, *stood(0.06, 16)), strict=True):
        found += counter.update(seen(t, {77: (0.45, y), 0: (0.4, 0.49), 1: (0.5, 0.52)}, kind="motorcycle"))
    assert found == []


@pytest.mark.parametrize(("ys", "counted"), [(FLIES_OFF, 0), (COMES_BY, 1)])
def test_track_born_in_a_queue_that_flies_off_through_it_counts_nothing(ys, counted):
    """Slow where it was born, then box after box; who comes by beside the queue goes on as it came."""
    counter = CrossingCounter([ACROSS])
    queue(counter, 20)
    found = []
    for k, y in enumerate(ys):
        found += counter.update(seen(20 + k * 0.2, {77: (0.45, y), 0: (0.4, 0.49), 1: (0.5, 0.52)}, kind="motorcycle"))
    assert len(found) == counted


def test_queue_that_stands_on_the_line_for_ten_minutes_counts_nothing_and_is_told():
    counter = CrossingCounter([ACROSS])
    found = queue(counter, 600)
    assert found == []
    assert counter.queued == {"l1"}
    counter.update(seen(610.0, {}))
    assert counter.queued == frozenset()


def test_one_who_leaves_a_queue_on_the_line_counts():
    counter = CrossingCounter([ACROSS])
    queue(counter, 20)
    found = []
    for k in range(15):
        places = {0: (0.4, 0.41 + 0.03 * k), 1: (0.45, 0.47), 2: (0.5, 0.53)}
        found += counter.update(seen(20 + k * 0.2, places, kind="motorcycle"))
    assert [(c.track, c.direction) for c in found] == [(0, 0)]


def test_one_who_drives_by_beside_a_queue_counts_even_if_first_seen_at_the_line():
    """The other carriageway, at the lower edge of the picture."""
    counter = CrossingCounter([ACROSS])
    queue(counter, 20)
    found = []
    for k in range(9):
        places = {0: (0.4, 0.49), 1: (0.45, 0.52), 9: (0.7, 0.56 - 0.05 * k)}
        found += counter.update(seen(20 + k * 0.2, places, kind="motorcycle"))
    assert [(c.track, c.direction) for c in found] == [(9, 1)]


def joins(counter, begin, *ys):
    """One who comes to a queue on the line, its place at each look; the crossings counted."""
    found = []
    for k, y in enumerate(ys):
        places = {0: (0.4, 0.49), 1: (0.45, 0.52), 9: (0.6, y)}
        found += counter.update(seen(begin + k * 0.2, places, kind="motorcycle"))
    return found


SLOWS = (0.30, 0.34, 0.375, 0.405, 0.43, 0.45, 0.465, 0.477, 0.487, 0.495, 0.503, 0.51, 0.515, 0.52)


def test_one_who_comes_over_the_line_and_stands_in_its_queue_counts_at_once():
    counter = CrossingCounter([ACROSS])
    queue(counter, 20)
    (crossing,) = joins(counter, 20, *SLOWS, *stood(0.52, 10))
    assert (crossing.track, crossing.direction) == (9, 0)
    assert crossing.at.seconds == pytest.approx(21.9, abs=0.2)


def test_one_who_creeps_over_the_line_of_a_queue_counts_when_it_drives_on():
    creeps = np.linspace(0.47, 0.52, 60)
    counter = CrossingCounter([ACROSS])
    queue(counter, 20)
    assert joins(counter, 20, *creeps, *stood(0.52, 100)) == []
    (crossing,) = joins(counter, 52, *np.linspace(0.52, 0.7, 20))
    assert (crossing.track, crossing.direction) == (9, 0)
    assert crossing.at.seconds == pytest.approx(27, abs=1)


def test_track_that_leaps_along_a_queue_to_smaller_boxes_counts_nothing():
    """Watched for a moment at the line, then two leaps up the picture, to where it stands."""
    counter = CrossingCounter([ACROSS])
    queue(counter, 20)
    found = []
    way_on = ((0.98, 0.197), (0.31, 0.165), (0.52, 0.142), (0.29, 0.138), (-0.07, 0.143), (-1.13, 0.086), (-1.87, 0.08))
    for k, (away, size) in enumerate((*way_on, *[(-1.82, 0.081)] * 10)):
        here = seen(20 + k * 0.2, {77: (0.45, 0.5 + away * size), 0: (0.4, 0.49), 1: (0.5, 0.52)}, kind="motorcycle")
        here.boxes[0, :2] = here.boxes[0, 2:] - [size, size]
        found += counter.update(here)
    assert found == []
