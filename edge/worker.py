"""`edge camera ID`: one camera's process, the whole pipeline in one short loop. It sees frames and can send none."""

from __future__ import annotations

import contextlib
import logging
import resource
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from edge import notify
from edge.clock import SystemClock
from edge.config.load import camera_id, load_camera
from edge.config.schema import Camera, Source
from edge.config.settings import Settings
from edge.dataflow import Instant
from edge.errors import EdgeError
from edge.frames.connection import Source as Stream
from edge.frames.rtsp import RtspCamera
from edge.installation import Installation
from edge.pipeline import Pipeline, count
from edge.recorder import Recorder, retire
from edge.state import State, StateTeller
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
    status = StateTeller(journal, name, note=settings.config / "faults" / name)
    try:
        camera, source = _camera(file)
        credentials = settings.credentials(source.credentials) if source.credentials else None
        installation = Installation(journal, camera)
        pipeline = Pipeline(camera, models=settings.models, watch=installation.watch)
    except EdgeError as error:
        log.error("%s", error)
        status.tell(State("config", time.time(), "the configuration of the camera is wrong: run edge check"))
        retire(journal, name=name)
        return 2
    clock = SystemClock(patience=settings.time_wait)
    recorder = Recorder(journal, name=name, camera=camera, now=_now(), clock=clock)
    recorder.end_alarms(pipeline.measures.resume(recorder.standing, _now()), now=_now())
    stream = Stream(source.url, credentials, source.transport)
    with RtspCamera(stream, rate=camera.analyse.rate, refusals=settings.memory) as feed:
        try:
            _loop(_Parts(feed, pipeline, recorder, installation, status), stop)
        finally:
            recorder.stop(time.time())
            notify.stopping()
    journal.close()
    return 0


@dataclass(frozen=True, slots=True)
class _Parts:
    feed: RtspCamera
    pipeline: Pipeline
    recorder: Recorder
    installation: Installation
    status: StateTeller


def _camera(file: Path) -> tuple[Camera, Source]:
    camera = load_camera(file)
    if camera.source is None:
        raise EdgeError(str(file), "source: the camera has no address", do="add source.url")
    return camera, camera.source


def _now() -> Instant:
    return Instant(time.monotonic(), time.time())


def _loop(parts: _Parts, stop: threading.Event) -> None:
    feed, pipeline, recorder, status = parts.feed, parts.pipeline, parts.recorder, parts.status
    notify.ready()
    while not stop.is_set():
        frame = feed.newest(TICK_SECONDS)
        if frame is not None:
            began = time.monotonic()
            if count(frame, pipeline, recorder).analysed:
                done = time.monotonic()
                status.health.analysed(age=done - frame.at.seconds, took=done - began)
        state = feed.state
        if state.state not in ("ok", "connecting"):
            recorder.flag("nostream")
            recorder.alarm(pipeline.measures.lost(_now()), pipeline.measures.standing)
        recorder.tick(_now())
        with contextlib.suppress(UnwritableError):  # the recorder says it; the rest is told when it can be
            status.look(state, parts.installation.watch.state)
            parts.installation.keep()
        notify.watchdog()
