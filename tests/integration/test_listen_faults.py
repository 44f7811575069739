"""What befalls a city's centre: a full disk, everybody back at once, a device with a wrong clock."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.centre.ledger import Series
from edge.centre.records import Records
from edge.events import utc
from tests.integration.broker import OPEN, Broker, Ear, content, running, wait_until
from tests.integration.listening import EPOCH, ROOT, Centre, Device, complete, left

STORED = "hue/1/centre/+/stored/+"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with running(tmp_path / "broker", OPEN, "max_queued_messages 0") as broker:
        yield broker


@pytest.fixture
def centre(tmp_path: Path, broker: Broker, request: pytest.FixtureRequest) -> Iterator[Centre]:
    centre = Centre(tmp_path, broker, store=getattr(request, "param", ""))
    yield centre
    if centre.process and centre.process.poll() is None:
        centre.end(signal.SIGKILL)


@pytest.fixture
def device(tmp_path: Path, broker: Broker) -> Iterator[Device]:
    device = Device(tmp_path, broker.port)
    yield device
    device.close()


class SmallDisk:
    """A file system of 16 MiB in memory, which can be filled up and made room on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=16m", "small", str(folder)],
            capture_output=True,
            text=True,
            check=False,
        )
        if mounted.returncode:
            pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")

    def fill(self) -> None:
        with (self.folder / "filler").open("ab", buffering=0) as filler:
            for size in (65_536, 4096, 1):
                try:
                    while True:
                        filler.write(b"x" * size)
                except OSError:
                    continue

    def make_room(self) -> None:
        (self.folder / "filler").unlink()

    def remove(self) -> None:
        subprocess.run(["umount", "-l", str(self.folder)], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    if os.geteuid():
        pytest.skip("only root mounts a small file system")
    disk = SmallDisk(tmp_path / "small")
    yield disk
    disk.remove()


def confirmed(ear: Ear) -> int:
    return max((content(each)["seq"] for each in ear.heard), default=0)


def test_listen_on_a_full_disk_confirms_nothing_says_so_and_goes_on_when_there_is_room(
    small_disk: SmallDisk, tmp_path: Path, broker: Broker, device: Device
):
    centre = Centre(tmp_path, broker, store=str(small_disk.folder / "centre.db"))
    centre.start()
    with Ear(broker.port, STORED) as ear:
        device.count(20)
        ear.first("/stored/n1", seq=20)
        small_disk.fill()
        device.count(1500)
        wait_until(lambda: "messages cannot be stored" in centre.log, seconds=30, what=lambda: centre.log)
        ear.quiet(3)
        seen = centre.seen(Series("n1", EPOCH))
        assert isinstance(seen, tuple)
        assert confirmed(ear) <= seen[0][1] < 1520
        assert left(device) > 0
        lines = [line for line in centre.log.splitlines() if "cannot be stored" in line]
        assert len(lines) <= 2, lines  # at most every 10 s
        assert "found database or disk is full; free some space" in lines[0]
        small_disk.make_room()
        wait_until(complete(centre, 1520), seconds=90, what=lambda: centre.log[-500:])
        ear.first("/stored/n1", seq=1520, seconds=30)
    wait_until(lambda: left(device) == 0, what="the outbox is empty", seconds=30)
    assert centre.end(signal.SIGTERM) == 0
    assert "Traceback" not in centre.log


def test_listen_begun_on_a_full_disk_waits_for_room(
    small_disk: SmallDisk, tmp_path: Path, broker: Broker, device: Device
):
    centre = Centre(tmp_path, broker, store=str(small_disk.folder / "centre.db"))
    small_disk.fill()
    centre.begin()
    wait_until(lambda: "the centre's store cannot be opened" in centre.log, seconds=30, what=lambda: centre.log)
    assert centre.log.count("\n") == 1
    small_disk.make_room()
    wait_until(lambda: "connected with MQTT" in centre.log, seconds=60, what=lambda: centre.log)
    device.count(5)
    wait_until(complete(centre, 5), seconds=60)
    assert centre.end(signal.SIGTERM) == 0
    assert "Traceback" not in centre.log


def test_listen_on_a_read_only_disk_ends_with_one_line(small_disk: SmallDisk, tmp_path: Path, broker: Broker):
    centre = Centre(tmp_path, broker, store=str(small_disk.folder / "centre.db"))
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk.folder)], check=True)
    ended = subprocess.run(centre.argv, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert "the centre's store cannot be opened" in ended.stderr


def test_listen_everybody_back_at_once_is_stored_and_confirmed(centre: Centre, broker: Broker):
    """500 devices, each with its status and three messages of an outage in no good order."""
    centre.begin()
    wait_until(lambda: "Sending SUBACK to centre-centre-1" in broker.log, seconds=30)
    nodes = [f"n{number}" for number in range(500)]
    with Ear(broker.port, STORED) as ear:
        for seq in (2, 3, 1):
            for node in nodes:
                if seq == 2:
                    ear.say(f"hue/1/{node}/status", {"v": 1, "state": "online", "since": utc(time.time())}, retain=True)
                ear.say(*flow(seq, node=node))
        last = {}
        for each in ear.until(lambda heard: sum(content(each)["seq"] == 3 for each in heard) >= 500, seconds=60):
            last[each.topic] = content(each)["seq"]
    assert len(last) == 500
    records = centre.records()
    assert len(records.flow_rows()) == 1500
    assert records.holes() == {}
    records.close()
    with Ear(broker.port, STORED) as late:  # what stays at the broker
        late.until(lambda heard: len(heard) >= 500, seconds=30)
        assert {content(each)["seq"] for each in late.heard} == {3}


def test_listen_clock_that_is_ahead_is_told_and_stands_in_nobodys_way(centre: Centre, broker: Broker):
    centre.start()
    with Ear(broker.port, STORED) as ear:
        topic, body = flow(1)
        ear.say(topic, body | {"start": "2093-01-01T00:00:00Z"})
        ear.say(*flow(2))
        ear.first("/stored/n1", seq=2)
    wait_until(lambda: "messages from the future" in centre.log, seconds=30, what=lambda: centre.log)
    line = next(each for each in centre.log.splitlines() if "from the future" in each)
    assert line.startswith("WARNING edge.centre: 1 messages from the future; set the clocks of these devices")
    assert "n1 (1, at last by " in line
    records = Records(centre.store)
    assert [each.body["seq"] for each in records.flow_rows()] == [2, 1]  # stored all the same, for its total is right
    latest = records.last_intervals("flow", since="2020-01-01T00:00:00Z", until=utc(time.time()))
    assert [each.body["seq"] for each in latest] == [2]
    records.close()


@pytest.mark.parametrize("instances", [1, 2])
def test_listen_moves_over_numbers_never_used_and_tells_them_apart_from_lost_ones(
    instances: int, tmp_path: Path, broker: Broker
):
    centres = [Centre(tmp_path, broker, name=f"listen{n}", shared=instances > 1) for n in range(instances)]
    try:
        for each in centres:
            each.start()
        with Ear(broker.port, STORED) as ear:
            ear.say(*flow(1))
            ear.say(*flow(3_000_005))  # the jump is told after it
            gap = {"v": 1, "epoch": EPOCH, "at": utc(time.time())}
            ear.say("hue/1/n1/gap", {**gap, "from": 2, "to": 3_000_001, "reason": "never used: the power failed"})
            ear.say("hue/1/n1/gap", {**gap, "from": 3_000_002, "to": 3_000_004, "reason": "outbox full"})
            ear.first("/stored/n1", epoch=EPOCH, seq=3_000_005, seconds=30)
        told = [
            "INFO edge.centre: 3000000 numbers told as never used, no message is missing: n1: 'never used: the power",
            "WARNING edge.centre: 3 messages told as lost: n1: 'outbox full' (3, at last 3000002 to 3000004 of epoch",
        ]
        wait_until(lambda: all(any(text in each.log for each in centres) for text in told), seconds=30)
        records = centres[0].records()
        assert records.absent() == {"missing": 0, "lost": 3, "never used": 3_000_000, "rejected": 0}
        records.close()
    finally:
        for each in centres:
            if each.process and each.process.poll() is None:
                each.end(signal.SIGKILL)


def flow(seq: int, *, node: str = "n1") -> tuple[str, dict[str, Any]]:
    start = utc(time.time() // 60 * 60 - 60 * (100 - seq % 100))
    body = {"v": 1, "seq": seq, "epoch": EPOCH, "camera": "gate", "rule": "l1", "start": start, "seconds": 60,
            "coverage": 1, "total": [0, 0]}  # fmt: skip
    return f"hue/1/{node}/gate/flow/l1", body
