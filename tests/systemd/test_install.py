"""Software comes onto a device, is replaced by a newer one, goes back from a bad one, and goes: install and deb."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from container import UBUNTU, Container, alone, debian, needs, wheels
from device import Device, device, lost
from releases import CRASHES, HANGS, release

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory, street: Path) -> Iterator[Device]:
    needs()
    releases = tmp_path_factory.mktemp("releases")
    release(releases / "newer", "9.1.0")
    release(releases / "crashes", "9.2.0", CRASHES)
    release(releases / "hangs", "9.3.0", HANGS)
    with device(
        tmp_path_factory.mktemp("install"), street, bind=[(releases, "/releases"), (wheels(), "/wheels")]
    ) as box:
        box.listen()
        box.configure("gate")
        box.runs("gate")
        box.wait_for_flow("gate", 1)
        yield box


def current(box: Device) -> str:
    return box.machine.run("readlink", "/opt/edge/current").strip()


def install(box: Device, name: str, *, patience: int = 150) -> str:
    script = f"EDGE_INSTALL_PATIENCE={patience} /releases/{name}/scripts/install --wheels /wheels || echo FAILED"
    return box.machine.shell(script, seconds=900)


def test_upgrade_takes_the_newer_release_and_loses_nothing(box: Device) -> None:
    before = current(box)
    said = install(box, "newer")
    assert "FAILED" not in said
    assert current(box).startswith("9.1.0-")
    assert box.machine.run("edge", "--version").strip() == "edge 9.1.0"
    box.runs("gate")
    pid = box.machine.show("edge-camera@gate.service", "MainPID")
    assert "/9.1.0-" in box.machine.run("cat", f"/proc/{pid}/cmdline")
    assert sorted(box.machine.run("ls", "/opt/edge").split()) == sorted([before, current(box), "current"])
    assert lost(box.wait_for_flow("gate", 2)) == ""


def test_bad_release_is_rolled_back_and_loses_nothing(box: Device) -> None:
    before = current(box)
    said = install(box, "crashes", patience=45)
    assert re.search("not healthy: .*edge-camera@gate.service", said)
    assert f"did not become healthy; {before} runs again" in said
    assert "FAILED" in said
    assert current(box) == before
    box.runs("gate")
    assert lost(box.wait_for_flow("gate", 2)) == ""


def test_bad_release_is_rolled_back_though_the_terminal_is_lost(box: Device) -> None:
    machine, before = box.machine, current(box)
    script = "EDGE_INSTALL_PATIENCE=45 exec /releases/hangs/scripts/install --wheels /wheels"
    machine.run("systemd-run", "-q", "--unit=upgrade", "/bin/sh", "-c", script)
    machine.until(lambda: current(box) != before, "the new release is there", seconds=200)
    for signal in ("HUP", "INT", "PIPE", "TERM"):
        machine.run("systemctl", "kill", "-s", signal, "upgrade")
    machine.until(lambda: machine.show("upgrade", "ActiveState") == "failed", "the upgrade is over", seconds=300)
    assert current(box) == before
    assert re.search("not healthy: .*edge-publisher.service", machine.journal("-t", "edge-install"))
    box.runs("gate")
    assert lost(box.wait_for_flow("gate", 2)) == ""


def test_camera_with_a_fault_of_its_own_does_not_stop_an_upgrade(box: Device) -> None:
    """It names the fault, and that is all that can be asked of a release."""
    box.camera(on=False)
    box.machine.until(lambda: box.status("edge-camera@gate.service").startswith("nostream"), "the camera is away")
    assert "FAILED" not in install(box, "newer"), "the same release again: nothing to be done"
    box.machine.shell(
        "cp -r /releases/newer /root/newest; echo >>/root/newest/README.md; echo '# ' >>/root/newest/edge/run.py"
    )
    said = box.machine.shell("/root/newest/scripts/install --wheels /wheels || echo FAILED", seconds=900)
    assert "FAILED" not in said
    box.camera(on=True)
    box.runs("gate")
    assert lost(box.wait_for_flow("gate", 1)) == ""


def test_uninstall_keeps_what_is_a_persons_and_purge_does_not(box: Device) -> None:
    machine = box.machine
    machine.shell("cp -r /releases/newer/scripts /root/scripts")
    machine.run("/root/scripts/install", "uninstall")
    assert machine.shell("ls -d /opt/edge /usr/local/bin/edge /run/edge 2>/dev/null || true") == ""
    assert machine.shell("find /etc/systemd /usr/local/lib/systemd /usr/local/lib/tmpfiles.d -name '*edge*'") == ""
    assert "edge-" not in machine.run("systemctl", "list-units", "--all", "--plain", "--no-legend", "edge*")
    assert machine.run("ls", "/etc/edge/cameras").split() == ["gate.yaml"]
    assert "journal-" in machine.run("ls", "/var/lib/edge")
    machine.run("/root/scripts/install", "uninstall", "--purge")
    assert machine.shell("ls -d /etc/edge /var/lib/edge 2>/dev/null || true") == ""
    assert "edge" not in machine.run("cat", "/etc/passwd", "/etc/group")


@pytest.mark.parametrize(("suite", "python"), [("trixie", "3.13"), (UBUNTU, "3.12")])
def test_device_of_another_system_installs_and_counts(tmp_path: Path, street: Path, suite: str, python: str) -> None:
    """Debian 13, as Raspberry Pi OS has it now, and Ubuntu 24.04, as JetPack 7 has it: another systemd and Python."""
    needs()
    with alone():
        layer, folder = debian(suite), wheels(python)
    release(tmp_path / "source", "9.0.0")
    bind = [(tmp_path / "source", "/source"), (folder, "/wheels"), (street, "/clip.mp4")]
    with Container(tmp_path / "machine", layer, bind=bind) as machine:
        machine.boot()
        machine.run("/source/scripts/install", "--wheels", "/wheels", seconds=600)
        box = Device(machine)
        box.neighbours()
        box.listen()
        box.configure("gate")
        box.runs("gate")
        assert lost(box.wait_for_flow("gate", 2)) == ""
        assert "Unknown key" not in machine.journal("-b")
        machine.run("/source/scripts/install", "uninstall", "--purge")
        machine.shut_down()


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with edge.deb, newer.deb, and one that crashes."""
    needs()
    folder, built = tmp_path_factory.mktemp("packages"), tmp_path_factory.mktemp("built")
    for name, version, spoilt in (("edge", "9.0.0", ()), ("newer", "9.1.0", ()), ("crashes", "9.2.0", (CRASHES,))):
        release(folder / name, version, *spoilt)
        command = [folder / name / "scripts" / "deb", "--wheels", wheels()]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        (folder / name / done.stdout.strip()).rename(built / f"{name}.deb")
    return built


def dpkg(box: Device, *words: str) -> str:
    """What it says; with FAILED at its end where it failed."""
    return box.machine.shell(f"dpkg {' '.join(words)} || echo FAILED", seconds=900)


def test_package_installs_upgrades_goes_back_is_removed_and_purged(
    tmp_path: Path, packages: Path, street: Path
) -> None:
    """All of it without a network."""
    with alone():
        layer = debian()
    with Container(tmp_path, layer, bind=[(packages, "/packages"), (street, "/clip.mp4")]) as machine:
        machine.boot()
        box = Device(machine)
        assert "FAILED" not in dpkg(box, "--install", "/packages/edge.deb")
        machine.until(lambda: machine.show("edge.target", "ActiveState") == "active", "edge.target is active")
        assert "nanodet-g" in machine.run("edge", "models")
        box.neighbours()
        box.listen()
        box.configure("gate")
        box.runs("gate")
        box.wait_for_flow("gate", 1)
        assert "FAILED" not in dpkg(box, "--install", "/packages/newer.deb")
        assert machine.run("edge", "--version").strip() == "edge 9.1.0"
        said = dpkg(box, "--install", "/packages/crashes.deb")
        assert "FAILED" in said and re.search(r"did not become healthy; 9\.1\.0-\w+ runs again", said)
        assert machine.run("edge", "--version").strip() == "edge 9.1.0"
        box.runs("gate")
        assert "FAILED" not in dpkg(box, "--install", "/packages/newer.deb")
        assert lost(box.wait_for_flow("gate", 2)) == ""
        dpkg(box, "--remove", "edge")
        assert machine.shell("ls -d /opt/edge /usr/local/bin/edge /usr/share/edge 2>/dev/null || true") == ""
        assert machine.run("ls", "/etc/edge/cameras").split() == ["gate.yaml"]
        dpkg(box, "--purge", "edge")
        places = "/etc/edge /opt/edge /usr/local/bin/edge /usr/share/edge /var/lib/edge /run/edge"
        assert machine.shell(f"ls -d {places} 2>/dev/null || true") == ""
        assert machine.shell("find /etc/systemd /usr/local/lib -name '*edge*'") == ""
        assert "edge" not in machine.run("cat", "/etc/passwd", "/etc/group")
        machine.shut_down()
