"""The connection to the broker through a network that fails: what it takes a fault for, and how long it waits."""

from __future__ import annotations

import gc
import logging
import signal
import socket
import time
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from broker import wait_until
from front import Front
from link import Link

from edge.config.schema import Broker as BrokerConfig
from edge.mqtt.connection import Connection
from edge.mqtt.wire import Connected, Disconnected, Published, Refused

NO_TEXT = b"\x30\x06\x00\x02\xff\xfe\x00x"
"""PUBLISH of MQTT 5, quality of service 0, under a topic that is not UTF-8."""
TAKEN_OVER = b"\xe0\x02\x8e\x00"
"""DISCONNECT of MQTT 5 with reason code 0x8E (section 3.14), which mosquitto 2.0.11 does not send."""


@contextmanager
def connecting(port):
    """A connection that is kept up."""
    connection = Connection(BrokerConfig(host="127.0.0.1", port=port, tls=False), client_id="hue-node-1")
    connection.start()
    try:
        yield connection
    finally:
        connection.stop()


def until(connection, kind, *, seconds=40.0):
    """The next event of a kind."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        event = connection.next_event(0.2)
        if isinstance(event, kind):
            return event
    raise AssertionError(f"no {kind} within {seconds} s")


@pytest.fixture
def link(broker):
    with closing(Link(broker.port)) as link:
        yield link


class Gate(Front):
    """Hangs up on the first connections, as a port does behind which the broker is away, and can say that a connection
    was taken over."""

    def __init__(self, behind: int, *, hang_up: int = 0) -> None:
        self._hang_up = hang_up
        self._client: socket.socket | None = None
        super().__init__(behind)

    def _lets_in(self, client: socket.socket) -> bytes | None:
        self._client = client
        return None if self.connections <= self._hang_up else b""

    def say(self, packet: bytes) -> None:
        """Sends bytes of its own between those of the broker."""
        assert self._client
        self._client.sendall(packet)

    def take_over(self) -> None:
        """Ends the connection as MQTT 5 wants it."""
        self.say(TAKEN_OVER)
        self._client.shutdown(socket.SHUT_WR)


def test_connection_that_flaps_is_tried_again_soon_and_accuses_nobody(link):
    said = []
    with connecting(link.port) as connection:
        for _ in range(4):
            assert until(connection, Connected).protocol == "5"
            link.reset()
            said.append(until(connection, Disconnected).reason)
        assert until(connection, Connected).protocol == "5", "not minutes later"
    assert not [line for line in said if "takes this connection over" in line]
    assert ["or another device" in line for line in said] == [False, False, True, True]


def test_connection_taken_over_gives_way_for_a_minute_and_says_so(broker, caplog):
    with Gate(broker.port) as front, connecting(front.port) as connection:
        until(connection, Connected)
        front.take_over()
        assert "hue-node-1" in until(connection, Disconnected).reason
        wait_until(lambda: "next in" in caplog.text)
        [line] = [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]
        assert "somebody else takes this connection over" in line
        assert int(line.rpartition("next in ")[2].partition(" s")[0]) >= 60
        assert front.connections == 1


def test_connection_outlives_a_message_under_a_topic_that_is_no_text(broker, caplog):
    with Gate(broker.port) as front, connecting(front.port) as connection:
        until(connection, Connected)
        front.say(NO_TEXT)
        wait_until(lambda: "a topic that is no text" in caplog.text)
        connection.publish("hue/1/node-1/status", b"{}", qos=1)
        until(connection, Published)
        assert front.connections == 1


def test_connection_speaks_5_again_after_a_broker_was_away_behind_an_open_port(broker, link):
    with connecting(link.port) as connection:
        assert until(connection, Connected).protocol == "5"
        broker.end(signal.SIGKILL)
        for _ in range(3):
            until(connection, Refused)
        broker.start()
        assert until(connection, Connected).protocol == "5"
        link.reset()
        assert until(connection, Connected).protocol == "5"


def test_connection_finds_a_broker_that_comes_back_while_it_asks_in_3_1_1(broker):
    """The broker was away for one attempt in MQTT 5 only: it must not be taken for an old one."""
    with Gate(broker.port, hang_up=1) as front, connecting(front.port) as connection:
        assert until(connection, Connected).protocol == "5"
        asked = [each for each in broker.log.splitlines() if "New client connected" in each]
        assert ["(p2," in each for each in asked] == [True, False]


def test_connections_that_end_leave_no_descriptor_for_the_garbage(broker):
    with closing(Link(broker.port)) as link, connecting(link.port) as connection:
        until(connection, Connected)
        gc.collect()
        gc.disable()
        try:
            first = descriptors()
            for _ in "123":
                link.reset()
                until(connection, Disconnected)
                until(connection, Connected)
            wait_until(lambda: descriptors() <= first, what=lambda: f"{first} became {descriptors()}", seconds=30)
        finally:
            gc.enable()


def descriptors():
    return sum(1 for _ in Path("/proc/self/fd").iterdir())
