"""Crossings -> turning movements: who came in over which line, and left over which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from edge.config.rules import Line, Turn
from edge.dataflow import CLASSES, Crossing, Sample, Tracks
from edge.geometry import Point
from edge.measurements.courses import Courses

PEDESTRIAN = CLASSES[0]
BROKEN_SECONDS = 20.0
"""How long after a track broke off inside somebody is waited for who leaves in its place."""
ASIDE = 0.02
"""A line that runs nearer than this, in fractions of the picture, by the middle of the others has no inner side."""


@dataclass(frozen=True, slots=True)
class _Junction:
    """A turn rule; `inward`: the direction that leads in over each of its lines, where its place tells it."""

    rule: Turn
    inward: dict[str, int]
    courses: Courses
    inside: dict[int, Crossing] = field(default_factory=dict)
    """The entry of each track that has not left yet."""
    broken: dict[int, float] = field(default_factory=dict)
    """Those of them that ended inside, and when: another track may go on with them."""


class Movements:
    """The turning movements of one camera (classified turning count: FHWA Traffic Monitoring Guide, 2022).

    A movement is one vehicle over an entry and then over an exit. In a crowd at a stop line one of the two crossings
    is often not seen, or the track breaks in between. So who leaves over an exit has come in over the entry that it
    came by; who is last seen at an exit has left there; and a track that begins where another broke off goes on with
    it (`courses.py`). What none of this tells is an entry without an exit, `unmatched`.
    """

    def __init__(self, turns: Sequence[Turn], lines: Sequence[Line]) -> None:
        known = {line.id: line for line in lines}
        self._junctions = [_junction(turn, known) for turn in turns]

    def update(self, tracks: Tracks, crossings: Sequence[Crossing]) -> list[Sample]:
        """One sample a rule, of the crossings that this picture completes."""
        return [
            Sample(tracks.at, junction.rule.id, {}, _advance(junction, tracks, crossings))
            for junction in self._junctions
        ]


def _junction(turn: Turn, lines: dict[str, Line]) -> _Junction:
    ours = [lines[name] for name in dict.fromkeys((*turn.entries, *turn.exits)) if name in lines]
    return _Junction(turn, _inward(ours), Courses(ours))


def _advance(junction: _Junction, tracks: Tracks, crossings: Sequence[Crossing]) -> dict[str, float]:
    added: dict[str, float] = {"entries": 0.0, "unmatched": 0.0}
    junction.courses.update(tracks)
    for crossing in sorted(crossings, key=lambda c: c.at.seconds):
        if crossing.kind != PEDESTRIAN:
            _over(junction, crossing, added)
    _end(junction, tracks, added)
    now, within = tracks.at.seconds, junction.rule.within_seconds
    late = {track for track, entry in junction.inside.items() if now - entry.at.seconds > within}
    for track in late | {track for track, at in junction.broken.items() if now - at > BROKEN_SECONDS}:
        added["unmatched"] += junction.inside.pop(track, None) is not None
        if junction.broken.pop(track, None) is not None:
            junction.courses.forget(track)
    return added


def _end(junction: _Junction, tracks: Tracks, added: dict[str, float]) -> None:
    """Those whose tracks end here: gone over an exit by which they were last seen, or broken off."""
    for track in tracks.ended:
        entry = junction.inside.get(track)
        exits = [name for name in junction.rule.exits if entry and name != entry.line]
        gone = junction.courses.ends_at(track, exits)
        if entry is not None and gone is not None:
            del junction.inside[track]
            _count(added, entry.line, gone, junction.courses.known[track].kind)
        if track in junction.inside:
            junction.broken[track] = tracks.at.seconds
        else:
            junction.courses.forget(track)


def _over(junction: _Junction, crossing: Crossing, added: dict[str, float]) -> None:
    """One crossing of one junction. Who comes over an entry again has come in anew, unless back over the same: that is
    a turn back where it is an exit too, and else one that went away again."""
    rule, track = junction.rule, crossing.track
    entry = junction.inside.get(track)
    inward = junction.inward.get(crossing.line)
    both = crossing.line in rule.entries and crossing.line in rule.exits
    back = entry is not None and entry.line == crossing.line and entry.direction != crossing.direction
    leads_in = crossing.line in rule.entries and not (both and inward not in (None, crossing.direction))
    leads_out = crossing.line in rule.exits and crossing.direction != inward
    if entry is not None and crossing.line in rule.exits and (back or entry.line != crossing.line):
        del junction.inside[track]
        _count(added, entry.line, crossing.line, crossing.kind)
        junction.courses.restart(track)
    elif back or leads_in:
        added["unmatched"] += junction.inside.pop(track, None) is not None
        if not back:
            junction.inside[track] = crossing
            added["entries"] += 1
    elif entry is None and leads_out:
        _left(junction, crossing, added)


def _left(junction: _Junction, crossing: Crossing, added: dict[str, float]) -> None:
    """One that leaves and whose entry was not seen: it came by one, or goes on with a track that broke off."""
    courses, track = junction.courses, crossing.track
    entry = courses.came_by(track, [name for name in junction.rule.entries if name != crossing.line])
    if entry is not None:
        added["entries"] += 1
    else:
        before = courses.continues(track, list(junction.broken))
        if before is None:
            return
        entry = junction.inside.pop(before).line
        del junction.broken[before]
        courses.forget(before)
    _count(added, entry, crossing.line, crossing.kind)
    courses.restart(track)


def _count(added: dict[str, float], entry: str, leave: str, kind: str) -> None:
    move = f"moves.{entry}>{leave}.{kind}"
    added[move] = added.get(move, 0.0) + 1


def _inward(lines: Sequence[Line]) -> dict[str, int]:
    """The direction towards the middle of the junction's other lines; a line that runs through that middle has none."""
    result = {}
    for line in lines:
        others = [p for other in lines if other is not line for p in other.points]
        if others:
            middle = (sum(x for x, _ in others) / len(others), sum(y for _, y in others) / len(others))
            right = _right_of(line, middle)
            if abs(right) > ASIDE:
                result[line.id] = 0 if right > 0 else 1
    return result


def _right_of(line: Line, point: Point) -> float:
    """How far a point lies to the right of a line, walked first to last."""
    (x1, y1), (x2, y2) = line.points
    area = (x2 - x1) * (point[1] - y1) - (y2 - y1) * (point[0] - x1)
    return float(area / ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5)
