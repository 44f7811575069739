"""A journal whose memory is full: counting goes on, and nothing is lost that there is room for."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from edge import recorder as recording
from edge.config.schema import Camera
from edge.dataflow import Crossing, Instant
from edge.recorder import Recorder
from edge.store.database import UnwritableError
from edge.store.journal import Journal
from edge.store.outbox import Outbox

START = 1_795_000_020.0
CAMERA = Camera.model_validate({"lines": [{"id": "l1", "points": [[0, 0.5], [1, 0.5]], "every": 60}]})


@pytest.fixture
def small(tmp_path):
    """A folder with hardly any room."""
    folder = tmp_path / "run"
    folder.mkdir()
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder]).returncode:
        pytest.skip("a file system of its own needs root and mount")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


class Street:
    """A camera on a clock of its own: one motorcycle a second."""

    def __init__(self, journal: Journal) -> None:
        self.now = START
        self._recorder = Recorder(journal, name="cam", camera=CAMERA, now=Instant(START, START))

    def go_on(self, seconds: int) -> None:
        for _ in range(seconds):
            self.now += 1
            at = Instant(self.now - 0.5, self.now - 0.5)
            self._recorder.record(at, [Crossing(at, "l1", 0, "motorcycle", 1)], [])
            self._recorder.tick(Instant(self.now, self.now))


def fill(folder) -> None:
    with pytest.raises(OSError, match="No space"), (folder / "ballast").open("wb", buffering=0) as ballast:
        while True:
            ballast.write(b"x" * 4096)


def counts(outbox: Outbox) -> list[int]:
    messages = [json.loads(each.body) for each in outbox.waiting(limit=1000, now=START)]
    return [message["count"]["motorcycle"][0] for message in messages]


def test_crossings_wait_in_memory_until_there_is_room(small, caplog):
    path = small / "edge.db"
    journal, outbox = Journal(path, camera="cam"), Outbox(path)
    street = Street(journal)
    street.go_on(70)
    fill(small)
    street.go_on(1800)
    with pytest.raises(UnwritableError, match="the journal cannot be used, found"):
        journal.announce("status", b"x" * 100_000)
    (small / "ballast").unlink()
    street.go_on(60)
    assert counts(outbox) == [60] * (len(counts(outbox)))
    assert len(counts(outbox)) == 1930 // 60
    assert "counting goes on, what is counted is held in memory" in caplog.text
    assert "the journal is written again; 0 crossings were lost" in caplog.text
    journal.close()
    outbox.close()


def test_what_is_more_than_memory_holds_is_counted_and_told(small, caplog, monkeypatch):
    monkeypatch.setattr(recording, "HELD_CROSSINGS", 100)
    path = small / "edge.db"
    journal, outbox = Journal(path, camera="cam"), Outbox(path)
    street = Street(journal)
    fill(small)
    street.go_on(600)
    (small / "ballast").unlink()
    street.go_on(63)
    messages = [json.loads(each.body) for each in outbox.waiting(limit=1000, now=START)]
    lost = 600 + 60 - sum(message["count"]["motorcycle"][0] for message in messages)
    assert f"{lost} crossings were lost" in caplog.text
    assert 0 < lost <= 500
    assert all("partial" in message["flags"] for message in messages if message["count"]["motorcycle"][0] < 60)
    journal.close()
    outbox.close()
