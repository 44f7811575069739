"""Visits survive what cameras and trackers do."""

from __future__ import annotations

import random

import pytest
from test_crowd import WHOLE, ZONE, seen

from edge.measurements.visits import AWAY_SECONDS, JOINED_SECONDS, Visits

STEP = 0.2


def play(pictures, polygon=ZONE.points):
    """(t, people, ended) -> entered in all, the visits that are over."""
    visits, entered, over = Visits(polygon), 0, []
    for t, people, ended in pictures:
        new, done = visits.update(seen(t, people, ended=ended))
        entered += new
        over += done
    return entered, over


def walk(track, *, start, end, along, ended=None):
    """Somebody on the way `along(t)` from start to end; the pictures go on till the visit must be over."""
    pictures = []
    for i in range(int((end + 8) / STEP)):
        t = round(i * STEP, 3)
        pictures.append((t, {track: along(t)} if start <= t <= end else {}, (track,) if ended == t else ()))
    return pictures


def through(t):
    """From the left over the middle of the zone to the right in 20 s, from 2 s on."""
    return (0.05 + 0.9 * (t - 2) / 20, 0.5)


def merged(*streams):
    return [
        (each[0][0], {k: v for _, people, _ in each for k, v in people.items()}, sum((e for *_, e in each), ()))
        for each in zip(*streams, strict=True)
    ]


def test_visit_of_somebody_who_walks_through():
    entered, (visit,) = play(walk(1, start=2, end=22, along=through))
    assert entered == 1
    assert visit.whole
    assert visit.end - visit.begin == pytest.approx(0.6 / 0.9 * 20, abs=0.8)


def test_visit_of_somebody_who_walks_along_the_edge_is_one():
    rng = random.Random(3)
    entered, over = play(walk(1, start=2, end=60, along=lambda t: (0.3 + t * 0.006, 0.78 + rng.uniform(-0.03, 0.03))))
    assert (entered, len(over)) in {(0, 0), (1, 1)}


def test_visit_of_somebody_who_stands_on_the_edge_is_not_many():
    rng = random.Random(4)
    entered, over = play(walk(1, start=2, end=300, along=lambda _: (0.5, 0.8 + rng.gauss(0, 0.015))))
    assert entered <= 1
    assert len(over) <= 1


def test_visit_survives_a_new_id_in_the_middle_of_the_zone():
    first = [p for p in walk(1, start=2, end=22, along=through) if p[0] <= 10]
    second = [
        (t, {2: through(t)} if t >= 12 and people else {}, (1,) if t == 12 else ())
        for t, people, _ in walk(1, start=2, end=22, along=through)
        if t > 10
    ]
    entered, (visit,) = play(first + second)
    assert entered == 1
    assert visit.end - visit.begin == pytest.approx(13.3, abs=0.8)


def test_visit_is_not_taken_over_from_far_away_or_much_later():
    def appear(after, place):
        seconds = 10 + after
        first = walk(1, start=2, end=10, along=through)
        second = walk(2, start=seconds, end=30, along=lambda _: place)
        size = max(len(first), len(second))
        first += [(round(i * STEP, 3), {}, ()) for i in range(len(first), size)]
        return play(merged(first, second))[0]

    there = through(10)
    assert appear(1.0, there) == 1
    assert appear(1.0, (there[0], there[1] - 0.25)) == 1
    assert appear(1.0, (0.75, 0.3)) == 2
    assert appear(JOINED_SECONDS + 1, there) == 2


def test_visit_is_not_taken_over_by_who_comes_from_outside():
    stands = walk(1, start=2, end=10, along=lambda t: (0.5, 0.5) if t > 3 else (0.5 - 0.45 * (3 - t), 0.5))
    comes = walk(2, start=7, end=10, along=lambda t: (0.5, 0.95 - (t - 7) * 0.15))
    entered, over = play(merged(stands, comes))
    assert (entered, len(over)) == (2, 2)


def test_visit_of_who_leaves_over_the_border_of_the_picture_is_over():
    """Where one leaves and another comes in at once, both are counted: it is a door."""
    out = walk(1, start=2, end=10, along=lambda t: (min(0.98, 0.5 + t * 0.06), 0.6))
    into = walk(2, start=11, end=18, along=lambda t: (max(0.5, 0.98 - (t - 11) * 0.06), 0.6))
    out += [(round(i * STEP, 3), {}, ()) for i in range(len(out), len(into))]
    entered, over = play(merged(out, into), WHOLE.points)
    assert (entered, len(over)) == (2, 2)
    assert all(visit.end - visit.begin == pytest.approx(7.5, abs=1.0) for visit in over)


def test_visit_of_who_comes_back_soon_goes_on():
    def along(t):
        return (0.5, 0.9) if 10 < t <= 10 + AWAY_SECONDS - 0.4 else (0.5, 0.5)

    entered, over = play(walk(1, start=2, end=20, along=along))
    assert (entered, len(over)) == (1, 1)
    assert over[0].end - over[0].begin == pytest.approx(18, abs=0.5)


def test_visit_that_flickers_is_none():
    pictures = [(round(i * STEP, 3), {i: (0.5, 0.5)} if i % 40 == 5 else {}, (i - 1,)) for i in range(400)]
    assert play(pictures) == (0, [])


def test_visit_of_who_was_there_before_has_no_dwell_and_no_entry():
    entered, (visit,) = play(walk(1, start=0, end=9, along=lambda _: (0.5, 0.5)))
    assert entered == 0
    assert not visit.whole


def test_visit_that_a_pause_cuts_has_no_end():
    first = [p for p in walk(1, start=2, end=12, along=through) if p[0] <= 10]
    late = [(t + 600, {2: (0.5, 0.5)} if t <= 5 else {}, (1,) if t == 0 else ()) for t, *_ in first]
    entered, over = play(first + late + [(620 + i * STEP, {}, ()) for i in range(40)])
    assert entered == 1
    assert [visit.whole for visit in over] == [False]


@pytest.mark.parametrize("rate", [3, 6, 15])
@pytest.mark.parametrize("seed", range(2))
def test_visits_of_many_with_misses_and_new_ids(rate, seed):
    """Twenty people, each alone in the zone, of whom one picture in five is missing and whose id changes."""
    rng = random.Random(seed)
    pictures, track, t, true = [], 0, 0.0, []
    for _ in range(20):
        begin, dwell = t + 3, rng.uniform(6, 40)
        x = rng.uniform(0.35, 0.65)
        ended = ()
        while t < begin + dwell + 6:
            t += rng.uniform(0.6, 1.4) / rate
            inside = begin <= t <= begin + dwell
            if inside and rng.random() < 0.05:
                ended, track = (track,), track + 1
            shown = inside and rng.random() > 0.2
            place = (x + rng.gauss(0, 0.004), 0.5 + rng.gauss(0, 0.004))
            pictures.append((t, {track: place} if shown else {}, ended))
            ended = ()
        true.append(dwell)
        track += 1
    entered, over = play(pictures)
    assert (entered, len(over)) == (20, 20)
    assert sum(v.end - v.begin for v in over) == pytest.approx(sum(true), rel=0.05)


def test_visits_forget_tracks_that_have_ended():
    visits = Visits(ZONE.points)
    for i in range(2000):
        visits.update(seen(i * STEP, {i: (0.5, 0.5)}, ended=(i - 1,)))
    assert len(visits._known) <= 1
    assert len(visits._stays) <= 3
