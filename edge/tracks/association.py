"""How well each detection fits each track."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.dataflow import CLASSES, Detections, FloatArray
from edge.geometry import iou
from edge.tracks.motion import SMALLEST, Floats, Motion, Noise, sizes

FAMILY = np.array([{"pedestrian": 0, "bicycle": 1, "motorcycle": 1}.get(name, 2) for name in CLASSES])
"""Detectors take a car for a truck, or a bicycle for a motorcycle, more often than a rider for a walker."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What speaks against a pair, in units of a squared distance over its variance. A pair is possible while the sum
    is below `limit`, or `weak_limit` where the detection is weak."""

    limit: float = 30.0
    weak_limit: float = 21.0
    shape: float = 2.0
    apart: float = 2.0
    vague: float = 2.5
    absent_second: float = 1.5
    other_class: float = 1.0
    other_family: float = 4.0


@dataclass(frozen=True, slots=True)
class Sight:
    """One look at the picture: `boxes` (n, 4) centre x, centre y, width, height in picture heights; `scores` (n,);
    `classes` (n,)."""

    boxes: Floats
    scores: FloatArray
    classes: NDArray[np.int8]

    @classmethod
    def of(cls, detections: Detections) -> Sight:
        """The detections in equal units both ways."""
        box = detections.boxes.astype(np.float64) * [detections.aspect, 1, detections.aspect, 1]
        sides = np.maximum(box[:, 2:] - box[:, :2], SMALLEST)
        return cls(np.hstack([(box[:, :2] + box[:, 2:]) / 2, sides]), detections.scores, detections.classes)


def misfit(motion: Motion, seen: Sight, noise: Noise, costs: Costs) -> Floats:
    """The cost of each pair by place, shape and overlap: (tracks, detections).

    The first terms are twice the negative log-likelihood of the detection under the prediction, so a track that
    could be anywhere yields to one that is expected right here.
    """
    error = motion.expected_error(noise)
    squared = (seen.boxes[None] - motion.box[:, None]) ** 2 / error[:, None]
    usual = (noise.place * sizes(motion.box)[:, None]) ** 2
    vagueness = np.log(error[:, :2] / usual).sum(axis=1) / 2
    apart = 1 - iou(corners(motion.box), corners(seen.boxes))
    cost: Floats = squared[..., :2].sum(axis=2) + costs.shape * squared[..., 2:].sum(axis=2) + costs.apart * apart
    cost += costs.vague * vagueness[:, None]
    return cost


def disagreement(classes: NDArray[np.int8], seen: Sight, costs: Costs) -> Floats:
    """The cost of each pair by class: (tracks, detections)."""
    other_family = FAMILY[classes][:, None] != FAMILY[seen.classes][None]
    other_class = classes[:, None] != seen.classes[None]
    return np.where(other_family, costs.other_family, np.where(other_class, costs.other_class, 0.0))


def corners(boxes: Floats) -> FloatArray:
    """Centre x, centre y, width, height -> x1 y1 x2 y2."""
    half = boxes[:, 2:] / 2
    return np.hstack([boxes[:, :2] - half, boxes[:, :2] + half]).astype(np.float32)
