"""What a device tells of itself to whoever looks after it: `edge status`, metrics, the journal's fields."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from container import needs
from device import BROKER, EDGE_YAML, PASSWORD, PYTHON, Device, device

pytestmark = pytest.mark.long
PORT = 9105
ASK = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())"


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory, street: Path) -> Iterator[Device]:
    needs()
    with device(tmp_path_factory.mktemp("telling"), street) as box:
        box.configure("gate")
        box.machine.write("/etc/edge/edge.yaml", f"{EDGE_YAML}metrics: {{port: {PORT}}}\n")
        box.listen()
        box.runs("gate")
        box.wait_for_flow("gate", 1)
        yield box


def told(box: Device, *before: str) -> dict[str, Any]:
    """`edge status --json`, as whoever the words before it make one."""
    return json.loads(box.machine.run(*before, "edge", "status", "--json", check=False))


def test_status_is_told_to_root_and_to_the_group_and_to_nobody_else(box: Device) -> None:
    machine = box.machine
    machine.shell("useradd -G edge technician; useradd stranger")
    for words in ((), ("runuser", "-u", "technician", "--")):
        found = told(box, *words)
        assert [(each["camera"], each["state"]) for each in found["cameras"]] == [("gate", "ok")]
        assert found["running"] and found["publisher"]["connected"]
        assert not found["disk"]["fails"]
        assert "gate" in machine.run(*words, "edge", "status", "--lang", "vi", check=False)
    said = machine.run("runuser", "-u", "stranger", "--", "edge", "status", check=False)
    assert "Traceback" not in said and len(said.splitlines()) == 1
    assert "/run/edge" in said


def test_status_tells_what_is_wrong(box: Device) -> None:
    box.camera(on=False)
    box.machine.until(lambda: told(box)["cameras"][0]["state"] == "nostream", "it is told that the camera is away")
    assert not told(box)["well"]
    box.machine.run("systemctl", "stop", "edge-camera@gate")
    assert told(box)["cameras"][0]["state"] == "stopped"
    box.machine.run("systemctl", "start", "edge-camera@gate")
    box.camera(on=True)
    box.runs("gate")


def test_metrics_are_there_on_this_machine_only(box: Device) -> None:
    text = box.machine.run(PYTHON, "-c", ASK, f"http://127.0.0.1:{PORT}/metrics")
    assert 'edge_process_resident_memory_bytes{process="camera-gate"}' in text, text
    assert "edge_store_flush_age_seconds" in text
    listening = [line for line in box.machine.run("ss", "-ltnH").splitlines() if f":{PORT}" in line]
    assert [line.split()[3] for line in listening] == [f"127.0.0.1:{PORT}"]
    assert "refused" in box.machine.run(PYTHON, "-c", ASK, f"http://{BROKER}:{PORT}/metrics", check=False)


def test_journal_has_fields_to_look_for(box: Device) -> None:
    box.camera(on=False)
    machine = box.machine

    def found(*fields: str) -> list[dict[str, str]]:
        lines = machine.run("journalctl", "-b", "--no-pager", "-o", "json", *fields).splitlines()
        return [json.loads(line) for line in lines]

    machine.until(lambda: bool(found("CAMERA=gate", "STATE=nostream")), "the journal has it with its fields")
    [*_, last] = found("CAMERA=gate", "STATE=nostream")
    assert last["_SYSTEMD_UNIT"] == "edge-camera@gate.service"
    assert last["SYSLOG_IDENTIFIER"] == "edge"
    assert last["LOGGER"].startswith("edge")
    assert int(last["PRIORITY"]) <= 6
    assert PASSWORD not in machine.run("journalctl", "-b", "--no-pager", "-o", "json", "-u", "edge-*")
    box.camera(on=True)
    box.runs("gate")
