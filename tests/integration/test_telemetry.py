"""What a worker must not do: speak to anybody but its camera, or write anywhere but its journal."""

from __future__ import annotations

import os
import subprocess
import sys


def test_detector_leaves_no_trace_in_the_home_and_temporary_folders(tmp_path):
    """onnxruntime's wheel sends telemetry and keeps a device id in HOME unless it is told not to."""
    home, temporary = tmp_path / "home", tmp_path / "tmp"
    home.mkdir()
    temporary.mkdir()
    code = (
        "from edge.config.settings import Settings; from edge.detections.card import find_card;"
        "from edge.detections.detector import Detector; p = Settings().models;"
        "Detector(find_card('nanodet-g', path=p), path=p)"
    )
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("ORT_", "XDG_"))}
    environment |= {"HOME": str(home), "TMPDIR": str(temporary), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=60)
    assert [str(path) for path in tmp_path.rglob("*") if path.is_file()] == []
