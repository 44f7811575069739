"""A camera over RTSP: its newest picture whenever one is wanted, whatever the camera and the network do."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import av

from edge.dataflow import Frame, Instant
from edge.errors import SourceError
from edge.frames.attempts import Attempts
from edge.frames.connection import WHERE, Source, connect
from edge.frames.patience import Pace, Patience
from edge.frames.planes import frame_of
from edge.frames.refusals import TURN_SECONDS, Refusals
from edge.frames.stream import Look, looks
from edge.frames.vitals import AILMENTS, Vitals

CLOSE_SECONDS = 2.0
"""How long `close` waits for the reader; one held up in the library ends at its time-out, or with the process."""
ASK_SECONDS = 5.0
"""How often a camera that waits for the sake of its account looks whether another channel's login was right."""


@dataclass(frozen=True, slots=True)
class CameraState:
    """How a camera does, and `since` when. Where it is not `ok`: `cause`, the word of the SourceError, `reason`,
    its line, and `retry_seconds`, the wait after the last attempt. Where it is `ok` but ails: `cause`, one of
    AILMENTS, and `reason`. Counts since the start: pictures `decoded` well, those of them `dropped` because a newer
    one came first, and `corrupt` ones, held back."""

    state: Literal["connecting", "ok", "nostream", "auth"]
    since: Instant
    cause: str = ""
    reason: str = ""
    retry_seconds: float = 0.0
    reconnects: int = 0
    decoded: int = 0
    dropped: int = 0
    corrupt: int = 0


class RtspCamera:
    """Reads a camera in a thread of its own, which alone connects and retries, and keeps the newest picture."""

    def __init__(
        self,
        source: Source,
        *,
        rate: float,
        patience: Patience | None = None,
        refusals: Path | None = None,
    ) -> None:
        """Start reading `source`; `rate` is in frames a second, `refusals` a folder in memory that outlives the
        process, which remembers for all cameras of it the logins that were refused."""
        self._source = source
        self._patience = patience or Patience()
        self._pace = Pace(rate)
        self._changed = threading.Condition()
        self._slot: tuple[av.VideoFrame, Instant] | None = None
        self._state = CameraState("connecting", _now())
        self._attempts = Attempts(Refusals(refusals, source))
        self._vitals = Vitals(time.monotonic(), silence=self._patience.silence)
        self._lives_until = time.monotonic() + self._patience.stuck
        self._closed = threading.Event()
        self._reader = threading.Thread(target=self._read, name="camera", daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def state(self) -> CameraState:
        """How the camera does now."""
        with self._changed:
            lost = self._vitals.lost(time.monotonic())
            believed_well = self._state.state in ("ok", "connecting")
            if lost and (believed_well or lost.reason not in ("timeout", self._state.cause)):
                self._to_fault(lost, retry_seconds=0.0)
            return self._state

    def newest(self, timeout: float) -> Frame | None:
        """The newest picture not yet taken, as soon as one is due at `rate`; None after `timeout` seconds.

        Raises:
            SourceError: the reader has been stuck in the video library beyond `patience.stuck`. No thread can be
                freed from there: let the process end, its supervisor starts it again.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._due() or self._closed.is_set(), timeout)
            if time.monotonic() > self._lives_until:
                raise SourceError(WHERE, "reading it hangs inside the video library", reason="timeout")
            if self._slot is None or not self._due():
                return None
            picture, at = self._slot
            self._slot = None
            self._pace.take(at.seconds)
        return frame_of(picture, at)

    def close(self) -> None:
        """Stop reading."""
        self._closed.set()
        with self._changed:
            self._changed.notify_all()
        self._reader.join(CLOSE_SECONDS)

    def _due(self) -> bool:
        return self._slot is not None and self._pace.is_due(self._slot[1].seconds)

    def _read(self) -> None:
        """Connect, read until it fails, wait, again: the one owner of retries."""
        while not self._closed.is_set():
            self._lives(0.0)
            try:
                if self._may_log_in():
                    self._watch()
            except SourceError as error:
                known, wait = self._attempts.failed(error)
                with self._changed:
                    self._vitals.hang_up()
                    self._to_fault(known, retry_seconds=wait)
                self._lives(wait)
                self._closed.wait(wait)

    def _may_log_in(self) -> bool:
        """Wait where the login was refused too often, to whatever process, or others are trying it; False where the
        camera was closed meanwhile."""
        told = False
        while not self._closed.is_set():
            if (wait := self._attempts.reserve()) <= 0:
                return True
            if wait > TURN_SECONDS and not told:
                told, do = True, "check the user and password of its credentials"
                with self._changed:
                    error = SourceError(WHERE, "the camera refused the login too often", reason="auth", do=do)
                    self._to_fault(error, retry_seconds=wait)
            wait = min(wait, ASK_SECONDS)
            self._lives(wait)
            self._closed.wait(wait)
        return False

    def _watch(self) -> None:
        """Take pictures from one connection until the camera is closed.

        Raises:
            SourceError: the connection failed.
        """
        began: float | None = None
        with (
            connect(self._source, self._patience) as container,
            closing(looks(container, self._patience)) as seen,
        ):
            self._attempts.admit()
            for look in seen:
                if self._closed.is_set():
                    return
                self._lives(0.0)
                if look.good and began is None:
                    self._attempts.play()
                self._take(look, fresh=began is None and bool(look.good))
                if look.good:
                    began = began or time.monotonic()
                    if time.monotonic() - began > self._patience.steady:
                        self._attempts.steady()

    def _take(self, look: Look, *, fresh: bool) -> None:
        """Put the newest picture of a look, if any, into the slot; `fresh` says it is the first of a connection."""
        with self._changed:
            state = self._state
            self._vitals.note(look, time.monotonic())
            if look.good:
                replaced = len(look.good) - 1 + (self._slot is not None)
                self._slot = look.good[-1]
                cause = self._vitals.ailment(shaky=self._attempts.shaky)
                if state.state != "ok" or state.cause != cause:
                    since = state.since if state.state == "ok" else _now()
                    reason = f"{WHERE}: {AILMENTS[cause]}" if cause else ""
                    state = replace(state, state="ok", since=since, cause=cause, reason=reason, retry_seconds=0.0)
                state = replace(
                    state,
                    reconnects=state.reconnects + (fresh and state.decoded > 0),
                    decoded=state.decoded + len(look.good),
                    dropped=state.dropped + replaced,
                )
                self._changed.notify_all()
            self._state = replace(state, corrupt=state.corrupt + look.corrupt)

    def _to_fault(self, error: SourceError, *, retry_seconds: float) -> None:
        name: Literal["auth", "nostream"] = "auth" if error.reason == "auth" else "nostream"
        since = self._state.since if self._state.state == name else _now()
        self._state = replace(
            self._state, state=name, since=since, cause=error.reason, reason=str(error), retry_seconds=retry_seconds
        )

    def _lives(self, waits: float) -> None:
        """The reader shows that it is not stuck, and will not before it has waited that many seconds."""
        self._lives_until = time.monotonic() + waits + self._patience.stuck


def _now() -> Instant:
    return Instant(time.monotonic(), time.time())
