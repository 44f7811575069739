"""Tracks -> crossings: each track over each line once, in either direction, and again only when it has come back.

Where many stand close together a track leaps now and then from one to its neighbour. A step over a line therefore
counts only when the way before or after it bears it out; where a queue stands on the line, only who is seen to go on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from edge.config.rules import Line
from edge.dataflow import CLASSES, Crossing, FloatArray, Instant, Tracks
from edge.geometry import bottom_centres, right_of, sizes

Floats = NDArray[np.float64]

BAND = (0.003, 0.12)
"""Half-width of the hysteresis band: picture heights, and share of the object's size. A box jitters by about a
twentieth of its size, and who walks along a line touches it by a tenth; within the band no side is taken."""
RETURN = (0.01, 0.5)
"""How far a counted object must come back over the line before it counts the other way: half its size, so that one
that stands on the line and shivers counts once."""
REARM = (0.02, 1.0)
"""How far it must be from the line before the narrow band holds for it again."""
GONE = 0.6
"""How far it must be, in its sizes, from where it was farthest on the other side: one that is parked on the line and
shivers takes both sides by and by."""
LEAP = 0.35
"""From this share of the object's size on, a step over the line must be borne out."""
FIRST_LEAP = 5.0
"""The same for the first step of a track in a direction in which others were seen to go: a fast one may be seen twice
only. Where nobody goes, two boxes of nobody make no crossing."""
GOES = (0.4, 0.25)
"""What bears it out: a way in the same direction of this share of the size, at this share of the step's speed."""
WAY_SECONDS = 1.5
"""Over so long before the step its proof is looked for, and one that stands is watched."""
KEPT_SECONDS = 3.0
"""How far back the way is known: who comes to a queue slows down for so long."""
PROOF_SECONDS = 3.0
"""How long after the step the proof may come."""
DEBT_SECONDS = 60.0
"""The same for who came over the line in small steps and stands in a queue: until it is green again."""
STANDS = 0.3
"""Who goes less than this share of its size in WAY_SECONDS, stands."""
QUEUE = 2
"""So many that stand within QUEUE_NEAR of their sizes of a line are a queue on it: of the classes that it counts, and
confirmed, for cones that are weakly seen day and night are none, nor are people at the kerb."""
QUEUE_NEAR = 1.5
QUEUE_SECONDS = 3.0
"""How long a queue is thought to be there after it was last seen."""
BEFORE_SECONDS = 0.5
"""Who was watched for less before it came over a line on which a queue stands must go on for ON_SECONDS as it came, and
still go then: what is born beside a queue and leaps into it is a false box and then one of the queue, which stands."""
ON_SECONDS = 1.0
FLIES = (4.0, 3.0)
"""Faster than so many of its sizes a second, and so many times faster than it came over the line, nobody who came
by goes on: it is a track that flies off through the queue, from each box to a smaller one."""
FEWEST = 3
"""Fewer sights are no watching."""
LEAVES = 0.6
"""How far one must go out of a queue, besides leaps, in its sizes: of those that it had on the way the larger, for a
track that leaps along a queue leaps to smaller boxes."""
SUDDEN = (0.1, 3.0)
"""A step is a leap beyond this share of the size and so many times the longer of the steps before and after it."""


@dataclass(frozen=True, slots=True)
class _Sight:
    """One observation as seen from a line: `distance` in picture heights, right positive, `position` along it, `size`
    in picture heights."""

    at: Instant
    distance: float
    position: float
    size: float


@dataclass(frozen=True, slots=True)
class _Change:
    """A step from one side to the other: when, whether on the segment, the sights before and after it, and for how many
    seconds the track had been `watched` before."""

    at: Instant
    on_line: bool
    before: _Sight
    after: _Sight
    watched: float

    @property
    def step(self) -> float:
        """How long the step is, in picture heights."""
        return abs(self.after.distance - self.before.distance)

    def goes_on(self, first: _Sight, last: _Sight) -> bool:
        """Whether the way between two sights bears the step out."""
        way = (last.distance - first.distance) * (1 if self.after.distance > self.before.distance else -1)
        share = (last.at.seconds - first.at.seconds) / (self.after.at.seconds - self.before.at.seconds)
        return way > max(GOES[0] * last.size, GOES[1] * self.step * share)


@dataclass(slots=True)
class _Passage:
    """Where one track stands with one line. Sides are -1 (left of the line walked first to last) and +1 (right); the
    first is where it was first seen, beyond what its box jitters."""

    side: int = 0
    far: float = 0.0
    """How far it has been on that side, in its sizes."""
    armed: bool = True
    recent: list[_Sight] = field(default_factory=list)
    """The last KEPT_SECONDS, oldest first; more while a crossing is owed."""
    changed: _Change | None = None
    owed: int = 0
    """The side to which a crossing is complete but for its proof."""


@dataclass(slots=True)
class _Path:
    """What is kept of one track; it dies with the track."""

    passages: dict[str, _Passage] = field(default_factory=dict)
    waiting: list[tuple[Instant, str, int]] = field(default_factory=list)
    """Crossings of a track that is not confirmed yet."""


class CrossingCounter:
    """Counts the tracks of one camera over its lines."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._lines = tuple(lines)
        self._paths: dict[int, _Path] = {}
        self._queued_until = dict.fromkeys((line.id for line in lines), float("-inf"))
        self._gone: dict[str, set[int]] = {line.id: set() for line in lines}
        """The sides to which somebody was surely seen to go over each line."""
        self._now = float("-inf")

    @property
    def queued(self) -> frozenset[str]:
        """The lines on which a queue stands: there, only who is seen to drive on is counted."""
        return frozenset(line for line, until in self._queued_until.items() if self._now <= until)

    def update(self, tracks: Tracks) -> list[Crossing]:
        """The crossings that this picture completes, oldest first. A crossing is known once the object is clear of
        the line, or once its track is confirmed; its time is that at which it was on the line."""
        self._now = tracks.at.seconds
        points = bottom_centres(tracks.boxes)
        size = sizes(tracks.boxes, tracks.aspect)
        for line in self._lines:
            self._move(line, tracks, points, size)
        found = self._confirmed(tracks)
        for track in tracks.ended:
            self._paths.pop(track, None)
        return sorted(found, key=lambda c: (c.at.seconds, c.line, c.track))

    def _move(self, line: Line, tracks: Tracks, points: FloatArray, size: Floats) -> None:
        distances, positions = _relative(line, points, tracks.aspect)
        standing, queue = 0, line.id in self.queued
        counted = tracks.confirmed & np.isin(tracks.classes, [CLASSES.index(kind) for kind in line.classes])
        for i, track in enumerate(tracks.ids.tolist()):
            path = self._paths.setdefault(track, _Path())
            passage = path.passages.setdefault(line.id, _Passage())
            sight = _Sight(tracks.at, float(distances[i]), float(positions[i]), float(size[i]))
            standing += bool(counted[i]) and _stands_on(passage, sight)
            crossing = _pass(passage, sight, queue=queue, gone=self._gone[line.id])
            if crossing is not None:
                path.waiting.append((crossing[0], line.id, crossing[1]))
        if standing >= QUEUE:
            self._queued_until[line.id] = self._now + QUEUE_SECONDS

    def _confirmed(self, tracks: Tracks) -> list[Crossing]:
        """The crossings that may be told. One of a class that its line does not count waits as long as its track
        lives: the vote may still change."""
        found = []
        for track, kind, confirmed in zip(tracks.ids.tolist(), tracks.classes, tracks.confirmed, strict=True):
            path = self._paths.get(track)
            if path is None or not confirmed:
                continue
            name = CLASSES[kind]
            counted = {line.id for line in self._lines if name in line.classes}
            found += [Crossing(at, line, way, name, track) for at, line, way in path.waiting if line in counted]
            path.waiting = [each for each in path.waiting if each[1] not in counted]
        return found


def _relative(line: Line, points: FloatArray, aspect: float) -> tuple[FloatArray, FloatArray]:
    """Points (n, 2) as seen from a line: signed distances (n,) in picture heights, right positive, and positions
    (n,) along it, 0 at its first point and 1 at its last."""
    scale = np.array([aspect, 1.0])
    drawn, seen = np.array(line.points) * scale, points * scale
    along = drawn[1] - drawn[0]
    positions = (seen - drawn[0]) @ along / (along @ along)
    return right_of(drawn, seen).astype(np.float32), positions.astype(np.float32)


def _pass(passage: _Passage, now: _Sight, *, queue: bool, gone: set[int]) -> tuple[Instant, int] | None:
    """Moves a passage on by one observation; the crossing's instant and direction where it completes one. `gone` are
    the sides to which others went; one that surely does is added."""
    _remember(passage, now)
    constant, share = BAND if passage.armed else RETURN
    side = int(np.sign(now.distance))
    away = abs(now.distance) / max(now.size, 1e-6)
    passage.side = passage.side or (side if abs(now.distance) > BAND[0] else 0)
    if side == passage.side:
        passage.far = max(passage.far, away)
        passage.armed = passage.armed or abs(now.distance) > REARM[0] + REARM[1] * now.size
    elif abs(now.distance) > constant + share * now.size and passage.far + away > GONE:
        complete = passage.changed is not None and passage.changed.on_line
        passage.side, passage.far, passage.owed = side, away, side if complete else 0
        passage.armed = passage.armed and not complete
    change = passage.changed
    if not passage.owed or change is None:
        return None
    sure = _leaves(passage, change, now) if queue else _borne_out(passage, change, now)
    if sure:
        gone.add(passage.owed)
    if sure or (not queue and passage.owed in gone and _first_step(passage, change, now)):
        way, passage.owed = passage.owed, 0
        return change.at, 0 if way > 0 else 1
    patient = queue and change.step < LEAP * now.size
    if now.at.seconds - change.at.seconds > (DEBT_SECONDS if patient else PROOF_SECONDS):
        passage.owed = 0
    return None


def _remember(passage: _Passage, now: _Sight) -> None:
    """Notes an observation, and whether the point changed sides with it."""
    recent = passage.recent
    if recent and (recent[-1].distance < 0) != (now.distance < 0):
        passage.changed = _change(recent, now)
    recent.append(now)
    kept = KEPT_SECONDS + (PROOF_SECONDS if passage.owed else 0.0)
    while len(recent) > 2 and now.at.seconds - recent[1].at.seconds > kept:
        recent.pop(0)


def _change(recent: Sequence[_Sight], after: _Sight) -> _Change:
    """When a straight way from the last sight to this one meets the line, and whether on the segment."""
    before = recent[-1]
    share = before.distance / (before.distance - after.distance)
    meets = before.position + share * (after.position - before.position)
    start, end = before.at, after.at
    when = Instant(start.seconds + share * (end.seconds - start.seconds), start.utc + share * (end.utc - start.utc))
    watched = start.seconds - recent[0].at.seconds if len(recent) >= FEWEST else 0.0
    return _Change(when, 0.0 <= meets <= 1.0, before, after, watched)


def _borne_out(passage: _Passage, change: _Change, now: _Sight) -> bool:
    """Whether a step over the line was no leap: too small for one, or the way before or after it goes on like it."""
    if change.step < LEAP * now.size:
        return True
    first = _until(passage.recent, change.before.at.seconds - WAY_SECONDS)
    return change.goes_on(first, change.before) or change.goes_on(change.after, now)


def _first_step(passage: _Passage, change: _Change, now: _Sight) -> bool:
    """Whether it is a track's first step, or the first after long, and no longer than a fast one may take."""
    first = _until(passage.recent, change.after.at.seconds - WAY_SECONDS)
    return first is change.before and change.step < FIRST_LEAP * now.size


def _leaves(passage: _Passage, change: _Change, now: _Sight) -> bool:
    """Whether one that was among a queue drives on: far, and not in leaps; or that it comes by beside the queue."""
    watched = now.at.seconds - passage.recent[0].at.seconds
    if watched < WAY_SECONDS or _driven(passage) < LEAVES * max(now.size, change.before.size):
        return False
    if change.watched >= BEFORE_SECONDS:
        return True
    late = _until(passage.recent, now.at.seconds - ON_SECONDS / 2)
    since = now.at.seconds - change.after.at.seconds
    if since < ON_SECONDS or not (change.goes_on(change.after, now) and change.goes_on(late, now)):
        return False
    after = [sight for sight in passage.recent if sight.at.seconds >= change.after.at.seconds]
    fastest = max((_pace(a, b) for a, b in pairwise(after)), default=0.0)
    return fastest <= max(FLIES[0], FLIES[1] * _pace(change.before, change.after))


def _pace(first: _Sight, last: _Sight) -> float:
    """How fast one went from one sight to another, in sizes that it had then a second."""
    size = max((first.size + last.size) / 2, 1e-6)
    return abs(last.distance - first.distance) / size / max(last.at.seconds - first.at.seconds, 1e-6)


def _driven(passage: _Passage) -> float:
    """How far one has gone to the side that it is owed, in picture heights, since it was farthest from it, but for
    leaps: a step between two short ones is worth a short one, and the two longest are worth nothing."""
    distances = np.array([sight.distance for sight in passage.recent]) * passage.owed
    steps = np.diff(distances[distances.argmin() :])
    beside = np.maximum(np.append(steps[1:], 0.0), np.append(0.0, steps[:-1])).clip(0.0)
    most = SUDDEN[0] * passage.recent[-1].size + SUDDEN[1] * beside
    return float(np.sort(np.minimum(steps, most))[:-2].sum())


def _stands_on(passage: _Passage, now: _Sight) -> bool:
    """Whether this is one that stands close to the line."""
    if not passage.recent or abs(now.distance) > QUEUE_NEAR * now.size or not 0 <= now.position <= 1:
        return False
    first = _until(passage.recent, now.at.seconds - WAY_SECONDS)
    watched = now.at.seconds - first.at.seconds >= WAY_SECONDS / 2
    return watched and abs(now.distance - first.distance) < STANDS * now.size


def _until(recent: Sequence[_Sight], at: float) -> _Sight:
    """The last sight until that moment, or the first of all."""
    return next((sight for sight in reversed(recent) if sight.at.seconds <= at), recent[0])
