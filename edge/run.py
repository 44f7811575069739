"""`edge run`: everything in the foreground, as the same processes that systemd would start."""

from __future__ import annotations

import os
import sys

from edge.check import check
from edge.config.load import camera_files, camera_id, load_edge
from edge.config.settings import Settings
from edge.errors import EdgeError
from edge.process import Child
from edge.supervisor import Supervisor


def run(settings: Settings) -> int:
    """Starts the publisher and a worker for each camera and watches them until SIGTERM or SIGINT.

    A camera with a fault is left out and told; the others run. EdgeError where `edge.yaml` is wrong or nothing is left.
    """
    edge_file = settings.config / "edge.yaml"
    load_edge(edge_file)
    faults = check(settings)
    for fault in faults:
        print(fault, file=sys.stderr, flush=True)  # noqa: T201 - the console is where `edge run` speaks
    if any(fault.file == edge_file for fault in faults):
        raise EdgeError(str(edge_file), "not started", do="mend what is listed above")
    faulty = {fault.file for fault in faults}
    cameras = [camera_id(file) for file in camera_files(settings.config) if file not in faulty]
    if not cameras:
        raise EdgeError(str(settings.config / "cameras"), "no camera can run", do="mend what is listed above")
    environment = dict(os.environ, EDGE_CONFIG=str(settings.config), EDGE_STATE=str(settings.state))
    command = [sys.executable, "-m", "edge"]
    workers = [Child(f"camera {name}", (*command, "camera", name), environment) for name in cameras]
    return Supervisor([Child("publisher", (*command, "publish"), environment), *workers]).run()
