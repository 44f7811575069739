"""Who is in a zone, and what a crowd does."""

from __future__ import annotations

import crowd_
import numpy as np
import pytest

from edge.config.rules import Zone
from edge.dataflow import CLASSES, Instant, Tracks
from edge.measurements import crowd
from edge.measurements.crowd import Crowd

ZONE = Zone(id="z", points=((0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8)), vehicles=True)
WHOLE = Zone(id="w", points=((0, 0), (1, 0), (1, 1), (0, 1)))
SIZE = (0.06, 0.2)


def box(x, y, size=SIZE):
    """Of somebody who stands at x, y."""
    return (x - size[0] / 2, y - size[1], x + size[0] / 2, y)


def seen(t, people, *, ended=(), kinds=(), confirmed=(), unsure=()):
    """A picture: {track: (x, y) or a whole box}; pedestrians unless `kinds` says other, confirmed unless not."""
    boxes = [place if len(place) == 4 else box(*place) for place in people.values()]
    return Tracks(
        at=Instant(t, t),
        aspect=1.5,
        ids=np.array(list(people), dtype=np.int64),
        boxes=np.array(boxes, dtype=np.float32).reshape(-1, 4),
        classes=np.array([CLASSES.index(dict(kinds).get(each, "pedestrian")) for each in people], dtype=np.int8),
        confirmed=np.array([dict(confirmed).get(each, True) for each in people], dtype=np.bool_),
        ended=ended,
        unsure=np.array(unsure, dtype=np.float32).reshape(-1, 4),
    )


def present(sample):
    return {kind: number for kind, number in sample.present.items() if number}


def test_crowd_counts_the_confirmed_by_class_where_their_feet_are():
    people = {0: (0.5, 0.5), 1: (0.5, 0.9), 2: (0.3, 0.3), 3: (0.4, 0.4), 4: (0.6, 0.6)}
    (there,) = Crowd([ZONE]).update(seen(1, people, kinds={3: "motorcycle"}, confirmed={4: False}))
    assert present(there) == {"pedestrian": 2, "motorcycle": 1}
    assert set(there.present) == set(CLASSES)


def test_crowd_does_not_flicker_when_somebody_is_not_found_for_a_moment():
    watched = Crowd([ZONE])
    numbers = [
        watched.update(seen(i * 0.2, {} if i % 4 else {1: (0.5, 0.5)}))[0].present["pedestrian"] for i in range(20)
    ]
    assert numbers == [1] * 20


def test_crowd_forgets_who_stays_unseen_has_ended_or_left_the_picture():
    watched = Crowd([ZONE, WHOLE])
    watched.update(seen(0, {1: (0.5, 0.5), 2: (0.4, 0.4), 3: (0.99, 0.5)}))
    assert [s.present["pedestrian"] for s in watched.update(seen(0.3, {}, ended=(2,)))] == [1, 1]
    assert [s.present["pedestrian"] for s in watched.update(seen(1.0, {}))] == [0, 0]


def test_crowd_counts_people_at_the_border_of_the_picture():
    (there,) = Crowd([WHOLE]).update(seen(0, {1: (0.5, 1.0), 2: (0.97, 0.5)}))
    assert there.present["pedestrian"] == 2


def test_crowd_takes_a_head_and_its_body_as_one():
    (there,) = Crowd([WHOLE]).update(seen(0, {1: (0.4, 0.2, 0.6, 0.9), 2: (0.46, 0.2, 0.54, 0.35)}))
    assert there.present["pedestrian"] == 1
    side = {1: (0.4, 0.2, 0.6, 0.9), 2: (0.58, 0.2, 0.66, 0.5)}
    assert Crowd([WHOLE]).update(seen(0, side))[0].present["pedestrian"] == 2


def test_crowd_leaves_riders_out():
    plain = ZONE.model_copy(update={"vehicles": False})
    (there,) = Crowd([plain]).update(seen(0, {1: (0.5, 0.5), 2: (0.4, 0.4)}, kinds={2: "bicycle"}))
    assert dict(there.present) == {"pedestrian": 1}


def added(samples):
    total = {}
    for sample in samples:
        for name, value in sample.added.items():
            total[name] = total.get(name, 0) + value
    return total


def test_crowd_tells_entered_left_and_dwell():
    watched = Crowd([ZONE])
    way = [watched.update(seen(i * 0.25, {1: (0.02 + i * 0.01, 0.5)}))[0] for i in range(100)]
    total = added(way)
    assert (total["entered"], total["left"], total["dwells"]) == (1, 1, 1)
    assert total["dwell"] == pytest.approx(0.6 / 0.01 * 0.25, abs=1.0)
    assert total[crowd.dwell_bin(total["dwell"])] == 1
    assert crowd.dwell_mean(total) == total["dwell"]


def flags(boxes, *, unsure=(), zone=WHOLE, seconds=15.0):
    watched, people = Crowd([zone]), {i: tuple(box) for i, box in enumerate(np.asarray(boxes).tolist())}
    return [bool(watched.update(seen(i * 0.25, people, unsure=unsure))[0].flags) for i in range(int(seconds / 0.25))]


@pytest.mark.parametrize(("height", "distance"), [(4, 8), (6, 10), (10, 12), (10, 30)])
def test_crowd_is_saturated_where_people_hide_one_another(height, distance):
    rng = np.random.default_rng(height + distance)
    for density in (0.25, 1.5, 3.0):
        there = crowd_.crowd(density, height=height, distance=distance, rng=rng)
        boxes = crowd_.found(there)
        told = flags(boxes)
        assert told[-1] == (density > 1), f"{density}/m2, {len(boxes)} of {len(there)} found"
        assert (len(boxes) < 0.8 * len(there)) == (density > 1)
        assert not told[0], "a picture alone saturates nothing"
        assert told == sorted(told)


def test_crowd_of_a_family_that_stands_close_is_not_saturated():
    close = np.array([box(0.5 + i * 0.005, 0.5) for i in range(5)], dtype=np.float32)
    assert not any(flags(close))


ROW = [box(0.06 + 0.08 * i, 0.5) for i in range(10)]
"""Ten people side by side, none before another."""


def behind(number):
    """Unsure boxes of people further back."""
    return [box(0.06 + 0.08 * i, 0.25) for i in range(number)]


def test_crowd_is_saturated_where_many_are_seen_unsurely():
    assert not any(flags(ROW, unsure=behind(2)))
    told = flags(ROW, unsure=behind(4))
    assert told[-1] and not told[0], "a picture alone saturates nothing"
    assert told == sorted(told)
    assert flags([], unsure=behind(10))[-1], "of a crowd too far away to be counted at all"


def test_crowd_of_few_is_not_saturated_by_what_is_taken_for_people():
    assert not any(flags(ROW[:4], unsure=behind(3)))


def test_crowd_is_not_saturated_by_the_heads_of_its_people():
    heads = [(x1 + 0.02, y1, x2 - 0.02, y1 + 0.04) for x1, y1, x2, _ in ROW]
    assert not any(flags(ROW, unsure=heads))


def test_crowd_is_saturated_only_where_it_is():
    aside = Zone(id="a", points=((0, 0.4), (1, 0.4), (1, 1), (0, 1)))
    assert not any(flags(ROW, unsure=behind(8), zone=aside))
    assert flags(ROW, unsure=behind(8))[-1]


def test_crowd_stops_being_saturated_when_all_are_found_again():
    watched, people = Crowd([WHOLE]), dict(enumerate(ROW))
    told = [
        bool(watched.update(seen(i * 0.25, people, unsure=behind(8) if i < 60 else ()))[0].flags) for i in range(120)
    ]
    assert told[59] and not told[119]


@pytest.mark.parametrize("seed", range(5))
def test_dwell_p95_is_within_ten_percent(seed):
    dwells = np.random.default_rng(seed).lognormal(4, 1, 4000).clip(1, 40_000)
    numbers = {}
    for dwell in dwells:
        numbers[crowd.dwell_bin(dwell)] = numbers.get(crowd.dwell_bin(dwell), 0) + 1
    exact = float(np.sort(dwells)[int(np.ceil(0.95 * len(dwells))) - 1])
    assert crowd.dwell_p95(numbers | {"dwell": 1.0, "dwells": 4000}) == pytest.approx(exact, rel=0.1)


def test_dwell_of_nobody_is_not_told():
    assert crowd.dwell_p95({"entered": 3.0}) is None
    assert crowd.dwell_mean({}) is None
    assert crowd.dwell_bin(10**9) == crowd.dwell_bin(10**8)


def test_flow_counterflow_and_rise():
    assert crowd.flow_min_m(120, seconds=120, width_m=3.0) == 20.0
    assert crowd.counterflow(90, 30) == 0.25
    assert crowd.counterflow(0, 12) == 0.0
    assert crowd.counterflow(0, 0) is None
    assert crowd.rise_min({"entered": 50.0, "left": 20.0}, analysed=120) == 15.0
    assert crowd.rise_min({"left": 30.0}, analysed=60) == -30.0
    assert crowd.rise_min({}, analysed=0) == 0.0
