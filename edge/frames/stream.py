"""What one connection shows: pictures fit to be analysed, with their times; the rest counted."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import av
from av.container import InputContainer

from edge.dataflow import Instant
from edge.errors import SourceError
from edge.frames.connection import WHERE, pictures
from edge.frames.patience import Patience
from edge.frames.times import StreamClock


@dataclass(frozen=True, slots=True)
class Look:
    """What one packet gave: `good` pictures, oldest first, and how many `corrupt` ones were held back."""

    good: tuple[tuple[av.VideoFrame, Instant], ...]
    corrupt: int


def looks(container: InputContainer, patience: Patience) -> Iterator[Look]:
    """One look for each packet of the connection, until it fails.

    Raises:
        SourceError: the stream ended, went silent, or gave no good picture for `patience.key` seconds.
    """
    unit = float(container.streams.video[0].time_base or 0)
    seen = time.monotonic()
    clock, trust = StreamClock(), Trust(seen, patience.heal)
    for found in pictures(container, patience):
        now = Instant(time.monotonic(), time.time())
        if found is None:
            trust.lose(now.seconds)
        good = [picture for picture in found or () if trust.accepts(picture, now.seconds)]
        seen = now.seconds if good else seen
        if now.seconds - seen > patience.key:
            raise SourceError(
                WHERE, "it sends data but no whole picture", reason="timeout", do="shorten its key frame interval"
            )
        timed = []
        for picture in good:
            seconds = clock.seconds(None if picture.pts is None else picture.pts * unit, arrived=now.seconds)
            timed.append((picture, Instant(seconds, now.utc - (now.seconds - seconds))))
        yield Look(tuple(timed), 1 if found is None else len(found) - len(good))


class Trust:
    """Whether pictures show what the camera saw: from a key frame on, until one comes damaged.

    What is predicted from a damaged picture looks whole to the decoder. A stream without key frames (refreshed
    strip by strip) is trusted again after `heal` seconds.
    """

    def __init__(self, opened: float, heal: float) -> None:
        self._heal = heal
        self._from = opened + heal

    def accepts(self, picture: av.VideoFrame, now: float) -> bool:
        """Whether this picture, decoded `now`, is to be trusted."""
        if picture.is_corrupt:
            self.lose(now)
        elif picture.key_frame:
            self._from = now
        return now >= self._from

    def lose(self, now: float) -> None:
        """Something was damaged or lost `now`."""
        self._from = now + self._heal
