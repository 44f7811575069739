"""Counted against true over a looped clip."""

from __future__ import annotations

import io

from rich.console import Console

from edge.dataflow import Crossing, Instant
from edge.demo.comparison import compare, summary, table, windows
from edge.evaluate import Truth

TRUTH = Truth.model_validate(
    {
        "lines": [
            {
                "id": "l1",
                "points": [[0, 0], [0, 1]],
                "events": [
                    {"t": t, "direction": 0, "class": "car", "accept": ["car"]} for t in (0.5, 5.0, 20.0, 21.0, 39.5)
                ],
            }
        ]
    }
)


def crossing(seconds: float, *, direction: int = 0) -> Crossing:
    return Crossing(Instant(seconds, seconds), "l1", direction, "car", 0)


def test_windows_leave_out_both_ends_and_the_seams_of_the_loop():
    first, second, third = windows([], watched=(0, 100), duration=40)
    assert (first.first, first.last) == (1.5, 38.5)
    assert (second.first, second.last) == (41.5, 78.5)
    assert (third.first, third.last, third.loop_start) == (81.5, 98.5, 80)
    assert windows([], watched=(0, 2), duration=40) == []


def test_windows_do_not_begin_or_end_beside_a_crossing():
    (window,) = windows([2.0, 18.0, 18.9], watched=(0, 20), duration=40)
    assert 2.69 < window.first < 2.9
    assert 17.1 < window.last < 17.31


def test_compare_counts_each_loop_and_only_inside_the_windows():
    counted = [crossing(t) for t in (0.5, 5.2, 19.9, 39.6, 45.1, 59.8, 60.9, 79.5)]
    (score,) = compare(TRUTH, counted, watched=(0, 80), duration=40)
    assert (score.counted, score.true, score.matched) == (5, 6, 5)
    (half,) = compare(TRUTH, counted, watched=(0, 20.8), duration=40)
    assert (half.counted, half.true) == (1, 1)
    assert summary([score]).startswith("counted / true = 5 / 6 = 0.833; one by one 5 agree")


def test_compare_does_not_let_a_wrong_way_agree():
    (score,) = compare(TRUTH, [crossing(5.0, direction=1)], watched=(0, 10), duration=40)
    assert (score.counted, score.true, score.matched) == (1, 1, 0)


def test_table_names_every_line_and_the_total():
    quiet = Truth.model_validate({"lines": [{"id": "l2", "points": [[0, 0], [1, 0]], "events": []}]})
    scores = compare(TRUTH, [crossing(5.0)], watched=(0, 40), duration=40)
    scores += compare(quiet, [], watched=(0, 40), duration=40)
    console = Console(width=80, file=io.StringIO(), record=True)
    console.print(table(scores, names={"l1": ("xuống", "lên")}, seconds=40))
    rows = [row.split() for row in console.export_text().splitlines()]
    assert ["l1", "xuống", "car", "1", "3"] in rows
    assert any(row[:1] == ["l2"] for row in rows)
    assert ["total", "1", "3"] in rows
