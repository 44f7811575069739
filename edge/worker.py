"""`edge camera ID`: one camera's process, the whole pipeline in one short loop. It sees frames and can send none."""

from __future__ import annotations

import logging
import signal
import threading
import time
from pathlib import Path

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

log = logging.getLogger("edge.worker")

TICK_SECONDS = 0.25
"""How long the loop waits for a picture before it looks at the clock."""
WORDS = {
    "ok": "",
    "connecting": "connecting",
    "refused": "the camera refuses the connection",
    "timeout": "the camera does not answer in time",
    "auth": "the camera refuses the user or password",
    "notfound": "the camera has no stream at this path",
    "codec": "the stream's codec is not known",
    "ended": "the camera ended the stream",
    "reset": "the connection broke",
    "novideo": "the stream has no pictures",
    "config": "the camera's configuration is wrong",
}
"""What the centre is told, without address or user."""


def work(name: str, settings: Settings) -> int:
    """Runs a camera's pipeline until SIGTERM or SIGINT. EdgeError where its file, model or secret is wrong."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    journal = Journal(settings.database, camera=name)
    try:
        camera, source, credentials = _prepared(settings.config / "cameras" / f"{name}.yaml", settings)
        pipeline = Pipeline(camera, models=settings.models)
    except EdgeError:
        _announce(journal, name, state="config", reason="config")
        raise
    with RtspCamera(source.url, credentials=credentials, transport=source.transport, rate=camera.analyse.rate) as feed:
        _loop(feed, pipeline, Recorder(journal, name=name, camera=camera, now=time.time()), _Teller(journal, name), stop)
    journal.close()
    return 0
