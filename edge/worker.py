"""`edge camera ID`: one camera's process, the whole pipeline in one short loop. It sees frames and can send none."""

from __future__ import annotations

import logging
import signal
import threading
import time

from edge import events, notify
from edge.config.load import load_camera
from edge.config.schema import Camera, Source
from edge.config.settings import Settings
from edge.errors import EdgeError
from edge.frames.rtsp import CameraState, RtspCamera
from edge.health import HealthLog
from edge.pipeline import Pipeline
from edge.recorder import Recorder
from edge.store.journal import Journal

log = logging.getLogger("edge.camera")

TICK_SECONDS = 0.25
"""How long the loop waits for a picture before it looks at the clock."""
TOLD = {
    "refused": "the camera refuses the connection",
    "timeout": "the camera does not answer or sends no pictures",
    "auth": "the camera refuses the user or the password",
    "notfound": "the camera has no stream at this path",
    "codec": "the stream's codec cannot be decoded",
    "ended": "the camera ended the stream",
    "reset": "the connection to the camera broke",
    "novideo": "the stream has no pictures",
}
"""Why a camera is not ok, as the centre is told: by cause, without the address that the local log has."""


def work(name: str, settings: Settings) -> int:
    """Runs a camera's pipeline until SIGTERM or SIGINT, 0; 2 where its file, secret or model is wrong, which the
    centre is told too. SourceError where the video library hangs: whoever started this process starts it again."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    journal = Journal(settings.database, camera=name)
    status = StatusTeller(journal, name)
    try:
        camera, source = _camera(name, settings)
        credentials = settings.credentials(source.credentials) if source.credentials else None
        pipeline = Pipeline(camera, models=settings.models)
    except EdgeError as error:
        log.error("%s", error)
        notify.status(str(error))
        status.tell("config", since=time.time(), reason="the configuration of the camera is wrong: run edge check")
        return 2
    recorder = Recorder(journal, name=name, camera=camera, now=time.time())
    with RtspCamera(source.url, credentials=credentials, transport=source.transport, rate=camera.analyse.rate) as feed:
        try:
            _loop(feed, pipeline, recorder, status, stop)
        finally:
            recorder.write(time.time())
            notify.stopping()
    journal.close()
    return 0


def _camera(name: str, settings: Settings) -> tuple[Camera, Source]:
    file = settings.config / "cameras" / f"{name}.yaml"
    camera = load_camera(file)
    if camera.source is None:
        raise EdgeError(str(file), "source: the camera has no address", do="add source.url")
    return camera, camera.source


def _loop(
    feed: RtspCamera, pipeline: Pipeline, recorder: Recorder, status: StatusTeller, stop: threading.Event
) -> None:
    notify.ready()
    while not stop.is_set():
        frame = feed.newest(TICK_SECONDS)
        if frame is not None:
            began = time.monotonic()
            analysis = pipeline.analyse(frame)
            recorder.record(frame.at, analysis.crossings, analysis.occupancies)
            done = time.monotonic()
            status.health.analysed(age=done - frame.at.seconds, took=done - began)
        state = feed.state
        if state.state not in ("ok", "connecting"):
            recorder.flag("nostream")
        recorder.tick(time.time())
        status.look(state, now=time.time())
        notify.watchdog()


class StatusTeller:
    """Tells the centre and the supervisor of a camera's state when it changes, and of its health each minute."""

    def __init__(self, journal: Journal, name: str) -> None:
        self.health = HealthLog(name, now=time.time())
        self._journal = journal
        self._name = name
        self._last: tuple[str, str] = ("", "")

    def look(self, state: CameraState, *, now: float) -> None:
        """Tells what is new."""
        if (state.state, state.cause) != self._last:
            self._last = (state.state, state.cause)
            if state.state != "connecting":
                self.tell(state.state, since=state.since.utc, reason=TOLD.get(state.cause))
            text = f"{state.state}: {state.reason}" if state.reason else state.state
            log.log(
                logging.INFO if state.state in ("ok", "connecting") else logging.WARNING, "%s: %s", self._name, text
            )
            notify.status(text)
        health = self.health.due(now)
        if health is not None:
            told = health.model_copy(
                update={"reconnects": state.reconnects, "dropped": state.dropped, "damaged": state.corrupt}
            )
            self._journal.announce("health", told.to_bytes())

    def tell(self, state: str, *, since: float, reason: str | None) -> None:
        """Sets the camera's status message."""
        message = events.CameraStatus(camera=self._name, state=state, since=events.utc(since), reason=reason)
        self._journal.announce("status", message.to_bytes())
