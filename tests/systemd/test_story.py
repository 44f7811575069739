"""Show 1 of the device under systemd, as one story: from a bare machine through everything that befalls it, and no
count lost. What the centre has in the end is held against what the cameras' processes noted of their own pictures."""

from __future__ import annotations

import itertools
import re
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from chaos_truth import LAST_SECOND, Stored, Truth, differences, figures
from container import Container, alone, debian, needs, wheels
from device import BROKER_PASSWORD, EDGE_YAML, PASSWORD, Device, camera_yaml
from releases import CRASHES, release

from edge.config.schema import Storage

pytestmark = pytest.mark.long
GATE, YARD = "edge-camera@gate.service", "edge-camera@yard.service"
PUBLISHER, CONFIG = "edge-publisher.service", "edge-config.service"
NEIGHBOURS = {"broker": "the broker", "centre": "the centre", "camera": "the simulated camera"}
GATE_YAML = (
    camera_yaml("gate", rate=5).partition("lines:")[0]
    + """\
lines:
  - {id: l1, points: [[0.05, 0.55], [0.95, 0.55]], every: 10, crossings: true}
  - {id: l2, points: [[0.05, 0.7], [0.95, 0.7]], every: 10}
zones:
  - {id: z1, points: [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.9]], every: 10}
"""
)
YARD_YAML = camera_yaml("yard").replace("id: l1", "id: y1")
WITNESS = """\
[Service]
ExecStart=
ExecStart=/opt/edge/current/bin/python /var/witness/witness.py %i /var/witness
ReadWritePaths=/var/witness
"""
FLUSHED_SECONDS = Storage().flush_seconds + 2
"""What a power cut may cost, with the moments that a flush itself takes."""


@dataclass
class Noted(Truth):
    """What a camera's process noted, with the lives that ended when the power was `cut` and when that was."""

    cut: dict[str, float] = field(default_factory=dict)

    def sure_until(self, life: str) -> float:
        written = super().sure_until(life)
        return min(written, self.cut[life] - FLUSHED_SECONDS - LAST_SECOND) if life in self.cut else written


class Story:
    """A machine, what is done to it, and how long each took."""

    def __init__(self, box: Device) -> None:
        self.box, self.machine = box, box.machine
        self.steps: list[tuple[str, str, float]] = []
        self.cut = 0.0

    @contextmanager
    def step(self, what: str, until: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.steps.append((what, until, time.monotonic() - began))
        print(f"{what}: {until} {self.steps[-1][2]:.1f} s", flush=True)

    def install(self, name: str) -> str:
        script = f"/releases/{name}/scripts/install --wheels /wheels || echo FAILED"
        return self.machine.shell(script, seconds=900)

    def pid(self, unit: str) -> int:
        return int(self.machine.show(unit, "MainPID"))

    def until_new(self, unit: str, before: int, *, seconds: float = 60) -> None:
        self.machine.until(lambda: self.pid(unit) not in (0, before), f"{unit} has a new process", seconds=seconds)

    def state(self, camera: str) -> str:
        told = self.box.heard(f"/{camera}/status")
        return told[-1]["state"] if told else ""

    def until_told(self, camera: str, state: str) -> None:
        self.machine.until(lambda: self.state(camera) == state, f"the centre knows {camera} as {state}")

    def until_pictures(self, *cameras: str) -> None:
        self.box.runs(*cameras)
        notes = {camera: self._pictures(camera) for camera in cameras}
        for camera, before in notes.items():
            self.machine.until(lambda c=camera, n=before: self._pictures(c) > n, f"{camera} has pictures")

    def _pictures(self, camera: str) -> int:
        return int(self.machine.shell(f"cat /var/witness/{camera}.jsonl 2>/dev/null | grep -c seen || true"))


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, street: Path) -> Iterator[Story]:
    """A Debian that has never seen this software, with releases of it on a stick."""
    needs()
    releases = tmp_path_factory.mktemp("releases")
    release(releases / "first", "9.0.0")
    release(releases / "newer", "9.1.0", layouts=1)
    release(releases / "crashes", "9.2.0", CRASHES, layouts=2)
    with alone():
        layer = debian()
    bind = [(street, "/clip.mp4"), (releases, "/releases"), (wheels(), "/wheels")]
    with Container(tmp_path_factory.mktemp("story"), layer, bind=bind) as machine:
        machine.boot()
        yield Story(Device(machine))
        machine.shut_down()


def test_device_lives_through_everything_and_no_count_is_lost(story: Story) -> None:
    begin(story)
    cameras_by_file(story)
    for unit in (GATE, PUBLISHER):
        hang(story, unit)
    for unit in (GATE, PUBLISHER, *NEIGHBOURS):
        kill(story, unit)
    kill_while_it_applies(story)
    boot(story)
    releases(story)
    end(story)


def begin(story: Story) -> None:
    with story.step("scripts/install, off-line, on a bare Debian", "edge.target is active"):
        assert "FAILED" not in story.install("first")
        story.machine.until(lambda: story.machine.show("edge.target", "ActiveState") == "active", "it is active")
    witness = (Path(__file__).parent / "witness.py").read_text()
    story.machine.shell("install -d -m 1777 /var/witness; mkdir -p /etc/systemd/system/edge-camera@.service.d")
    story.machine.write("/var/witness/witness.py", witness)
    story.machine.write("/etc/systemd/system/edge-camera@.service.d/witness.conf", WITNESS)
    story.machine.run("systemctl", "daemon-reload")
    story.box.neighbours()
    story.box.listen()
    for secret, line in (("gate", f"gate:{PASSWORD}"), ("broker", f"edge:{BROKER_PASSWORD}")):
        story.machine.shell(f"umask 077; echo {line} >/etc/edge/secrets/{secret}")
    with story.step("edge.yaml and the first camera's file dropped", "it has pictures, the publisher its broker"):
        story.machine.write("/etc/edge/edge.yaml", EDGE_YAML)
        story.box.put("gate", GATE_YAML)
        story.until_pictures("gate")


def cameras_by_file(story: Story) -> None:
    box, before = story.box, story.pid(GATE)
    with story.step("a second camera added by file", "it has pictures"):
        box.put("yard", YARD_YAML)
        story.until_pictures("yard")
    with story.step("its file broken", "the centre is told `config`; the version before it counts on"):
        box.put("yard", YARD_YAML.replace("analyse:", "analyze:"))
        story.until_told("yard", "config")
    story.until_pictures("yard")
    with story.step("its file mended", "the centre is told `ok`"):
        box.put("yard", YARD_YAML.replace("rate: 3", "rate: 4"))
        story.until_told("yard", "ok")
    with story.step("the cameras switched off", "the centre is told `nostream`"):
        box.camera(on=False)
        story.until_told("yard", "nostream")
        story.until_told("gate", "nostream")
    with story.step("the cameras switched on", "both have pictures"):
        box.camera(on=True)
        story.until_pictures("gate", "yard")
    with story.step("the second camera's file deleted", "it is stopped, and the centre's list is without it"):
        story.machine.run("rm", "/etc/edge/cameras/yard.yaml")
        story.machine.until(lambda: story.machine.show(YARD, "ActiveState") == "inactive", "stopped")
        story.machine.until(lambda: "yard" not in box.heard("/box-1/info")[-1]["cameras"], "info without it")
    assert story.pid(GATE) == before, "the first camera was not touched"


def hang(story: Story, unit: str) -> None:
    before = story.pid(unit)
    with story.step(f"SIGSTOP on {unit}", "the watchdog has restarted it, all is well"):
        story.machine.shell(f"kill -STOP {before}")
        story.until_new(unit, before, seconds=120)
        story.until_pictures("gate")
    assert "Watchdog timeout" in story.machine.journal("-u", unit)


def kill(story: Story, unit: str) -> None:
    before = story.pid(unit)
    with story.step(f"kill -9 of {NEIGHBOURS.get(unit, unit)}", "it is back, all is well"):
        story.machine.shell(f"kill -KILL {before}")
        story.until_new(unit, before)
        story.until_pictures("gate")


def kill_while_it_applies(story: Story) -> None:
    machine = story.machine
    find = f"p=$(systemctl show -P MainPID {CONFIG}); [ $p != 0 ]"
    at_work = f"{find} && grep -q apply /proc/$p/cmdline && kill -KILL $p"
    with story.step("kill -9 of `edge apply` at work on a new file", "the camera has pictures all the same"):
        story.box.put("late", YARD_YAML)
        machine.shell(f"for try in $(seq 500); do {at_work} && exit; sleep 0.02; done; exit 1")
        story.until_pictures("late")
    assert "code=killed, status=9/KILL" in machine.journal("-u", "edge-config")
    machine.run("rm", "/etc/edge/cameras/late.yaml")
    machine.until(lambda: machine.show("edge-camera@late.service", "ActiveState") == "inactive", "stopped")


def boot(story: Story) -> None:
    with story.step("reboot", "all is well, with nothing done by hand"):
        story.machine.shut_down()
        story.box.boot()
        story.box.start_centre()
        story.until_pictures("gate")
    with story.step("power cut", "all is well, with nothing done by hand"):
        story.machine.cut_power()
        story.cut = time.time()
        story.box.boot()
        story.box.start_centre()
        story.until_pictures("gate")


def releases(story: Story) -> None:
    """Both lay the journal out differently than the one before."""
    with story.step("upgrade", "the new release is healthy"):
        assert "FAILED" not in story.install("newer")
    assert story.machine.run("edge", "--version") == "edge 9.1.0\n"
    story.until_pictures("gate")
    with story.step("upgrade to a release that crashes", "the one before runs again and is healthy"):
        said = story.install("crashes")
    assert re.search(rf"not healthy: .*{GATE}", said)
    assert re.search(r"9\.2\.0-\w+ did not become healthy; 9\.1\.0-\w+ runs again", said)
    assert "FAILED" in said
    assert story.machine.run("edge", "--version") == "edge 9.1.0\n"
    story.until_pictures("gate")


def end(story: Story) -> None:
    """Nobody passes any more; everything that was counted comes to the centre, and is what was seen."""
    disk = story.machine.root
    with story.step("the camera switched off for good", "the centre has everything"):
        story.box.camera(on=False)
        night, found = time.time(), list[Stored]()

        def whole() -> bool:
            found.extend(each for each in [Stored.read(disk / "root/centre.db", after=night)] if each)
            return bool(found)

        story.machine.until(whole, "the centre has everything", seconds=120)
    story.machine.run("systemctl", "stop", "edge.target")
    story.machine.until(lambda: story.machine.show(PUBLISHER, "ActiveState") == "inactive", "all is stopped")
    truth = noted(disk / "var/witness/gate.jsonl", cut=story.cut)
    assert len(truth.cut) == 1
    assert len(truth.killed) == 3, "by the watchdog, by hand, and with the power"
    print("\n".join(f"| {what} | {until} | {seconds:.0f} |" for what, until, seconds in story.steps))
    assert differences(found[0], truth) == []
    told = figures(found[0], truth)
    print(told)
    assert told["crossings that the camera had"] > 50
    assert exactly(found[0], disk / "var/witness", "yard", "late")


def noted(file: Path, *, cut: float = 0) -> Noted:
    """The notes of a camera, with the lives that did not end in order."""
    truth = Noted.read(file, {})
    text = file.read_text()
    truth.killed = {life: at for life, at in truth.ticks.items() if f'"end", "life": "{life}"' not in text}
    alive = [life for life, at in truth.killed.items() if at <= cut]
    truth.cut = {life: cut for life in alive if cut - truth.killed[life] < 5}
    return truth


def exactly(stored: Stored, folder: Path, *cameras: str) -> bool:
    """Whether all that was seen by cameras which only ever ended in order was counted, and nothing else."""
    truths = [noted(folder / f"{camera}.jsonl") for camera in cameras]
    assert not any(truth.killed for truth in truths)
    seen = Counter(each.key for each in itertools.chain(*(truth.crossings for truth in truths)))
    counted: Counter[tuple[str, int]] = Counter()
    for flow in (each for each in stored.bodies["flow"] if each["rule"] == "y1"):
        for kind, pair in flow.get("count", {}).items():
            counted.update({(kind, way): pair[way] for way in (0, 1)})
    return bool(seen) and +counted == seen
