"""`edge camera ID`: one camera's process, the whole pipeline in one short loop. It sees frames and can send none."""

from __future__ import annotations

import contextlib
import logging
import resource
import signal
import threading
import time
from pathlib import Path

from edge import events, notify
from edge.causes import TOLD
from edge.config.load import camera_id, load_camera
from edge.config.schema import Camera, Source
from edge.config.settings import Settings
from edge.dataflow import Instant
from edge.errors import EdgeError
from edge.frames.rtsp import CameraState, RtspCamera
from edge.health import HealthLog
from edge.pipeline import Pipeline
from edge.recorder import Recorder, retire
from edge.store.database import UnwritableError
from edge.store.flush import Flusher
from edge.store.journal import Journal
from edge.store.lock import sole

log = logging.getLogger("edge.camera")

TICK_SECONDS = 0.25
"""How long the loop waits for a picture before it looks at the clock."""


def work(name: str, settings: Settings) -> int:
    """Runs a camera's pipeline until SIGTERM or SIGINT, 0; 2 where its file, secret or model is wrong, which the
    centre is told too. EdgeError where there is no such camera, or another process counts it; SourceError where the
    video library hangs: whoever started this process starts it again."""
    file = settings.config / "cameras" / f"{name}.yaml"
    camera_id(file)
    if not file.is_file():
        raise EdgeError(str(file), "there is no such camera", do="name one of the files there, without .yaml")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core would put frames on the disk
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with sole(settings.memory, f"camera-{name}"):
        flusher = Flusher(settings.database, settings.state)
        flusher.start()
        try:
            return _work(name, file, settings, stop)
        finally:
            flusher.close()


def _work(name: str, file: Path, settings: Settings, stop: threading.Event) -> int:
    journal = Journal(settings.database, camera=name, disk=settings.state)
    status = StatusTeller(journal, name)
    try:
        camera, source = _camera(file)
        credentials = settings.credentials(source.credentials) if source.credentials else None
        pipeline = Pipeline(camera, models=settings.models)
    except EdgeError as error:
        log.error("%s", error)
        status.tell("config", since=time.time(), reason="the configuration of the camera is wrong: run edge check")
        retire(journal, name=name)
        return 2
    recorder = Recorder(journal, name=name, camera=camera, now=_now())
    recorder.end_alarms(pipeline.measures.resume(recorder.standing, _now()), now=_now())
    with RtspCamera(source.url, credentials=credentials, transport=source.transport, rate=camera.analyse.rate) as feed:
        try:
            _loop(feed, pipeline, recorder, status, stop)
        finally:
            recorder.stop(time.time())
            notify.stopping()
    journal.close()
    return 0


def _camera(file: Path) -> tuple[Camera, Source]:
    camera = load_camera(file)
    if camera.source is None:
        raise EdgeError(str(file), "source: the camera has no address", do="add source.url")
    return camera, camera.source


def _now() -> Instant:
    return Instant(time.monotonic(), time.time())


def _loop(
    feed: RtspCamera, pipeline: Pipeline, recorder: Recorder, status: StatusTeller, stop: threading.Event
) -> None:
    notify.ready()
    while not stop.is_set():
        frame = feed.newest(TICK_SECONDS)
        if frame is not None:
            began = time.monotonic()
            analysis = pipeline.analyse(frame)
            recorder.record(frame.at, analysis.crossings, analysis.samples)
            recorder.alarm(analysis.alarms, pipeline.measures.standing)
            done = time.monotonic()
            status.health.analysed(age=done - frame.at.seconds, took=done - began)
        state = feed.state
        if state.state not in ("ok", "connecting"):
            recorder.flag("nostream")
            recorder.alarm(pipeline.measures.lost(_now()), pipeline.measures.standing)
        recorder.tick(_now())
        with contextlib.suppress(UnwritableError):  # the recorder says it; the state is told when it can be
            status.look(state)
        notify.watchdog()


class StatusTeller:
    """Tells the centre and the supervisor of a camera's state when it changes, and of its health each minute."""

    def __init__(self, journal: Journal, name: str) -> None:
        self.health = HealthLog(name, now=time.monotonic())
        self._journal = journal
        self._name = name
        self._last: tuple[str, str] = ("", "")

    def look(self, state: CameraState) -> None:
        """Tells what is new."""
        if (state.state, state.cause) != self._last:
            if state.state != "connecting":
                self.tell(state.state, since=state.since.utc, reason=TOLD.get(state.cause))
            self._last = (state.state, state.cause)
            again = f"; tried again in {state.retry_seconds:.0f} s" if state.retry_seconds else ""
            text = f"{state.state}: {state.reason}{again}" if state.reason else state.state
            if not notify.status(text):
                log.info("%s: %s", self._name, text)
        health = self.health.due(time.monotonic())
        if health is not None:
            told = health.model_copy(update={"reconnects": state.reconnects, "damaged": state.corrupt})
            self._journal.announce("health", told.to_bytes())

    def tell(self, state: str, *, since: float, reason: str | None) -> None:
        """Sets the camera's status message."""
        message = events.CameraStatus(camera=self._name, state=state, since=events.utc(since), reason=reason)
        self._journal.announce("status", message.to_bytes())
