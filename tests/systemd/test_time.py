"""A device whose clock is not set yet, or never: it starts after the time where that comes, does not wait for it for
ever, and tells intervals with the right time where it can."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from container import needs
from device import UNTIL_COUNTED, Device, device, lost

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


ASKS_TIMESYNCD = """\
[Service]
ProtectClock=yes
Environment=EDGE_TIME_WAIT=%d
"""
"""The kernel, whose word is about this machine and not about the container, may not be asked then."""
HELD = "SELECT count(*) FROM held"


@pytest.fixture
def unset(tmp_path: Path, street: Path) -> Iterator[Device]:
    """A device whose time service runs and has not set the clock yet."""
    needs()
    with device(tmp_path, street) as box:
        box.machine.shell("mkdir -p /run/systemd/timesync /etc/systemd/system/edge-camera@.service.d")
        box.listen()
        yield box


def waits(box: Device, seconds: int) -> None:
    box.machine.write("/etc/systemd/system/edge-camera@.service.d/time.conf", ASKS_TIMESYNCD % seconds)
    box.machine.run("systemctl", "daemon-reload")


def test_intervals_wait_for_the_time_and_go_when_it_comes(unset: Device) -> None:
    machine = unset.machine
    waits(unset, 900)
    unset.configure("gate")
    unset.runs("gate")
    held = ("sqlite3", "/run/edge/edge.db", HELD)
    machine.until(lambda: int(machine.run(*held)) >= 2, "two intervals wait", seconds=UNTIL_COUNTED)
    assert unset.flow("gate") == []
    machine.run("touch", "/run/systemd/timesync/synchronized")
    told = unset.wait_for_flow("gate", 3)
    assert lost(told) == ""
    assert [each for each in told if "clock" in each.get("flags", ())] == []
    assert int(machine.run(*held)) == 0


def test_intervals_go_flagged_where_the_time_does_not_come(unset: Device) -> None:
    waits(unset, 5)
    unset.configure("gate")
    unset.runs("gate")
    told = unset.wait_for_flow("gate", 2)
    assert all("clock" in each["flags"] for each in told)
    assert lost(told) == ""
