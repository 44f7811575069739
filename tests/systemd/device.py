"""A device as the field has it: installed, with its cameras, its broker and its centre as real neighbours inside."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from container import CACHE, DEBIAN, ROOT, Container, alone, debian, wheels

INSTALLED = CACHE / "systemd-installed"
"""What `scripts/install` added to the Debian, kept for the tests of everything but the installation itself."""
CAMERA, BROKER, INTERNET = "10.9.0.21", "10.9.0.1", "203.0.113.7"
"""Addresses inside the device's own network, which has no way out."""
PORT = 8554
PASSWORD, BROKER_PASSWORD = "geheim-Cam3ra", "geheim-Br0ker"
EDGE_YAML = f"node: box-1\nbroker: {{host: {BROKER}, port: 1883, tls: false, credentials: broker}}\n"
PYTHON = "/opt/edge/current/bin/python"
UNTIL_COUNTED = 90.0
OLD = "; the version before it runs"
"""How a camera's process ends its status that has pictures, and a wrong file."""


def camera_yaml(stream: str = "gate", *, every: int = 10, rate: int = 3, host: str = CAMERA) -> str:
    """A camera file with one line across the picture."""
    source = f'source: {{url: "rtsp://{host}:{PORT}/{stream}", credentials: gate}}\nanalyse: {{rate: {rate}}}\n'
    return f"{source}lines: [{{id: l1, points: [[0.05, 0.55], [0.95, 0.55]], every: {every}}}]\n"


def installed() -> Path:
    """The layer that `scripts/install` put over the Debian, off-line; made where the dependencies are others now."""
    if not is_cached():
        shutil.rmtree(INSTALLED, ignore_errors=True)
        with Container(INSTALLED, debian(), bind=[(ROOT, "/src"), (wheels(), "/wheels")]) as machine:
            machine.boot()
            machine.run("/src/scripts/install", "--wheels", "/wheels")
            machine.shut_down()
        (INSTALLED / "complete").write_text(_stamp())
    return INSTALLED / "upper"


def is_cached() -> bool:
    """Whether a device can be booted without making anything first."""
    complete = INSTALLED / "complete"
    return (DEBIAN / "complete").exists() and complete.exists() and complete.read_text() == _stamp()


def _stamp() -> str:
    """What the installed layer depends on."""
    return (ROOT / "requirements" / "run.txt").read_text() + (ROOT / "scripts" / "install").read_text()


@contextmanager
def device(folder: Path, clip: Path, *, bind: Sequence[tuple[Path, str]] = ()) -> Iterator[Device]:
    """A device with the code and the units of this checkout, booted, with a camera, a broker and a centre."""
    with alone():
        layers = installed(), debian()
    with Container(folder, *layers, bind=[(clip, "/clip.mp4"), *bind]) as machine:
        _refresh(machine.root)
        box = Device(machine)
        box.boot()
        yield box
        machine.shut_down()


def _refresh(root: Path) -> None:
    """The code and the units of now, in place of those of the day when the layer was made."""
    [release] = (path for path in (root / "opt/edge").iterdir() if path.is_dir() and not path.is_symlink())
    [packages] = release.glob("lib/python3*/site-packages")
    shutil.rmtree(packages / "edge")
    shutil.copytree(ROOT / "edge", packages / "edge", ignore=shutil.ignore_patterns("__pycache__"))
    for script in ("backoff", "cameras-first", "configuration"):
        shutil.copy(ROOT / "systemd" / script, release / "libexec" / script)
    for name in ("models", "docs"):
        shutil.copytree(ROOT / name, release / name, dirs_exist_ok=True)
    for unit in [*(ROOT / "systemd").glob("edge*.*")]:
        if unit.is_file():
            shutil.copy(unit, root / "usr/local/lib/systemd/system" / unit.name)
    for name in ("sysusers.d", "tmpfiles.d"):
        shutil.copy(ROOT / "systemd" / name / "edge.conf", root / "usr/local/lib" / name / "edge.conf")


class Device:
    """What a person at the device does and sees, and what the centre hears."""

    def __init__(self, machine: Container) -> None:
        self.machine = machine

    def boot(self, *, seconds: float = 60) -> None:
        """Boots the machine and starts its neighbours."""
        self.machine.boot(seconds=seconds)
        self.neighbours()

    def neighbours(self) -> None:
        """Starts the broker and the camera, which belong to the test."""
        addresses = "; ".join(f"ip address add {each}/32 dev lo" for each in (CAMERA, BROKER, INTERNET))
        conf = f"listener 1883 {BROKER}\\nallow_anonymous true\\npersistence true\\npersistence_location /root/\\n"
        self.machine.shell(
            f"systemctl -q disable --now mosquitto; {addresses}; printf '{conf}user root\\n' >/root/broker.conf"
        )
        self.broker()
        self.camera(on=True)

    def broker(self) -> None:
        """Starts the broker."""
        self.start("broker", "/usr/sbin/mosquitto", "-c", "/root/broker.conf")

    def start(self, unit: str, *command: str) -> None:
        """Starts a neighbour as a unit of its own."""
        options = ("--setenv=PYTHONDONTWRITEBYTECODE=1", "--property=Restart=on-failure", "--property=RestartSec=1")
        gone = "not-found"  # systemd forgets a unit of that name only some time after its end
        self.machine.until(lambda: self.machine.show(unit, "LoadState") == gone, f"no {unit} any more")
        self.machine.run("systemd-run", "-q", f"--unit={unit}", *options, *command)

    def camera(self, *, on: bool) -> None:
        """Switches the simulated camera."""
        if not on:
            self.machine.run("systemctl", "stop", "camera")
            return
        login = f"gate:{PASSWORD}"
        module = (PYTHON, "-m", "edge.demo.camera", "--host", CAMERA, "--port", str(PORT), "--credentials", login)
        self.start("camera", *module, "gate=/clip.mp4", "yard=/clip.mp4")

    def listen(self) -> None:
        """Starts the centre, and a subscriber that notes every message with its topic."""
        self.machine.shell("mkdir -p /root/centre")
        self.machine.write("/root/centre/edge.yaml", f"node: hq\nbroker: {{host: {BROKER}, port: 1883, tls: false}}\n")
        self.start_centre()

    def start_centre(self) -> None:
        """Starts them again, after a boot."""
        command = ("/opt/edge/current/bin/edge", "listen", "--config", "/root/centre", "--store", "/root/centre.db")
        self.start("centre", *command)
        ear = f"exec mosquitto_sub -h {BROKER} -q 1 -c -i ear -V 5 -x 3600 -t 'hue/1/#' -F '%t %p' >>/root/heard"
        self.start("ear", "/bin/sh", "-c", ear)

    def configure(self, *cameras: str) -> None:
        """Puts the files of the device, its secrets and these cameras there."""
        for secret, line in (("gate", f"gate:{PASSWORD}"), ("broker", f"edge:{BROKER_PASSWORD}")):
            self.machine.shell(f"umask 077; echo {line} >/etc/edge/secrets/{secret}")
        self.machine.write("/etc/edge/edge.yaml", EDGE_YAML)
        for name in cameras:
            self.put(name, camera_yaml(name))

    def put(self, name: str, text: str) -> None:
        """Drops a camera file."""
        self.machine.write(f"/etc/edge/cameras/{name}.yaml", text)

    def status(self, unit: str) -> str:
        """What a unit says of itself, empty where it does not run."""
        running = self.machine.show(unit, "SubState") == "running"
        return self.machine.show(unit, "StatusText") if running else ""

    def runs(self, *cameras: str) -> None:
        """Waits until these cameras have pictures and the publisher has its broker."""
        for name in cameras:
            unit = f"edge-camera@{name}.service"
            self.machine.until(
                lambda unit=unit: self.status(unit) == "ok" or self.status(unit).endswith(OLD),
                f"{unit} has pictures",
                seconds=UNTIL_COUNTED,
            )
        self.machine.until(
            lambda: self.status("edge-publisher.service").startswith("connected"), "the publisher is connected"
        )

    def heard(self, ending: str) -> list[dict[str, Any]]:
        """The messages whose topic ends so, in the order in which the subscriber got them."""
        text = self.machine.shell("cat /root/heard 2>/dev/null || true")
        pairs = (line.partition(" ")[::2] for line in text.splitlines())
        return [json.loads(body) for topic, body in pairs if topic.endswith(ending) and body]

    def wait_for_flow(self, camera: str, count: int) -> list[dict[str, Any]]:
        """Waits for so many more intervals of a camera's line; all of them, each once, in order of time."""
        before = len(self.flow(camera))
        what = f"{count} more intervals of {camera}"
        self.machine.until(lambda: len(self.flow(camera)) >= before + count, what, seconds=UNTIL_COUNTED)
        return self.flow(camera)

    def flow(self, camera: str) -> list[dict[str, Any]]:
        """Every interval of a camera's line that the subscriber has, each once, in order of time."""
        found = {each["start"]: each for each in self.heard(f"/{camera}/flow/l1")}
        return [found[start] for start in sorted(found)]


def lost(messages: Sequence[dict[str, Any]]) -> str:
    """What is missing between a line's intervals: time that no interval covers, or crossings that `total` has and no
    count; empty where nothing is."""
    for before, after in itertools.pairwise(messages):
        ends = datetime.fromisoformat(before["start"]).timestamp() + before["seconds"]
        begins = datetime.fromisoformat(after["start"]).timestamp()
        if abs(begins - ends) > 0.002:
            return f"{ends - begins:+.3f} s between {before} and {after}"
        counted = [sum(pair[side] for pair in after.get("count", {}).values()) for side in (0, 1)]
        totals = [after["total"][side] - before["total"][side] for side in (0, 1)]
        if counted != totals:
            return f"counted {counted}, total grew by {totals}: {before} and {after}"
    return ""
