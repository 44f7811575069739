"""What a broker and a centre may send to a device: commands and confirmations, and packets that are no MQTT."""

from __future__ import annotations

import contextlib
import json
import queue
import random
import shutil
import socket
import struct
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from broker import Broker as Mosquitto
from contract import fits
from fuzz_child import BrokenPromiseError, one_line
from fuzz_json import encoded, instance
from fuzz_mutate import Input, number, worse
from kit import tell
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.config.schema import Broker
from edge.mqtt.connection import Connection
from edge.mqtt.session import Session, Terms
from edge.mqtt.topics import Topics
from edge.mqtt.version import Attempt
from edge.mqtt.wire import Arrived, Connected, Event, Will
from edge.publisher import Publisher
from edge.schemas import schema
from edge.standing import Standing
from edge.store.flush import Flusher
from edge.store.outbox import Outbox

NODE = "hue-fuzz-01"
TOPICS = Topics("hue", NODE)
ANSWERS = f"hue/1/{NODE}/answer"
ANSWER_SECONDS = 20.0
MESSAGES = 50
INFO = b'{"v":1}'


class Commands:
    """A real publisher at a real broker; after each input a right command must be answered as the contract says."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="fuzz-commands-"))
        self._schemas = {"resend": schema("resend"), "stored": schema("stored")}
        self._end: list[Callable[[], object]] = []
        self._answers: queue.SimpleQueue[paho.MQTTMessage] = queue.SimpleQueue()
        self._number = 0

    def _start(self) -> None:
        broker = Mosquitto(self._folder / "broker", "allow_anonymous true", "set_tcp_nodelay true")
        broker.start()
        database = self._folder / "edge.db"
        tell(database, MESSAGES)
        Flusher(database, self._folder / "disk").close()
        self._outbox = Outbox(database, disk=self._folder / "disk")
        at = Broker(host="127.0.0.1", port=broker.port, tls=False)
        connection = Connection(at, client_id=NODE)
        standing = Standing(self._outbox, TOPICS, info=lambda: INFO)
        self._publisher = Publisher(self._outbox, connection, topics=TOPICS, standing=standing)
        connection.start()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="fuzz", protocol=MQTTProtocolVersion.MQTTv5)
        self._client.on_message = lambda _, __, message: self._answers.put(message)
        self._client.on_connect = lambda client, *_: client.subscribe(f"{ANSWERS}/#", 1)
        self._client.on_socket_open = lambda _, __, end: end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()
        self._end = [
            self._client.disconnect,
            self._client.loop_stop,
            lambda: self._publisher.close(seconds=1),
            self._outbox.close,
            broker.end,
        ]
        self._until_answered()

    def close(self) -> None:
        for each in self._end:
            each()
        shutil.rmtree(self._folder)

    def make(self, chance: random.Random) -> Input:
        """What it is, the last level of its topic, the body, where to answer, a correlation, retained or not."""
        stored = chance.random() < 0.3
        made = instance(self._schemas["stored" if stored else "resend"], chance)
        if chance.random() < 0.6:
            made = (
                {"epoch": "EPOCH000", "seq": chance.randrange(MESSAGES + 5)}
                if stored
                else {"epoch": "EPOCH000", "from": number(chance), "to": number(chance)}
            )
        body = b"" if chance.random() < 0.05 else encoded(made, chance)
        names = (
            (b"centre-1", b"centre-2")
            if stored
            else (b"resend", b"resend", b"resend", b"rebirth", b"reload", b"x", b"")
        )
        level = chance.choice(names)
        level = worse(level, chance) if chance.random() < 0.2 else level
        answer = chance.choice(
            (f"{ANSWERS}/x", f"{ANSWERS}/x", "", f"hue/1/{NODE}/", "hue/1/other/x", "$SYS/x", "x" * 3000)
        ).encode()
        return (
            b"stored" if stored else b"cmd",
            level,
            body,
            answer,
            chance.randbytes(chance.choice((0, 2, 2000))),
            chance.choice((b"", b"", b"retain")),
        )

    def feed(self, parts: Input) -> None:
        if not self._end:
            self._start()
        kind, level, body, answer, correlation, retain = parts
        name = _name(level).replace("/", "")[:200]
        topic = TOPICS.stored(name) if kind == b"stored" else TOPICS.command(name)
        body = body.replace(b"EPOCH000", self._outbox.last.epoch.encode())
        properties = Properties(PacketTypes.PUBLISH)
        if answer:
            properties.ResponseTopic = _name(answer)
        if correlation:
            properties.CorrelationData = correlation
        self._client.publish(topic, body, 1, retain=bool(retain), properties=properties)
        self._until_answered()
        if retain:
            self._client.publish(topic, b"", 1, retain=True)

    def _until_answered(self) -> None:
        """Asks in the right way and lets the publisher work until the answer is there; every answer must conform."""
        self._number += 1
        mine = b"right %d" % self._number
        properties = Properties(PacketTypes.PUBLISH)
        properties.ResponseTopic, properties.CorrelationData = f"{ANSWERS}/mine", mine
        body = json.dumps({"epoch": self._outbox.last.epoch, "from": 1, "to": 1}).encode()
        deadline, asked = time.monotonic() + ANSWER_SECONDS, 0.0
        while True:
            if not asked and self._publisher_listens():
                self._client.publish(TOPICS.command("resend"), body, 1, properties=properties)
                asked = time.monotonic()
            self._publisher.step(0.01)
            with contextlib.suppress(queue.Empty):
                while True:
                    message = self._answers.get_nowait()
                    fits(message.payload, "answer")
                    if getattr(message.properties, "CorrelationData", b"") == mine:
                        return
            if self._number == 1 and asked and time.monotonic() - asked > 1:
                asked = 0.0  # the subscription was not there yet
            if time.monotonic() > deadline:
                raise BrokenPromiseError("a right command is not answered")

    def _publisher_listens(self) -> bool:
        return self._client.is_connected() and self._publisher.state.startswith("connected")


def _name(level: bytes) -> str:
    """What a broker takes as a name: it ends the connection of whoever sends another."""
    return "".join(each for each in level.decode(errors="replace") if each.isprintable() and each not in "+#")


CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, SUBACK, PINGRESP, DISCONNECT, AUTH = 2, 3, 4, 5, 6, 9, 13, 14, 15
IDLE_SECONDS = 0.05
TERMS = Terms(
    Broker(host="127.0.0.1", port=1, tls=False), NODE, ("u", "gEhe1m-W0rt"), None, Will("hue/1/x/status", b"{}"), 0
)


class Packets:
    """One connection of the real session to a broker that sends whatever it likes."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._parts: Input = ()
        threading.Thread(target=self._accept, name="fuzz", daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def make(self, chance: random.Random) -> Input:
        five = chance.random() < 0.8
        parts = [_packet(CONNACK, bytes([0, 0]) + (_properties(chance, few=True) if five else b""))]
        parts += [_any_packet(chance, five=five) for _ in range(chance.randrange(1, 6))]
        at = chance.randrange(len(parts)) if chance.random() < 0.3 else chance.randrange(1, len(parts))
        if chance.random() < 0.8:
            parts[at] = worse(parts[at], chance)
        return (b"5" if five else b"3", *parts)

    def feed(self, parts: Input) -> None:
        self._parts = parts[1:]
        host, port = self._listener.getsockname()
        terms = Terms(Broker(host=host, port=port, tls=False), NODE, TERMS.credentials, None, TERMS.will, 0)

        def put(session: Session, event: Event, mid: int) -> None:
            if isinstance(event, Connected):
                session.subscribe(TOPICS.listens, qos=1)
                session.publish("hue/1/x/flow/l1", b"{}", qos=1, retain=False, properties=None)
            elif isinstance(event, Arrived) and mid:
                session.acknowledge(mid)

        session = Session(terms, Attempt.FIVE if parts[0] == b"5" else Attempt.OLD, put=put)
        fault, stood = session.run(threading.Event())
        one_line(str(fault), "gEhe1m-W0rt")
        if stood < 0:
            raise BrokenPromiseError(f"stood {stood} s")

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                with client, contextlib.suppress(OSError):
                    client.settimeout(IDLE_SECONDS)
                    client.recv(65536)
                    for part in self._parts:
                        client.sendall(part)
                    client.shutdown(socket.SHUT_WR)
                    while client.recv(65536):
                        pass


def _packet(kind: int, body: bytes, flags: int = 0) -> bytes:
    return bytes([kind << 4 | flags]) + _length(len(body)) + body


def _length(value: int) -> bytes:
    found = bytearray()
    while True:
        value, low = divmod(value, 128)
        found.append(low | (0x80 if value else 0))
        if not value:
            return bytes(found)


def _text(text: bytes) -> bytes:
    return struct.pack("!H", len(text) & 0xFFFF) + text


def _properties(chance: random.Random, *, few: bool = False) -> bytes:
    known = (
        b"\x01\x01", b"\x02\0\0\0\x3c", b"\x03" + _text(b"x"), b"\x08" + _text(b"hue/1/x/y"), b"\x09" + _text(b"c"),
        b"\x0b\x05", b"\x11\0\0\0\0", b"\x12" + _text(b"id"), b"\x13\0\x05", b"\x15" + _text(b"m"),
        b"\x16" + _text(b"d"), b"\x1a" + _text(b"r"), b"\x1c" + _text(b"s"), b"\x1f" + _text(b"why"), b"\x21\0\x0a",
        b"\x22\0\x0a", b"\x23\0\x01", b"\x24\x01", b"\x25\x01", b"\x26" + _text(b"k") + _text(b"v"),
        b"\x27\0\0\xff\xff", b"\x28\x01", b"\x29\x01", b"\x2a\x01", b"\x7f\x01", b"\x0b\xff\xff\xff\xff\x7f",
        b"\x21\0\0", b"\x26" + _text(b"\xff") + _text(b"\0"),
    )  # fmt: skip
    body = b"".join(chance.sample(known, chance.choice((0, 1) if few else (0, 0, 1, 2, 5))))
    return _length(len(body)) + body


def _any_packet(chance: random.Random, *, five: bool) -> bytes:
    more = (lambda: _properties(chance)) if five else bytes
    mid = struct.pack("!H", chance.choice((0, 1, 1, 2, 65535)))
    reason = bytes([chance.choice((0, 0, 16, 128, 135, 151, 153, 255))])
    topic = chance.choice((TOPICS.command("resend"), TOPICS.stored("centre-1"), "", "a/+/#", "\0")).encode()
    match chance.randrange(12):
        case 0 | 1 | 2 | 3:
            flags = chance.choice((0, 1, 2, 2, 3, 4, 8, 10, 6, 14))
            body = (
                _text(topic)
                + (mid if flags & 6 else b"")
                + more()
                + chance.choice((b"", b'{"epoch":"1c9f03aa","seq":1}', chance.randbytes(60)))
            )
            return _packet(PUBLISH, body, flags)
        case 4 | 5:
            return _packet(PUBACK, mid + chance.choice((b"", reason, reason + more())))
        case 6:
            return _packet(SUBACK, mid + more() + reason * chance.choice((0, 1, 2, 9)))
        case 7:
            return _packet(
                chance.choice((PUBREC, PUBREL, 7, 11)),
                mid + chance.choice((b"", reason + more())),
                chance.choice((0, 2)),
            )
        case 8:
            return _packet(DISCONNECT, chance.choice((b"", reason, reason + more())))
        case 9:
            return _packet(AUTH, reason + more())
        case 10:
            return _packet(chance.randrange(16), chance.randbytes(chance.choice((0, 1, 2, 30))), chance.randrange(16))
    return chance.choice(
        (
            _packet(PINGRESP, b""),
            bytes([PUBLISH << 4]) + b"\xff\xff\xff\x7f",
            b"\x20\xff\xff\xff\xff\xff",
            _packet(CONNACK, b"\0" + reason + more()),
        )
    )
