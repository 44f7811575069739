"""Rules that can never count, whatever passes before the camera: what only certainty refuses, and nothing else.

A short line and a small area count (the form of the file bounds them), and a turn whose only entry is its exit counts
those who turn back: they are right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from edge.config.document import Place
from edge.config.parts import Polygon
from edge.config.rules import Line, Queue, Turn, Zone
from edge.config.schema import Camera
from edge.dataflow import CLASSES
from edge.geometry import inside, right_of
from edge.measurements.calibration import Ground
from edge.measurements.crossings import BAND
from edge.measurements.measures import areas_of
from edge.measurements.queues import GAP_M, LENGTH_M

Floats = NDArray[np.float64]
Grid = NDArray[np.bool_]
Idle = tuple[Place, str]
"""The place of a rule's part that makes it count nothing, and what is said of it after the place's name."""

PEOPLE, VEHICLES = frozenset(CLASSES[:1]), frozenset(CLASSES[1:])
WIDEST = 4.0
"""Width / height of the widest picture: the distances from a line are no larger in any other."""
STEPS = 200
"""Points are tried in steps of this part of the picture, and of an area's width and height: a rest outside of the mask
that is narrower is a few pixels."""
UNSEEN = 0.8
"""Who goes so far through the mask, in fractions of the picture, has lost its track behind it; at the right pace a
track bridges 0.7 (tests/unit/test_idle.py)."""


def idle(camera: Camera, *, kinds: frozenset[str] | None, ground: Ground | None) -> Iterator[Idle]:
    """The rules of a camera that can never count or whose alarm can never be raised. `kinds` are the classes that its
    model tells, None where it is not known."""
    told = frozenset(CLASSES) if kinds is None else kinds
    seen = _seen(camera.mask)
    for i, line in enumerate(camera.lines):
        yield from _of_line(line, ("lines", i), seen=seen, told=told)
    for i, zone in enumerate(camera.zones):
        yield from _of_zone(zone, ("zones", i), told=told, ground=ground)
        yield from _masked(zone.points, ("zones", i, "points"), camera.mask)
    for i, turn in enumerate(camera.turns):
        yield from _of_turn(turn, ("turns", i), lines=camera.lines, told=told)
    stop_lines = {line.id: line for line in camera.lines}
    for i, queue in enumerate(camera.queues):
        yield from _of_queue(queue, ("queues", i), line=stop_lines[queue.stop_line], ground=ground)
        yield from _masked(queue.lane, ("queues", i, "lane"), camera.mask)
        yield from _untold(VEHICLES, ("queues", i), told)


def _of_line(line: Line, place: Place, *, seen: Grid, told: frozenset[str]) -> Iterator[Idle]:
    one_sided = not _has_two_sides(line, seen)
    if one_sided or _is_deep(line, seen):
        found = "nothing to see on one side" if one_sided else "mask all around it"
        yield (
            (*place, "points"),
            "nobody can be counted on this line, expected picture outside of the mask on both sides of it,"
            f" found {found}; draw it where objects are seen before and after it, or take the mask away",
        )
    yield from _untold(frozenset(line.classes), (*place, "classes"), told)
    if line.alarms.wrong_way and VEHICLES.isdisjoint(line.classes):
        yield (
            (*place, "alarms", "wrong_way"),
            "this alarm can never be raised, expected a class that rides on this line, found pedestrian alone;"
            " add one to its classes, or take the alarm out",
        )


def _of_zone(zone: Zone, place: Place, *, told: frozenset[str], ground: Ground | None) -> Iterator[Idle]:
    alarm = zone.alarms.one[0] if zone.alarms.one else ""
    if alarm in ("congestion", "stopped_vehicle"):
        yield from _untold(VEHICLES, (*place, "alarms", alarm), told)
    elif alarm:
        yield from _untold(PEOPLE, (*place, "alarms", alarm), told)
    else:
        yield from _untold(PEOPLE | VEHICLES if zone.vehicles else PEOPLE, place, told)
    if alarm == "crowd_density" and ground and not areas_of([zone], ground):
        yield (
            (*place, "alarms", alarm),
            "this alarm can never be raised, expected an area of the ground, found corners where the calibration tells"
            " no metres (too far, or above the horizon); move them nearer, or give area_m2",
        )


def _of_turn(turn: Turn, place: Place, *, lines: Sequence[Line], told: frozenset[str]) -> Iterator[Idle]:
    named = {*turn.entries, *turn.exits}
    classes = frozenset(kind for line in lines if line.id in named for kind in line.classes)
    if VEHICLES.isdisjoint(classes):
        yield (
            (*place, "entries"),
            "no turn can be counted, expected lines that count a vehicle, found lines for pedestrian alone;"
            " add vehicles to their classes, or name other lines",
        )
    else:
        yield from _untold(VEHICLES & classes, place, told)


def _of_queue(queue: Queue, place: Place, *, line: Line, ground: Ground | None) -> Iterator[Idle]:
    """With metres, who waits too far from the stop line to be the first of its queue waits for something else."""
    corners, ends = np.array(queue.lane, dtype=np.float64), np.array(line.points, dtype=np.float64)
    if ground is None or not ground.in_front(np.vstack([corners, ends])).all():
        return
    away = right_of(ground.metres(ends), ground.metres(corners))
    nearest = float(np.abs(away).min()) if (away > 0).all() or (away < 0).all() else 0.0
    if nearest > GAP_M + max(LENGTH_M.values()):
        yield (
            (*place, "stop_line"),
            f"nobody can wait at this line, expected the lane within {GAP_M:g} m of it, found {nearest:.0f} m by the"
            " calibration; name the line at the head of the lane, or draw the lane up to it",
        )


def _untold(wanted: frozenset[str], place: Place, told: frozenset[str]) -> Iterator[Idle]:
    if wanted.isdisjoint(told):
        yield (
            place,
            f"the model tells none of what is counted here, expected one of {_listed(told)}, found {_listed(wanted)};"
            " choose another under analyse.model, or count what it tells",
        )


def _listed(kinds: Iterable[str]) -> str:
    return ", ".join(sorted(kinds, key=CLASSES.index))


def _masked(area: Polygon, place: Place, mask: Sequence[Polygon]) -> Iterator[Idle]:
    low, high = np.array(area).min(axis=0), np.array(area).max(axis=0)
    points = (low + _grid() * (high - low)).astype(np.float32)
    points = points[inside(points, area)]
    there = len(points)
    for polygon in mask:
        points = points[~inside(points, polygon)]
    if there and not len(points):
        yield (
            place,
            "nobody can be counted here, expected picture outside of the mask, found nothing but mask;"
            " move this area, or take the mask away",
        )


def _seen(mask: Sequence[Polygon]) -> Grid:
    """Which points of the picture are not masked, its border among them: rows from the top, columns from the left."""
    hidden = np.zeros((STEPS + 1) ** 2, dtype=bool)
    for polygon in mask:
        hidden |= inside(_grid().astype(np.float32), polygon)
    return ~hidden.reshape(STEPS + 1, STEPS + 1)


def _grid() -> Floats:
    steps = np.linspace(0, 1, STEPS + 1).clip(1e-6, 1 - 1e-6)  # in the polygons that reach the border
    return np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)


def _has_two_sides(line: Line, seen: Grid) -> bool:
    """Whether one can be seen beyond the band on both sides of a line, if it had no ends."""
    scale = np.array([WIDEST, 1.0])
    away = right_of(np.array(line.points) * scale, _grid()[seen.ravel()] * scale)
    return bool((away > BAND[0]).any() and (away < -BAND[0]).any())


def _is_deep(line: Line, seen: Grid) -> bool:
    """Whether a line lies in the mask, and every straight way over it goes unseen for longer than `UNSEEN`."""
    first, last = np.array(line.points)
    starts = first + np.linspace(0, 1, STEPS // 10)[:, None] * (last - first)
    if _at(seen, starts).any():
        return False
    angles = np.arctan2(*(last - first)[::-1]) + np.linspace(0, np.pi, STEPS // 2)[1:-1]
    ways = np.stack([np.cos(angles), np.sin(angles)], axis=-1)[:, None] * np.linspace(0, UNSEEN, STEPS // 2)[:, None]
    for start in starts:
        steps = [_first(_at(seen, start + side * ways)) for side in (1, -1)]
        if (steps[0] + steps[1] < STEPS // 2).any():
            return False
    return True


def _first(hits: Grid) -> NDArray[np.intp]:
    """The position of the first hit of each row, the length of a row where there is none."""
    return np.asarray(np.where(hits.any(axis=1), hits.argmax(axis=1), hits.shape[1]))


def _at(seen: Grid, points: Floats) -> Grid:
    """Which of the points (..., 2) are seen; none is beyond the picture."""
    column, row = np.moveaxis(np.rint(points.clip(0, 1) * STEPS).astype(np.intp), -1, 0)
    within = ((points >= 0) & (points <= 1)).all(axis=-1)
    return np.asarray(seen[row, column] & within)
