"""A camera file for the tests of configuration, and what is told of one that is wrong."""

from __future__ import annotations

import pytest

from edge.config.document import FileError
from edge.config.load import load_camera

CAMERA = """\
name: Cầu Trường Tiền, bờ bắc
source:
  url: rtsp://192.168.1.21:554/Streaming/Channels/102
lines:
  - id: l1
    points: [[0.12, 0.55], [0.93, 0.55]]
"""


def faults(tmp_path, text, *, load=load_camera):
    """The line, column and text of each fault of a file with this text."""
    file = tmp_path / "a.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(FileError) as caught:
        load(file)
    return [(f.line, f.column, f.text) for f in caught.value.faults]
