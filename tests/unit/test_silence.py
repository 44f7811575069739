"""A camera whose process does not run any more is told by the publisher."""

from __future__ import annotations

import json

import pytest

from edge.silence import LOOK_SECONDS, SILENT_SECONDS, Silence
from edge.store.journal import Journal
from edge.store.outbox import Outbox


@pytest.fixture
def device(tmp_path):
    """The journals of two cameras, what listens to them, and the seconds on its clock."""
    journals = {name: Journal(tmp_path / "edge.db", camera=name) for name in ("one", "two")}
    seconds = [1000.0]
    yield journals, Silence(Outbox(tmp_path / "edge.db"), lambda: journals, clock=lambda: seconds[0]), seconds
    for journal in journals.values():
        journal.close()


def health(number):
    return json.dumps({"camera": "c", "number": number}).encode()


def passes(device, begin, end, *, telling):
    """What is told every ten seconds while these cameras tell each minute how they do."""
    journals, silence, seconds = device
    told = []
    for second in range(begin, end, int(LOOK_SECONDS)):
        seconds[0] = 1000.0 + second
        if second % 60 == 0:
            for name in telling:
                journals[name].announce("health", health(second))
        told.append(silence.fault())
    return told


def test_silent_camera_is_told_until_it_speaks_again(device):
    assert set(passes(device, 0, 600, telling=("one", "two"))) == {""}
    told = passes(device, 600, 1200, telling=("one",))
    assert told[: int(SILENT_SECONDS - 60) // 10] == [""] * (int(SILENT_SECONDS - 60) // 10)
    assert told[-1] == "the process of two says nothing; look at its log"
    assert passes(device, 1200, 1220, telling=("one", "two"))[-1] == ""


def test_camera_that_was_never_heard_is_told(device):
    assert passes(device, 0, 300, telling=())[-1] == "the process of one, two says nothing; look at its log"


def test_camera_that_tells_that_its_file_is_wrong_needs_not_say_more(device):
    device[0]["two"].announce("status", json.dumps({"state": "config"}).encode())
    assert set(passes(device, 0, 600, telling=("one",))) == {""}
