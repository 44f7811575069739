"""Which pictures are trusted after damage."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from edge.frames.stream import Trust


@pytest.fixture(scope="module")
def pictures() -> tuple[av.VideoFrame, av.VideoFrame]:
    """A key picture and one predicted from it, as a decoder gives them."""
    encoder = av.CodecContext.create("mpeg4", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 64, 48, "yuv420p", Fraction(1, 25)
    packets = []
    for number in range(2):
        picture = av.VideoFrame.from_ndarray(np.full((72, 64), 128, np.uint8), format="yuv420p")
        picture.pts = number
        packets += encoder.encode(picture)
    decoder = av.CodecContext.create("mpeg4", "r")
    decoder.thread_count = 1
    decoded = [picture for packet in [*packets, None] for picture in decoder.decode(packet)]
    key, predicted = decoded
    assert (key.key_frame, predicted.key_frame) == (True, False)
    return key, predicted


def test_trust_begins_with_a_key_frame(pictures: tuple[av.VideoFrame, av.VideoFrame]) -> None:
    key, predicted = pictures
    trust = Trust(100.0, 4.0)
    assert [trust.accepts(picture, 101.0) for picture in (predicted, key, predicted)] == [False, True, True]


def test_trust_lost_is_given_back_by_a_key_frame(pictures: tuple[av.VideoFrame, av.VideoFrame]) -> None:
    key, predicted = pictures
    trust = Trust(100.0, 4.0)
    trust.accepts(key, 101.0)
    trust.lose(102.0)
    assert [trust.accepts(picture, 102.5) for picture in (predicted, key, predicted)] == [False, True, True]


def test_trust_without_key_frames_comes_back_with_time(pictures: tuple[av.VideoFrame, av.VideoFrame]) -> None:
    _, predicted = pictures
    trust = Trust(100.0, 4.0)
    assert not trust.accepts(predicted, 103.9)
    assert trust.accepts(predicted, 104.0)
    trust.lose(110.0)
    assert not trust.accepts(predicted, 113.9)
    assert trust.accepts(predicted, 114.0)
