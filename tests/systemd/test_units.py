"""The units as files: what systemd says of them, how exposed they are, and that people are told of each."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from broker import wait_until

ROOT = Path(__file__).resolve().parents[2]
UNITS = sorted(path for path in (ROOT / "systemd").glob("edge*.*") if path.is_file())
SERVICES = [path for path in UNITS if path.suffix == ".service"]
OPTIONS = sorted((ROOT / "systemd" / "options").glob("*.conf"))
MOST_EXPOSED = 2.0
PAUSES = [0, 0, 2, 4, 8, 16, 32, 60, 60]
"""Seconds before the start after so many failures."""


@pytest.fixture(scope="module")
def laid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The units as systemd would load them, with a camera, and with commands that are there."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze here: apt-get install systemd")
    folder = tmp_path_factory.mktemp("units")
    for unit in UNITS:
        text = re.sub(r"/opt/edge/current/(bin/edge|libexec/[a-z-]+)", "/bin/true", unit.read_text())
        (folder / unit.name.replace("@", "@gate")).write_text(text)
    return folder


def analyze(*words: str | Path) -> str:
    done = subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_units_verify_in_silence(laid: Path) -> None:
    """systemd-analyze exits with 0 on a misspelt key, so nothing may be said at all."""
    assert len(UNITS) == 6
    assert analyze("verify", "--man=no", *sorted(laid.iterdir())) == ""


def test_units_verify_tells_a_misspelt_key(laid: Path, tmp_path: Path) -> None:
    text = (laid / "edge-publisher.service").read_text()
    (tmp_path / "edge-publisher.service").write_text(text.replace("MemoryMax=", "MemoryMaximum="))
    assert "MemoryMaximum" in analyze("verify", "--man=no", tmp_path / "edge-publisher.service")


@pytest.mark.parametrize("unit", SERVICES, ids=lambda path: path.name)
def test_service_is_hardly_exposed(laid: Path, unit: Path) -> None:
    said = analyze("security", "--offline=true", laid / unit.name.replace("@", "@gate"))
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
    assert found, said
    assert float(found[1]) <= MOST_EXPOSED, said


@pytest.mark.parametrize("option", OPTIONS, ids=lambda path: path.name)
def test_option_verifies_in_silence_when_its_lines_are_taken(laid: Path, option: Path, tmp_path: Path) -> None:
    """An option is a drop-in whose every line is a comment until somebody takes the `#` from its settings."""
    text = option.read_text()
    assert all(line.startswith("#") or not line.strip() for line in text.splitlines() if line != "[Service]")
    taken = re.sub(r"^#(?=[A-Z]\w+=)", "", text, flags=re.MULTILINE)
    assert taken != text
    shutil.copytree(laid, tmp_path, dirs_exist_ok=True)
    (tmp_path / "edge-camera@gate.service.d").mkdir()
    (tmp_path / "edge-camera@gate.service.d" / option.name).write_text(taken)
    assert analyze("verify", "--man=no", tmp_path / "edge-camera@gate.service") == ""


@pytest.mark.parametrize("unit", SERVICES, ids=lambda path: path.name)
def test_service_has_limits_and_never_gives_up(unit: Path) -> None:
    lines = set(unit.read_text().splitlines())
    assert {"StartLimitIntervalSec=0", "CapabilityBoundingSet=", "NoNewPrivileges=yes"} <= lines
    assert {"MemoryMax", "TasksMax"} <= {line.partition("=")[0] for line in lines}
    if "Type=oneshot" not in lines:
        assert {"Type=notify", "Restart=always", "WatchdogSec=30"} <= lines
        assert {"Wants=network-online.target", "After=network-online.target time-sync.target"} <= lines


def test_every_unit_and_option_is_documented() -> None:
    text = (ROOT / "docs" / "install.md").read_text()
    assert [path.name for path in [*UNITS, *OPTIONS] if f"`{path.name}`" not in text] == []


def test_settings_of_every_unit_are_ones_that_systemd_252_knows() -> None:
    """Debian 12 has systemd 252; what is newer would be ignored there."""
    newer = {
        "RestartSteps",
        "RestartMaxDelaySec",
        "RestartMode",
        "MemoryPressureWatch",
        "PrivatePIDs",
        "ProtectHostnameEx",
    }
    used = {key for unit in UNITS for key in re.findall(r"^(\w+)=", unit.read_text(), flags=re.MULTILINE)}
    assert used & newer == set()
    assert "Type=notify-reload" not in "".join(unit.read_text() for unit in UNITS)


def backoff(folder: Path, word: str, **environment: str) -> str:
    """Runs the script with a `sleep` that only notes how long it was to sleep; its note."""
    tools = folder / "tools"
    tools.mkdir(exist_ok=True)
    (tools / "sleep").write_text(f'#!/bin/sh\necho "$1" >>{folder}/slept\n')
    (tools / "sleep").chmod(0o755)
    path = f"{tools}:{os.environ['PATH']}"
    command = [ROOT / "systemd" / "backoff", word, "edge-camera@gate.service"]
    subprocess.run(command, env={"PATH": path, "EDGE_RUN": str(folder), **environment}, check=True)
    return (folder / "failures-edge-camera@gate.service").read_text()


def slept(folder: Path) -> int:
    file = folder / "slept"
    seconds = sum(map(int, file.read_text().split())) if file.exists() else 0
    file.unlink(missing_ok=True)
    return seconds


def test_backoff_grows_to_a_minute_and_stays_there(tmp_path: Path) -> None:
    pauses = []
    for _ in PAUSES:
        backoff(tmp_path, "wait")
        pauses.append(slept(tmp_path))
        backoff(tmp_path, "note", SERVICE_RESULT="exit-code")
    assert pauses == PAUSES


def test_backoff_is_none_after_an_end_in_order(tmp_path: Path) -> None:
    for _ in range(5):
        backoff(tmp_path, "wait")
        backoff(tmp_path, "note", SERVICE_RESULT="watchdog")
    assert slept(tmp_path)
    backoff(tmp_path, "wait")
    backoff(tmp_path, "note", SERVICE_RESULT="success")
    assert slept(tmp_path)
    backoff(tmp_path, "wait")
    assert not slept(tmp_path)


def test_backoff_that_is_stopped_while_it_waits_has_not_failed(tmp_path: Path) -> None:
    (tmp_path / "failures-unit").write_text("7\n")
    command = [ROOT / "systemd" / "backoff", "wait", "unit"]
    environment = {"PATH": os.environ["PATH"], "EDGE_RUN": str(tmp_path)}
    waiting = subprocess.Popen(command, env=environment, start_new_session=True)
    children = Path(f"/proc/{waiting.pid}/task/{waiting.pid}/children")
    wait_until(lambda: "sleep" in names(children), what="it sleeps", seconds=30)
    os.killpg(waiting.pid, signal.SIGTERM)  # as systemd does, all of them
    assert waiting.wait(timeout=30) == 0


def names(children: Path) -> list[str]:
    """What the processes of such a list of the kernel are called."""
    found = []
    for pid in children.read_text().split():
        with contextlib.suppress(OSError):
            found.append(Path(f"/proc/{pid}/comm").read_text().strip())
    return found


def test_backoff_begins_anew_after_a_run_of_a_minute(tmp_path: Path) -> None:
    note = tmp_path / "failures-edge-camera@gate.service"
    note.write_text("7 0\n")  # failed seven times, then started when the machine did
    assert float(Path("/proc/uptime").read_text().split()[0]) > 60
    backoff(tmp_path, "note", SERVICE_RESULT="signal")
    assert note.read_text().split() == ["1"]


@pytest.mark.parametrize(
    ("script", "told"), [("install", ["--wheels", "uninstall [--purge]"]), ("deb", ["--arch", "--python", "--wheels"])]
)
def test_installer_says_how_it_is_used(script: str, told: list[str]) -> None:
    def run(word: str) -> tuple[int, str, str]:
        done = subprocess.run([ROOT / "scripts" / script, word], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    status, usage, complaint = run("--help")
    assert (status, complaint) == (0, "")
    assert all(word in usage for word in (f"usage: scripts/{script}", *told))
    assert run("--helpp") == (2, "", usage)
