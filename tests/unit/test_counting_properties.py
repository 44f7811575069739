"""Counting that cannot be fooled: what must hold of any traffic. What users of other systems suffer from is in
test_counting_pains.py."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from counting_ import ACROSS, RATE, SIDE, counted, down, followed, looks, measured, street

from edge.config.rules import Line
from edge.dataflow import Instant
from edge.measurements.measures import Measures
from edge.measurements.periods import Periods, rules_of

PLACES = {"junction": "t1 moves.", "signal": "q1 waits", "wrong way": "w1 wrong_way"}
"""What is measured there besides lines, zones, speeds and headways."""


@pytest.fixture(scope="module")
def places():
    """Each street once: its camera, what the net saw, the tracks, and all that is measured."""
    made = {}

    def make(name):
        if name not in made:
            camera, pictures = street(name)
            tracks = followed(pictures)
            made[name] = (camera, pictures, tracks, measured(camera, tracks))
        return made[name]

    return make


def redrawn(camera, moved, *, flipped=False):
    """The camera's file with every point where `moved` takes it; on the flipped picture directions change places."""

    def at(rule, **more):
        key = "lane" if hasattr(rule, "lane") else "points"
        return rule.model_copy(update={key: tuple(moved(*p) for p in getattr(rule, key)), **more})

    def forbidden(line):
        return 1 - line.forbidden if flipped and line.forbidden is not None else line.forbidden

    points = tuple((moved(*p), metres) for p, metres in camera.calibration.points)
    return camera.model_copy(
        update={
            "lines": tuple(at(line, forbidden=forbidden(line)) for line in camera.lines),
            "zones": tuple(map(at, camera.zones)),
            "queues": tuple(map(at, camera.queues)),
            "calibration": camera.calibration.model_copy(update={"points": points}),
        }
    )


def with_boxes(picture, moved):
    """The same picture with every box where `moved` takes it."""
    boxes = {
        key: moved(getattr(picture, key)).astype(np.float32) for key in ("boxes", "unsure") if hasattr(picture, key)
    }
    return replace(picture, **boxes)


def flip(picture):
    """The same picture in a mirror: left is right."""
    return with_boxes(picture, lambda boxes: (boxes * [-1, 1, -1, 1] + [1, 0, 1, 0])[:, [2, 1, 0, 3]])


def mirrored(camera):
    return redrawn(camera, lambda x, y: (1 - x, y), flipped=True)


def directions_swapped(total):
    return Counter({re.sub(r"\.([01])$", lambda m: f".{1 - int(m[1])}", name): n for name, n in total.items()})


def crossings(total):
    return Counter({name: n for name, n in total.items() if " crossed " in name})


def differing(one, other, *, share=1e-9):
    """What differs by more than that share."""
    return {n: (one[n], other[n]) for n in one | other if not math.isclose(one[n], other[n], rel_tol=share)}


@pytest.mark.parametrize("name", PLACES)
def test_mirror_swaps_directions_and_changes_nothing_else(places, name):
    """Lines, forbidden directions, speeds, headways, occupancy, turns, queues, zones."""
    camera, _, tracks, whole = places(name)
    assert crossings(whole).total() >= 20
    assert any(number.startswith(PLACES[name]) for number in whole)
    assert {"speeds", "headways", "present occupied"} <= {n.partition(" ")[2].partition(".")[0] for n in whole}
    assert differing(directions_swapped(measured(mirrored(camera), map(flip, tracks))), whole) == {}


@pytest.mark.parametrize("name", PLACES)
def test_mirror_swaps_directions_of_what_is_tracked_in_it(places, name):
    """Habits of traffic are kept on a grid, which is no mirror of itself: one in fifty may differ."""
    camera, pictures, _, whole = places(name)
    back = directions_swapped(measured(mirrored(camera), followed(map(flip, pictures))))
    assert (crossings(back) - crossings(whole)).total() <= 0.02 * crossings(whole).total()
    assert (crossings(whole) - crossings(back)).total() <= 0.02 * crossings(whole).total()


@pytest.mark.parametrize("name", PLACES)
def test_line_walked_backwards_swaps_its_directions(places, name):
    camera, _, tracks, whole = places(name)
    lines = tuple(
        line.model_copy(update={"points": line.points[::-1], "forbidden": line.forbidden and 1 - line.forbidden})
        for line in camera.lines
    )
    turned = directions_swapped(measured(camera.model_copy(update={"lines": lines}), tracks))
    assert crossings(turned) == crossings(whole)
    assert {n: v for n, v in turned.items() if " moves." in n} == {n: v for n, v in whole.items() if " moves." in n}


def shrunk(camera, pictures, scale):
    """The same, so much smaller, with room on every side: the edge of the picture cuts nobody."""
    smaller = [with_boxes(p, lambda boxes: boxes * scale + 0.05) for p in pictures]
    return redrawn(camera, lambda x, y: (x * scale + 0.05, y * scale + 0.05)), smaller


@pytest.mark.parametrize("name", PLACES)
def test_smaller_picture_of_the_same_traffic_measures_the_same(places, name):
    camera, pictures, tracks, _ = places(name)
    large = measured(*shrunk(camera, tracks, 0.9))
    small = measured(*shrunk(camera, tracks, 0.5))
    assert crossings(large).total() >= 20
    assert crossings(small) == crossings(large)
    assert {number for number in differing(small, large, share=0.03) if " slowness." not in number} == set()
    assert differing(small, large, share=0.1) == {}  # a speed is taken over as much time as its uncertainty needs
    file, seen = shrunk(camera, pictures, 0.5)
    again = crossings(measured(file, followed(seen)))
    assert (again - crossings(large)).total() + (crossings(large) - again).total() <= 1


@pytest.mark.parametrize("name", PLACES)
def test_intervals_of_any_length_add_up_to_the_same(places, name):
    """What was added and what was present, whether it is told every 10 s or once."""
    camera, _, tracks, _ = places(name)
    begin, measures = 3600.0 * 5, Measures(camera)
    seen = [(Instant(t.at.seconds, begin + t.at.seconds), measures.update(t).samples) for t in tracks]
    sums = []
    for every in (10, 20, 60, 3600):
        rules = [replace(rule, every=every) for rule in rules_of(camera)]
        periods, told = Periods(rules, rate=camera.analyse.rate), []
        periods.begin(Instant(0.0, begin))
        for at, samples in seen:
            periods.observe(at, samples)
            told += periods.due(at)
        told += periods.rest()
        assert len(told) >= len(rules) * 60 / every
        total = Counter()
        for period in told:
            total["analysed"] += period.analysed
            total.update({f"{period.rule} {n}": v for n, v in period.numbers if not n.endswith((".max", ".last"))})
        sums.append(total)
    assert all(differing(sums[0], other) == {} for other in sums[1:])


@pytest.mark.parametrize("name", PLACES)
def test_picture_that_comes_twice_changes_nothing(places, name):
    camera, pictures, _, whole = places(name)
    twice = measured(camera, followed(picture for picture in pictures for _ in (0, 1)))
    assert differing(twice, whole) == {}


@pytest.mark.parametrize("name", PLACES)
def test_picture_that_is_older_than_the_one_before_changes_nothing(places, name):
    camera, pictures, _, whole = places(name)
    mixed = [p for one, other in zip(pictures, [*pictures[:1], *pictures], strict=False) for p in (one, other)]
    assert crossings(measured(camera, followed(mixed))) == crossings(whole)


@pytest.mark.parametrize("name", PLACES)
def test_camera_that_stutters_or_loses_pictures_counts_nearly_the_same(places, name):
    """One picture in ten is that before it again, or is missing."""
    camera, pictures, _, whole = places(name)
    random, total = np.random.default_rng(7), crossings(whole).total()
    again = random.random(len(pictures)) < 0.1
    stutters = [replace(pictures[max(0, i - again[i])], at=p.at) for i, p in enumerate(pictures)]
    missing = [p for i, p in enumerate(pictures) if not again[i]]
    for changed in (stutters, missing):
        assert abs(crossings(measured(camera, followed(changed))).total() - total) <= max(4, 0.06 * total)


def journeys(number, *, through, seed=1):
    """Straight ways over the line's segment, or past its ends: their places, and the direction of the crossing."""
    random = np.random.default_rng(seed)
    while number:
        pace, at = random.uniform(0.15, 1.0), random.uniform(0, 1 / RATE)
        angle, way = random.uniform(-0.9, 0.9), random.choice([-1, 1])
        meets = random.uniform(0.3, 0.7) if through else random.choice([0.2, 0.8]) + random.uniform(-0.05, 0.05)
        t = np.arange(-1.5, 1.5, 1 / RATE) + at
        x, y = meets + np.sin(angle) * pace * t, 0.5 + way * np.cos(angle) * pace * t
        inside = (x > SIDE / 2) & (x < 1 - SIDE / 2) & (y > SIDE) & (y < 1)
        if inside.sum() >= 6 and y[inside].min() < 0.35 and y[inside].max() > 0.65:
            number -= 1
            yield list(zip(x[inside].tolist(), y[inside].tolist(), strict=True)), 0 if way > 0 else 1


SEGMENT = Line(id="l1", points=((0.28, 0.5), (0.72, 0.5)))
"""Ends a quarter of a box beyond where the journeys of this page go, or before where they go past it."""


@pytest.mark.parametrize("lost", [0.0, 0.3])
def test_journey_over_the_line_counts_once_in_its_direction(lost):
    for number, (path, direction) in enumerate(journeys(50, through=True)):
        kept = np.random.default_rng(number).random(len(path)) >= lost
        kept[:2] = kept[-2:] = True
        places = [place if keep else None for place, keep in zip(path, kept, strict=True)]
        assert counted(looks(places, shake=0.04, seed=number), line=SEGMENT) == [direction], (number, path)


def test_journey_round_the_end_of_the_line_counts_nothing():
    for number, (path, _) in enumerate(journeys(50, through=False)):
        assert counted(looks(path, shake=0.04, seed=number), line=SEGMENT) == [], (number, path)


def test_journey_that_turns_round_the_end_and_back_over_the_line_counts_the_way_back():
    for number, (path, direction) in enumerate(journeys(20, through=False)):
        x, y = path[-1]
        over = [(x + (0.5 - x) * k / 5, y) for k in range(1, 6)]
        back = [(0.5, y + (1 - 2 * y) * k / 8) for k in range(1, 9)]
        assert counted(looks([*path, *over, *back], shake=0.03, seed=number), line=SEGMENT) == [1 - direction]


@pytest.mark.parametrize("seen", [1.0, 0.6, 0.3])
def test_parked_jittering_and_flickering_object_counts_nothing(seen):
    """Wherever it stands, on the line or beside it, surely or weakly seen."""
    for seed in range(8):
        random = np.random.default_rng(seed)
        off = random.choice([-1, 1]) * random.uniform(0, 0.3) * SIDE
        places = [(0.5, 0.5 + off) if random.random() < seen else None for _ in range(200)]
        scores = random.uniform(0.15, 0.9, 200)
        assert counted(looks(places, shake=0.06, scores=scores, seed=seed)) == [], (seed, off)


def test_picture_that_freezes_for_a_moment_changes_nothing():
    path = down()
    assert counted(looks([*path[:9], *[path[9]] * 4, *path[10:]]), line=ACROSS) == [0]
