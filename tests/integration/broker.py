"""Real neighbours of the publisher: Debian's mosquitto on a free port, and a subscriber that remembers."""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from contract import conforms
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

MOSQUITTO = Path("/usr/sbin/mosquitto")
OPEN = "allow_anonymous true"


def free_port() -> int:
    """A port of 127.0.0.1 that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Broker:
    """A mosquitto with these lines in its configuration; the port stays the same over restarts."""

    def __init__(self, folder: Path, *lines: str) -> None:
        if not MOSQUITTO.exists():
            pytest.skip(f"{MOSQUITTO} is not here: install mosquitto")
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self._log = folder / "mosquitto.log"
        self._config = folder / "mosquitto.conf"
        user = ["user root"] if os.geteuid() == 0 else []  # so that it can write into the test's folder
        head = [f"listener {self.port} 127.0.0.1", "log_type all", "connection_messages true", *user]
        self._config.write_text("\n".join([*head, *(lines or (OPEN,))]) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        """Everything that it said."""
        return self._log.read_text(errors="replace")

    def start(self) -> None:
        """Starts it and waits until it listens."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([MOSQUITTO, "-c", self._config], stdout=log, stderr=log)
        wait_until(self._listens, what=lambda: f"mosquitto listens: {self.log}")

    def _listens(self) -> bool:
        assert self._process and self._process.poll() is None, self.log
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Ends it by a signal, SIGKILL for a crash."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(number)
            self._process.wait(timeout=10)

    @property
    def pid(self) -> int:
        """Its number while it runs, else 0."""
        return self._process.pid if self._process and self._process.poll() is None else 0

    def reload(self) -> None:
        """Makes it read its list of rights and its certificates again."""
        assert self._process
        self._process.send_signal(signal.SIGHUP)


@contextmanager
def running(folder: Path, *lines: str) -> Iterator[Broker]:
    """A mosquitto that listens, and ends with the block."""
    broker = Broker(folder, *lines)
    broker.start()
    try:
        yield broker
    finally:
        broker.end()


class Ear:
    """A subscriber in MQTT 5 that remembers every message in order and holds each against the contract; with `keep`
    its session survives."""

    def __init__(self, port: int, *filters: str, name: str = "ear", keep: bool = False) -> None:
        self._filters = [(each, 1) for each in filters]
        self._new: queue.SimpleQueue[paho.MQTTMessage] = queue.SimpleQueue()
        self._ready: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.heard: list[paho.MQTTMessage] = []
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.on_connect = lambda *_: self._client.subscribe(self._filters)
        self._client.on_subscribe = lambda *_: self._ready.put("subscribed")
        self._client.on_message = lambda _, __, message: self._new.put(message)
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = 3600 if keep else 0
        self._client.connect("127.0.0.1", port, clean_start=not keep, properties=properties)
        self._client.loop_start()
        self._ready.get(timeout=10)

    def say(self, topic: str, content: object, *, retain: bool = False, answer_on: str = "") -> None:
        """Publishes JSON, or bytes as they are, at QoS 1 and waits until the broker has it."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        properties = Properties(PacketTypes.PUBLISH)
        if answer_on:
            properties.ResponseTopic, properties.CorrelationData = answer_on, b"42"
        self._client.publish(topic, body, 1, retain, properties).wait_for_publish(10)

    def until(self, enough: Callable[[list[paho.MQTTMessage]], bool], *, seconds: float = 10) -> list[paho.MQTTMessage]:
        """Listens until what was heard is enough; returns all of it."""
        deadline = time.monotonic() + seconds
        while not enough(self.heard):
            try:
                self.heard.append(self._next(max(0.0, deadline - time.monotonic())))
            except queue.Empty:
                tail = [(each.topic, bytes(each.payload)[:80]) for each in self.heard[-12:]]
                raise AssertionError(
                    f"not heard within {seconds} s; {len(self.heard)} messages, at last {tail}"
                ) from None
        return self.heard

    def first(self, ending: str, *, seconds: float = 10, **fields: object) -> paho.MQTTMessage:
        """The first message whose topic ends so and whose JSON has these fields."""

        def fits(message: paho.MQTTMessage) -> bool:
            return message.topic.endswith(ending) and fields.items() <= content(message).items()

        return next(each for each in self.until(lambda heard: any(map(fits, heard)), seconds=seconds) if fits(each))

    def numbers(self, count: int, *, seconds: float = 10) -> list[int]:
        """The `seq` of everything numbered in the order of arrival, as soon as so many different ones are there."""
        found: list[int] = []

        def enough(heard: list[paho.MQTTMessage]) -> bool:
            nonlocal looked
            found.extend(seqs(heard[looked:]))
            looked = len(heard)
            return len(found) >= count and len(set(found)) >= count

        looked = 0
        self.until(enough, seconds=seconds)
        return found

    def quiet(self, seconds: float) -> list[paho.MQTTMessage]:
        """What comes in so many seconds, for what must not come."""
        deadline = time.monotonic() + seconds
        came = []
        while (left := deadline - time.monotonic()) > 0:
            try:
                came.append(self._next(left))
            except queue.Empty:
                break
        self.heard += came
        return came

    def _next(self, seconds: float) -> paho.MQTTMessage:
        message = self._new.get(timeout=seconds)
        conforms(message)
        return message

    def close(self) -> None:
        """Disconnects; a kept session goes on at the broker."""
        self._client.disconnect()
        self._client.loop_stop()

    def __enter__(self) -> Ear:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def content(message: paho.MQTTMessage) -> dict:
    """The JSON of a message."""
    return json.loads(message.payload) if message.payload else {}


def seqs(heard: list[paho.MQTTMessage]) -> list[int]:
    """The `seq` of every numbered message."""
    return [content(each)["seq"] for each in heard if re.search(r"/(flow|zone|cross)/", each.topic)]


def wait_until(fact: Callable[[], bool], *, what: Callable[[], str] | str = "", seconds: float = 10) -> None:
    """Waits for something that tells nobody when it happens."""
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, what() if callable(what) else what
        time.sleep(0.02)
