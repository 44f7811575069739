"""The golden picture of a model: shows wrong colours, scales or decoding at load instead of wrong counts for months."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.dataflow import CLASSES, Frame, Instant
from edge.detections.card import Card, Golden, find_file
from edge.detections.decode import Candidates
from edge.errors import ModelError
from edge.geometry import iou

ALIKE = 0.03
"""Scores may differ so much: another processor or JPEG decoder moves them by less, wrong means or fit by more."""


def read_golden(golden: Golden, *, card: Card, path: Sequence[Path]) -> Frame:
    """The golden picture, found along the path, as a frame; a ModelError where it is missing or no picture."""
    file = find_file(golden.picture, path=path)
    if file is None:
        folders = " or ".join(str(folder) for folder in path)
        raise ModelError(
            f"model {card.name}", "the golden picture is missing", do=f"put {golden.picture} into {folders}"
        )
    picture = cv2.imdecode(np.frombuffer(file.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise ModelError(str(file), "not a picture that can be read", do="restore the golden picture of the model")
    return to_frame(np.asarray(picture, np.uint8), Instant(seconds=0.0, utc=0.0))


def to_frame(picture: NDArray[np.uint8], at: Instant) -> Frame:
    """A BGR picture (height, width, 3) as the planes of a frame; an odd last row or column is left away."""
    rows, columns = (side // 2 * 2 for side in picture.shape[:2])
    packed = np.asarray(cv2.cvtColor(picture[:rows, :columns], cv2.COLOR_BGR2YUV_I420), np.uint8)
    u, v = packed[rows:].reshape(2, rows // 2, columns // 2)
    return Frame(at=at, y=packed[:rows], u=u, v=v)


def check_golden(found: Candidates, golden: Golden, *, card: Card) -> None:
    """A ModelError unless these boxes, in fractions, are the golden ones and no others."""
    strong = found.scores >= golden.score
    seen = Candidates(found.boxes[strong], found.scores[strong], found.classes[strong])
    expected = Candidates(
        np.array([box.box for box in golden.boxes], np.float32).reshape(-1, 4),
        np.array([box.score for box in golden.boxes], np.float32),
        np.array([CLASSES.index(box.kind) for box in golden.boxes], np.int8),
    )
    if _same(seen, expected, golden.tolerance):
        return
    raise ModelError(
        f"model {card.name}",
        f"the golden picture {golden.picture} does not look as the card says",
        expected=_told(expected),
        found=_told(seen),
        do="check family, input and classes of the card: the weights are those it names",
    )


def _same(found: Candidates, expected: Candidates, tolerance: float) -> bool:
    """Whether each expected box has one found box of its class, as sure, each side within the tolerance."""
    if len(found.boxes) != len(expected.boxes):
        return False
    if not len(expected.boxes):
        return True
    overlap = iou(expected.boxes, found.boxes) * (expected.classes[:, None] == found.classes[None, :])
    pairs = overlap.argmax(axis=1)
    paired = len(set(pairs.tolist())) == len(pairs) and bool((overlap.max(axis=1) > 0).all())
    sides = np.abs(found.boxes[pairs] - expected.boxes).max()
    return paired and bool(sides <= tolerance and np.abs(found.scores[pairs] - expected.scores).max() <= ALIKE)


def _told(seen: Candidates) -> str:
    """Boxes as a person reads them: how many, and the first three."""
    first = [
        f"{CLASSES[kind]} {score:.2f} at {' '.join(f'{side:.2f}' for side in box)}"
        for kind, score, box in zip(seen.classes[:3], seen.scores[:3], seen.boxes[:3], strict=True)
    ]
    return f"{len(seen.boxes)} boxes ({'; '.join(first)}{' ...' if len(seen.boxes) > 3 else ''})"
