"""Finds the road users of a picture with the net that a card describes. The only door to onnxruntime."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # its wheel reports home and writes into HOME unless told so before import
import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as refused

from edge.dataflow import Detections, Frame
from edge.detections.card import Card, load_weights
from edge.detections.decode import Candidates, decode, expected_shapes
from edge.detections.golden import check_golden, read_golden
from edge.detections.letterbox import Letterbox
from edge.detections.suppress import with_riders, without_duplicates, without_riders
from edge.detections.tiles import merged, tiles
from edge.errors import ModelError
from edge.geometry import Point, bottom_centres, inside

UNREADABLE = (
    refused.EPFail,
    refused.Fail,
    refused.InvalidArgument,
    refused.InvalidGraph,
    refused.InvalidProtobuf,
    refused.NotImplemented,
    refused.RuntimeException,
)
"""What onnxruntime raises on a file that it cannot make a net of; they have no common base."""


class Detector:
    """One net at work: made once, keeps nothing from one picture to the next, same picture same boxes."""

    def __init__(
        self,
        card: Card,
        *,
        path: Sequence[Path],
        mask: Sequence[Sequence[Point]] = (),
        tiled: tuple[int, int] = (1, 1),
        threads: int = 1,
    ) -> None:
        """Load and verify: a ModelError where weights are missing, have another hash, do not fit the card, or do not
        find what its golden picture shows. `mask`: polygons in fractions, where nothing is seen; `tiled`: columns and
        rows of tiles that are looked at besides the whole."""
        cv2.setNumThreads(threads)
        self.card = card
        self._mask = tuple(tuple(polygon) for polygon in mask)
        self._session = _open(load_weights(card, path=path), card, threads)
        self._input = _check_shapes(self._session, card)
        if card.golden is not None:
            frame = read_golden(card.golden, card=card, path=path)
            check_golden(self._look(frame, Letterbox(card.input)), card.golden, card=card)
        parts = tiles(*tiled)
        self._looks = [(each, Letterbox(card.input, mask=[each.from_picture(p) for p in self._mask])) for each in parts]

    def detect(self, frame: Frame) -> Detections:
        """The road users in the picture, best first; those whose bottom centre is masked are left out."""
        if len(self._looks) == 1:
            found = self._look(frame, self._looks[0][1])
        else:
            found = merged([(each, self._look(each.cut(frame), letterbox)) for each, letterbox in self._looks])
        hidden = np.zeros(len(found.boxes), np.bool_)
        for polygon in self._mask:
            hidden |= inside(bottom_centres(found.boxes), polygon)
        order = np.argsort(-found.scores, kind="stable")
        rows = order[~hidden[order]]
        return Detections(
            at=frame.at,
            aspect=frame.width / frame.height,
            boxes=found.boxes[rows],
            scores=found.scores[rows],
            classes=found.classes[rows],
        )

    def _look(self, frame: Frame, letterbox: Letterbox) -> Candidates:
        """One look through the net: boxes in fractions of the picture, those wholly on its border left out."""
        blob, place = letterbox.fill(frame)
        found = decode(self._session.run(None, {self._input: blob}), self.card)
        found = without_duplicates(found, overlap=self.card.thresholds.iou)
        found = without_riders(found) if self.card.riders_included else with_riders(found)
        boxes = place.to_picture(found.boxes)
        seen = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        return Candidates(boxes[seen], found.scores[seen], found.classes[seen])


def _open(weights: bytes, card: Card, threads: int) -> ort.InferenceSession:
    """A session on so many threads of its own that sleep when idle: cameras share the cores."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4
    try:
        return ort.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
    except UNREADABLE as error:
        reason = str(error).partition(" : ")[2] or str(error)
        do = "export the net again as ONNX for this onnxruntime"
        raise ModelError(
            f"model {card.name}", f"{card.weights} is no net that onnxruntime runs: {reason}", do=do
        ) from error


def _check_shapes(session: ort.InferenceSession, card: Card) -> str:
    """The name of the net's only input; a ModelError unless inputs and outputs have the shapes of the card."""
    form = card.input
    inputs = [tuple(node.shape) for node in session.get_inputs()]
    outputs = [tuple(node.shape) for node in session.get_outputs()]
    for what, found, expected in (
        ("input", inputs, [(1, 3, form.height, form.width)]),
        ("output", outputs, expected_shapes(card)),
    ):
        if len(found) != len(expected) or not all(_fits(*pair) for pair in zip(found, expected, strict=True)):
            raise ModelError(
                f"model {card.name}",
                f"the {what} of {card.weights} does not fit the card",
                expected=_told(expected),
                found=_told(found),
                do="correct family, input and head of the card, or name other weights",
            )
    return str(session.get_inputs()[0].name)


def _fits(found: tuple[object, ...], expected: tuple[int | None, ...]) -> bool:
    """Whether a shape is the expected one; a size that the net or the card leaves open fits any."""
    if len(found) != len(expected):
        return False
    return all(
        want is None or have == want or not isinstance(have, int) for have, want in zip(found, expected, strict=True)
    )


def _told(shapes: Sequence[tuple[object, ...]]) -> str:
    return " and ".join("x".join("?" if side is None else str(side) for side in shape) for shape in shapes)
