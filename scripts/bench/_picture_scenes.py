"""Every fault and every hard case as a camera would send them: what happens to a clip's pictures, and which states
are right then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import _picture_faults as faults
import av
import numpy as np
from _picture_faults import Change, Grey

from edge.dataflow import Frame, Instant
from edge.frames.view import Shift

BEGIN, END, LAST = 12.0, 82.0, 122.0
EPOCH = 1_700_000_000.0
ENCODER = {"g": "2", "bf": "0", "preset": "veryfast", "tune": "zerolatency"}
CAMERA = {"crf": "28"} | ENCODER
STEADY = {"qp": "30"} | ENCODER
"""What quality a camera comes to that sends the same picture again and again."""


@dataclass(frozen=True)
class Scene:
    """A fault or hard case: pictures before and after as in BASES, what happens to them, which states are right then,
    which `shift` is, and what its encoder is told."""

    name: str
    change: Change
    right: tuple[str, ...]
    base: str = "clean"
    shift: Shift | None = None
    options: dict[str, str] = field(default_factory=lambda: CAMERA)


def clean(picture: Grey, _: float) -> Grey:
    return picture


def held(picture: Grey, _: float) -> Grey:
    """Stands for a camera that sends the same coded picture again."""
    return picture


def under_stamp(change: Change) -> Change:
    return lambda picture, seconds: faults.stamped(change(picture, seconds), seconds)


BASES: dict[str, Change] = {
    "clean": clean,
    "clock": under_stamp(clean),
    "seen": faults.turned(),
    "seen, clock": under_stamp(faults.turned()),
}
"""What references are taken of; `seen` is the inner part of the clip, so that a camera that turns sees more of it."""


def scenes(clip: list[Grey], *, crowd: list[Grey], other: list[Grey]) -> list[Scene]:
    """All of them, for one clip."""
    by = {"dx": 0.03, "dy": -0.02}
    first = clip[0]
    return [
        Scene("clean", clean, ("ok",)),
        Scene("frozen", held, ("frozen",)),
        Scene("frozen, encoded anew", lambda *_: first, ("frozen",), options=STEADY),
        Scene("frozen, clock ticks", under_stamp(lambda *_: first), ("frozen",), "clock", options=STEADY),
        Scene("frozen, quality drifts", lambda *_: first, ("ok", "frozen")),
        Scene("dark", faults.dark, ("dark",)),
        Scene("dark, clock", under_stamp(faults.dark), ("dark",), "clock"),
        Scene("over-exposed", faults.bright, ("bright",)),
        Scene("defocused 0.5 %", faults.defocused(0.005), ("ok", "blind")),
        Scene("defocused 1 %", faults.defocused(0.01), ("ok", "blind")),
        Scene("defocused 2 %", faults.defocused(0.02), ("blind",)),
        Scene("defocused 3 %", faults.defocused(0.03), ("blind",)),
        Scene("defocused 3 %, clock", under_stamp(faults.defocused(0.03)), ("blind",), "clock"),
        Scene("drops on 30 %", faults.drops(0.3), ("ok", "blind")),
        Scene("drops on 50 %", faults.drops(0.5), ("ok", "blind")),
        Scene("drops on 70 %", faults.drops(0.7), ("blind",)),
        Scene("bag", faults.bagged, ("blind",)),
        Scene("bag, clock", under_stamp(faults.bagged), ("blind",), "clock"),
        Scene("paint on 30 %", faults.painted(0.3), ("ok", "blind")),
        Scene("paint on 70 %", faults.painted(0.7), ("blind",)),
        Scene("dirt in 30 s", lambda p, s: faults.dirty(30)(p, s - BEGIN), ("blind",)),
        Scene("fog, thick", faults.fog(2), ("blind",)),
        Scene("moved 3 %", faults.turned(**by), ("shifted",), "seen", Shift(**by)),
        Scene("moved 3 %, clock", under_stamp(faults.turned(**by)), ("shifted",), "seen, clock", Shift(**by)),
        Scene(
            "moved 3 %, night", lambda p, s: faults.night(faults.viewed(p, **by), s), ("shifted",), "seen", Shift(**by)
        ),
        Scene("rolled 2", faults.turned(roll=2), ("shifted",), "seen", Shift(roll=2)),
        Scene("rolled 4, moved 2 %", faults.turned(roll=4, dx=0.02), ("shifted",), "seen", Shift(roll=4, dx=0.02)),
        Scene("zoomed 5 %", faults.turned(zoom=1.05), ("shifted",), "seen", Shift(scale=1.05)),
        Scene("moved 18 %", faults.turned(dx=0.15, dy=0.1), ("moved",), "seen"),
        Scene("moved 18 %, clock", under_stamp(faults.turned(dx=0.15, dy=0.1)), ("moved",), "seen, clock"),
        Scene("elsewhere", faults.replaced(other), ("moved", "blind")),
        Scene("elsewhere, clock", under_stamp(faults.replaced(other)), ("moved", "blind"), "clock"),
        Scene("mirrored", faults.mirrored, ("moved", "blind"), "seen"),
        Scene("night", faults.night, ("ok",)),
        Scene("dusk", lambda p, s: faults.dusk(p, max(0.0, 2 * (s - BEGIN))), ("ok",)),
        Scene("infrared", faults.infrared, ("ok",)),
        Scene("headlights", faults.headlights, ("ok",)),
        Scene("fog, light", faults.fog(0.5), ("ok",)),
        Scene("fog", faults.fog(1), ("ok", "blind")),
        Scene("heavy rain falls", faults.streaks, ("ok",)),
        Scene("spider's web", faults.web, ("ok",)),
        Scene("bus for 20 s", faults.bus, ("ok",)),
        Scene("crowd on 75 %", faults.crowded(crowd), ("ok",)),
        Scene("sway", faults.swaying, ("ok",), "seen"),
        Scene("focus hunts for 3 s", faults.hunting, ("ok",)),
        Scene("shadows wander", faults.shaded, ("ok",)),
        Scene("sun in the lens", faults.glared, ("ok",)),
        Scene("sub-stream 352x288", faults.resized(352, 288), ("ok",)),
        Scene("sub-stream 640x360", faults.resized(640, 360), ("ok",)),
        Scene("still, noise 1", faults.still(first, 1), ("ok",)),
        Scene("still, noise 0.3", faults.still(first, 0.3), ("ok",)),
        Scene("still, night", faults.still(16 + (first - 16.0) * 0.2, 0.3), ("ok", "dark")),
    ]


def footage(clip: list[Grey], scene: Scene, until: float) -> Iterator[Frame]:
    """The clip played to and fro with the scene's fault from BEGIN to END, one a second, as a camera sends it."""
    pictures, times = [], np.arange(0, until, 1.0)
    for seconds in times:
        step = round(seconds * 5.15) % (2 * len(clip))
        picture = clip[step if step < len(clip) else 2 * len(clip) - 1 - step]
        change = scene.change if BEGIN <= seconds < END else BASES[scene.base]
        pictures.append(change(picture, float(seconds)))
    last = None
    for seconds, y in zip(times, coded(pictures, scene.options), strict=True):
        last = y if last is None or scene.change is not held or not BEGIN <= seconds < END else last
        yield Frame(Instant(float(seconds), EPOCH + float(seconds)), last, GREY, GREY)


GREY = np.full((1, 1), 128, np.uint8)


def coded(pictures: list[Grey], options: dict[str, str]) -> Iterator[Grey]:
    """The pictures after a camera's encoder, which begins anew where their size changes."""
    begin = 0
    for end in range(1, len(pictures) + 1):
        if end == len(pictures) or pictures[end].shape != pictures[begin].shape:
            yield from _coded(pictures[begin:end], options)
            begin = end


def _coded(pictures: list[Grey], options: dict[str, str]) -> Iterator[Grey]:
    height, width = (side & ~1 for side in pictures[0].shape)
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.framerate, encoder.options = Fraction(1), Fraction(1), options
    encoder.thread_count = 1
    decoder = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    for number, picture in enumerate([*pictures, None]):
        frame = None
        if picture is not None:
            planes = np.full((height * 3 // 2, width), 128, np.uint8)
            planes[:height] = picture[:height, :width]
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            frame.pts = number
        for packet in encoder.encode(frame):
            yield from map(_luma, decoder.decode(packet))
    yield from map(_luma, decoder.decode(None))


def _luma(picture: av.VideoFrame) -> Grey:
    return picture.to_ndarray()[: picture.height].copy()
