"""What ails a stream, look by look: why there is no picture, and what is wrong with those that there are."""

from __future__ import annotations

from edge.errors import SourceError
from edge.frames.connection import WHERE
from edge.frames.stream import Look

WINDOW_SECONDS = 20.0
"""Over which the share of damaged pictures is taken."""

AILING, SOUND = 0.1, 0.02
"""A stream with a larger share of damaged pictures ails, until there is a window with a smaller one."""

AILMENTS = {
    "damaged": "many pictures arrive damaged and are not analysed; set its transport to tcp, check the network",
    "clock": "its time stamps jump or run wrong, the time of arrival is taken; update its firmware",
    "unsteady": "its connection breaks again and again; check its network and power, close other viewers",
}
"""What is told of a stream that is analysed all the same."""


class Vitals:
    """Signs of life and of illness of a camera's stream, over all of its connections. Times are monotonic seconds."""

    def __init__(self, now: float, *, silence: float) -> None:
        """`silence` is how long a stream may show nothing."""
        self._silence = silence
        self._seen = self._heard = self._window = now
        self._good = self._spoilt = 0
        self._spoilt_since_good = False
        self._damaged = self._misdated = False

    def note(self, look: Look, now: float) -> None:
        """Takes in what a packet gave."""
        self._heard = now
        self._misdated = look.misdated
        self._spoilt += look.corrupt
        self._spoilt_since_good |= look.corrupt > 0
        if look.good:
            self._seen, self._spoilt_since_good = now, False
            self._good += len(look.good)
        if now - self._window > WINDOW_SECONDS:
            share = self._spoilt / max(1, self._good + self._spoilt)
            self._damaged = share > (SOUND if self._damaged else AILING)
            self._window, self._good, self._spoilt = now, 0, 0

    def hang_up(self) -> None:
        """The connection is over: nothing is heard until there is another, which may be a sound one."""
        self._heard = float("-inf")
        self._damaged, self._good, self._spoilt = False, 0, 0

    def ailment(self, *, shaky: bool) -> str:
        """A key of AILMENTS, the worst one, or nothing; `shaky` where connections break again and again."""
        if self._damaged:
            return "damaged"
        return "clock" if self._misdated else "unsteady" if shaky else ""

    def lost(self, now: float) -> SourceError | None:
        """Why there was no picture for too long."""
        silent = now - self._seen
        if silent <= self._silence:
            return None
        for_long = f"for {silent:.0f} s"
        if now - self._heard > self._silence / 2:
            what, reason, do = f"no picture {for_long}", "timeout", "check its power and network"
        elif self._spoilt_since_good:
            what, reason = f"only damaged pictures {for_long}", "damaged"
            do = "set its transport to tcp, check the network"
        else:
            what, reason, do = f"data but no key frame {for_long}", "nokey", "shorten its key frame interval"
        return SourceError(WHERE, what, reason=reason, do=do)
