"""Small clips encoded for a test: a slope of grey that moves, or any pictures, in any codec and pixel format."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange
from numpy.typing import NDArray

from edge.dataflow import Frame

Grey = NDArray[np.uint8]

X265 = {"preset": "ultrafast", "x265-params": "keyint=10:bframes=0:log-level=none"}
CODECS = {
    "h264": ("libx264", "yuv420p", {"preset": "ultrafast", "x264-params": "keyint=10:bframes=0"}),
    "h264-intra": ("libx264", "yuv420p", {"preset": "ultrafast", "x264-params": "keyint=1:bframes=0"}),
    "h264-steady": ("libx264", "yuv420p", {"preset": "ultrafast", "x264-params": "qp=30:keyint=10:bframes=0"}),
    "h264-fine": ("libx264", "yuv420p", {"preset": "veryfast", "crf": "18", "x264-params": "keyint=10:bframes=0"}),
    "h265": ("libx265", "yuv420p", X265),
    "h265-10bit": ("libx265", "yuv420p10le", X265),
    "mjpeg": ("mjpeg", "yuvj420p", {"huffman": "default"}),
}
SHADES = (50, 190)
"""The darkest and the lightest grey of the slope."""


def slope(width: int, height: int, *, shift: int = 0) -> Grey:
    """Limited-range grey from left to right and back, moved by so many pixels: uint8 (height, width)."""
    dark, light = SHADES
    phase = np.abs((np.arange(width) + shift) / width % 1 * 2 - 1)
    return np.broadcast_to((dark + (light - dark) * phase).astype(np.uint8), (height, width))


def clip(path: Path, codec: str, *, size: tuple[int, int] = (320, 192), seconds: float = 4.0, rate: int = 10) -> Path:
    """Encodes the slope, by one pixel further in each picture, as one of CODECS."""
    return film(path, codec, (slope(*size, shift=number) for number in range(round(seconds * rate))), rate=rate)


def film(path: Path, codec: str, pictures: Iterable[Grey | Frame], *, rate: int = 10) -> Path:
    """Encodes pictures, of limited-range grey or in colour, sides even, as one of CODECS."""
    name, pixels, options = CODECS[codec]
    full = ColorRange.JPEG if pixels.startswith("yuvj") else ColorRange.MPEG
    with av.open(str(path), "w") as container:
        stream = container.add_stream(name, rate=rate, options=options)
        stream.codec_context.thread_count = 1
        for number, shown in enumerate(pictures):
            planes = _planes(shown)
            if number == 0:
                height, width = planes.shape
                stream.width, stream.height, stream.pix_fmt = width, height * 2 // 3, pixels
            picture = av.VideoFrame.from_ndarray(planes, format="yuv420p").reformat(
                format=pixels, src_color_range=ColorRange.MPEG, dst_color_range=full, threads=1
            )
            picture.pts, picture.time_base = number, Fraction(1, rate)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def _planes(picture: Grey | Frame) -> Grey:
    """Luma above chroma, as I420: uint8 (3 / 2 height, width)."""
    if isinstance(picture, Frame):
        chroma = np.concatenate([picture.u.ravel(), picture.v.ravel()]).reshape(-1, picture.width)
        return np.concatenate([picture.y, chroma])
    height, width = picture.shape
    return np.concatenate([picture, np.full((height // 2, width), 128, np.uint8)])
