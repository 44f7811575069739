"""`edge listen` against mosquitto, with the real publisher of a device on the other side."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.centre.ledger import Series
from edge.dataflow import Stamp
from tests.integration.broker import Broker, Ear, content, wait_until
from tests.integration.listening import EPOCH, ROOT, Centre, Device, complete, left


@pytest.fixture
def centre(tmp_path: Path, broker: Broker, place: Callable[[], str]) -> Iterator[Centre]:
    centre = Centre(tmp_path, broker, store=place())
    yield centre
    if centre.process and centre.process.poll() is None:
        centre.end(signal.SIGKILL)


@pytest.fixture
def device(tmp_path: Path, broker: Broker) -> Iterator[Callable[..., Device]]:
    devices: list[Device] = []

    def make(**options: Any) -> Device:
        devices.append(Device(tmp_path, broker.port, **options))
        return devices[-1]

    yield make
    for each in devices:
        each.close()


def test_listen_stores_confirms_and_the_device_lets_go(centre: Centre, device: Callable[..., Device], broker: Broker):
    centre.start()
    sender = device()
    sender.count(500)
    sender.cross()
    wait_until(complete(centre, 501), seconds=20, what=lambda: centre.log[-500:])
    with Ear(broker.port, "hue/1/centre/+/stored/+") as ear:
        ear.first("hue/1/centre/centre-1/stored/n1", epoch=EPOCH, seq=501)
    wait_until(lambda: left(sender) == 0, what="the outbox is empty")
    records = centre.records()
    assert len(records.flow_rows(node="n1", camera="gate")) == 500
    assert [(c.line, c.direction, c.kind) for c in records.crossings(node="n1", camera="gate")] == [("l1", 1, "car")]
    assert records.present()["n1", "", "status"]["state"] == "online"
    assert records.tally()["rejected"] == 0
    assert centre.end(signal.SIGTERM) == 0
    assert "n1/gate flow l1 10 s car 0/0 coverage 1 #1" in centre.log
    assert "Traceback" not in centre.log


def test_listen_killed_again_and_again_loses_nothing(centre: Centre, device: Callable[..., Device]):
    centre.start()
    sender = device()
    for _ in range(4):
        sender.count(150)
        wait_until(lambda: centre.seen(Series("n1", EPOCH)) is not None)
        centre.end(signal.SIGKILL)
        sender.count(50)
        centre.start()
    wait_until(complete(centre, 800), seconds=60, what=lambda: str(centre.seen(Series("n1", EPOCH))))
    wait_until(lambda: left(sender) == 0, what="the outbox is empty")
    records = centre.records()
    assert len(records.flow_rows()) == 800
    assert records.lost() == []


def test_listen_misses_messages_that_the_broker_lost_with_its_session(
    centre: Centre, device: Callable[..., Device], broker: Broker
):
    centre.start()
    sender = device()
    sender.count(20)
    wait_until(complete(centre, 20))
    assert centre.end(signal.SIGTERM) == 0
    sender.count(30)
    wait_until(lambda: not sender.outbox.waiting(limit=1, now=0), what="the broker has them")
    broker.end(signal.SIGKILL)  # and with it the messages that it had acknowledged
    broker.start()
    centre.start()
    wait_until(complete(centre, 50), seconds=30, what=lambda: str(centre.seen(Series("n1", EPOCH))))


def test_listen_new_centre_asks_for_what_came_before_it(centre: Centre, device: Callable[..., Device], broker: Broker):
    sender = device(standstill_seconds=600)
    with Ear(broker.port, "hue/1/n1/#") as ear:  # for whom the broker takes what no centre hears
        sender.count(40)
        wait_until(lambda: not sender.outbox.waiting(limit=1, now=0), what="the broker has them")
        sender.outbox.confirmed(Stamp(EPOCH, 10))  # as another centre would, long ago
        centre.start()
        sender.count(1)
        asked = ear.first("/cmd/resend", seconds=20)
        assert content(asked) == {"epoch": EPOCH, "from": 1, "to": 40}
        told = ear.first("/gap", seconds=20)
        assert (content(told)["from"], content(told)["to"]) == (1, 10)
    wait_until(lambda: centre.seen(Series("n1", EPOCH)) == ((11, 41),), seconds=20)
    records = centre.records()
    wait_until(lambda: [(each.first, each.last) for each in records.lost()] == [(1, 10)])
    assert records.holes() == {}
    wait_until(lambda: left(sender) == 0, what="the outbox is empty")


def alarms(centre: Centre) -> list[tuple[int, str]]:
    """The changes of alarms that are stored, as number and state."""
    records = centre.records()
    found = [(body["seq"], body["state"]) for page in records.alarm_pages() for _, body in page]
    records.close()
    return found


def test_listen_stores_the_changes_of_an_alarm_and_what_stands(centre: Centre, device: Callable[..., Device]):
    centre.start()
    sender = device()
    for state in ("raised", "changed"):
        sender.alarm(state)
    wait_until(complete(centre, 2), what=lambda: centre.log[-500:])
    records = centre.records()
    wait_until(lambda: records.present()["n1", "gate", "alarm/z1"]["state"] == "changed")
    sender.alarm("cleared")
    wait_until(lambda: ("n1", "gate", "alarm/z1") not in records.present())
    wait_until(complete(centre, 3))
    assert alarms(centre) == [(1, "raised"), (2, "changed"), (3, "cleared")]
    assert records.tally()["rejected"] == 0
    wait_until(lambda: "n1/gate alarm z1 crowd_count raised level 2 value 42 limit 40 #1" in centre.log)


def test_listen_alarm_that_the_broker_lost_is_asked_for_and_comes(
    centre: Centre, device: Callable[..., Device], broker: Broker
):
    centre.start()
    sender = device(standstill_seconds=600)  # so that only the centre's question brings it
    sender.count(1)
    wait_until(complete(centre, 1))
    assert centre.end(signal.SIGTERM) == 0
    with Ear(broker.port, "hue/1/n1/gate/alarm/z1") as other:  # for whom the broker takes it
        sender.alarm("raised")
        other.first("/alarm/z1", seq=2)
        wait_until(lambda: sender.outbox.taken_after(Stamp(EPOCH, 1)), what="the broker has acknowledged it")
    broker.end(signal.SIGKILL)  # and with it what the centre was to have
    broker.start()
    with Ear(broker.port, "hue/1/n1/#") as ear:
        centre.start()
        sender.count(1)
        assert content(ear.first("/cmd/resend", seconds=30)) == {"epoch": EPOCH, "from": 2, "to": 2}
        ear.first("/alarm/z1", seq=2, seconds=30)
    wait_until(complete(centre, 3), seconds=30)
    assert alarms(centre) == [(2, "raised")]
    assert centre.records().lost() == []


def test_listen_lost_alarm_whose_life_is_over_becomes_a_gap(
    centre: Centre, device: Callable[..., Device], broker: Broker
):
    centre.start()
    sender = device(standstill_seconds=600)
    sender.count(1)
    wait_until(complete(centre, 1))
    assert centre.end(signal.SIGTERM) == 0
    sender.alarm("raised", life=3)
    broker.end(signal.SIGKILL)  # whether it had it or not
    wait_until(lambda: sender.trim() == 0, what="its life is over")
    broker.start()
    centre.start()
    sender.count(1)
    records = centre.records()
    wait_until(lambda: [(each.first, each.last) for each in records.lost()] == [(2, 2)], seconds=60)
    wait_until(lambda: centre.seen(Series("n1", EPOCH)) == ((1, 1), (3, 3)), seconds=30)
    assert records.holes() == {}
    assert alarms(centre) == []
    wait_until(lambda: records.present()["n1", "gate", "alarm/z1"]["state"] == "raised")  # it is retained


def test_listen_device_that_lost_its_numbers_begins_a_new_epoch(
    centre: Centre, device: Callable[..., Device], broker: Broker
):
    centre.start()
    first = device()
    first.count(5)
    wait_until(complete(centre, 5))
    first.close()
    second = device(epoch="0b0b0b0b")
    second.count(3)
    wait_until(complete(centre, 3, epoch="0b0b0b0b"), seconds=20)
    assert centre.seen(Series("n1", EPOCH)) == ((1, 5),)
    with Ear(broker.port, "hue/1/centre/+/stored/+") as ear:
        ear.first("/stored/n1", epoch="0b0b0b0b", seq=3)


def test_listen_rejects_with_a_reason_and_goes_on(centre: Centre, device: Callable[..., Device], broker: Broker):
    centre.start()
    sender = device()
    sender.count(1)
    wait_until(complete(centre, 1))
    with Ear(broker.port, "hue/1/none") as voice:
        for _ in range(3):
            voice.say("hue/1/n1/gate/flow/l1", b"{")
        voice.say("hue/1/n1/gate/flow/l1", {"v": 1, "seq": 2, "epoch": EPOCH, "camera": "door", "rule": "l1"})
    sender.outbox.confirmed(Stamp(EPOCH, 1))
    records = centre.records()
    wait_until(lambda: records.tally()["rejected"] == 4)
    assert [reason for _, reason in records.rejected()][:3] == ["flow: not JSON"] * 3
    wait_until(lambda: "messages rejected: flow: not JSON" in centre.log)
    assert centre.log.count("messages rejected") == 1
    assert "Traceback" not in centre.log


def test_listen_waits_for_a_broker_that_is_not_there(centre: Centre, device: Callable[..., Device], broker: Broker):
    broker.end()
    centre.begin()
    wait_until(lambda: "nobody listens there" in centre.log)
    assert centre.log.count("\n") == 1
    broker.start()
    wait_until(lambda: "connected with MQTT 5" in centre.log, seconds=15)
    device().count(2)
    wait_until(complete(centre, 2), seconds=15)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--id", "Trung tâm"), "edge listen --id: no id"),
        (("--store", "config"), "config: the centre's store cannot be opened"),
    ],
)
def test_listen_with_wrong_options_says_so_in_one_line(
    centre: Centre, tmp_path: Path, arguments: tuple[str, ...], text: str
):
    ended = subprocess.run(
        [*centre.argv, *arguments], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True,
        text=True, timeout=30, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(text)
    assert ended.stderr.count("\n") == 1


def test_listen_on_a_terminal_shows_a_table_and_leaves_it_clean(centre: Centre, device: Callable[..., Device]):
    process, terminal = centre.on_terminal()
    try:
        shown = _read(terminal, until="connected with", seconds=15)
        sender = device()
        sender.count(3)
        shown += _read(terminal, until="stored 3", seconds=15)
        shown += _read(terminal, until="100%", seconds=15)  # the rest of that picture, or the next one
        assert "n1" in shown
        assert "100%" in shown
        process.send_signal(signal.SIGINT)
        shown += _read(terminal, until="", seconds=10)
        assert process.wait(timeout=10) == 0
        assert "Traceback" not in shown
        assert shown.rstrip().endswith("\x1b[?25h") or "\x1b[?25h" in shown[-20:]  # the cursor is back
    finally:
        process.kill()
        process.wait()
        os.close(terminal)


def _read(terminal: int, *, until: str, seconds: float) -> str:
    """What the terminal shows until a text comes, or the other end closes."""
    text = ""
    deadline = time.monotonic() + seconds
    while (not until or until not in text) and time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                text += os.read(terminal, 65536).decode(errors="replace")
            except OSError:  # the other end is closed
                break
    return text
