"""Average precision at IoU 0.5 of a model on labelled pictures: what `ap50` and the training measure with."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edge.dataflow import CLASSES, Instant
from edge.detections.card import Card
from edge.detections.detector import Detector
from edge.detections.golden import to_frame
from edge.geometry import iou

LOWEST = 0.03
"""Boxes count down to this score: a precision-recall curve needs its tail."""
BETA = {"pedestrian": 0.5}
"""The F-measure by which a class's best threshold is chosen, 1 unless said here. From there on a box begins a track: a
missed vehicle is as bad as a false one, which hardly ever moves across a line; a false person, a lamp post, stands in a
zone and is counted there: twice as bad as a missed one."""
GROUPS = {**{kind: (kind,) for kind in CLASSES}, "vehicle": ("car", "bus", "truck")}


@dataclass(frozen=True)
class Labelled:
    """A picture and its boxes in fractions; `ignored` excuse, `counted` are the classes that were labelled."""

    picture: np.ndarray
    boxes: np.ndarray
    kinds: list[str]
    ignored: np.ndarray
    counted: tuple[str, ...]


def with_tail(card: Card) -> Card:
    """The card with a lower threshold, and without its golden picture, which holds at the card's own."""
    thresholds = card.thresholds.model_copy(update={"score": LOWEST})
    return card.model_copy(update={"thresholds": thresholds, "golden": None})


def read_coco(folder: Path, every: int, *, aspect: float | None = None, group: str | None = None) -> Iterator[Labelled]:
    """Every N-th picture of a COCO folder, or of one group of it."""
    labels = json.loads((folder / "labels.json").read_text())
    names = {category["id"]: category["name"] for category in labels["categories"]}
    of_picture = defaultdict(list)
    for box in labels["annotations"]:
        of_picture[box["image_id"]].append(box)
    for entry in [one for one in labels["images"] if group in (None, one.get("group"))][::every]:
        size = np.array([entry["width"], entry["height"]] * 2)
        boxes = of_picture[entry["id"]]
        corners = np.array([box["bbox"] for box in boxes], np.float32).reshape(-1, 4)
        corners[:, 2:] += corners[:, :2]
        excuses = np.array([bool(box.get("ignore")) for box in boxes], bool)
        kinds = [names[box["category_id"]] for box in boxes if not box.get("ignore")]
        counted = tuple(entry.get("labelled_classes", labels.get("labelled_classes", CLASSES)))
        fractions = (corners / size).astype(np.float32)
        picture = cv2.imread(str(folder / "images" / entry["file_name"]))
        if aspect:
            picture = cv2.resize(picture, (round(picture.shape[0] * aspect), picture.shape[0]))
        yield Labelled(picture, fractions[~excuses], kinds, fractions[excuses], counted)


def read_mot(video: Path, truth: Path, every: int) -> Iterator[Labelled]:
    """Every N-th picture of a video whose people are annotated; its frames count from 1."""
    rows = np.loadtxt(truth, delimiter=",", usecols=range(6))
    capture, number = cv2.VideoCapture(str(video)), 0
    while True:
        there, picture = capture.read()
        if not there:
            return
        number += 1
        if number % every == 0:
            corners = rows[rows[:, 0] == number, 2:6].astype(np.float32)
            corners[:, 2:] += corners[:, :2]
            boxes = corners / np.array([picture.shape[1], picture.shape[0]] * 2, np.float32)
            yield Labelled(picture, boxes, ["pedestrian"] * len(boxes), boxes[:0], ("pedestrian",))


def measure(detector: Detector, pictures: Iterator[Labelled]) -> dict:
    """How many pictures there were, and AP50 in per cent of each class that they have."""
    hits: dict[str, list[tuple[float, bool]]] = defaultdict(list)
    true: dict[str, int] = defaultdict(int)
    count = 0
    for labelled in pictures:
        count += 1
        found = detector.detect(to_frame(labelled.picture, Instant(0.0, 0.0)))
        kinds = np.array([CLASSES[index] for index in found.classes], dtype=object)
        truth = np.array(labelled.kinds, dtype=object)
        for group, members in GROUPS.items():
            if not set(members) <= set(labelled.counted):
                continue
            boxes, scores = found.boxes[np.isin(kinds, members)], found.scores[np.isin(kinds, members)]
            wanted = labelled.boxes[np.isin(truth, members)]
            true[group] += len(wanted)
            hits[group] += judge(boxes, scores, wanted, labelled.ignored)
    ap50 = {group: round(100 * average_precision(hits[group], true[group]), 1) for group in GROUPS if true[group]}
    best = {group: best_threshold(hits[group], true[group], beta=BETA.get(group, 1.0)) for group in ap50}
    return {"pictures": count, "ap50": ap50, "true": {group: true[group] for group in ap50}, "best_threshold": best}


def judge(boxes: np.ndarray, scores: np.ndarray, wanted: np.ndarray, ignored: np.ndarray) -> list[tuple[float, bool]]:
    """Score and rightness of each found box, best first, each wanted box once; what an ignored one excuses is out."""
    overlap, free, result = iou(boxes, wanted), np.ones(len(wanted), bool), []
    for row in np.argsort(-scores, kind="stable"):
        candidates = np.where(free, overlap[row], 0)
        if len(wanted) and candidates.max() >= 0.5:
            free[candidates.argmax()] = False
            result.append((float(scores[row]), True))
        elif not excused(boxes[row], ignored):
            result.append((float(scores[row]), False))
    return result


def excused(box: np.ndarray, ignored: np.ndarray) -> bool:
    """Whether at least half of the box lies in one ignored box."""
    sides = np.clip(np.minimum(box[2:], ignored[:, 2:]) - np.maximum(box[:2], ignored[:, :2]), 0, None)
    return bool(len(ignored)) and bool(sides.prod(axis=1).max() >= 0.5 * (box[2:] - box[:2]).prod())


def average_precision(hits: list[tuple[float, bool]], true: int) -> float:
    """Precision interpolated at 101 recalls (COCO)."""
    if not hits:
        return 0.0
    right = np.array([hit for _, hit in sorted(hits, key=lambda pair: -pair[0])])
    recall = right.cumsum() / true
    precision = right.cumsum() / np.arange(1, len(right) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(recall, np.linspace(0, 1, 101), side="left")
    return float(np.append(envelope, 0)[at].mean())


def best_threshold(hits: list[tuple[float, bool]], true: int, *, beta: float) -> float:
    """The score from which on recall and precision are best together, by the F-measure with this beta."""
    ranked = sorted(hits, key=lambda pair: -pair[0])
    right = np.array([hit for _, hit in ranked] or [False]).cumsum()
    f = (1 + beta**2) * right / (beta**2 * true + np.arange(1, len(right) + 1))
    return round(ranked[f.argmax()][0], 2) if ranked else 1.0
