"""Fits a decoded picture into the input of a net, plane by plane: a third of the time of converting it first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.dataflow import FloatArray, Frame
from edge.detections.card import Input
from edge.geometry import Point

Plane = NDArray[np.uint8]
GREY_CHROMA = 128
STEP = 32
"""Sides of an input that adapts are multiples of this: the coarsest stride of the nets that do."""
SLACK = 1.01
"""So many times the pixels of the card's input such a one may have: 544x416 for 640x352."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the picture lies in the input of the net, in its pixels."""

    left: int
    top: int
    width: int
    height: int

    def to_picture(self, boxes: FloatArray) -> FloatArray:
        """Boxes (n, 4) x1 y1 x2 y2 from pixels of the input to fractions of the picture, cut at its edges."""
        origin = np.array([self.left, self.top] * 2, np.float32)
        size = np.array([self.width, self.height] * 2, np.float32)
        fractions: FloatArray = np.clip((boxes - origin) / size, 0, 1)
        return fractions


def fitted(form: Input, *, width: float, height: float) -> Input:
    """The input for pictures of this shape: of an input that adapts, the size with as many pixels (SLACK) in which
    they come out largest."""
    if not form.adapts:
        return form
    most = round(form.width * form.height * SLACK)
    sizes = [(w, most // w // STEP * STEP) for w in range(STEP, most // STEP + 1, STEP)]
    scale = max(min(w / width, h / height) for w, h in sizes)
    inner = (math.ceil(round(scale * side / STEP, 6)) * STEP for side in (width, height))
    return form.model_copy(update=dict(zip(("width", "height"), inner, strict=True)))


def blob_shapes(form: Input) -> list[tuple[int, ...]]:
    """Shapes of what the net takes: one picture of three channels, or its luma and, of half the size, its chroma."""
    rows, columns = form.height, form.width
    return (
        [(1, 1, rows, columns), (1, 2, rows // 2, columns // 2)] if form.channels == "yuv" else [(1, 3, rows, columns)]
    )


def empty_blobs(form: Input) -> list[FloatArray]:
    """What the net takes, all zero."""
    return [np.zeros(shape, np.float32) for shape in blob_shapes(form)]


class Letterbox:
    """Fills the same blobs again and again, so analysing for weeks needs no new memory."""

    def __init__(self, form: Input, *, mask: Sequence[Sequence[Point]] = ()) -> None:
        self._form = form
        self._mask = mask
        rows, columns = form.height, form.width
        self._packed = np.empty((rows * 3 // 2, columns), np.uint8)  # I420, as cv2 converts it
        self._y = self._packed[:rows]
        self._u, self._v = self._packed[rows:].reshape(2, rows // 2, columns // 2)
        self._blobs = empty_blobs(form)
        self._colour = np.empty((rows, columns, 3), np.uint8)
        self._channels = list(np.empty((3, rows, columns), np.uint8))
        self._size = (0, 0)
        self._placement = Placement(left=0, top=0, width=columns, height=rows)
        self._hidden = np.zeros((rows, columns), np.bool_)

    def fill(self, frame: Frame) -> tuple[list[FloatArray], Placement]:
        """The net's inputs, valid until the next call, and where the picture lies in them.

        Masked parts are as grey as the border."""
        if (frame.width, frame.height) != self._size:
            self._prepare(frame)
        for plane, target, share in ((frame.y, self._y, 1), (frame.u, self._u, 2), (frame.v, self._v, 2)):
            self._shrink(plane, target, share)
        if self._mask:
            self._y[self._hidden] = _grey(self._form.pad)
            self._u[self._hidden[::2, ::2]] = GREY_CHROMA
            self._v[self._hidden[::2, ::2]] = GREY_CHROMA
        targets = [channel for blob in self._blobs for channel in blob[0]]
        for channel, target, mean, std in zip(self._split(), targets, self._form.mean, self._form.std, strict=True):
            np.subtract(channel, np.float32(mean), out=target)
            if std != 1:
                target *= np.float32(1 / std)
        return self._blobs, self._placement

    def _split(self) -> Sequence[Plane]:
        """The channels in the order of the card; luma and chroma are at hand."""
        if self._form.channels == "yuv":
            return self._y, self._u, self._v
        conversion = cv2.COLOR_YUV2BGR_I420 if self._form.channels == "bgr" else cv2.COLOR_YUV2RGB_I420
        cv2.cvtColor(self._packed, conversion, dst=self._colour)
        cv2.split(self._colour, self._channels)
        return self._channels

    def _prepare(self, frame: Frame) -> None:
        """Take the size of the pictures to come: paint the border and find what the mask hides."""
        self._size = (frame.width, frame.height)
        self._placement = _place(self._form, *self._size)
        self._y[:] = _grey(self._form.pad)
        self._u[:] = self._v[:] = GREY_CHROMA
        place = self._placement
        painted = np.zeros(self._hidden.shape, np.uint8)
        for polygon in self._mask:
            corners = np.array(polygon) * [place.width, place.height] + [place.left, place.top]
            cv2.fillPoly(painted, [np.rint(corners).astype(np.int32)], (1,))
        self._hidden = painted.astype(np.bool_)

    def _shrink(self, plane: Plane, target: Plane, share: int) -> None:
        """Resize one plane into its place; `share` is 2 for chroma, which has half the pixels each way."""
        place = self._placement
        left, top, width, height = (side // share for side in (place.left, place.top, place.width, place.height))
        resized = cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR)  # as the nets were trained
        target[top : top + height, left : left + width] = resized


def _place(form: Input, width: int, height: int) -> Placement:
    """Where a picture of this size goes; even numbers, because chroma has half the pixels each way."""
    if form.fit == "stretch":
        return Placement(left=0, top=0, width=form.width, height=form.height)
    scale = min(form.width / width, form.height / height)
    inner = [max(2, round(side * scale / 2) * 2) for side in (width, height)]
    left, top = ((outer - side) // 4 * 2 for outer, side in zip((form.width, form.height), inner, strict=True))
    return Placement(left=left, top=top, width=inner[0], height=inner[1])


def _grey(value: int) -> int:
    """Luma, in BT.601 limited range, of a grey of 0..255."""
    return round(16 + value * 219 / 255)
