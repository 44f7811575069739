"""Pictures of every pixel format become the same planes."""

from __future__ import annotations

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange

from edge.dataflow import Instant
from edge.frames.planes import frame_of, limited

AT = Instant(1.5, 1_700_000_001.5)
FORMATS = ["yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "nv12", "nv21", "gray", "yuv420p10le", "rgb24"]


def slope(width: int, height: int) -> av.VideoFrame:
    """Grey that runs from black on the left to white on the right."""
    row = np.linspace(0, 255, width).astype(np.uint8)
    return av.VideoFrame.from_ndarray(np.broadcast_to(row[None, :, None], (height, width, 3)).copy(), format="rgb24")


@pytest.mark.parametrize("size", [(64, 48), (321, 241), (33, 2)])
@pytest.mark.parametrize("name", FORMATS)
def test_planes_of_any_format_are_limited_range(name: str, size: tuple[int, int]) -> None:
    width, height = size
    frame = frame_of(slope(width, height).reformat(format=name, threads=1), AT)
    assert frame.at == AT
    assert (frame.width, frame.height) == (width, height)
    half = ((height + 1) // 2, (width + 1) // 2)
    assert frame.u.shape == frame.v.shape == half
    expected = 16 + np.linspace(0, 255, width) * 219 / 255
    assert np.abs(frame.y.astype(float) - expected).max() <= 3
    assert np.abs(np.stack([frame.u, frame.v]).astype(int) - 128).max() <= 2


def test_planes_of_limited_pictures_are_not_converted() -> None:
    picture = slope(64, 48).reformat(format="yuv420p")
    assert limited(picture) is picture


def test_planes_of_full_range_told_only_by_a_flag_are_converted() -> None:
    picture = av.VideoFrame.from_ndarray(np.full((72, 64), 255, np.uint8), format="yuv420p")
    picture.color_range = ColorRange.JPEG
    assert frame_of(picture, AT).y.max() == 235


def test_planes_outlive_the_picture() -> None:
    picture = slope(64, 48).reformat(format="yuv420p")
    frame = frame_of(picture, AT)
    before = frame.y.copy()
    np.frombuffer(memoryview(picture.planes[0]), np.uint8)[:] = 0
    assert (frame.y == before).all()
    assert frame.y.flags.c_contiguous
