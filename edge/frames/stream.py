"""What one connection shows: pictures fit to be analysed, with their times; the rest counted."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass

import av
from av.container import InputContainer

from edge.dataflow import Instant
from edge.errors import SourceError
from edge.frames.connection import WHERE, Parcel, parcels
from edge.frames.patience import Patience
from edge.frames.times import Dating


@dataclass(frozen=True, slots=True)
class Look:
    """What one packet gave: `good` pictures, oldest first, how many `corrupt` ones were held back, and whether the
    stream's own times are wrong (`misdated`)."""

    good: tuple[tuple[av.VideoFrame, Instant], ...]
    corrupt: int
    misdated: bool = False


def looks(container: InputContainer, patience: Patience) -> Generator[Look]:
    """One look for each packet of the connection, until it fails. To be closed before the container is.

    Raises:
        SourceError: the stream ended, went silent, gave no good picture for `patience.key` seconds, or, having given
            some, nothing that can be decoded for `patience.silence`.
    """
    unit = float(container.streams.video[0].time_base or 0)
    opened = time.monotonic()
    dating, trust, hope = Dating(unit), Trust(opened, patience.heal), Hope(opened, patience)
    with closing(parcels(container, patience)) as arriving:
        for parcel in arriving:
            now = Instant(time.monotonic(), time.time())
            if parcel.pictures is None:
                trust.lose(now.seconds)
            good = [picture for picture in parcel.pictures or () if trust.accepts(picture, now.seconds)]
            corrupt = 1 if parcel.pictures is None else len(parcel.pictures) - len(good)
            hope.note(parcel, now.seconds, good=bool(good))
            dated = tuple((picture, dating.of(picture, zero=parcel.zero, now=now)) for picture in good)
            yield Look(dated, corrupt, dating.wrong)


class Hope:
    """Whether a connection may still come to show pictures, or had better be made anew."""

    def __init__(self, opened: float, patience: Patience) -> None:
        self._patience = patience
        self._seen = opened
        self._blank: float | None = None
        self._played = self._spoilt = False

    def note(self, parcel: Parcel, now: float, *, good: bool) -> None:
        """Takes in a parcel that came `now`, with a `good` picture or none.

        Raises:
            SourceError: there is no hope.
        """
        if parcel.pictures:
            self._blank = None
        elif self._blank is None:
            self._blank = now
        if good:
            self._seen, self._played, self._spoilt = now, True, False
            return
        self._spoilt |= parcel.pictures is None or bool(parcel.pictures)
        # a little sooner than the stream counts as silent, so that it is called by its right name at once
        if self._played and self._blank is not None and now - self._blank > 0.9 * self._patience.silence:
            raise SourceError(WHERE, "nothing of what the camera sends now can be decoded", reason="changed")
        if now - self._seen > self._patience.key and self._spoilt:
            do = "set its transport to tcp, check the network"
            raise SourceError(WHERE, "it sends only damaged pictures", reason="damaged", do=do)
        if now - self._seen > self._patience.key:
            do = "shorten its key frame interval"
            raise SourceError(WHERE, "it sends data but no key frame", reason="nokey", do=do)


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
