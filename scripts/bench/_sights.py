"""What a detector saw of known road users, one row a sight: the material to which a noise is fitted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scenes.noise import GROUP
from scenes.visible import visible_share

from edge.dataflow import CLASSES, Detections, Instant
from edge.detections.detector import Detector
from edge.detections.golden import to_frame
from edge.evaluate import load_truth
from edge.frames.clip import pictures
from edge.frames.planes import frame_of
from edge.geometry import bottom_centres, inside, iou
from edge.tracks.assignment import best_pairs

Floats = NDArray[np.float64]

Said = list[tuple[float, int]]
"""What a track was called, and when (seconds)."""
SAME = 0.4
"""Overlap from which a detection is a sight of a road user."""


@dataclass(frozen=True)
class Sights:
    """One row for each road user in each picture: `clip`, `at` (seconds), `user`, `kind` (as in CLASSES), the whole box
    `true` and its `visible` share, the box `found` (NaN: missed), `score` (0: missed), `said`
    (-1: missed), `aspect`. `false` has a row for each box that is nobody's: clip, at, x1 y1 x2 y2, score, class."""

    clip: NDArray[np.int64]
    at: Floats
    user: NDArray[np.int64]
    kind: NDArray[np.int64]
    true: Floats
    visible: Floats
    found: Floats
    score: Floats
    said: NDArray[np.int64]
    aspect: Floats
    false: Floats

    @property
    def group(self) -> NDArray[np.int64]:
        """People, two-wheelers, cars or heavy vehicles."""
        return np.asarray(GROUP[self.kind])

    @property
    def size(self) -> Floats:
        """The root of each true area, as a share of the picture."""
        return np.asarray(np.sqrt((self.true[:, 2:] - self.true[:, :2]).prod(axis=1)))

    @classmethod
    def joined(cls, parts: list[Sights]) -> Sights:
        """All rows, their clips numbered."""
        columns = {}
        for name in cls.__dataclass_fields__:
            columns[name] = np.concatenate([getattr(p, name) for p in parts])
        columns["clip"] = np.repeat(np.arange(len(parts)), [len(p.at) for p in parts])
        columns["false"][:, 0] = np.repeat(np.arange(len(parts)), [len(p.false) for p in parts])
        return cls(**columns)


def in_video(detector: Detector, video: Path, truth: Path) -> Sights:
    """Sights of the people of a MOTChallenge file (frame, id, x, y, w, h, counts) in its video; what a truth file
    beside the video masks is left out."""
    rows = np.loadtxt(truth, delimiter=",")
    rows = rows[rows[:, 6] != 0]
    told = video.with_suffix(".truth.json")
    mask = load_truth(told).mask if told.exists() else ()
    seen = []
    for number, (seconds, picture) in enumerate(pictures(video), 1):
        here = rows[rows[:, 0] == number]
        size = np.array([picture.width, picture.height] * 2)
        boxes = np.hstack([here[:, 2:4], here[:, 2:4] + here[:, 4:6]]) / size
        hidden = np.zeros(len(boxes), np.bool_)
        for polygon in mask:
            hidden |= inside(bottom_centres(boxes.astype(np.float32)), polygon)
        found = detector.detect(frame_of(picture, Instant(seconds, seconds)))
        kinds = np.zeros(len(here), np.int64)
        seen.append(_match(found, boxes, here[:, 1].astype(np.int64), kinds, ~hidden))
    return Sights.joined(seen)


def in_pictures(detector: Detector, folder: Path, *, every: int) -> Iterator[Sights]:
    """Sights in each so-manieth picture of a COCO folder; the categories count from 1 in the order of CLASSES."""
    labels = json.loads((folder / "labels.json").read_text())
    for entry in labels["images"][::every]:
        picture = cv2.imread(str(folder / "images" / entry["file_name"]))
        found = detector.detect(to_frame(picture, Instant(0.0, 0.0)))
        here = [a for a in labels["annotations"] if a["image_id"] == entry["id"]]
        boxes = np.array([a["bbox"] for a in here], dtype=np.float64).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        boxes /= [entry["width"], entry["height"], entry["width"], entry["height"]]
        kinds = np.array([a["category_id"] - 1 for a in here], dtype=np.int64)
        yield _match(found, boxes, np.arange(len(here)), kinds, np.ones(len(here), np.bool_))


def _match(
    found: Detections, boxes: Floats, users: NDArray[np.int64], kinds: NDArray[np.int64], counts: NDArray[np.bool_]
) -> Sights:
    """Each true box with the detection that fits it best, if any does; nearer is whose feet are lower."""
    visible = visible_share(boxes, -boxes[:, 3])
    overlap = iou(boxes.astype(np.float32), found.boxes)
    rows, columns = best_pairs(np.where(overlap > SAME, overlap, 0).astype(np.float64))
    match = np.full(len(boxes), -1)
    match[rows] = columns
    some = match >= 0
    place = np.full((len(boxes), 4), np.nan)
    place[some] = found.boxes[match[some]]
    score, said = np.zeros(len(boxes)), np.full(len(boxes), -1)
    score[some], said[some] = found.scores[match[some]], found.classes[match[some]]
    free = np.setdiff1d(np.arange(len(found)), columns)
    at = found.at.seconds
    false = np.column_stack(
        [np.zeros(len(free)), np.full(len(free), at), found.boxes[free], found.scores[free], found.classes[free]]
    )
    n = len(boxes)
    columns_ = (np.zeros(n, np.int64), np.full(n, at), users, kinds, boxes, visible, place, score, said)
    return Sights(*(c[counts] for c in columns_), np.full(n, found.aspect)[counts], false)


def confusion(sights: Sights) -> dict[str, dict[str, float]]:
    """How often each class is said for a true one, of those that were found."""
    result: dict[str, dict[str, float]] = {}
    for kind, name in enumerate(CLASSES):
        said = sights.said[(sights.kind == kind) & (sights.said >= 0)]
        if len(said) >= 20:
            result[name] = {CLASSES[c]: round(float((said == c).mean()), 3) for c in np.unique(said)}
    return result


def name_memory(said: Sequence[Said], lag: float) -> float:
    """The correlation of a name being another than the track's most frequent one with the same `lag` seconds later."""
    now, later = [], []
    for names in said:
        usual = Counter(name for _, name in names).most_common(1)[0][0]
        wrong = {round(t, 1): name != usual for t, name in names}
        for t, one in wrong.items():
            if (then := round(t + lag, 1)) in wrong:
                now.append(one)
                later.append(wrong[then])
    return float(np.corrcoef(now, later)[0, 1]) if len(set(now)) == len(set(later)) == 2 else float("nan")
