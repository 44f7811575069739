"""Counted against true for a clip that is looped while somebody watches: the same moments on both sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.table import Table

from edge.dataflow import Crossing
from edge.evaluate import Score, Truth, score

EDGE_SECONDS = 1.5
"""Left out at each end of what was watched and at each seam of the loop, where tracks are cut."""
QUIET_SECONDS = 0.7
"""No true crossing is so near to the edge of a window, so that it does not depend on tenths of a second."""
QUIET_WITHIN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of one loop that is compared, in seconds since the first picture of the first loop."""

    first: float
    last: float
    loop_start: float


def windows(moments: Sequence[float], *, watched: tuple[float, float], duration: float) -> list[Window]:
    """The stretches to compare of what was `watched` (from, to) of a clip of so many seconds that is looped, with
    true crossings at these `moments` of a loop."""
    begin, end = watched
    found = []
    for loop in range(int(begin // duration), int(end // duration) + 1):
        start = loop * duration
        true = [start + each for each in moments]
        first = _quiet(max(begin, start) + EDGE_SECONDS, true, step=0.1)
        last = _quiet(min(end, start + duration) - EDGE_SECONDS, true, step=-0.1)
        if first < last:
            found.append(Window(first, last, start))
    return found


def _quiet(moment: float, true: Sequence[float], *, step: float) -> float:
    """The nearest moment that way with no true crossing near it, or the moment itself where that is far."""
    for number in range(int(QUIET_WITHIN_SECONDS / abs(step))):
        candidate = moment + number * step
        if all(abs(candidate - each) > QUIET_SECONDS for each in true):
            return candidate
    return moment


def compare(
    truth: Truth, crossings: Sequence[Crossing], *, watched: tuple[float, float], duration: float
) -> list[Score]:
    """The scores of all lines; the crossings' `at.seconds` count from the first picture of the first loop."""
    moments = [event.t for line in truth.lines for event in line.events]
    stretches = windows(moments, watched=watched, duration=duration)
    inside = [c for c in crossings if any(w.first <= c.at.seconds <= w.last for w in stretches)]
    scores = []
    for line in truth.lines:
        events = tuple(
            event.model_copy(update={"t": w.loop_start + event.t})
            for w in stretches
            for event in line.events
            if w.first <= w.loop_start + event.t <= w.last
        )
        scores.append(score(line.model_copy(update={"events": events}), inside))
    return scores


def table(scores: Sequence[Score], *, names: Mapping[str, tuple[str, str]], seconds: float) -> Table:
    """Counted against true per line, direction and class, and in total."""
    drawn = Table(
        title=f"counted against true, away from the start, the end and the clip's seam ({seconds:.0f} s watched)",
        title_justify="left",
        box=None,
        pad_edge=False,
    )
    for column in ("line", "direction", "class"):
        drawn.add_column(column)
    for column in ("counted", "true"):
        drawn.add_column(column, justify="right")
    for line in scores:
        rows = line.counts or {("–", 0): (0, 0)}
        for number, ((kind, way), (counted, true)) in enumerate(sorted(rows.items(), key=lambda each: each[0][::-1])):
            name = names.get(line.line, ("→", "←"))[way] if line.counts else "–"
            drawn.add_row("" if number else line.line, name, kind, str(counted), str(true))
    counted, true = sum(each.counted for each in scores), sum(each.true for each in scores)
    drawn.add_section()
    drawn.add_row("total", "", "", str(counted), str(true), style="bold")
    return drawn


def summary(scores: Sequence[Score]) -> str:
    """The total in a sentence, with how many of them agree one by one."""
    counted, true = sum(each.counted for each in scores), sum(each.true for each in scores)
    matched = sum(each.matched for each in scores)
    ratio = f"{counted / true:.3f}" if true else "–"
    return f"counted / true = {counted} / {true} = {ratio}; one by one {matched} agree in line, direction and time"
