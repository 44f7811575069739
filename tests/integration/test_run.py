"""`edge run` follows the files of its cameras, and runs once only; the workers are quick ones that say who they are."""

from __future__ import annotations

import os
import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.store.lock import sole

PATIENCE = 60.0
FOLLOW = """
import sys
from edge.config.load import camera_files
from edge.config.settings import Settings
from edge.process import Child
from edge.run import Follower
from edge.supervisor import Supervisor
code = '''import os, signal, sys, time; from edge import notify; notify.ready()
signal.signal(signal.SIGTERM, lambda *_: sys.exit(print("ended gently")))
print("runs", os.getpid(), open(sys.argv[1]).readline().strip())
while True: notify.watchdog(); time.sleep(1)'''
settings = Settings()
def child(name):
    file = settings.config / "cameras" / f"{name}.yaml"
    return Child(f"camera {name}", (sys.executable, "-u", "-c", code, str(file)))
edge = Child("publisher", (sys.executable, "-u", "-c", code, str(settings.config / "edge.yaml")))
children = [child(file.stem) for file in camera_files(settings.config)]
sys.exit(Supervisor([edge, *children], follow=Follower(settings, child).follow).run())
"""


class Site:
    """A folder of configuration, and what follows it."""

    def __init__(self, folder: Path) -> None:
        self.config, self.state = folder / "config", folder / "state"
        (self.config / "cameras").mkdir(parents=True)
        (self.config / "secrets").mkdir()
        self.secret("user:one")
        self.write("edge.yaml", "node: hue-01\nbroker: {host: b, tls: false}\n")
        self.camera("cam", "first")
        self.lines: queue.Queue[str] = queue.Queue()
        self.seen: list[str] = []
        self.left: list[str] = []
        self.environment = {**os.environ, "EDGE_CONFIG": str(self.config), "EDGE_STATE": str(self.state)}
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", FOLLOW], env=self.environment, stderr=subprocess.PIPE, text=True
        )
        threading.Thread(target=lambda: [self.lines.put(line) for line in self.process.stderr], daemon=True).start()

    def write(self, name: str, text: str) -> None:
        (self.config / name).write_text(text, encoding="utf-8")

    def secret(self, text: str) -> None:
        self.write("secrets/gate", text)
        (self.config / "secrets/gate").chmod(0o600)

    def camera(self, name: str, called: str, rest: str = "") -> None:
        source = "source: {url: rtsp://192.0.2.1/s, credentials: gate}\n"
        rule = "lines: [{id: l1, points: [[0, 0.5], [1, 0.5]]}]\n"
        self.write(f"cameras/{name}.yaml", f"name: {called}\n{source}{rule}{rest}")

    def line(self, pattern: str) -> re.Match[str]:
        """The first line in which this is found and that was not asked for yet."""
        deadline = time.monotonic() + PATIENCE
        for text in self.left:
            if match := re.search(pattern, text):
                self.left.remove(text)
                return match
        while True:
            try:
                text = self.lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                pytest.fail(f"no line matched {pattern!r} in {PATIENCE} s; there were {self.seen}")
            self.seen.append(text)
            if match := re.search(pattern, text):
                return match
            self.left.append(text)

    def runs(self, name: str, said: str) -> int:
        return int(self.line(rf"{name} \| runs (\d+) {said}$")[1])

    def end(self) -> int:
        self.process.terminate()
        code = self.process.wait(PATIENCE)
        self.process.stderr.close()
        return code


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    if site.process:
        site.process.kill()
        site.process.wait()


def test_a_changed_file_is_taken_and_a_wrong_one_is_told_once(site: Site):
    site.start()
    first = site.runs("camera cam", "name: first")
    site.camera("cam", "wrong", "lanes: 3\n")
    site.line(r"cam\.yaml:4:1: lanes: unknown key")
    assert Path(f"/proc/{first}").exists()
    site.camera("cam", "second")
    site.line(r"camera cam \| ended gently$")
    site.line(r"camera cam: the files changed; starts again in 0\.2 s$")
    second = site.runs("camera cam", "name: second")
    site.secret("user:another")
    site.line(r"camera cam: the files changed")
    assert second != site.runs("camera cam", "name: second")
    assert site.end() == 0
    assert sum("lanes" in line for line in site.seen) == 1
    assert sum("camera cam: the files changed" in line for line in site.seen) == 2


def test_a_new_file_starts_a_worker_and_a_deleted_one_ends_it(site: Site):
    site.start()
    publisher = site.runs("publisher", "node: hue-01")
    site.camera("new", "the new one")
    new = site.runs("camera new", "name: the new one")
    renewed = site.runs("publisher", "node: hue-01")
    assert renewed != publisher
    (site.config / "cameras/new.yaml").unlink()
    site.line(r"camera new: stopped$")
    assert not Path(f"/proc/{new}").exists()
    assert site.runs("publisher", "node: hue-01") != renewed  # it tells the last intervals of that camera
    assert site.end() == 0


def test_a_wrong_edge_yaml_leaves_the_publisher_running(site: Site):
    site.start()
    site.runs("publisher", "node: hue-01")
    site.write("edge.yaml", "node: [\n")
    site.line(r"edge\.yaml:\d")
    site.camera("cam", "second")
    site.runs("camera cam", "name: second")
    site.write("edge.yaml", "node: hue-02\nbroker: {host: b, tls: false}\n")
    site.line(r"publisher: the files changed")
    site.runs("publisher", "node: hue-02")
    assert sum("publisher: the files changed" in line for line in site.seen) == 1
    assert site.end() == 0


def test_a_second_one_is_refused(site: Site):
    with sole(site.state / "run", "run"):
        command = [sys.executable, "-m", "edge", "run"]
        done = subprocess.run(command, env=site.environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert re.fullmatch(rf".*edge run is at work here, found process {os.getpid()}; stop that one first\n", done.stderr)
