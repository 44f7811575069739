"""A worker whose wall clock is wrong when it begins, comes right, and is set while it counts: a real process on a real
clock, which the test sets, with a real camera."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest
from broker import wait_until
from cameras import PASSWORD, USER
from contract import fits
from site_ import camera_file
from wall_clock import UNSYNCHRONISED, WallClock

from edge.store.database import Database

pytestmark = pytest.mark.long
IN_2020 = -200_000_000.0
EVERY = 10


class Worker:
    """`edge camera cam` on a clock of its own."""

    def __init__(self, folder: Path, url: str, clock: WallClock, *, patience: float) -> None:
        config = folder / "config"
        for part in ("cameras", "secrets"):
            (config / part).mkdir(parents=True)
        (config / "secrets/gate").write_text(f"{USER}:{PASSWORD}\n", encoding="utf-8")
        (config / "cameras/cam.yaml").write_text(camera_file(url, every=EVERY, rate=5))
        self._log, self._state = folder / "worker.log", folder / "state"
        folders = {"EDGE_CONFIG": str(config), "EDGE_STATE": str(self._state)}
        self._environment = {**clock.environment, **folders, "EDGE_TIME_WAIT": str(patience)}
        self.start()

    def start(self) -> None:
        with self._log.open("ab") as log:
            command = [sys.executable, "-m", "edge", "camera", "cam"]
            self.process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def _rows(self, query: str) -> list[tuple]:
        path = self._state / "run" / "edge.db"
        if not path.exists():
            return []
        database = Database(path)
        found = database.rows(query)
        database.close()
        return found

    def held(self) -> int:
        return len(self._rows("SELECT 1 FROM held"))

    def messages(self, kind: str) -> list[dict]:
        found = []
        for (body,) in self._rows(f"SELECT body FROM outbox WHERE kind = '{kind}' ORDER BY seq"):
            fits(body, kind)
            found.append(json.loads(body))
        return found

    def wait(self, ready, *, seconds: float = 90) -> None:
        wait_until(ready, what=lambda: self._log.read_text(errors="replace")[-3000:], seconds=seconds)

    def analysed(self) -> list[dict]:
        return [each for each in self.messages("zone") if each["coverage"] > 0.5]


@contextmanager
def worker(folder, url, clock, *, patience):
    running = Worker(folder, url, clock, patience=patience)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.kill()


def begin(message: dict) -> float:
    return datetime.fromisoformat(message["start"]).timestamp()


def overlapping(messages: list[dict]) -> list[tuple]:
    """Pairs of intervals of one rule that have a moment in common."""
    spans = sorted((each["rule"], begin(each), begin(each) + each["seconds"]) for each in messages)
    return [(one, other) for one, other in pairwise(spans) if one[0] == other[0] and other[1] < one[2]]


@pytest.fixture
def url(camera_process, street):
    return camera_process(f"gate={street}").url("gate")


def test_worker_waits_for_the_time_through_a_kill_and_follows_a_clock_that_is_set(tmp_path, url):
    clock, began = WallClock(tmp_path), time.time()
    clock.set(ahead=IN_2020, said=UNSYNCHRONISED)
    with worker(tmp_path, url, clock, patience=600) as running:
        running.wait(lambda: running.held() >= 10)  # two intervals of five rules
        running.kill()
        running.start()
        held = running.held()
        running.wait(lambda: running.held() >= held + 5)
        assert running.messages("zone") == running.messages("flow") == []
        assert all("clock" in each["flags"] for each in running.messages("cross"))
        clock.set()  # the time has come
        running.wait(lambda: running.held() == 0 and len(running.analysed()) >= 3)
        came = len(running.messages("zone"))
        clock.set(ahead=7200.0)  # a bad time server
        running.wait(lambda: len(running.messages("zone")) >= came + 3)
        clock.set()
        running.wait(lambda: len(running.messages("zone")) >= came + 6)
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(30) == 0
        zones, flows = running.messages("zone"), running.messages("flow")
    assert overlapping([*zones, *flows]) == []
    first = zones[: came - 1]
    assert all(began - EVERY <= begin(each) <= time.time() for each in first)
    assert [each for each in first if "clock" in each.get("flags", ())] == []
    assert sum("clock" in each.get("flags", ()) for each in zones[came:]) >= 3, "both sides of both steps"
    for line in {each["rule"] for each in flows}:
        told = [each for each in flows if each["rule"] == line]
        counted = [sum(pair[d] for each in told for pair in each.get("count", {}).values()) for d in (0, 1)]
        assert counted == told[-1]["total"]
    crossed = sum(sum(each["total"]) for each in {each["rule"]: each for each in flows}.values())
    assert 0 <= len(running.messages("cross")) - crossed <= 20, "what the open intervals have"


def test_worker_whose_time_never_comes_tells_its_intervals_all_the_same(tmp_path, url):
    clock = WallClock(tmp_path)
    clock.set(ahead=IN_2020, said=UNSYNCHRONISED)
    with worker(tmp_path, url, clock, patience=25) as running:
        running.wait(lambda: running.held() >= 5)
        running.wait(lambda: len(running.analysed()) >= 4)
        zones = running.messages("zone")
    assert overlapping(zones) == []
    assert all("clock" in each["flags"] for each in zones)
    assert all(each["start"].startswith("2020") for each in zones)
