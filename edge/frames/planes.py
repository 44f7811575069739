"""Decoded pictures of any pixel format as the planes of a Frame."""

from __future__ import annotations

from typing import Literal

import av
import numpy as np
from av.video.reformatter import ColorRange
from numpy.typing import NDArray

from edge.dataflow import Frame, Instant

CHROMA_STEP = 2
"""Pixels of the picture to one of `u` and `v`, both ways (4:2:0)."""


def frame_of(picture: av.VideoFrame, at: Instant) -> Frame:
    """The picture as a Frame of its own memory, so the decoder may use the picture's again."""
    picture = limited(picture)
    y, u, v = (_plane(picture, index) for index in (0, 1, 2))
    return Frame(at, y, u, v)


def limited(picture: av.VideoFrame) -> av.VideoFrame:
    """The picture as 4:2:0 with limited range (16 to 235); itself where it is that already.

    One conversion whatever it was: full range, 4:2:2, NV12, grey, 10 bit. The colour matrix is left as it is.
    """
    name, declared = picture.format.name, picture.color_range
    grey = name.startswith("gray") and declared == ColorRange.UNSPECIFIED
    full = declared == ColorRange.JPEG or name.startswith("yuvj") or grey
    if name == "yuv420p" and not full:
        return picture
    return picture.reformat(
        format="yuv420p",
        src_color_range=ColorRange.JPEG if full else ColorRange.MPEG,
        dst_color_range=ColorRange.MPEG,
        threads=1,  # with more, swscale was seen to spoil lines where its slices meet, now and then
    )


def _plane(picture: av.VideoFrame, index: Literal[0, 1, 2]) -> NDArray[np.uint8]:
    """One plane uint8 (height, width) without the padding that decoders add to each line."""
    plane = picture.planes[index]
    step = CHROMA_STEP if index else 1
    height, width = -(-picture.height // step), -(-picture.width // step)
    memory = memoryview(plane)
    lines = np.frombuffer(memory, np.uint8)[: height * plane.line_size].reshape(height, plane.line_size)
    return lines[:, :width].copy()
