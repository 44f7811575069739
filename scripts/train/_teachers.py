"""What other nets see in the pictures to learn from: it fills in the classes that nobody labelled.

The teachers look at the whole picture and at four overlapping parts of it, once; what they saw is kept in a file.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from _examples import Example, decode_picture, with_unknown
from numpy.typing import NDArray

from edge.dataflow import FloatArray, Instant
from edge.detections.card import Card
from edge.detections.decode import Candidates
from edge.detections.detector import Detector
from edge.detections.golden import to_frame
from edge.detections.suppress import BICYCLE, KINDS, PEDESTRIAN, without_duplicates
from edge.geometry import iou

SURE, AGREED, DOUBT = 0.5, 0.3, 0.2
"""Score from which one teacher is believed, from which two are that see the same, and from which what is seen is
neither there nor not there."""
TILES = ((0.0, 0.0, 1.0, 1.0), *((x, y, x + 0.6, y + 0.6) for y in (0.0, 0.4) for x in (0.0, 0.4)))
EDGE = 0.01
"""A box so near to the inner border of a part is cut off there, and seen whole in another part."""
SAME = 0.45
"""Overlap from which two boxes are one road user."""
NAMELESS = -1
"""Class of a vehicle of which only a teacher that knows no kinds tells."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one teacher saw: `boxes` (n, 4) in fractions, `scores` (n,), `classes` (n,)."""

    boxes: FloatArray
    scores: FloatArray
    classes: NDArray[np.int8]


def look(
    examples: Sequence[Example], *, cards: Sequence[Card], path: Sequence[Path], cache: Path
) -> dict[str, list[Seen]]:
    """By name of picture what each teacher sees, from the cache as far as it goes; the cache grows as it is made."""
    detectors = [Detector(card, path=path) for card in cards]
    known = _read(cache, cards)
    missing = [example for example in examples if example.name not in known]
    for number, example in enumerate(missing, start=1):
        picture = decode_picture(example.file, example.file.read_bytes())
        known[example.name] = [look_tiled(detector, picture) for detector in detectors]
        if number % 200 == 0 or number == len(missing):
            print(f"teachers: {number} of {len(missing)} pictures", flush=True)
            _write(known, cache, cards)
    return known


def taught(example: Example, seen: Sequence[Seen]) -> Example:
    """The example with the sure boxes of the teachers for classes that were not labelled, and with regions of which
    nothing is known where a teacher doubts, or sees what the labels of a labelled class leave out."""
    whole = (example.unknown == np.array([0, 0, 1, 1], np.float32)).all(axis=1)
    unlabelled = example.of[whole].any(axis=0)
    result = replace(example, unknown=example.unknown[~whole], of=example.of[~whole])
    believed = believe(seen)
    for box, sure, kind in zip(believed.boxes, believed.scores >= SURE, believed.classes, strict=True):
        if _within(box, result.unknown) or _within(box, result.boxes[_rider_or_alike(result.classes, kind)]):
            continue
        if sure and kind != NAMELESS and unlabelled[kind] and not _within(box, result.boxes):
            boxes, classes = np.concatenate([result.boxes, box[None]]), np.append(result.classes, kind)
            result = replace(result, boxes=boxes, classes=classes.astype(np.int8))
        elif sure or kind == NAMELESS or unlabelled[kind]:
            result = with_unknown(result, box, classes=KINDS[kind] == KINDS)
    return result


def believe(seen: Sequence[Seen]) -> Seen:
    """What the teachers see together: from AGREED on, seen by two, it is as good as SURE."""
    boxes = np.concatenate([one.boxes for one in seen])
    scores = np.concatenate([one.scores for one in seen])
    classes = np.concatenate([one.classes for one in seen])
    teacher = np.repeat(np.arange(len(seen)), [len(one.boxes) for one in seen])
    alike = (iou(boxes, boxes) >= SAME) & (KINDS[classes][:, None] == KINDS[classes])
    agreed = (alike & (teacher[:, None] != teacher) & (scores >= AGREED)[None]).any(axis=1)
    scores = np.where(agreed & (scores >= AGREED), np.maximum(scores, SURE), scores)
    order = np.lexsort([-scores, classes == NAMELESS])  # those last: another teacher may know the kind
    order = order[scores[order] >= DOUBT]
    return Seen(boxes[order], scores[order], classes[order])


def _rider_or_alike(classes: NDArray[np.int8], kind: int) -> NDArray[np.bool_]:
    """Which road users may be the one of this kind seen again: those of its kind, and for a person what is ridden."""
    kinds = (KINDS[kind], KINDS[BICYCLE]) if kind == PEDESTRIAN else (KINDS[kind],)
    return np.isin(KINDS[classes], kinds)


def _within(box: FloatArray, others: FloatArray) -> bool:
    """Whether the box is one of the others, or lies for the most part in one of them."""
    if not len(others):
        return False
    shared = np.clip(np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2]), 0, None).prod(axis=1)
    own = max(float((box[2:] - box[:2]).prod()), 1e-9)
    return bool(iou(box[None], others).max() >= SAME or shared.max() >= 0.7 * own)


def look_tiled(detector: Detector, picture: NDArray[np.uint8]) -> Seen:
    """What the detector sees in the whole picture and in its parts, each road user once; a vehicle without a kind has
    the class NAMELESS."""
    rows, columns = picture.shape[:2]
    boxes, scores, classes = [], [], []
    for x1, y1, x2, y2 in TILES:
        part = picture[int(y1 * rows) : int(y2 * rows), int(x1 * columns) : int(x2 * columns)]
        found = detector.detect(to_frame(np.ascontiguousarray(part), Instant(0.0, 0.0)))
        cut = np.array([x1 > 0, y1 > 0, x2 < 1, y2 < 1]) & (
            np.abs(found.boxes - np.array([0, 0, 1, 1], np.float32)) < EDGE
        )
        whole = ~cut.any(axis=1)
        boxes.append(found.boxes[whole] * np.float32(x2 - x1) + np.array([x1, y1, x1, y1], np.float32))
        scores.append(found.scores[whole])
        classes.append(found.classes[whole])
    pixels = np.array([columns, rows] * 2, np.float32)
    together = Candidates(np.concatenate(boxes) * pixels, np.concatenate(scores), np.concatenate(classes))
    best = without_duplicates(together, overlap=SAME)
    nameless = (KINDS[best.classes] == KINDS[-1]) & ("bus" not in detector.card.classes.values())
    return Seen(best.boxes / pixels, best.scores, np.where(nameless, NAMELESS, best.classes).astype(np.int8))


def _read(cache: Path, cards: Sequence[Card]) -> dict[str, list[Seen]]:
    """What was seen before by the same teachers."""
    if not cache.exists():
        return {}
    kept = json.loads(cache.read_text(encoding="utf-8"))
    if kept["teachers"] != [card.sha256 for card in cards]:
        return {}
    return {name: [_from_rows(rows) for rows in seen] for name, seen in kept["seen"].items()}


def _from_rows(rows: list[list[float]]) -> Seen:
    table = np.array(rows, np.float32).reshape(-1, 6)
    return Seen(table[:, :4], table[:, 4], table[:, 5].astype(np.int8))


def _write(known: dict[str, list[Seen]], cache: Path, cards: Sequence[Card]) -> None:
    """Replace the cache at once, so that a stop in between leaves the one before."""
    rows = {
        name: [np.column_stack([one.boxes, one.scores, one.classes]).astype(float).round(4).tolist() for one in seen]
        for name, seen in known.items()
    }
    cache.parent.mkdir(parents=True, exist_ok=True)
    beside = cache.with_suffix(".new")
    beside.write_text(json.dumps({"teachers": [card.sha256 for card in cards], "seen": rows}), encoding="utf-8")
    beside.replace(cache)
