"""`edge run`: everything in the foreground, as the same processes that systemd would start."""

from __future__ import annotations

import sys

from edge.check import check
from edge.config.load import camera_files, is_camera_id, load_edge
from edge.config.settings import Settings
from edge.errors import EdgeError
from edge.process import Child
from edge.supervisor import Supervisor


def run(settings: Settings) -> int:
    """Starts the publisher and a worker for each camera and watches them until SIGTERM or SIGINT.

    Every fault of the files is told first. A camera with a fault stays alone: its worker tells the centre, and is tried
    again once a minute. EdgeError where `edge.yaml` is wrong or there is no camera.
    """
    load_edge(settings.config / "edge.yaml")
    for fault in check(settings):
        print(fault, file=sys.stderr, flush=True)  # noqa: T201 - the console is where `edge run` speaks
    cameras = [file.stem for file in camera_files(settings.config) if is_camera_id(file.stem)]
    if not cameras:
        raise EdgeError(str(settings.config / "cameras"), "no camera can run", do="put <id>.yaml there; see configs/")
    environment = {"EDGE_CONFIG": str(settings.config), "EDGE_STATE": str(settings.state)}
    environment |= {"EDGE_RUN": str(settings.memory)}
    command = [sys.executable, "-m", "edge"]
    workers = [Child(f"camera {name}", (*command, "camera", name), environment) for name in cameras]
    return Supervisor([Child("publisher", (*command, "publish"), environment), *workers]).run()
