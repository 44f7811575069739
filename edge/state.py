"""How a camera is, told to the centre and the supervisor: its stream first, then its picture, then its file."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from pathlib import Path

from edge import events, logs, notify
from edge.causes import TOLD
from edge.frames.health import PictureState
from edge.frames.rtsp import CameraState
from edge.health import HealthLog
from edge.store.journal import Journal
from edge.timeline import STEP_SECONDS
from edge.usage import usage

LOG = logging.getLogger("edge.camera")
REASON_SECONDS = 60.0
"""How often another reason for the same state is told at most: numbers in it may waver."""


@dataclass(frozen=True, slots=True)
class State:
    """A camera's state in a word, `since` Unix seconds, and the `reason` that people are told."""

    word: str
    since: float
    reason: str = ""


def state_of(stream: CameraState, picture: PictureState | None, file: State | None) -> State:
    """The one state that is told: the worst, with whatever else ails the camera in its reason. `file` is what is wrong
    with a newer version of its file."""
    ails = [TOLD[stream.cause]] if stream.cause else []
    told = State(stream.state, stream.since.utc)
    if stream.state == "ok" and picture:
        told = State(picture.state, max(told.since, picture.since.utc) if picture.state == "ok" else picture.since.utc)
        ails = [picture.reason, *ails]
    if file:
        told = file if told.word == "ok" else told
        ails = [file.reason, *ails] if told is file else [*ails, file.reason]
    return State(told.word, told.since, "; ".join(filter(None, ails)))


class StateTeller:
    """Tells the centre and the supervisor of a camera's state when it changes, and of its health each minute. `note` is
    where `edge apply` writes what is wrong with a newer version of the camera's file."""

    def __init__(self, journal: Journal, name: str, *, note: Path) -> None:
        self.health = HealthLog(name, now=time.monotonic())
        self._journal, self._name, self._note = journal, name, note
        self._about: tuple[str, str, State | None, float] = ("", "", None, 0.0)
        self._reason, self._at = "", float("-inf")
        self._moment, self._offset, self._set = ("", 0.0), 0.0, 0.0

    def look(self, stream: CameraState, picture: PictureState | None) -> None:
        """Tells what is new. UnwritableError where the journal cannot take it now."""
        file, now = self._newer_file(), time.monotonic()
        state = self._placed(state_of(stream, picture, file))
        about = (state.word, stream.cause, file, self._set)
        if about != self._about or (state.reason != self._reason and now - self._at >= REASON_SECONDS):
            if stream.state != "connecting":
                self.tell(state)
            self._about, self._reason, self._at = about, state.reason, now
            self._say(stream, state)
        health = self.health.due(now)
        if health is not None:
            numbers = {"reconnects": stream.reconnects, "damaged": stream.corrupt}
            told = health.model_copy(update={**numbers, "blur": picture.blur if picture else None})
            self._journal.announce("health", told.to_bytes())
            self._journal.note(**usage())

    def tell(self, state: State) -> None:
        """Sets the camera's status message."""
        since, reason = events.utc(state.since), state.reason or None
        message = events.CameraStatus(camera=self._name, state=state.word, since=since, reason=reason)
        self._journal.announce("status", message.to_bytes())
        self._journal.note(**usage())

    def _placed(self, state: State) -> State:
        """The state, since when by the clock as it is now: it may have been set after the state began."""
        offset = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
        if self._moment != (state.word, state.since):
            self._moment, self._offset, self._set = (state.word, state.since), offset, 0.0
        if abs(offset - self._offset - self._set) > STEP_SECONDS:
            self._set = offset - self._offset
        return replace(state, since=state.since + self._set)

    def _say(self, stream: CameraState, state: State) -> None:
        """One line for the supervisor, or for the log where there is none: of the stream with all that is known here,
        which may be too much for the centre."""
        reason = stream.reason if stream.state != "ok" else state.reason
        again = f"; tried again in {stream.retry_seconds:.0f} s" if stream.retry_seconds else ""
        text = f"{state.word}: {reason}{again}" if reason else state.word
        if not notify.status(text) or logs.journalled():  # systemd shows a status and forgets it
            level = logging.WARNING if reason else logging.INFO
            LOG.log(level, "%s: %s", self._name, text, extra={"state": state.word, "cause": stream.cause})

    def _newer_file(self) -> State | None:
        try:
            text, at = self._note.read_text(encoding="utf-8", errors="replace"), self._note.stat().st_mtime
        except OSError:
            return None
        return State("config", at, f"{text}; the version before it runs")
