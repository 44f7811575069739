"""A copy of a clip in H.264, which a camera can send as it is."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import av
from av.container import OutputContainer
from av.video.frame import PictureType
from av.video.stream import VideoStream

from edge.frames.clip import pictures
from edge.frames.planes import limited

TIME_BASE = Fraction(1, 90_000)
ENCODER = {
    "crf": "18",  # hard to tell from the source
    "preset": "veryfast",
    "forced-idr": "1",  # key frames where this module asks for them, by time, and nowhere else
    "x264-params": "keyint=infinite:scenecut=0:bframes=0:sliced-threads=0",  # one slice, however many cores
}
KEY_SECONDS = 1.0


def to_h264(source: Path, target: Path) -> None:
    """Write `source` to `target` (MP4) in near-lossless H.264: same frame times, a key frame every second, no
    B-frames, odd sizes made even. `target` appears complete or not at all.

    Raises:
        SourceError: `source` is no video.
    """
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with av.open(str(unfinished), "w", format="mp4") as container:
            _encode(source, container)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


def _encode(source: Path, container: OutputContainer) -> None:
    stream: VideoStream | None = None
    key_due = 0.0
    for seconds, picture in pictures(source):
        stream = stream or _stream(container, width=picture.width & ~1, height=picture.height & ~1)
        even = limited(picture).reformat(width=stream.width, height=stream.height, threads=1)
        even.pts, even.time_base = round(seconds / TIME_BASE), TIME_BASE
        key = seconds >= key_due
        key_due = seconds + KEY_SECONDS if key else key_due
        even.pict_type = PictureType.I if key else PictureType.NONE
        container.mux(stream.encode(even))
    if stream is not None:
        container.mux(stream.encode(None))


def _stream(container: OutputContainer, *, width: int, height: int) -> VideoStream:
    stream = container.add_stream("libx264", options=ENCODER)
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    stream.codec_context.time_base = TIME_BASE
    return stream
