"""What the attempts on one camera so far say about the last one, and when the next may be made."""

from __future__ import annotations

from edge.errors import SourceError
from edge.frames.connection import WHERE
from edge.frames.patience import LENDS, SHAKY, Backoff
from edge.frames.refusals import Refusals

FREE = "close what else watches this camera (recorders, apps, browsers)"


class Attempts:
    """The history of one camera's connections, since the last that ran steadily."""

    def __init__(self, refusals: Refusals) -> None:
        self._refusals = refusals
        self._backoff = Backoff()
        self._played = False
        self._refused = 0
        self._lost = 0
        self._playing = False

    @property
    def shaky(self) -> bool:
        """Whether connections with pictures broke again and again."""
        return self._lost >= SHAKY

    def reserve(self) -> float:
        """0 where an attempt may be made now; else the seconds until it may, for the sake of the camera's account:
        TURN_SECONDS at most where others are making theirs."""
        return self._refusals.reserve()

    def admit(self) -> None:
        """The camera has taken the login."""
        self._refusals.clear()

    def play(self) -> None:
        """The connection has shown a picture."""
        self._played = self._playing = True

    def steady(self) -> None:
        """It has run long enough for what was before to be forgotten."""
        self._backoff.forget()
        self._refused = self._lost = 0

    def failed(self, error: SourceError) -> tuple[SourceError, float]:
        """What the failure is called in the light of what was before, and the seconds to wait."""
        self._lost += self._playing
        known = self._known(error)
        self._playing = False
        if error.reason == "auth":
            self._refusals.note()
        else:
            self._refusals.release()
        if known.reason == "busy" and error.reason == "auth":
            self._backoff.after("auth")  # it counts among the few that a wrong login may have
        return known, self._backoff.after(known.reason)

    def _known(self, error: SourceError) -> SourceError:
        match error.reason:
            case "auth" if self._played:
                self._refused += 1
                busy = self._refused <= LENDS
                what = "the camera refuses the login that it took before"
                do = f"{FREE}, or where nobody else watches mend the password of its credentials"
                return SourceError(WHERE, what, reason="busy" if busy else "auth", found=error.found, do=do)
            case "declined" if self._played:
                what = "the camera refuses the stream that it gave before"
                return SourceError(WHERE, what, reason="busy", found=error.found, do=f"{FREE}, or let it serve more")
            case "codec" if self._playing:
                return SourceError(WHERE, "the camera changed its stream", reason="changed")
        return error
