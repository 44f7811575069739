"""`edge listen` at a broker that refuses it something: one line that says what, and no harm when that is mended."""

from __future__ import annotations

import json
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.centre.voice import WINDOW, Voice
from edge.config.schema import Broker as BrokerSection
from edge.mqtt.connection import Connection
from edge.mqtt.wire import Connected, Published
from tests.integration.broker import OPEN, Ear, running, wait_until
from tests.integration.listening import EPOCH, Centre, Device, left

DYNAMIC_SECURITY = [*Path("/usr/lib").glob("*/mosquitto_dynamic_security.so")]
STORED = "hue/1/centre/centre-1/stored/n1"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Centre]]:
    centres: list[Centre] = []

    def begin(broker: Any, **options: Any) -> Centre:
        centres.append(Centre(tmp_path, broker, **options))
        centres[-1].start()
        return centres[-1]

    yield begin
    for each in centres:
        if each.process and each.process.poll() is None:
            each.end(signal.SIGKILL)


def flow(seq: int, *, node: str = "n1") -> tuple[str, dict[str, Any]]:
    body = {"v": 1, "seq": seq, "epoch": EPOCH, "camera": "gate", "rule": "l1", "seconds": 60, "coverage": 1,
            "total": [0, 0], "start": f"2026-11-22T{seq // 60:02}:{seq % 60:02}:00Z"}  # fmt: skip
    return f"hue/1/{node}/gate/flow/l1", body


def test_listen_without_the_right_to_confirm_says_so_once_and_the_device_keeps_everything(
    tmp_path: Path, start: Callable[..., Centre]
):
    rights = tmp_path / "acl"
    rights.write_text("topic readwrite hue/1/n1/#\ntopic read hue/#\n")  # the device's own, and no centre's
    with running(tmp_path / "strict", OPEN, f"acl_file {rights}") as broker:
        centre = start(broker)
        device = Device(tmp_path, broker.port)
        try:
            for number in range(3):
                device.count(1)
                wait_until(lambda number=number: f"#{number + 1}" in centre.log, what=lambda: centre.log)
            wait_until(lambda: "refuses it" in centre.log, what=lambda: centre.log)
            assert left(device) > 0
            lines = [line for line in centre.log.splitlines() if "refuses" in line]
            assert len(lines) == 1, lines
            assert f"{STORED}: the broker refuses it to centre-centre-1: Not authorized; let this centre" in lines[0]
            rights.write_text("topic readwrite hue/#\n")
            broker.reload()
            device.count(1)
            with Ear(broker.port, STORED) as ear:
                ear.first(STORED, seq=4, seconds=30)
            wait_until(lambda: left(device) == 0, what="the outbox is empty", seconds=30)
            assert centre.end(signal.SIGTERM) == 0
            assert "Traceback" not in centre.log
        finally:
            device.close()


def test_listen_that_may_not_ask_for_a_gap_says_so(tmp_path: Path, start: Callable[..., Centre]):
    rights = tmp_path / "acl"
    rights.write_text("topic readwrite hue/1/+/gate/#\ntopic readwrite hue/1/centre/#\ntopic read hue/#\n")
    with running(tmp_path / "strict", OPEN, f"acl_file {rights}") as broker:
        centre = start(broker)
        with Ear(broker.port, STORED) as ear:
            ear.say(*flow(5))
            ear.first(STORED, epoch=EPOCH, seq=0)
        wait_until(lambda: "hue/1/n1/cmd/resend: the broker refuses it" in centre.log, seconds=30)


def test_listen_refused_subscription_is_told_in_one_line(tmp_path: Path, start: Callable[..., Centre]):
    if not DYNAMIC_SECURITY:
        pytest.skip("mosquitto's dynamic security plugin is not here; a list of rights (acl_file) refuses none")
    rules = tmp_path / "rules.json"
    yes = dict.fromkeys(("publishClientSend", "publishClientReceive", "subscribe", "unsubscribe"), True)
    roles = [{"rolename": "r", "acls": [{"acltype": "subscribePattern", "topic": "hue/1/+/gap", "allow": False}]}]
    groups = [{"groupname": "any", "roles": [{"rolename": "r"}]}]
    rules.write_text(
        json.dumps({"defaultACLAccess": yes, "roles": roles, "groups": groups, "anonymousGroup": "any", "clients": []})
    )
    plugin = (f"plugin {DYNAMIC_SECURITY[0]}", f"plugin_opt_config_file {rules}")
    with running(tmp_path / "strict", OPEN, *plugin) as broker:
        centre = start(broker)
        wait_until(lambda: "refuses the subscription" in centre.log, what=lambda: centre.log)
        assert centre.log.count("it refuses the subscription to hue/1/+/gap; allow it") == 1
        with Ear(broker.port, STORED) as ear:  # what it may have it still takes
            ear.say(*flow(1))
            ear.first(STORED, seq=1)


class Slow:
    """A broker of a few lines: it takes two messages at a time (Receive Maximum) and answers when it is told to."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self.published: list[bytes] = []
        self.unanswered: list[bytes] = []
        self._news = threading.Condition()
        self._link: socket.socket | None = None
        threading.Thread(target=self._serve, daemon=True).start()

    def wait_for(self, number: int) -> None:
        with self._news:
            assert self._news.wait_for(lambda: len(self.published) >= number, timeout=30), self.published

    def answer(self) -> None:
        with self._news:
            assert self._link
            self._link.sendall(b"\x40\x02" + self.unanswered.pop(0))

    def close(self) -> None:
        self._server.close()
        if self._link:
            self._link.close()

    def _serve(self) -> None:
        self._link, _ = self._server.accept()
        with self._link.makefile("rb") as stream:
            while head := stream.read(1):
                body = stream.read(stream.read(1)[0])  # every packet here is shorter than 128 bytes
                if head[0] >> 4 == 1:
                    self._link.sendall(b"\x20\x06\x00\x00\x03\x21\x00\x02")  # CONNACK, Receive Maximum 2
                elif head[0] >> 4 == 3:
                    end = 2 + int.from_bytes(body[:2], "big")
                    with self._news:
                        self.published.append(body[2:end] + b" " + body[end + 3 :])
                        self.unanswered.append(body[end : end + 2])
                        self._news.notify()


def test_voice_keeps_to_what_the_broker_takes_at_once_and_tells_the_latest():
    broker = Slow()
    connection = Connection(BrokerSection(host="127.0.0.1", port=broker.port, tls=False), client_id="centre-1")
    connection.start()
    try:
        event = connection.next_event(30)
        assert isinstance(event, Connected)
        assert event.window == 2 < WINDOW
        voice = Voice(connection)
        voice.begin(event)
        for seq in (b"1", b"2", b"3"):
            for node in ("a", "b", "c"):
                voice.stand(f"stored/{node}", [b"old", seq])
        broker.wait_for(2)
        assert broker.published == [b"stored/a old", b"stored/a 1"]
        for number in range(2, 8):
            broker.answer()
            while not isinstance(event := connection.next_event(30), Published):
                assert event is None
            voice.answered(event)
            broker.wait_for(number + 1)
        # a was said before the rest came; of what waited only the latest was said, in its order
        assert broker.published[2:] == [b"stored/b old", b"stored/b 3", b"stored/c old", b"stored/c 3", b"stored/a old",
                                        b"stored/a 3"]  # fmt: skip
    finally:
        connection.stop()
        broker.close()
