"""What the units may not do, each tried from inside the unit: systemd ignores in silence what it cannot enforce."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from container import needs
from device import BROKER, BROKER_PASSWORD, CAMERA, INTERNET, PASSWORD, PORT, PYTHON, Device, camera_yaml, device

pytestmark = pytest.mark.long
PLACES = [[CAMERA, PORT], [BROKER, 1883], [INTERNET, 443], ["127.0.0.1", 53]]
SECRETS = ["/etc/edge/secrets/gate", "/etc/edge/secrets/broker", "/etc/shadow"]


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory, street: Path) -> Iterator[Device]:
    needs()
    with device(tmp_path_factory.mktemp("walls"), street) as box:
        box.configure("gate")
        box.start("internet", PYTHON, "-m", "http.server", "--bind", INTERNET, "443")
        box.start("names", PYTHON, "-m", "http.server", "--bind", "127.0.0.1", "53")
        listening = (f"{INTERNET}:443", "127.0.0.1:53")
        box.machine.until(lambda: all(each in box.machine.run("ss", "-ltn") for each in listening), "servers listen")
        box.runs("gate")
        yield box


def probed(box: Device, unit: str) -> dict[str, Any]:
    """What a unit could do: its own definition, with the probe in the place of its command."""
    machine = box.machine
    pids = [int(machine.show(each, "MainPID")) for each in ("edge-camera@gate.service", "edge-publisher.service")]
    credentials = ["/run/credentials/edge-camera@gate.service/gate", "/run/credentials/edge-publisher.service/broker"]
    beyond = [f"/proc/{pid}/root{path}" for pid in pids for path in [*SECRETS, *credentials] if pid]
    plan = {"places": PLACES, "secrets": [*SECRETS, *credentials, *beyond], "processes": [p for p in pids if p]}
    machine.write("/opt/probe.py", (Path(__file__).parent / "probe.py").read_text())
    quoted = json.dumps(plan).replace('"', '\\"').replace("%", "%%")
    emptied = ("ExecStart=", "ExecStartPre=", "ExecStop=", "ExecStopPost=")
    command = f'ExecStart={PYTHON} /opt/probe.py "{quoted}"'
    output = "StandardOutput=truncate:/root/probe.json"
    words = "\n".join(["[Service]", "Type=oneshot", "Restart=no", "WatchdogSec=0", *emptied, command, output])
    folder = f"/run/systemd/system/{unit}.d"
    machine.shell(f"mkdir -p '{folder}'")
    machine.write(f"{folder}/zz-probe.conf", words + "\n")
    try:
        machine.run("systemctl", "daemon-reload")
        machine.run("systemctl", "restart", unit)
        return json.loads(machine.run("cat", "/root/probe.json"))
    finally:
        machine.shell(f"rm -r '{folder}'; systemctl daemon-reload")


def test_walls_stand_only_where_they_are_built(box: Device) -> None:
    """Without a unit's walls the probe can do it all: so what it cannot do below is what the unit forbids."""
    machine = box.machine
    machine.write("/opt/probe.py", (Path(__file__).parent / "probe.py").read_text())
    plan = json.dumps(
        {"places": PLACES, "secrets": SECRETS, "processes": [int(machine.show("edge-publisher", "MainPID"))]}
    )
    found = json.loads(machine.run(PYTHON, "/opt/probe.py", plan))
    assert found["reached"] == found["asked"] == PLACES
    assert found["read"] == SECRETS
    assert {"/etc/edge", "/tmp", "/var/tmp", "/dev/shm", "/var/lib/edge", "/root"} <= {
        each for each, _ in found["written"]
    }
    assert found["seen"] and found["traced"] == found["seen"]


def test_camera_reaches_its_camera_only_and_writes_into_memory_only(box: Device) -> None:
    box.put("probe", camera_yaml("yard"))
    box.runs("probe")
    found = probed(box, "edge-camera@probe.service")
    assert found["reached"] == [[CAMERA, PORT]]
    assert [CAMERA, PORT] in found["asked"] and len(found["asked"]) == 1
    assert found["written"] == [["/run/edge", "tmpfs"]]
    assert found["own"] == ["gate"], "its own password and no other"
    assert found["read"] == [], "neither the files of the secrets nor what other units have got"
    assert found["traced"] == [], "no other unit's memory, that of another camera included"
    assert int(found["capabilities"], 16) == 0
    assert found["devices"] == []


def test_camera_without_its_drop_in_reaches_nothing_and_knows_nothing(box: Device) -> None:
    box.put("bare", camera_yaml("yard"))
    box.runs("bare")
    box.machine.shell("rm -r /etc/systemd/system/edge-camera@bare.service.d; systemctl daemon-reload")
    found = probed(box, "edge-camera@bare.service")
    assert found["reached"] == found["asked"] == found["own"] == []


def test_publisher_reads_no_camera_password(box: Device) -> None:
    found = probed(box, "edge-publisher.service")
    assert found["own"] == ["broker"]
    assert [path for path in found["read"] if "gate" in path or "/etc/" in path] == []
    assert {folder for folder, _ in found["written"]} == {"/run/edge", "/var/lib/edge"}
    assert found["traced"] == []
    assert [BROKER, 1883] in found["reached"]
    box.machine.run("systemctl", "restart", "edge-publisher")


def test_configuration_writes_only_where_it_must(box: Device) -> None:
    found = probed(box, "edge-config.service")
    outside = ("/etc/systemd/system", "/var/lib/edge", "/run/edge")
    assert [folder for folder, _ in found["written"] if not folder.startswith(outside)] == []
    assert int(found["capabilities"], 16) == 0


def test_running_device_leaves_no_picture_and_no_password(box: Device) -> None:
    """Looked for on the disk as it is after all of the above, and in everything that was said."""
    box.runs("gate")
    upper = box.machine.root.parent / "upper"
    pictures, passwords = [], []
    for file in upper.rglob("*"):
        shipped = ("opt/edge/", "etc/edge/secrets/")
        if not file.is_file() or file.is_symlink() or str(file.relative_to(upper)).startswith(shipped):
            continue
        content = file.read_bytes()
        if b"JFIF" in content[:16] or content[:4] == b"\x89PNG" or content[4:8] == b"ftyp":
            pictures.append(str(file))
        if any(word.encode() in content for word in (PASSWORD, BROKER_PASSWORD)):
            passwords.append(str(file))
    assert pictures == []
    said = box.machine.journal("-u", "edge-*")
    assert not any(word in said for word in (PASSWORD, BROKER_PASSWORD))
    assert [file for file in passwords if "/var/log/journal" not in file] == []
