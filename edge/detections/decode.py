"""From the raw output of a net to boxes: one function for each family. All drop weak scores before anything else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from edge.dataflow import CLASSES, FloatArray
from edge.detections.card import Card, Family

Outputs = Sequence[FloatArray]


@dataclass(frozen=True, slots=True)
class Candidates:
    """Boxes before overlapping ones are dropped: `boxes` (n, 4) x1 y1 x2 y2 in pixels of the input, `scores` (n,),
    `classes` (n,), positions in CLASSES."""

    boxes: FloatArray
    scores: FloatArray
    classes: NDArray[np.int8]


def decode(outputs: Outputs, card: Card) -> Candidates:
    """What the net found, for the family that the card names."""
    return _FAMILIES[card.family](outputs, card)


def calibrated(found: Candidates, card: Card) -> Candidates:
    """The same boxes with scores that mean the same in every class: one that the card calls sure is `confident`."""
    confident = np.float32(card.thresholds.confident)
    if not card.thresholds.sure:
        return found
    limit_of: dict[str, float] = dict.fromkeys(CLASSES, card.thresholds.confident) | dict(card.thresholds.sure)
    limits = np.array([limit_of[kind] for kind in CLASSES], np.float32)[found.classes]
    above = confident + (found.scores - limits) * (1 - confident) / (1 - limits)
    scores = np.where(found.scores < limits, found.scores * confident / limits, above).astype(np.float32)
    return Candidates(found.boxes, scores, found.classes)


def expected_shapes(card: Card) -> list[tuple[int | None, ...]]:
    """Shapes of the outputs that the card describes; None fits any number."""
    points = sum(-(-card.input.height // step) * -(-card.input.width // step) for step in card.head.strides)
    classes = card.head.classes
    if card.family in ("nanodet", "nanodet-plus"):
        return [(1, points, classes + 4 * (card.head.reg_max + 1))]
    if card.family == "yolox":
        return [(1, points, 5 + classes)]
    if card.family == "yolov8":
        return [(1, 4 + classes, None)]
    return [(None, 4), (None, classes)] if card.family == "ssd" else [(1, None, classes), (1, None, 4)]


def _nanodet(outputs: Outputs, card: Card) -> Candidates:
    """NanoDet: points in the middle of their cells (`get_single_level_center_point` of its v0.4 head)."""
    return _distances(outputs, card, offset=0.5)


def _nanodet_plus(outputs: Outputs, card: Card) -> Candidates:
    """NanoDet-Plus: points in the upper left corner of their cells (`get_single_level_center_priors`)."""
    return _distances(outputs, card, offset=0.0)


def _distances(outputs: Outputs, card: Card, *, offset: float) -> Candidates:
    """Scores, then for each side of the box a distribution over distances of 0 to reg_max strides; its mean counts
    (Generalized Focal Loss, arXiv 2006.04388, eq. 3-4)."""
    raw, bins = outputs[0][0], card.head.reg_max + 1
    keep, scores, classes = _strong(raw[:, : card.head.classes], card)
    logits = raw[keep, card.head.classes :].reshape(-1, 4, bins)
    weights = np.exp(logits - logits.max(axis=2, keepdims=True))
    means = (weights @ np.arange(bins, dtype=np.float32)) / weights.sum(axis=2)
    cells, steps = _grid(card.input.width, card.input.height, card.head.strides)
    centres = (cells[keep] + np.float32(offset)) * steps[keep]
    reach = means * steps[keep]
    return Candidates(np.hstack([centres - reach[:, :2], centres + reach[:, 2:]]), scores, classes)


def _yolox(outputs: Outputs, card: Card) -> Candidates:
    """YOLOX, raw: centre from the cell's corner in strides, size as its logarithm, objectness, class scores."""
    raw = outputs[0][0]
    keep, scores, classes = _strong(raw[:, 5:], card, weight=raw[:, 4:5])
    cells, steps = _grid(card.input.width, card.input.height, card.head.strides)
    centres = (raw[keep, :2] + cells[keep]) * steps[keep]
    return Candidates(_corners(centres, np.exp(raw[keep, 2:4]) * steps[keep]), scores, classes)


def _ssd(outputs: Outputs, card: Card) -> Candidates:
    """SSD after its own decoding: boxes (n, 4) as corners in 0..1, scores (n, classes)."""
    boxes, scores = outputs
    keep, scores, classes = _strong(scores, card)
    return Candidates(boxes[keep] * _input_size(card), scores, classes)


def _yolov8(outputs: Outputs, card: Card) -> Candidates:
    """YOLOv8 and its kin: (1, 4 + classes, points), centre and size in pixels of the input."""
    raw = outputs[0][0]
    keep, scores, classes = _strong(raw[4:].T, card)
    found = raw[:4, keep].T
    return Candidates(_corners(found[:, :2], found[:, 2:]), scores, classes)


def _detr(outputs: Outputs, card: Card) -> Candidates:
    """RT-DETR: logits (1, queries, classes) for a sigmoid, centre and size (1, queries, 4) in 0..1."""
    logits, boxes = outputs[0][0], outputs[1][0]
    keep, scores, classes = _strong(1 / (1 + np.exp(-logits)), card)
    return Candidates(_corners(boxes[keep, :2], boxes[keep, 2:]) * _input_size(card), scores, classes)


def _strong(
    scores: FloatArray, card: Card, *, weight: FloatArray | None = None
) -> tuple[NDArray[np.intp], FloatArray, NDArray[np.int8]]:
    """The scores that reach the card's, several of a row if they do (a rider is a person and a motorcycle): rows,
    scores, classes, (n,) each."""
    wanted = scores[:, card.columns]
    if weight is not None:
        wanted = wanted * weight
    keep, column = np.nonzero(wanted >= card.thresholds.score)
    return keep, wanted[keep, column], card.labels[column]


def _corners(centres: FloatArray, sizes: FloatArray) -> FloatArray:
    return np.hstack([centres - sizes / 2, centres + sizes / 2])


def _input_size(card: Card) -> FloatArray:
    return np.array([card.input.width, card.input.height] * 2, np.float32)


@lru_cache(maxsize=8)
def _grid(width: int, height: int, strides: tuple[int, ...]) -> tuple[FloatArray, FloatArray]:
    """Cells of all maps, row by row: column and row (n, 2), and stride (n, 1)."""
    cells, steps = [], []
    for stride in strides:
        rows, columns = -(-height // stride), -(-width // stride)
        y, x = np.mgrid[:rows, :columns]
        cells.append(np.stack([x.ravel(), y.ravel()], axis=1))
        steps.append(np.full((rows * columns, 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(steps).astype(np.float32)


_FAMILIES: dict[Family, Callable[[Outputs, Card], Candidates]] = {
    "nanodet": _nanodet,
    "nanodet-plus": _nanodet_plus,
    "yolox": _yolox,
    "ssd": _ssd,
    "yolov8": _yolov8,
    "detr": _detr,
}
