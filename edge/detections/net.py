"""One net at work, for pictures of one size. The only door to onnxruntime."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # its wheel reports home and writes into HOME unless told so before import
import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as refused

from edge.dataflow import FloatArray
from edge.detections.card import Card
from edge.detections.decode import Candidates, decode, expected_shapes
from edge.detections.letterbox import blob_shapes
from edge.errors import ModelError

UNREADABLE = (
    refused.EPFail,
    refused.Fail,
    refused.InvalidArgument,
    refused.InvalidGraph,
    refused.InvalidProtobuf,
    refused.NotImplemented,
    refused.RuntimeException,
    MemoryError,
    UnicodeDecodeError,
)
"""What onnxruntime raises on a file that it cannot make a net of, or run; they have no common base."""


class Net:
    """The net of a card for inputs of the card's size, which is checked against the file."""

    def __init__(self, weights: bytes, card: Card, *, threads: int) -> None:
        """A ModelError where the file is no net or does not fit the card."""
        self._card = card
        self._session = _open(weights, card, threads)
        self._inputs = _check_shapes(self._session, card)

    def answer(self, blobs: Sequence[FloatArray]) -> Candidates:
        """What the net finds, in pixels of its input; a ModelError where it fails, or answers otherwise than its file
        said it would."""
        try:
            answers: list[FloatArray] = self._session.run(None, dict(zip(self._inputs, blobs, strict=True)))
        except UNREADABLE as error:
            raise _unusable(self._card, error) from None
        _check_answers(answers, self._card)
        return decode(answers, self._card)


def _open(weights: bytes, card: Card, threads: int) -> ort.InferenceSession:
    """A session on so many threads of its own that sleep when idle: cameras share the cores."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4
    width, height = card.input.width, card.input.height
    if card.input.adapts:
        sizes = {"width": width, "height": height, "half_width": width // 2, "half_height": height // 2}
        for name, size in sizes.items():
            options.add_free_dimension_override_by_name(name, size)
    try:
        return ort.InferenceSession(weights, options, providers=["CPUExecutionProvider"], enable_fallback=0)
    except UNREADABLE as error:
        raise _unusable(card, error) from None


def _unusable(card: Card, error: Exception) -> ModelError:
    reason = (str(error).partition(" : ")[2] or str(error) or type(error).__name__)[:300]
    do = "export the net again as ONNX for this onnxruntime"
    return ModelError(f"model {card.name}", f"{card.weights} is no net that onnxruntime runs: {reason}", do=do)


def _check_shapes(session: ort.InferenceSession, card: Card) -> list[str]:
    """The names of the net's inputs; a ModelError unless inputs and outputs have the shapes of the card."""
    inputs = [tuple(node.shape) for node in session.get_inputs()]
    outputs = [tuple(node.shape) for node in session.get_outputs()]
    for what, found, expected in (
        ("input", inputs, blob_shapes(card.input)),
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
    return [str(node.name) for node in session.get_inputs()]


def _check_answers(answers: Sequence[object], card: Card) -> None:
    """A ModelError unless they are float32 of the card's shapes, and as long as each other where the card says not."""
    expected = expected_shapes(card)
    shapes = [each.shape if isinstance(each, np.ndarray) and each.dtype == np.float32 else () for each in answers]
    pairs = list(zip(shapes, expected, strict=False))
    fitting = len(shapes) == len(expected) and all(_fits(*pair) for pair in pairs)
    if not fitting or len({have[want.index(None)] for have, want in pairs if None in want}) > 1:
        raise ModelError(
            f"model {card.name}",
            f"the answer of {card.weights} does not fit the card",
            expected=f"float32 {_told(expected)}",
            found=_told([each.shape if isinstance(each, np.ndarray) else () for each in answers]),
            do="correct family, input and head of the card, or name other weights",
        )


def _fits(found: tuple[object, ...], expected: Sequence[int | None]) -> bool:
    """Whether a shape is the expected one; a size that the net or the card leaves open fits any."""
    if len(found) != len(expected):
        return False
    return all(
        want is None or have == want or not isinstance(have, int) for have, want in zip(found, expected, strict=True)
    )


def _told(shapes: Sequence[Sequence[object]]) -> str:
    return " and ".join("x".join("?" if side is None else str(side) for side in shape) for shape in shapes)
