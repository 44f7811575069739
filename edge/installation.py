"""What a camera's process knows of the installation and hands on to the next: its view, and how the picture is."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from dataclasses import asdict
from typing import Any, get_args

from edge.config.schema import Camera
from edge.dataflow import Instant
from edge.errors import EdgeError
from edge.frames.health import PictureState, Word
from edge.frames.reference import Reference
from edge.frames.view import Shift
from edge.frames.watch import SURVEY_SECONDS, PictureWatch
from edge.store.journal import Journal

LOG = logging.getLogger("edge.camera")
VIEW, PICTURE = "view", "picture"
"""The names under which they are kept."""
AGAIN_SECONDS = 600.0
"""How often the same state is kept anew at most: a pole in the wind must not wear the disk out."""


class Installation:
    """The `watch` over a camera's picture, which goes on from what the journal has of this installation, and keeps what
    is new of it there. It is another installation where anything was drawn anew, or `installed` has another word."""

    def __init__(self, journal: Journal, camera: Camera, *, survey_seconds: float = SURVEY_SECONDS) -> None:
        self._journal, self._drawn = journal, drawn(camera)
        self._known = self._view()
        self._told, self._at = self._picture(), float("-inf")
        self.watch = PictureWatch(self._known, told=self._told, survey_seconds=survey_seconds)

    def keep(self) -> None:
        """Puts on record what is new. UnwritableError where that cannot be now."""
        view, picture = self.watch.reference, self.watch.state
        if view and view is not self._known:
            self._journal.keep(VIEW, self._drawn.encode() + b"\n" + view.to_bytes())
            self._known = view
        if picture and self._is_news(picture):
            text = json.dumps({"drawn": self._drawn, "picture": _kept(picture)})
            self._journal.keep(PICTURE, text.encode())
            self._told, self._at = picture, time.monotonic()

    def _is_news(self, picture: PictureState) -> bool:
        before = self._told
        if before is None or before.state != picture.state:
            return True
        return _kept(picture) != _kept(before) and time.monotonic() - self._at >= AGAIN_SECONDS

    def _view(self) -> Reference | None:
        owner, _, body = (self._journal.kept(VIEW) or b"").partition(b"\n")
        if owner != self._drawn.encode():
            return None
        try:
            return Reference.from_bytes(body, where="the view of the camera's installation")
        except EdgeError as error:
            LOG.warning("%s; it is taken anew", error)
            return None

    def _picture(self) -> PictureState | None:
        """None too where the view is not known, and where the piece is damaged or another version's."""
        try:
            kept = json.loads(self._journal.kept(PICTURE) or b"{}")
            return _picture_of(kept["picture"]) if self._known and kept["drawn"] == self._drawn else None
        except (ValueError, KeyError, TypeError):
            return None


def drawn(camera: Camera) -> str:
    """A fingerprint of all that somebody has drawn on the camera's view, and of the word for taking it anew."""
    places = [
        camera.installed,
        camera.mask,
        [line.points for line in camera.lines],
        [zone.points for zone in camera.zones],
        [queue.lane for queue in camera.queues],
        [point for point, _ in camera.calibration.points] if camera.calibration else [],
    ]
    return hashlib.sha256(json.dumps(places).encode()).hexdigest()[:12]


def _kept(picture: PictureState) -> dict[str, object]:
    """What the next process needs of it."""
    shift = picture.shift and asdict(picture.shift)
    return {"state": picture.state, "since": picture.since.utc, "reason": picture.reason, "shift": shift}


def _picture_of(kept: dict[str, Any]) -> PictureState:
    """What _kept gave. ValueError, KeyError or TypeError where it is something else."""
    if kept["state"] not in get_args(Word):
        raise ValueError(kept["state"])
    shift = kept["shift"] and Shift(**{name: float(value) for name, value in dict(kept["shift"]).items()})
    return PictureState(kept["state"], Instant(0.0, float(kept["since"])), str(kept["reason"]), shift)
