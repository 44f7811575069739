"""The frames of a video file at the rate asked, by the file's own presentation times."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import chain, islice, pairwise
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from edge.dataflow import Frame, Instant
from edge.errors import SourceError
from edge.frames.planes import frame_of

LOG = logging.getLogger("edge.frames")

PROBE_FRAMES = 16
"""Frames looked at to tell whether the file's times can be believed; packed B-frames in AVI show by the fourth."""

SLACK_SECONDS = 0.002
"""How early a frame may be for its slot: containers round times to milliseconds."""

USUAL_RATE = Fraction(25)
"""Frames a second where the file states none."""


def frames(path: Path, *, rate: float, start_utc: float = 0.0) -> Iterator[Frame]:
    """The frames of the file at `rate` a second: for the k-th slot the first one at k / rate or later.

    `at.seconds` counts from the first frame, `at.utc` is `start_utc` plus that. Every frame where the file has
    no more than `rate` a second. Damaged frames are left out. Two runs give the same frames.

    Raises:
        SourceError: the file is not there, is no video, or has no picture that can be decoded.
    """
    slot = 0
    with _opened(path) as container:
        video = _video(container, path)
        every = video.average_rate is not None and rate >= video.average_rate
        for seconds, picture in timed(video, path):
            if every or seconds + SLACK_SECONDS >= slot / rate:
                slot = int((seconds + SLACK_SECONDS) * rate) + 1
                yield frame_of(picture, Instant(seconds, start_utc + seconds))


def pictures(path: Path) -> Iterator[tuple[float, av.VideoFrame]]:
    """Every undamaged picture of the file, not converted, with its time in seconds after the first.

    Raises:
        SourceError: as for `frames`.
    """
    with _opened(path) as container:
        yield from timed(_video(container, path), path)


def timed(video: VideoStream, path: Path) -> Iterator[tuple[float, av.VideoFrame]]:
    """The undamaged pictures of a stream with their times, which always increase and start at 0."""
    decoded = _decoded(video, path)
    probe = list(islice(decoded, PROBE_FRAMES))
    if not probe:
        raise SourceError(str(path), "no picture in it can be decoded", reason="novideo", do="give a video file")
    stamp = _believable(probe)
    step = float(1 / (video.average_rate or USUAL_RATE))
    unit = float(video.time_base or 0)
    start, last = stamp(probe[0]), -step
    for picture in chain(probe, decoded):
        ticks = stamp(picture)
        seconds = (ticks - start) * unit if ticks is not None and start is not None else last
        last = seconds if seconds > last else last + step
        yield last, picture


def _believable(probe: list[av.VideoFrame]) -> Callable[[av.VideoFrame], int | None]:
    """Where these pictures' times are right: presentation, else decoding times, else none (count them)."""
    for stamp in (_presentation, _decoding):
        ticks = [stamp(picture) for picture in probe]
        known = [tick for tick in ticks if tick is not None]
        if ticks[0] is not None and len(known) > 1 and all(a < b for a, b in pairwise(known)):
            return stamp
    return lambda _: None


def _presentation(picture: av.VideoFrame) -> int | None:
    return picture.pts


def _decoding(picture: av.VideoFrame) -> int | None:
    return picture.dts


def _decoded(video: VideoStream, path: Path) -> Iterator[av.VideoFrame]:
    """The pictures of the stream in order, without those that the decoder calls damaged, which are logged."""
    container = video.container
    assert isinstance(container, InputContainer)  # noqa: S101
    packets = container.demux(video)
    damaged, cut = 0, ""
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            break
        except av.FFmpegError as error:  # a file cut short ends where it was cut
            cut = f"reading ended early, {error.strerror or type(error).__name__}"
            break
        try:
            found = packet.decode()
        except av.FFmpegError:
            damaged += 1
            continue
        damaged += sum(picture.is_corrupt for picture in found)
        yield from (picture for picture in found if not picture.is_corrupt)
    faults = [f"{damaged} damaged pictures were not analysed"] * bool(damaged) + [cut] * bool(cut)
    if faults:
        LOG.warning("%s: %s; what is counted is less than the whole", path, ", ".join(faults))


def _opened(path: Path) -> InputContainer:
    try:
        return av.open(str(path), metadata_errors="replace")
    except FileNotFoundError:
        raise SourceError(str(path), "there is no such file", reason="notfound", do="check its path") from None
    except av.FFmpegError as error:
        found = error.strerror or type(error).__name__
        raise SourceError(
            str(path), "cannot be read as a video", reason="novideo", found=found, do="give a video file"
        ) from None


def _video(container: InputContainer, path: Path) -> VideoStream:
    """The first video stream, set to decode on one thread, so that runs are alike and cameras share the cores."""
    if not container.streams.video:
        raise SourceError(str(path), "has no video in it", reason="novideo", do="give a file with a video stream")
    video = container.streams.video[0]
    if video.codec_context is None:
        raise SourceError(str(path), "its codec is unknown", reason="codec", do="convert it to H.264")
    video.codec_context.thread_count = 1
    return video
