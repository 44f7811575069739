"""Software comes onto a device, is replaced by a newer one, goes back from a bad one, and goes: install and deb."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from container import ROOT, Container, alone, debian, needs, wheels
from device import Device, device, lost

pytestmark = pytest.mark.long
SOURCE = ("edge", "systemd", "models", "docs", "configs", "requirements", "scripts", "pyproject.toml", "README.md")
CRASHES = "raise SystemExit('this release is bad')\n"
HANGS = "import time\ntime.sleep(100000)\n"


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory, street: Path) -> Iterator[Device]:
    needs()
    releases = tmp_path_factory.mktemp("releases")
    _release(releases / "newer", "9.1.0")
    _release(releases / "crashes", "9.2.0", "edge/worker.py", CRASHES)
    _release(releases / "hangs", "9.3.0", "edge/publish.py", HANGS)
    with device(
        tmp_path_factory.mktemp("install"), street, bind=[(releases, "/releases"), (wheels(), "/wheels")]
    ) as box:
        box.listen()
        box.configure("gate")
        box.runs("gate")
        box.wait_for_flow("gate", 1)
        yield box


def _release(folder: Path, version: str, spoilt: str = "", beginning: str = "") -> None:
    """A checkout of another version, one module of which begins differently."""
    for name in SOURCE:
        source, target = ROOT / name, folder / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    about = folder / "edge" / "__init__.py"
    about.write_text(re.sub(r'__version__ = ".*"', f'__version__ = "{version}"', about.read_text()))
    if spoilt:
        (folder / spoilt).write_text(beginning)


def release(box: Device) -> str:
    return box.machine.run("readlink", "/opt/edge/current").strip()


def install(box: Device, name: str, *, patience: int = 150) -> str:
    script = f"EDGE_INSTALL_PATIENCE={patience} /releases/{name}/scripts/install --wheels /wheels || echo FAILED"
    return box.machine.shell(script, seconds=900)


def test_upgrade_takes_the_newer_release_and_loses_nothing(box: Device) -> None:
    before = release(box)
    said = install(box, "newer")
    assert "FAILED" not in said
    assert release(box).startswith("9.1.0-")
    assert box.machine.run("edge", "--version").strip() == "edge 9.1.0"
    box.runs("gate")
    pid = box.machine.show("edge-camera@gate.service", "MainPID")
    assert "/9.1.0-" in box.machine.run("cat", f"/proc/{pid}/cmdline")
    assert sorted(box.machine.run("ls", "/opt/edge").split()) == sorted([before, release(box), "current"])
    assert lost(box.wait_for_flow("gate", 2)) == ""


@pytest.mark.parametrize(
    ("name", "ill"), [("crashes", "edge-camera@gate.service"), ("hangs", "edge-publisher.service")]
)
def test_bad_release_is_rolled_back_and_loses_nothing(box: Device, name: str, ill: str) -> None:
    before = release(box)
    said = install(box, name, patience=45)
    assert re.search(f"not healthy: .*{ill}", said)
    assert f"did not become healthy; {before} runs again" in said
    assert "FAILED" in said
    assert release(box) == before
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


@pytest.fixture(scope="module")
def package() -> Path:
    needs()
    done = subprocess.run([ROOT / "scripts" / "deb", "--wheels", wheels()], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return ROOT / done.stdout.strip()


def test_package_installs_without_a_network_and_goes_again(tmp_path: Path, package: Path) -> None:
    with alone():
        layer = debian()
    with Container(tmp_path, layer, bind=[(package.parent, "/packages")]) as machine:
        machine.boot()
        machine.run("dpkg", "--install", f"/packages/{package.name}")
        machine.until(lambda: machine.show("edge.target", "ActiveState") == "active", "edge.target is active")
        assert machine.run("edge", "--version").startswith("edge ")
        assert "nanodet-g" in machine.run("edge", "models")
        machine.run("dpkg", "--purge", "edge")
        places = "/etc/edge /opt/edge /usr/local/bin/edge /usr/share/edge /var/lib/edge /run/edge"
        assert machine.shell(f"ls -d {places} 2>/dev/null || true") == ""
        assert machine.shell("find /etc/systemd /usr/local/lib -name '*edge*'") == ""
        machine.shut_down()
