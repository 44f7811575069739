"""The device boots and counts: the shortest look at the real thing."""

from __future__ import annotations

from pathlib import Path

import pytest
from container import needs
from device import device, is_cached


def test_device_boots_and_counts(tmp_path: Path, street: Path) -> None:
    needs()
    if not is_cached():
        pytest.skip("no device of these dependencies in .cache: pytest -m long tests/systemd makes it")
    with device(tmp_path, street) as box:
        box.configure("gate")
        box.runs("gate")
        assert "Traceback" not in box.machine.journal()
