"""The camera file that a technician would write for a simulated scene: lines, zones, turns, queues, alarms, metres."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scenes.library import line
from scenes.scene import Scene

from edge.config.rules import Line
from edge.config.schema import Camera

Floats = NDArray[np.float64]

STANDS_SECONDS = 45.0
"""A vehicle that stands so long in a zone is told: longer than a red light of these scenes."""
QUEUE_LIMIT, QUEUE_CLEARS, QUEUE_ON_SECONDS = 8.0, 4.0, 10.0
"""The alarm of a queue, in vehicles."""


def camera_of(scene: Scene) -> Camera:
    """All rules that have a truth in a scene of this kind."""
    parts = _junction(scene) if scene.name == "junction" else _road(scene)
    return Camera.model_validate({"calibration": {"points": _points(scene)}, **parts})


def forbidden_line(camera: Camera) -> Line | None:
    """The line over which nobody may ride one way, if there is one."""
    return next((each for each in camera.lines if each.forbidden is not None), None)


def _road(scene: Scene) -> dict[str, object]:
    """A street, or an approach with a stop line: one lane's wrong direction, those who stand, the queue, the jam."""
    lights = scene.signal is not None
    way = np.array(scene.ways[0].points)
    ahead = (way[1] - way[0]) / np.hypot(*(way[1] - way[0]))
    right = np.array([ahead[1], -ahead[0]])

    def at(along: float, across: float) -> Floats:
        return np.asarray(way[0] + along * ahead + across * right)

    stop = scene.ways[0].stop or 0.0
    where = stop - 4 if lights else 30.0
    watched = line(scene.camera, "w1", _metres(at(where, -2.6)), _metres(at(where, 3.4)))
    lines = [*scene.lines, _forbidden(scene, watched, at(where - 2, 0), at(where + 2, 0))]
    reach = [(stop - 60, -3.6), (stop - 60, 3.6), (stop + 0.8, 3.6), (stop + 0.8, -3.6)]
    if not lights:
        reach = [(22, -10.8), (22, 3.6), (60, 3.6), (60, -10.8)]
    area = _polygon(scene, [at(*corner) for corner in reach])
    parts: dict[str, object] = {"zones": _zones(area)}
    if lights:
        lines.append(line(scene.camera, "stop", _metres(at(stop, -3.6)), _metres(at(stop, 3.6))))
        limits = {"levels": [[QUEUE_LIMIT, QUEUE_CLEARS]], "on_seconds": QUEUE_ON_SECONDS}
        parts["queues"] = [{"id": "q1", "stop_line": "stop", "lane": area, "alarms": {"queue": limits}}]
    return {"lines": [each.model_dump() for each in lines], **parts}


def _junction(scene: Scene) -> dict[str, object]:
    """Every arm's entry to every arm's exit, and nobody may stand in the middle."""
    ends = np.array([each.points for each in scene.lines]).reshape(-1, 2)
    middle = scene.camera.to_ground(ends).mean(axis=0)
    corners = [middle + np.array(corner) for corner in ((-6.5, -6.5), (6.5, -6.5), (6.5, 6.5), (-6.5, 6.5))]
    names = [each.id for each in scene.lines]
    turn = {"id": "t1", "entries": names, "exits": names}
    return {
        "lines": [each.model_dump() for each in scene.lines],
        "turns": [turn],
        "zones": _zones(_polygon(scene, corners)),
    }


def _zones(area: list[list[float]]) -> list[dict[str, object]]:
    limits = {"levels": [[STANDS_SECONDS, 10]], "on_seconds": 0, "off_seconds": 10}
    stops = {"id": "stops", "points": area, "vehicles": True, "alarms": {"stopped_vehicle": limits}}
    return [stops, {"id": "jam", "points": area, "vehicles": True, "alarms": {"congestion": "default"}}]


def _forbidden(scene: Scene, watched: Line, before: Floats, after: Floats) -> Line:
    """The line with the direction forbidden in which the traffic of the first way does not go."""
    scale = np.array([scene.camera.aspect, 1.0])
    first, last = np.array(watched.points) * scale
    away = scene.camera.to_picture(np.array([before, after])) * scale - first
    along = last - first
    side = along[0] * away[:, 1] - along[1] * away[:, 0]
    goes = 0 if side[1] > side[0] else 1
    limits = {"levels": [[1, 1]], "on_seconds": 0, "off_seconds": 20}
    told = {"forbidden": 1 - goes, "alarms": {"wrong_way": limits}}
    return Line.model_validate({**watched.model_dump(), **told})


def _polygon(scene: Scene, corners: Sequence[Floats]) -> list[list[float]]:
    """An area of the ground as fractions of the picture, cut at its edge."""
    picture = scene.camera.to_picture(np.array(corners))
    return [[float(x), float(y)] for x, y in np.clip(picture, 0.0, 1.0).round(4).tolist()]


def _points(scene: Scene) -> list[list[list[float]]]:
    """A calibration by five points of the picture."""
    picture = np.array([(0.3, 0.9), (0.7, 0.9), (0.7, 0.35), (0.3, 0.35), (0.5, 0.6)])
    return [[p, g] for p, g in zip(picture.tolist(), scene.camera.to_ground(picture).tolist(), strict=True)]


def _metres(point: Floats) -> tuple[float, float]:
    return float(point[0]), float(point[1])
