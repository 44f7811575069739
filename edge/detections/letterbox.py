"""Fits a decoded picture into the input of a net, plane by plane: a third of the time of converting it first."""

from __future__ import annotations

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


class Letterbox:
    """Fills one input blob again and again, so analysing for weeks needs no new memory."""

    def __init__(self, form: Input, *, mask: Sequence[Sequence[Point]] = ()) -> None:
        self._form = form
        self._mask = mask
        rows, columns = form.height, form.width
        self._packed = np.empty((rows * 3 // 2, columns), np.uint8)  # I420, as cv2 converts it
        self._y = self._packed[:rows]
        self._u, self._v = self._packed[rows:].reshape(2, rows // 2, columns // 2)
        self._colour = np.empty((rows, columns, 3), np.uint8)
        self._blob = np.empty((1, 3, rows, columns), np.float32)
        self._conversion = cv2.COLOR_YUV2BGR_I420 if form.channels == "bgr" else cv2.COLOR_YUV2RGB_I420
        self._size = (0, 0)
        self._placement = Placement(left=0, top=0, width=columns, height=rows)
        self._hidden = np.zeros((rows, columns), np.bool_)

    def fill(self, frame: Frame) -> tuple[FloatArray, Placement]:
        """The net's input (1, 3, height, width), valid until the next call, and where the picture lies in it.

        Masked parts are as grey as the border."""
        if (frame.width, frame.height) != self._size:
            self._prepare(frame)
        for plane, target, share in ((frame.y, self._y, 1), (frame.u, self._u, 2), (frame.v, self._v, 2)):
            self._shrink(plane, target, share)
        if self._mask:
            self._y[self._hidden] = _grey(self._form.pad)
            self._u[self._hidden[::2, ::2]] = GREY_CHROMA
            self._v[self._hidden[::2, ::2]] = GREY_CHROMA
        cv2.cvtColor(self._packed, self._conversion, dst=self._colour)
        for channel, (mean, std) in enumerate(zip(self._form.mean, self._form.std, strict=True)):
            np.subtract(self._colour[:, :, channel], np.float32(mean), out=self._blob[0, channel])
            if std != 1:
                self._blob[0, channel] *= np.float32(1 / std)
        return self._blob, self._placement

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
