"""Files read at a rate by their own times: real clips, and awkward ones made here."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from edge.errors import SourceError
from edge.frames.clip import frames, pictures
from edge.frames.transcode import to_h264


def write(path: Path, ticks: list[int], *, size: tuple[int, int] = (64, 48), audio: bool = False) -> Path:
    """A clip (Matroska, FFV1) whose n-th picture is n grey levels bright and shown at ticks[n] milliseconds."""
    width, height = size
    with av.open(str(path), "w", format="matroska") as container:
        if audio:
            sound = container.add_stream("pcm_s16le", rate=8000)
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
            silence.sample_rate = 8000
            container.mux(sound.encode(silence))
            return path
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for number, tick in enumerate(ticks):
            planes = np.full((height * 3 // 2, width), 16 + number, np.uint8)
            picture = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            picture.pts, picture.time_base = tick, Fraction(1, 1000)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def test_clip_gives_the_first_frame_of_each_slot(tmp_path: Path) -> None:
    clip = write(tmp_path / "clip.mkv", [40 * n for n in range(50)])
    got = list(frames(clip, rate=6, start_utc=1000.0))
    assert [frame.at.seconds for frame in got] == pytest.approx(
        [0, 0.2, 0.36, 0.52, 0.68, 0.84, 1.0, 1.2, 1.36, 1.52, 1.68, 1.84]
    )
    assert all(frame.at.utc == 1000 + frame.at.seconds for frame in got)
    assert [int(frame.y[0, 0]) - 16 for frame in got] == [round(frame.at.seconds / 0.04) for frame in got]


def test_clip_starts_at_zero_whatever_its_times(tmp_path: Path) -> None:
    clip = write(tmp_path / "clip.mkv", [7_200_000 + 40 * n for n in range(10)])
    assert next(iter(frames(clip, rate=5))).at.seconds == 0


def test_clip_with_a_hole_gives_each_frame_once(tmp_path: Path) -> None:
    clip = write(tmp_path / "clip.mkv", [0, 40, 80, 5000, 5040, 5240])
    got = list(frames(clip, rate=5))
    assert [frame.at.seconds for frame in got] == pytest.approx([0, 5.0, 5.24])


@pytest.mark.parametrize("rate", [25, 30, 1000])
def test_clip_slower_than_the_rate_gives_every_frame(rate: float, tmp_path: Path) -> None:
    clip = write(tmp_path / "clip.mkv", [40 * n + n % 3 for n in range(50)])
    assert len(list(frames(clip, rate=rate))) == 50


def test_clip_rounded_to_milliseconds_loses_no_slot(tmp_path: Path) -> None:
    clip = write(tmp_path / "clip.mkv", [round(1000 * n / 30) for n in range(90)])
    assert len(list(frames(clip, rate=15))) == 45


def test_clip_with_times_that_go_back_is_counted_by_its_rate(media: Path) -> None:
    got = [seconds for seconds, _ in pictures(media / "traffic_motorway_cyclist_bgs02.avi")]
    assert len(got) == 748
    assert [b - a for a, b in pairwise(got)] == pytest.approx([0.04] * 747)


def test_clip_twice_gives_the_same_frames(street: Path) -> None:
    def digest() -> str:
        whole = hashlib.sha256()
        for frame in frames(street, rate=3):
            whole.update(repr(frame.at).encode() + frame.y.tobytes() + frame.u.tobytes() + frame.v.tobytes())
        return whole.hexdigest()

    assert digest() == digest()


def test_clip_cut_short_ends_where_it_was_cut(street: Path, tmp_path: Path) -> None:
    with av.open(str(street)) as source, av.open(str(tmp_path / "whole.mkv"), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            packet.stream = stream
            if packet.size:
                target.mux(packet)
    whole = (tmp_path / "whole.mkv").read_bytes()
    short = tmp_path / "short.mkv"
    short.write_bytes(whole[: len(whole) // 4])
    assert 50 < len(list(frames(short, rate=100))) < 400


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [("text.mp4", b"no video at all, only words\n" * 50, "novideo"), ("empty.mp4", b"", "novideo")],
)
def test_clip_that_is_no_video_says_so(name: str, content: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SourceError) as caught:
        list(frames(path, rate=5))
    assert caught.value.reason == reason
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_clip_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        list(frames(tmp_path / "gone.mp4", rate=5))


def test_clip_of_a_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read as a video"):
        list(frames(tmp_path, rate=5))


def test_clip_without_video_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="has no video in it"):
        list(frames(write(tmp_path / "sound.mkv", [], audio=True), rate=5))


def test_clip_of_an_unknown_codec_says_so(tmp_path: Path) -> None:
    clip = write(tmp_path / "clip.mkv", [0, 40])
    unknown = tmp_path / "unknown.mkv"
    unknown.write_bytes(clip.read_bytes().replace(b"V_FFV1", b"V_XYZ1"))
    with pytest.raises(SourceError) as caught:
        list(frames(unknown, rate=5))
    assert caught.value.reason == "codec"


def test_transcode_keeps_times_and_looks(vtest: Path, street: Path) -> None:
    source, copy = pictures(vtest), pictures(street)
    for number, ((then, before), (now, after)) in enumerate(zip(source, copy, strict=True)):
        assert now == pytest.approx(then, abs=1e-4)
        assert after.key_frame == (number % 10 == 0)
        if number % 100 == 0:
            error = before.to_ndarray().astype(float) - after.to_ndarray()
            assert 10 * np.log10(255**2 / np.mean(error**2)) > 38


def test_transcode_of_an_odd_size_makes_it_even(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "odd.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 65, 49, "yuv444p"
        container.mux(stream.encode(av.VideoFrame(65, 49, "yuv444p")))
        container.mux(stream.encode(None))
    to_h264(tmp_path / "odd.mkv", tmp_path / "even.mp4")
    (frame,) = frames(tmp_path / "even.mp4", rate=5)
    assert (frame.width, frame.height) == (64, 48)


def test_transcode_that_fails_leaves_nothing(tmp_path: Path) -> None:
    source = tmp_path / "text.mp4"
    source.write_text("no video")
    with pytest.raises(SourceError):
        to_h264(source, tmp_path / "target.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["text.mp4"]


def test_clip_that_is_cut_short_says_what_was_not_analysed(vtest, tmp_path, caplog):
    cut = tmp_path / "cut.avi"
    cut.write_bytes(vtest.read_bytes()[:1_000_000])
    found = list(frames(cut, rate=1))
    assert 3 <= len(found) < 20
    assert "cut.avi: 1 damaged pictures were not analysed" in caplog.text
