"""A device whose clock is never set: it starts after the time where that comes, and does not wait for it for ever."""

from __future__ import annotations

from pathlib import Path

import pytest
from container import needs
from device import device

pytestmark = pytest.mark.long
FOR_EVER = """\
[Unit]
DefaultDependencies=no
Wants=time-sync.target
Before=time-sync.target
[Service]
Type=oneshot
TimeoutStartSec=infinity
ExecStart=sleep infinity
[Install]
WantedBy=sysinit.target
"""
"""systemd-time-wait-sync.service as it is where the time never comes; the real one does not run in a container."""
WAITED = 50e6
"""Microseconds that the device at least waits, by the drop-in's minute."""


def test_device_counts_a_minute_after_boot_where_the_time_never_comes(tmp_path: Path, street: Path) -> None:
    needs()
    with device(tmp_path, street) as box:
        machine = box.machine
        box.configure("gate")
        box.runs("gate")
        machine.write("/etc/systemd/system/systemd-time-wait-sync.service", FOR_EVER)
        machine.run("systemctl", "enable", "systemd-time-wait-sync.service")
        machine.shut_down()
        box.boot(seconds=200)
        box.runs("gate")
        assert machine.show("systemd-time-wait-sync.service", "Result") == "timeout"
        began = float(machine.show("systemd-time-wait-sync.service", "InactiveExitTimestampMonotonic"))
        counted = float(machine.show("edge-camera@gate.service", "InactiveExitTimestampMonotonic"))
        assert counted - began > WAITED, "it was not ordered after the time"
