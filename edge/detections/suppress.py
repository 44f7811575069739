"""One box for each road user: overlapping boxes of one kind become one, riders become part of their machine."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.dataflow import CLASSES, FloatArray
from edge.detections.decode import Candidates
from edge.geometry import iou

PEDESTRIAN, BICYCLE, MOTORCYCLE = (CLASSES.index(kind) for kind in ("pedestrian", "bicycle", "motorcycle"))
KINDS = np.array([0, 1, 1, 2, 2, 2], np.int32)
"""By class: people, machines that are ridden, vehicles. Nets often call one van both car and truck."""

WEAKEST = 0.3
"""Share of its rider's score that a machine has at least."""

SAME, SAME_SHARE = 0.6, 0.5
"""Overlap from which a person and a machine are one thing seen twice, and share of the person's score from which that
thing is a rider: many nets give both classes to a box around rider and machine."""

TWICE = 0.5
"""Overlap from which two ridden machines are one: before merging, one box may have held the rider and one not."""

INSIDE = 0.6
"""Share of a person's box in a machine's box that makes them one, for a net whose machines include their riders."""


def without_duplicates(found: Candidates, *, overlap: float) -> Candidates:
    """Of boxes of one kind that overlap by more than `overlap` only the best, best first (greedy NMS)."""
    return _take(found, _distinct(found, overlap))


def with_riders(found: Candidates) -> Candidates:
    """People on a motorcycle or bicycle and the machine become one box of the machine's class around them all, with
    the best of their scores.

    A machine may carry several; a person beside one, or far larger or smaller, stays a pedestrian. So does one whom
    a far weaker machine would take: that is a shadow or a fence more often than a motorcycle."""
    people, machines = _people_and_machines(found)
    if not len(machines):
        return found
    fit = _fit(found, people, machines)
    rides = fit.max(axis=1) > 0
    boxes, scores = found.boxes.copy(), found.scores.copy()
    for person, machine in zip(people[rides], machines[fit[rides].argmax(axis=1)], strict=True):
        boxes[machine, :2] = np.minimum(boxes[machine, :2], boxes[person, :2])
        boxes[machine, 2:] = np.maximum(boxes[machine, 2:], boxes[person, 2:])
        scores[machine] = max(scores[machine], scores[person])
    merged = Candidates(boxes, scores, found.classes)
    twice = np.delete(machines, _distinct(_take(merged, machines), TWICE))
    return _take(merged, np.setdiff1d(np.arange(len(boxes)), np.concatenate([people[rides], twice])))


def without_riders(found: Candidates) -> Candidates:
    """For a net whose machines include their riders: without the people that lie mostly in a machine's box."""
    people, machines = _people_and_machines(found)
    if not len(people) or not len(machines):
        return found
    width, height = _shared(found.boxes[people], found.boxes[machines])
    area = np.prod(found.boxes[people, 2:] - found.boxes[people, :2], axis=1)
    rides = (width * height).max(axis=1) > INSIDE * area
    return _take(found, np.setdiff1d(np.arange(len(found.boxes)), people[rides]))


def _distinct(found: Candidates, overlap: float) -> NDArray[np.intp]:
    """Rows of the boxes to keep, best first, equal ones in their order."""
    sides = np.hstack([found.boxes[:, :2], found.boxes[:, 2:] - found.boxes[:, :2]])
    order = np.argsort(-found.scores, kind="stable")
    kept = cv2.dnn.NMSBoxesBatched(
        sides[order].tolist(), found.scores[order].tolist(), KINDS[found.classes[order]].tolist(), 0.0, overlap
    )
    return order[np.sort(np.asarray(kept, dtype=np.intp))]


def _people_and_machines(found: Candidates) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    machines = (found.classes == BICYCLE) | (found.classes == MOTORCYCLE)
    return np.flatnonzero(found.classes == PEDESTRIAN), np.flatnonzero(machines)


def _fit(found: Candidates, people: NDArray[np.intp], machines: NDArray[np.intp]) -> FloatArray:
    """How well each person goes with each machine (p, m); 0 where they do not belong together."""
    share = found.scores[machines][None, :] / found.scores[people][:, None]
    seated = np.where(share < WEAKEST, 0, _seat(found.boxes[people], found.boxes[machines]))
    overlap = iou(found.boxes[people], found.boxes[machines])
    fit: FloatArray = np.where((overlap > SAME) & (share >= SAME_SHARE), 1 + overlap, seated)
    return fit


def _seat(people: FloatArray, machines: FloatArray) -> FloatArray:
    """How well each person sits on each machine (p, m): the share of the person over it; 0 where they do not.

    Sitting: the body's middle is above the machine's and at most 0.3 of its width to the side, the lower end is
    within its height, half of the narrower width is shared, and the sizes are alike. The limits were chosen by the
    AP50 of the merged boxes of two nets on three sets of pictures (docs/models.md)."""
    shared_width, shared_height = _shared(people, machines)
    width, height = (people[:, None, 2:] - people[:, None, :2]).transpose(2, 0, 1)
    machine_width, machine_height = (machines[None, :, 2:] - machines[None, :, :2]).transpose(2, 0, 1)
    middle = (people[:, None, :2] + people[:, None, 2:] - machines[None, :, :2] - machines[None, :, 2:]) / 2
    overlap = shared_width / np.minimum(width, machine_width)
    end = (people[:, None, 3] - machines[None, :, 1]) / machine_height
    placed = (middle[:, :, 1] < 0) & (np.abs(middle[:, :, 0]) < 0.3 * machine_width) & (end > 0.2) & (end < 1.1)
    alike = (height < 2.2 * machine_height) & (machine_height < 2.2 * height) & (width < 1.5 * machine_width)
    sits = placed & alike & (overlap >= 0.5) & (shared_height > 0)
    fit: FloatArray = np.where(sits, overlap * shared_height / height, 0)
    return fit


def _shared(a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Width and height of the intersection of every pair of boxes, (n, m) each; 0 where they do not meet."""
    corner = np.maximum(a[:, None, :2], b[None, :, :2])
    opposite = np.minimum(a[:, None, 2:], b[None, :, 2:])
    sides: FloatArray = np.clip(opposite - corner, 0, None)
    return sides[:, :, 0], sides[:, :, 1]


def _take(found: Candidates, rows: NDArray[np.intp]) -> Candidates:
    return Candidates(found.boxes[rows], found.scores[rows], found.classes[rows])
