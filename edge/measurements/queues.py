"""Tracks -> samples of queues: who waits behind a stop line, how far back, and for how long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.config.parts import points_of
from edge.config.rules import Line, Queue
from edge.dataflow import CLASSES, Crossing, FloatArray, Sample, Tracks
from edge.geometry import bottom_centres, in_picture, inside, iou, right_of, sizes
from edge.measurements.calibration import Ground
from edge.measurements.trails import PAUSE_SECONDS

Floats = NDArray[np.float64]

JOINS_MS, LEAVES_MS = 5 / 3.6, 10 / 3.6
"""Who becomes slower than the first is in the queue, until faster than the second."""
GAP_M = 20.0
"""The largest gap between two of one queue, and between the first and the stop line (with the speeds: PTV VISSIM's
definition of a queue)."""
GAP_SIZES = 4.0
"""The same where there is no calibration, in sizes of the larger box."""
HIDDEN_SECONDS = 40.0
"""How long one that waits is taken to wait on when it is not seen: most of a queue is hidden most of the time."""
HELD_SECONDS = 8.0
"""The same once somebody has left over the stop line, for then the queue moves; and for those who do not wait."""
WEAK_SECONDS = 3.0
"""Far back no sight of a queue is sure: one that only weak sights tell of is of it once it was seen to stand so long,
under whatever ids, and only where somebody surely waits too: what is taken for a vehicle day and night is no queue."""
SAME = 0.3
"""Overlap (IoU) with the box of one that vanished, from which on a new track is that one."""
HIDING = (3, 0.03)
"""Where so many wait whose boxes overlap (mean of each one's largest IoU) by so much, more are hidden behind them: the
number is a lower bound, and the interval is `saturated`."""
LENGTH_M = {"pedestrian": 0.5, "bicycle": 1.8, "motorcycle": 1.9, "car": 4.5, "bus": 11.0, "truck": 7.5}


@dataclass(slots=True)
class _Waiting:
    """One that waits or waited: where it was last seen, `until` when it is held if it is not seen again, how many
    `seconds` it has waited, and been `seen`, and whether it was ever `sure`, its track confirmed."""

    kind: str
    box: FloatArray
    until: float
    waits: bool = True
    seconds: float = 0.0
    seen: float = 0.0
    sure: bool = False
    over: bool = False
    """Whether it has crossed the stop line."""

    @property
    def queued(self) -> bool:
        """Whether it waits before the stop line, as far as can be told."""
        return self.waits and not self.over and (self.sure or self.seen >= WEAK_SECONDS)


class Queues:
    """The queues of one camera. Without calibration speeds are a guess from sizes, and no metres are told."""

    def __init__(self, queues: Sequence[Queue], lines: Sequence[Line], *, ground: Ground | None) -> None:
        stop_lines = {line.id: line for line in lines}
        self._queues = [_Lane(queue, stop_lines[queue.stop_line], ground) for queue in queues]

    def update(self, tracks: Tracks, paces: Floats, crossings: Sequence[Crossing]) -> list[Sample]:
        """One sample a queue; `paces` (n,) are the tracks' speeds in m/s, NaN where unknown."""
        return [lane.update(tracks, paces, crossings) for lane in self._queues]


class _Lane:
    """One queue. The state of a track is kept until `HIDDEN_SECONDS` after it was last seen, at most."""

    def __init__(self, queue: Queue, stop_line: Line, ground: Ground | None) -> None:
        self._queue, self._stop_line, self._ground = queue, stop_line, ground
        self._known: dict[int, _Waiting] = {}
        self._at: float | None = None

    def update(self, tracks: Tracks, paces: Floats, crossings: Sequence[Crossing]) -> Sample:
        """The sample of one picture."""
        now = tracks.at.seconds
        passed = 0.0 if self._at is None else max(0.0, now - self._at)
        self._at = now
        self._forget(tracks, now)
        self._look(tracks, paces, passed)
        for each in self._known.values():
            each.seconds += passed if each.waits else 0.0
        added = self._left(crossings, now)
        queue = self._connected(tracks.aspect)
        present = {"vehicles": float(len(queue))}
        if self._ground:
            present["metres"] = max((rear for _, rear in queue), default=0.0)
        return Sample(tracks.at, self._queue.id, present, added, _flags([each.box for each, _ in queue]))

    def _look(self, tracks: Tracks, paces: Floats, passed: float) -> None:
        """Who joins, who waits on, who moves off. One that stands in the lane and whose point shakes over its edge
        waits on."""
        points = bottom_centres(tracks.boxes)
        there = inside(in_picture(points), points_of(self._queue.lane)) & (tracks.classes > 0)
        here = set(tracks.ids.tolist())
        gone = [track for track in self._known if track not in here]
        for row, track in enumerate(tracks.ids.tolist()):
            each = self._known.get(track)
            if each is None and there[row] and paces[row] < JOINS_MS:
                each = self._heir_of(tracks.boxes[row], gone) or _Waiting("", tracks.boxes[row], 0.0)
                self._known[track] = each
            if each is not None:
                limit = LEAVES_MS if each.waits and not each.over else JOINS_MS
                still = bool(paces[row] < limit or (np.isnan(paces[row]) and each.waits))
                each.waits = still and (each.waits or bool(there[row]))
                each.kind, each.box = CLASSES[tracks.classes[row]], tracks.boxes[row]
                each.sure, each.seen = each.sure or bool(tracks.confirmed[row]), each.seen + min(passed, PAUSE_SECONDS)
                each.until = tracks.at.seconds + (HIDDEN_SECONDS if each.queued else HELD_SECONDS)

    def _heir_of(self, box: FloatArray, gone: list[int]) -> _Waiting | None:
        """The one of those that are not seen who stood here, now under another id; taken out of them."""
        if not gone:
            return None
        overlap = iou(box[None], np.stack([self._known[track].box for track in gone]))[0]
        return self._known.pop(gone.pop(int(overlap.argmax()))) if overlap.max() >= SAME else None

    def _forget(self, tracks: Tracks, now: float) -> None:
        """Those who have not been seen for long, and those who went."""
        for track, each in list(self._known.items()):
            if now > each.until or (track in tracks.ended and not each.waits):
                del self._known[track]

    def _left(self, crossings: Sequence[Crossing], now: float) -> dict[str, float]:
        """The waits of those who are over the stop line and move."""
        over = [crossing.track for crossing in crossings if crossing.line == self._queue.stop_line]
        for each in self._known.values() if over else ():
            each.until = min(each.until, now + HELD_SECONDS)
        for track in over:
            if track in self._known:
                self._known[track].over = True
        done = [track for track, each in self._known.items() if each.over and not each.waits]
        waits = [self._known.pop(track).seconds for track in done]
        return {"waits": float(len(waits)), "wait": float(sum(waits))}

    def _connected(self, aspect: float) -> list[tuple[_Waiting, float]]:
        """Those who wait one behind the other from the stop line on, each with the metres (or picture heights) from
        the line to its rear."""
        waiting = [each for each in self._known.values() if each.queued]
        if not waiting:
            return []
        boxes = np.stack([each.box for each in waiting])
        if self._ground:
            fronts, rears = _metres(self._ground, self._stop_line, waiting, bottom_centres(boxes))
            gaps = np.full(len(boxes), GAP_M)
        else:
            scale = np.array([aspect, 1.0])
            fronts = rears = _behind(np.array(self._stop_line.points) * scale, bottom_centres(boxes) * scale)
            gaps = GAP_SIZES * sizes(boxes, aspect)
        queue: list[tuple[_Waiting, float]] = []
        tail = 0.0
        for row in np.argsort(fronts, kind="stable").tolist():
            if fronts[row] - tail > gaps[row]:
                break
            tail = max(tail, float(rears[row]))
            queue.append((waiting[row], float(rears[row])))
        return queue if any(each.sure for each, _ in queue) else []


def _flags(boxes: Sequence[FloatArray]) -> frozenset[str]:
    """Whether those who wait hide others."""
    if len(boxes) < HIDING[0]:
        return frozenset()
    overlap = iou(np.stack(boxes), np.stack(boxes))
    np.fill_diagonal(overlap, 0.0)
    return frozenset({"saturated"}) if overlap.max(axis=1).mean() >= HIDING[1] else frozenset()


def _metres(ground: Ground, stop_line: Line, waiting: Sequence[_Waiting], points: FloatArray) -> tuple[Floats, Floats]:
    """Metres (n,) from the stop line to the front and the rear of each. The lower edge of a box is the front of one
    that looks into the camera, and the rear of one that looks away."""
    line, places = ground.metres(np.array(stop_line.points)), ground.metres(points)
    to_camera = ground.jacobian(points) @ [0.0, 1e-4]
    at = _behind(line, places)
    facing = (at - _behind(line, places + to_camera)) / np.maximum(np.hypot(*to_camera.T), 1e-9)
    length = np.array([LENGTH_M[each.kind] for each in waiting])
    front = at - length * (1 - facing) / 2
    return front, front + length


def _behind(line: Floats, points: Floats) -> Floats:
    """How far points (n, 2) are from a line (2, 2), to either side: (n,)."""
    return np.asarray(np.abs(right_of(line, points)))
