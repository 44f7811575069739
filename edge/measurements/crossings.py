"""Tracks -> crossings: each track over each line once, in either direction, and again only when it has come back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from edge.config.schema import Line
from edge.dataflow import CLASSES, Crossing, FloatArray, Instant, Tracks
from edge.geometry import bottom_centres

BAND = (0.003, 0.12)
"""Half-width of the hysteresis band: picture heights, and share of the object's size. A box jitters by about a
twentieth of its size, and who walks along a line touches it by a tenth; within the band no side is taken."""
RETURN = (0.01, 0.5)
"""How far a counted object must come back over the line before it counts the other way: half its size, so that one
that stands on the line and shivers counts once."""
REARM = (0.02, 1.0)
"""How far it must be from the line before the narrow band holds for it again."""


@dataclass(slots=True)
class _Passage:
    """Where one track stands with one line. Sides are -1 (left of the line walked first to last) and +1 (right)."""

    side: int = 0
    armed: bool = True
    distance: float = 0.0
    position: float = 0.0
    at: Instant | None = None
    changed: tuple[Instant, bool] | None = None
    """When the point last changed sides, and whether that was on the segment."""


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

    def update(self, tracks: Tracks) -> list[Crossing]:
        """The crossings that this picture completes, oldest first. A crossing is known once the object is clear of
        the line, or once its track is confirmed; its time is that at which it was on the line."""
        points = bottom_centres(tracks.boxes)
        scale = np.array([tracks.aspect, 1.0], dtype=np.float32)
        sizes = np.sqrt(np.prod((tracks.boxes[:, 2:] - tracks.boxes[:, :2]) * scale, axis=1))
        for line in self._lines:
            self._move(line, tracks, points, sizes)
        found = self._confirmed(tracks)
        for track in tracks.ended:
            self._paths.pop(track, None)
        return sorted(found, key=lambda c: (c.at.seconds, c.line, c.track))

    def _move(self, line: Line, tracks: Tracks, points: FloatArray, sizes: FloatArray) -> None:
        distances, positions = _relative(line, points, tracks.aspect)
        for i, track in enumerate(tracks.ids.tolist()):
            path = self._paths.setdefault(track, _Path())
            passage = path.passages.setdefault(line.id, _Passage())
            step = (float(distances[i]), float(positions[i]), tracks.at)
            crossing = _pass(passage, step, size=float(sizes[i]))
            if crossing is not None:
                path.waiting.append((crossing[0], line.id, crossing[1]))

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
    first, last = np.array(line.points) * scale
    along = last - first
    away = points * scale - first
    length = float(np.hypot(*along))
    distances = (along[0] * away[:, 1] - along[1] * away[:, 0]) / length
    return distances.astype(np.float32), (away @ along / length**2).astype(np.float32)


def _pass(passage: _Passage, step: tuple[float, float, Instant], *, size: float) -> tuple[Instant, int] | None:
    """Moves a passage on by one observation; the crossing's instant and direction where it completes one."""
    distance, position, at = step
    if passage.at is not None and (passage.distance < 0) != (distance < 0):
        passage.changed = _on_line(passage, step)
    passage.distance, passage.position, passage.at = distance, position, at
    constant, share = BAND if passage.armed else RETURN
    side = int(np.sign(distance))
    if side == passage.side:
        passage.armed = passage.armed or abs(distance) > REARM[0] + REARM[1] * size
        return None
    if abs(distance) <= constant + share * size:
        return None
    came_from, passage.side = passage.side, side
    if came_from == 0 or passage.changed is None or not passage.changed[1]:
        return None
    passage.armed = False
    return passage.changed[0], 0 if side > 0 else 1


def _on_line(passage: _Passage, step: tuple[float, float, Instant]) -> tuple[Instant, bool]:
    """The instant at which a straight way from the last observation to this one meets the line, and whether it does
    so on the segment."""
    distance, position, at = step
    assert passage.at is not None  # noqa: S101 - the caller looked
    share = passage.distance / (passage.distance - distance)
    meets = passage.position + share * (position - passage.position)
    before = passage.at
    when = Instant(before.seconds + share * (at.seconds - before.seconds), before.utc + share * (at.utc - before.utc))
    return when, 0.0 <= meets <= 1.0
