"""Crossings -> turning movements: who came in over which line, and left over which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from edge.config.rules import Line, Turn
from edge.dataflow import CLASSES, Crossing, Sample, Tracks
from edge.geometry import Point

PEDESTRIAN = CLASSES[0]
ASIDE = 0.02
"""A line that runs nearer than this, in fractions of the picture, by the middle of the others has no inner side."""


@dataclass(frozen=True, slots=True)
class _Junction:
    """A turn rule, and `inward`: the direction that leads in over each of its lines that are both entry and exit."""

    rule: Turn
    inward: dict[str, int]
    inside: dict[int, Crossing] = field(default_factory=dict)
    """The entry of each track that has not left yet."""


class Movements:
    """The turning movements of one camera (classified turning count: FHWA Traffic Monitoring Guide, 2022).

    A movement is one track over an entry and then over an exit. Where the tracks of one vehicle break apart between
    the two, its entry is unmatched and its exit is nothing: no guess joins them, and the share unmatched says so.
    """

    def __init__(self, turns: Sequence[Turn], lines: Sequence[Line]) -> None:
        self._junctions = [_Junction(turn, _inward(turn, {line.id: line for line in lines})) for turn in turns]

    def update(self, tracks: Tracks, crossings: Sequence[Crossing]) -> list[Sample]:
        """One sample a rule, of the crossings that this picture completes."""
        return [
            Sample(tracks.at, junction.rule.id, {}, _advance(junction, tracks, crossings))
            for junction in self._junctions
        ]


def _advance(junction: _Junction, tracks: Tracks, crossings: Sequence[Crossing]) -> dict[str, float]:
    added: dict[str, float] = {"entries": 0.0, "unmatched": 0.0}
    for crossing in sorted(crossings, key=lambda c: c.at.seconds):
        if crossing.kind != PEDESTRIAN:
            _over(junction, crossing, added)
    now, within = tracks.at.seconds, junction.rule.within_seconds
    late = [track for track, entry in junction.inside.items() if now - entry.at.seconds > within]
    for track in {*late, *(junction.inside.keys() & set(tracks.ended))}:
        del junction.inside[track]
        added["unmatched"] += 1
    return added


def _over(junction: _Junction, crossing: Crossing, added: dict[str, float]) -> None:
    """One crossing of one junction. Who comes over an entry again has come in anew, unless back over the same: that is
    a turn back where it is an exit too, and else one that went away again."""
    rule = junction.rule
    entry = junction.inside.get(crossing.track)
    back = entry is not None and entry.line == crossing.line and entry.direction != crossing.direction
    leads_in = crossing.line in rule.entries and crossing.direction == junction.inward.get(
        crossing.line, crossing.direction
    )
    if entry is not None and crossing.line in rule.exits and (back or entry.line != crossing.line):
        del junction.inside[crossing.track]
        move = f"moves.{entry.line}>{crossing.line}.{crossing.kind}"
        added[move] = added.get(move, 0.0) + 1
    elif back or leads_in:
        added["unmatched"] += junction.inside.pop(crossing.track, None) is not None
        if not back:
            junction.inside[crossing.track] = crossing
            added["entries"] += 1


def _inward(turn: Turn, lines: dict[str, Line]) -> dict[str, int]:
    """The direction towards the middle of the junction's other lines, for those over which one comes in and goes out;
    a line that runs through that middle has none."""
    result = {}
    for both in set(turn.entries) & set(turn.exits):
        others = [p for name in {*turn.entries, *turn.exits} - {both} if name in lines for p in lines[name].points]
        if others:
            middle = (sum(x for x, _ in others) / len(others), sum(y for _, y in others) / len(others))
            right = _right_of(lines[both], middle)
            if abs(right) > ASIDE:
                result[both] = 0 if right > 0 else 1
    return result


def _right_of(line: Line, point: Point) -> float:
    """How far a point lies to the right of a line, walked first to last."""
    (x1, y1), (x2, y2) = line.points
    area = (x2 - x1) * (point[1] - y1) - (y2 - y1) * (point[0] - x1)
    return float(area / ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5)
