"""What the units may not do, each tried from inside the unit: systemd ignores in silence what it cannot enforce."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from container import ROOT, needs
from device import BROKER, BROKER_PASSWORD, CAMERA, INTERNET, PASSWORD, PORT, PYTHON, Device, camera_yaml, device

pytestmark = pytest.mark.long
PLACES = [[CAMERA, PORT], [BROKER, 1883], [INTERNET, 443], ["127.0.0.1", 53]]
SECRETS = ["/etc/edge/secrets/gate", "/etc/edge/secrets/broker", "/etc/shadow"]
BUS, NAMES = "/run/dbus/system_bus_socket", "/run/systemd/resolve/io.systemd.Resolve"
"""Who would ask the internet's name servers for whoever may ask him."""
RESOLVER = (
    "import os, socket, sys; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]);"
    " os.chmod(sys.argv[1], 0o666); s.listen(); [s.accept()[0].close() for _ in iter(int, 1)]"
)
PICTURES = b"\xff\xd8\xff\xe0\x00\x10JFIF", b"\x89PNG\r\n\x1a\n", b"\x00ftypisom"
"""How a picture or a film begins, anywhere in a file."""
WORDS = [
    word
    for secret in (f"gate:{PASSWORD}", f"edge:{BROKER_PASSWORD}")
    for word in (secret.partition(":")[2].encode(), base64.b64encode(secret.encode()))
]
"""Passwords, and logins as they go over a network."""
NODES = {"/dev/rknpu": "c 10 200", "/dev/nvmap": "c 10 229", "/dev/nvidia0": "c 10 237"}
"""Devices of this kernel that anybody may open, under the names of those of GPUs and NPUs, which are not here."""


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory, street: Path) -> Iterator[Device]:
    needs()
    with device(tmp_path_factory.mktemp("walls"), street) as box:
        box.configure("gate")
        box.listen()
        box.start("internet", PYTHON, "-m", "http.server", "--bind", INTERNET, "443")
        box.start("names", PYTHON, "-m", "http.server", "--bind", "127.0.0.1", "53")
        folder = NAMES.rpartition("/")[0]
        box.machine.shell(f"mkdir -p {folder}")
        box.start("resolver", PYTHON, "-c", RESOLVER, NAMES)
        listening = (f"{INTERNET}:443", "127.0.0.1:53")
        box.machine.until(lambda: all(each in box.machine.run("ss", "-ltn") for each in listening), "servers listen")
        box.runs("gate")
        yield box


def probed(box: Device, unit: str, *, nodes: Sequence[str] = ()) -> dict[str, Any]:
    """What a unit could do: its own definition, with the probe in the place of its command."""
    machine = box.machine
    pids = [int(machine.show(each, "MainPID")) for each in ("edge-camera@gate.service", "edge-publisher.service")]
    credentials = ["/run/credentials/edge-camera@gate.service/gate", "/run/credentials/edge-publisher.service/broker"]
    beyond = [f"/proc/{pid}/root{path}" for pid in pids for path in [*SECRETS, *credentials] if pid]
    plan = {"places": PLACES, "secrets": [*SECRETS, *credentials, *beyond], "processes": [p for p in pids if p]}
    plan |= {"nodes": nodes, "set": True}
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
        if unit in ("edge-publisher.service", "edge-camera@gate.service"):
            machine.run("systemctl", "restart", unit)


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
    assert {BUS, NAMES} <= set(found["sockets"])
    machine.write("/root/clock", json.dumps(found["clock"]))  # for what follows


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
    assert [path for path in found["sockets"] if not path.startswith("/run/systemd/journal/")] == [
        "/run/systemd/notify"
    ], "nobody who could send something for it"


@pytest.mark.parametrize("unit", ["edge-camera@gate.service", "edge-publisher.service"])
def test_unit_knows_as_much_of_the_clock_as_anybody_and_cannot_set_it(box: Device, unit: str) -> None:
    found = probed(box, unit)
    assert found["clock"] == json.loads(box.machine.run("cat", "/root/clock"))
    assert not found["set"]


@pytest.mark.parametrize(
    ("option", "opened"),
    [("npu-rockchip", {"/dev/rknpu"}), ("gpu-nvidia", {"/dev/nvmap", "/dev/nvidia0"}), ("", set())],
)
def test_option_opens_its_devices_to_a_camera_and_no_others(box: Device, option: str, opened: set[str]) -> None:
    machine, folder = box.machine, "/etc/systemd/system/edge-camera@.service.d"
    made = "; ".join(
        f"[ -e {node} ] || mknod -m 660 {node} {number}; chgrp video {node}" for node, number in NODES.items()
    )
    machine.shell(f"getent group render || groupadd -r render; mkdir -p {folder}; {made}")
    if option:
        text = (ROOT / "systemd" / "options" / f"{option}.conf").read_text()
        machine.write(f"{folder}/{option}.conf", re.sub(r"^#(?=[A-Z]\w+=)", "", text, flags=re.MULTILINE))
    name = f"probe-{option or 'none'}"
    box.put(name, camera_yaml("yard"))
    try:
        box.runs(name)
        found = probed(box, f"edge-camera@{name}.service", nodes=[*NODES])
    finally:
        machine.shell(f"rm -rf {folder}; systemctl daemon-reload")
    assert set(found["opened"]) == opened
    assert found["reached"] == [[CAMERA, PORT]]
    assert found["written"] == [["/run/edge", "tmpfs"]]


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
    outside = ("/run/edge", "/var/lib/edge")
    assert [folder for folder, _ in found["written"] if not folder.startswith(outside)] == []
    assert [folder for folder, _ in found["written"] if "/good" in folder] == [], "what runs is not its to write"
    assert found["traced"] == []
    assert [BROKER, 1883] in found["reached"]


def test_configuration_writes_only_where_it_must(box: Device) -> None:
    found = probed(box, "edge-config.service")
    outside = ("/etc/systemd/system", "/var/lib/edge", "/run/edge")
    assert [folder for folder, _ in found["written"] if not folder.startswith(outside)] == []
    assert int(found["capabilities"], 16) == 0


def test_second_look_at_the_configuration_writes_nothing_and_reaches_nobody(box: Device) -> None:
    found = probed(box, "edge-config-again.service")
    assert found["written"] == found["reached"] == found["asked"] == []
    assert int(found["capabilities"], 16) == 0


def test_running_device_leaves_no_picture_and_no_password(box: Device) -> None:
    """Looked for on the disk and in memory as they are after all of the above, and in everything that was said."""
    box.runs("gate")
    box.wait_for_flow("gate", 1)
    box.machine.shell("cp -r /run/edge /root/memory")
    upper = box.machine.root.parent / "upper"
    pictures, passwords = [], []
    for file in upper.rglob("*"):
        shipped = ("opt/edge/", "etc/edge/secrets/")
        if not file.is_file() or file.is_symlink() or str(file.relative_to(upper)).startswith(shipped):
            continue
        content = file.read_bytes()
        if any(beginning in content for beginning in PICTURES):
            pictures.append(str(file))
        if any(word in content for word in WORDS):
            passwords.append(str(file))
    assert pictures == []
    said = box.machine.journal("-u", "edge-*").encode()
    assert not any(word in said for word in WORDS)
    assert [file for file in passwords if "/var/log/journal" not in file] == []
