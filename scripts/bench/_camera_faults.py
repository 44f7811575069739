"""The faults of a camera that scripts/bench/camera_faults makes, and what a technician is to read of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from _picture_faults import Change, bagged, bright, dark, defocused, turned
from _picture_scenes import Grey

from edge.causes import TOLD
from edge.frames.patience import BACKOFF_SECONDS, USUAL_BACKOFF_SECONDS


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What goes wrong (`begin`) and well again (`end`), in commands of the camera, the link (`link refuse`) or the wire
    (`wire pull`); `first` goes before the worker's start; one that is `surveyed` waits until the worker knows the view
    of its camera. `state` and `cause` are what is told in the end; with neither, nothing is to be told for `hold`
    seconds. A fault that `heals` needs no end. `waits` is how long the end is waited for; 0 where it would take too
    long."""

    name: str
    state: str = "ok"
    cause: str = ""
    begin: Sequence[str] = ()
    end: Sequence[str] = ()
    first: Sequence[str] = ()
    clip: str = "street"
    transport: str = "tcp"
    surveyed: bool = False
    hold: float = 26.0
    waits: float = 150.0
    heals: bool = False
    picture: bool = False
    note: str = ""

    @property
    def told(self) -> bool:
        """Whether it is told at all."""
        return (self.state, self.cause) != ("ok", "")


def _stream(name: str, cause: str, *, begin: str, end: str = "", **more: object) -> Fault:
    commands = [part.strip() for part in begin.split(",")], [part.strip() for part in end.split(",") if part]
    return Fault(name=name, state="nostream", cause=cause, begin=commands[0], end=commands[1], **more)  # type: ignore[arg-type]


def _ailing(name: str, cause: str, *, begin: str, end: str, **more: object) -> Fault:
    return Fault(name=name, cause=cause, begin=[begin], end=[end], **more)  # type: ignore[arg-type]


def _picture(name: str, state: str, clip: str, *, surveyed: bool, note: str = "") -> Fault:
    begin, end = [f"change street {clip}"], ["change street street2"]
    return Fault(name=name, state=state, begin=begin, end=end, surveyed=surveyed, picture=True, note=note)


FAULTS: Sequence[Fault] = (
    _stream("refuses the connection (its RTSP is off)", "refused", begin="link refuse", end="link admit"),
    _stream("switched off, or its address is gone", "unreachable", begin="wire pull", end="wire mend", hold=40),
    _stream("black hole: packets vanish", "timeout", begin="wire swallow", end="wire mend", hold=40),
    _stream("hangs at connect: takes it and says nothing", "timeout", begin="hang, reset street", end="answer"),
    _stream("hangs in mid-stream", "timeout", begin="stall street", end="resume street"),
    _stream("ends the stream once", "ended", begin="reset street", heals=True),
    _stream("breaks the connection once (RST)", "ended", begin="link reset", heals=True),
    _stream("hangs up at connect, or is no camera", "reset", begin="shut, reset street", end="open"),
    _ailing(
        "breaks the connection every 3 seconds", "unsteady", begin="break street 3", end="break street 0", hold=40,
        note="told as `ended` or `reset` in between; 30 s of steady pictures end it",
    ),
    Fault(
        name="wrong password from the start", state="auth", cause="auth", first=["lock 5", "refuse-login"],
        end=["accept-login"], hold=20, note="tries after 0, 60 s, then every 15 min",
    ),
    Fault(
        name="password changed while it runs", state="auth", cause="auth",
        begin=["lock 5", "refuse-login", "reset street"], end=["accept-login"], hold=5, waits=0,
        note="passes for `busy` twice; tries after 0, 20, 80 s, 30 min, then every 15 min, until it recovers",
    ),
    _stream("401: too many viewers", "busy", begin="lock 5, room 0, reset street", end="room any", hold=30),
    Fault(
        name="453: refuses the stream from the start", state="nostream", cause="declined", first=["decline"],
        end=["grant"],
    ),
    Fault(
        name="404: no such path", state="nostream", cause="notfound", first=["hide street"], end=["unhide street"],
        hold=20,
    ),
    _stream("a codec that nobody knows", "codec", begin="unknown-codec street, reset street",
            end="known-codec street"),
    _stream("no video in the stream", "novideo", begin="sound street, reset street", end="video street"),
    _stream("no key frame for 20 s", "nokey", begin="keyless street, reset street", end="keyed street", hold=12),
    _stream("another codec in mid-stream", "changed", begin="change street h265", heals=True),
    Fault(name="another resolution in mid-stream", begin=["change street small"]),
    Fault(name="H.265", clip="h265"),
    Fault(name="H.265 of 10 bits", clip="h265-10bit"),
    Fault(name="Motion JPEG", clip="mjpeg"),
    _ailing("corrupt packets: one picture in five", "damaged", begin="corrupt street 0.2", end="corrupt street 0"),
    _stream("corrupt packets: every picture", "damaged", begin="corrupt street 1", end="corrupt street 0"),
    _ailing("UDP loses one packet in a hundred", "damaged", begin="loss street 0.01", end="loss street 0",
            transport="udp"),
    Fault(name="stops for a second every ten", begin=["stutter street"], end=["flow street"], hold=45),
    _ailing("times in the stream stand still", "clock", begin="clock street frozen", end="clock street right"),
    _ailing("times jump by an hour, forth and back", "clock", begin="clock street jumping", end="clock street right"),
    _ailing("times run at twice the speed (false frame rate)", "clock", begin="clock street fast",
            end="clock street right"),
    Fault(name="wall clock 7 hours off (RTCP)", begin=["wall street -25200"], end=["wall street 0"], hold=40),
    _picture("picture frozen", "frozen", "frozen", surveyed=False, note="where the encoder settles"),
    _picture("picture dark", "dark", "dark", surveyed=False),
    _picture("picture over-exposed", "bright", "bright", surveyed=False),
    _picture("lens covered with a bag", "blind", "covered", surveyed=True),
    _picture("out of focus, or rain on the lens", "blind", "blurred", surveyed=True),
    _picture("moved by 3 % of the width", "shifted", "shifted", surveyed=True, note="lines and zones are moved along"),
    _picture("moved by 18 % of the width", "moved", "moved", surveyed=True),
)  # fmt: skip

CLEAN = turned()


def after_turn(change: Change) -> Change:
    """What is done to the view that all is seen in, so that a camera that moves has something to see beyond it."""
    return lambda picture, seconds: change(CLEAN(picture, seconds), seconds)


CHANGES: Mapping[str, Change] = {
    "dark": after_turn(dark), "bright": after_turn(bright), "covered": after_turn(bagged),
    "blurred": after_turn(defocused(0.03)), "shifted": turned(dx=0.03), "moved": turned(dx=0.18),
}  # fmt: skip


FILMS: Mapping[str, tuple[str, Change]] = {
    **dict.fromkeys(("street", "street2"), ("h264", CLEAN)),
    **{name: (name, CLEAN) for name in ("h265", "h265-10bit", "mjpeg")},
    "small": ("h264", lambda picture, seconds: CLEAN(picture, seconds)[::2, ::2]),
    "frozen": ("h264-steady", CLEAN),
    **{name: ("h264", change) for name, change in CHANGES.items()},
}
"""Every clip that a fault needs: its codec, and what becomes of the pictures of the street."""


def shown(name: str, street: Sequence[Grey]) -> Iterator[Grey]:
    """The pictures of one of FILMS, ten a second, to and fro; their sides even, as encoders want them."""
    numbers = [0] * 100 if name == "frozen" else [*range(len(street)), *range(len(street) - 2, 0, -1)]
    for place, number in enumerate(numbers):
        picture = FILMS[name][1](street[number], place / 10)
        height, width = picture.shape
        yield np.ascontiguousarray(picture[: height & ~1, : width & ~1])


def waits(cause: str) -> str:
    """The back-off of a cause, for people."""
    if cause not in TOLD or cause in ("unsteady", "clock"):
        return "–"
    seconds = BACKOFF_SECONDS.get(cause, USUAL_BACKOFF_SECONDS)
    texts = [f"{each:.0f}" for each in seconds]
    return f"{', '.join(texts)} s" if len(texts) < 4 else f"{texts[0]}, {texts[1]}, … {texts[-1]} s"
