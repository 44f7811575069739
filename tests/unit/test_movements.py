"""Turning movements: entry by exit by class, and how many entries have no exit."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from tracks_ import SCENES, seen, true_tracks

from edge.config.rules import Line, Turn
from edge.dataflow import Crossing, Instant
from edge.measurements.crossings import CrossingCounter
from edge.measurements.movements import Movements

NORTH = Line(id="north", points=((0.3, 0.2), (0.7, 0.2)))
SOUTH = Line(id="south", points=((0.3, 0.8), (0.7, 0.8)))
WEST = Line(id="west", points=((0.1, 0.3), (0.1, 0.7)))
LINES = (NORTH, SOUTH, WEST)
APART = Turn(id="t", entries=("north", "west"), exits=("south",), within_seconds=30)
BOTH = Turn(id="t", entries=("north", "south", "west"), exits=("north", "south", "west"), within_seconds=30)
IN, OUT = {"north": 0, "south": 1, "west": 1}, {"north": 1, "south": 0, "west": 0}
"""Walked to the right or down, with the junction in the middle."""


def count(steps, *, turn=APART, until=None):
    """What adds up from crossings (t, track, line, direction[, kind]) and ends (t, track)."""
    movements, total = Movements([turn], LINES), Counter()
    for step in [*steps, *([(until,)] if until else [])]:
        t, crossings, ended = step[0], [], ()
        if len(step) == 2:
            ended = (step[1],)
        elif len(step) > 2:
            kind = step[4] if len(step) > 4 else "motorcycle"
            crossings = [Crossing(Instant(t, 1000 + t), step[2], step[3], kind, step[1])]
        (sample,) = movements.update(seen(t, {}, ended=ended), crossings)
        assert sample.rule == "t"
        total.update(sample.added)
    return {name: n for name, n in total.items() if n}


def test_who_comes_in_and_goes_out_is_a_movement_of_its_class():
    steps = [(1, 1, "north", 0), (2, 2, "west", 1, "car"), (5, 2, "south", 0, "car"), (6, 1, "south", 0)]
    assert count(steps) == {"entries": 2, "moves.north>south.motorcycle": 1, "moves.west>south.car": 1}


def test_class_is_that_of_the_exit_when_more_was_seen():
    assert count([(1, 1, "north", 0, "car"), (5, 1, "south", 0, "bus")])["moves.north>south.bus"] == 1


def test_track_that_ends_inside_is_unmatched_and_its_exit_under_another_id_is_nothing():
    """Where no box tells that one goes on with the other."""
    steps = [(1, 1, "north", 0), (3, 1), (5, 2, "south", 0), (24,)]
    assert count(steps) == {"entries": 1, "unmatched": 1}


def drive(*legs, until=60.0, kind="motorcycle"):
    """What adds up from tracks, each (id, seconds of its first picture, places (x, y) five times a second)."""
    movements, counter, total = Movements([APART], LINES), CrossingCounter(LINES), Counter()
    ends = {track: begin + (len(places) - 1) / 5 for track, begin, places in legs}
    for k in range(int(until * 5)):
        t, boxes = k / 5, {}
        for track, begin, places in legs:
            if 0 <= (i := round((t - begin) * 5)) < len(places):
                x, y = places[i]
                boxes[track] = (x - 0.03, y - 0.06, x + 0.03, y)
        ended = tuple(track for track, end in ends.items() if end + 1.8 < t <= end + 2.0)
        tracks = seen(t, boxes, ended=ended, kind=kind)
        (sample,) = movements.update(tracks, counter.update(tracks))
        total.update(sample.added)
    return {name: n for name, n in total.items() if n}


def path(*corners, step=0.02):
    """Places from corner to corner."""
    places = []
    for a, b in pairwise(np.array(corners, dtype=float)):
        n = max(1, round(float(np.hypot(*(b - a))) / step))
        places += [tuple(a + (b - a) * i / n) for i in range(n)]
    return places


def test_one_whose_entry_was_not_seen_came_in_where_it_came_by():
    """Its track begins just behind the north line, as in a swarm that sets off there."""
    assert drive((1, 1.0, path((0.5, 0.22), (0.5, 0.95)))) == {"entries": 1, "moves.north>south.motorcycle": 1}


def test_one_that_is_first_seen_in_the_middle_came_from_nowhere():
    assert drive((1, 1.0, path((0.5, 0.5), (0.5, 0.95)))) == {}


def test_one_that_is_last_seen_at_an_exit_has_left_there():
    assert drive((1, 1.0, path((0.5, 0.05), (0.5, 0.78)))) == {"entries": 1, "moves.north>south.motorcycle": 1}


def test_one_whose_track_breaks_off_goes_on_under_another_id():
    legs = (1, 1.0, path((0.5, 0.05), (0.5, 0.45))), (2, 7.0, path((0.5, 0.5), (0.5, 0.95)))
    assert drive(*legs) == {"entries": 1, "moves.north>south.motorcycle": 1}


def test_another_that_appears_far_from_where_a_track_broke_off_is_not_it():
    legs = (1, 1.0, path((0.5, 0.05), (0.5, 0.45))), (2, 5.6, path((0.3, 0.65), (0.4, 0.95)))
    assert drive(*legs) == {"entries": 1, "unmatched": 1}


def test_one_that_breaks_off_and_never_goes_on_is_unmatched():
    assert drive((1, 1.0, path((0.5, 0.05), (0.5, 0.45)))) == {"entries": 1, "unmatched": 1}


def test_track_that_ends_after_it_left_is_matched():
    assert count([(1, 1, "north", 0), (3, 1, "south", 0), (5, 1)]) == {"entries": 1, "moves.north>south.motorcycle": 1}


def test_who_stays_too_long_is_unmatched_once_and_its_late_exit_is_nothing():
    steps = [(1, 1, "north", 0), (30.9,), (31.1,), (32, 1, "south", 0), (33, 1)]
    assert count(steps) == {"entries": 1, "unmatched": 1}


def test_who_is_still_inside_is_neither():
    assert count([(1, 1, "north", 0)], until=30) == {"entries": 1}


def test_who_turns_back_over_a_mere_entry_went_away_again():
    assert count([(1, 1, "north", 0), (4, 1, "north", 1), (20, 1)]) == {"entries": 1, "unmatched": 1}


def test_who_crosses_another_entry_has_come_in_anew():
    assert count([(1, 1, "north", 0), (4, 1, "west", 1), (8, 1, "south", 0)]) == {
        "entries": 2, "unmatched": 1, "moves.west>south.motorcycle": 1,
    }  # fmt: skip


def test_direction_over_a_mere_entry_makes_no_difference():
    assert count([(1, 1, "north", 1), (4, 1, "south", 1)])["moves.north>south.motorcycle"] == 1


def test_line_that_is_both_tells_entry_from_exit_by_direction():
    for entry in IN:
        for leave in OUT:
            steps = [(1, 1, entry, IN[entry]), (4, 1, leave, OUT[leave]), (9, 1)]
            assert count(steps, turn=BOTH) == {"entries": 1, f"moves.{entry}>{leave}.motorcycle": 1}


def test_exit_over_a_line_that_is_both_is_no_entry():
    assert count([(1, 1, "south", OUT["south"]), (9, 1)], turn=BOTH) == {}


def test_two_trips_of_one_track():
    steps = [(1, 1, "north", 0), (4, 1, "south", 0), (9, 1, "south", 1), (12, 1, "west", 0)]
    assert count(steps, turn=BOTH) == {
        "entries": 2, "moves.north>south.motorcycle": 1, "moves.south>west.motorcycle": 1,
    }  # fmt: skip


def test_one_line_alone_turns_back_by_direction():
    turn = Turn(id="t", entries=("north",), exits=("north",))
    assert count([(1, 1, "north", 1), (4, 1, "north", 0)], turn=turn) == {
        "entries": 1, "moves.north>north.motorcycle": 1,
    }  # fmt: skip


def test_people_on_foot_make_no_movement():
    assert count([(1, 1, "north", 0, "pedestrian"), (4, 1, "south", 0, "pedestrian")]) == {}


def test_entry_and_exit_in_one_picture_in_whichever_order_they_are_told():
    movements = Movements([APART], LINES)
    pair = [Crossing(Instant(t, t), line, 0, "car", 1) for t, line in ((2.0, "south"), (1.0, "north"))]
    (sample,) = movements.update(seen(3, {}), pair)
    assert sample.added == {"entries": 1, "unmatched": 0, "moves.north>south.car": 1}


@pytest.mark.parametrize("seed", [0, 1])
def test_movements_of_a_junction_are_those_of_the_scene(seed):
    scene = SCENES["junction"](seed)
    turn = Turn(id="t", entries=tuple("nesw"), exits=tuple("nesw"))
    counter, movements, told = CrossingCounter(scene.lines), Movements([turn], scene.lines), Counter()
    for tracks in true_tracks(scene):
        (sample,) = movements.update(tracks, counter.update(tracks))
        told.update({name: n for name, n in sample.added.items() if name.startswith("moves")})
    true, inside = Counter(), {}
    for crossing in scene.truth.crossings(scene.lines):
        if crossing.direction == 0:
            inside[crossing.user] = crossing.line
        elif crossing.user in inside:
            true[f"moves.{inside.pop(crossing.user)}>{crossing.line}.{crossing.kind}"] += 1
    assert true.total() > 30
    assert sum(abs(told[name] - true[name]) for name in told | true) <= 0.04 * true.total()
