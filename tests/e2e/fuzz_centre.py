"""Messages of devices that are none of the contract, as the centre reads, stores, shows and retells them."""

from __future__ import annotations

import io
import random
import shutil
import tempfile
import time
from pathlib import Path

from fuzz_child import BrokenPromiseError, one_line
from fuzz_json import encoded, instance
from fuzz_mutate import Input, worse
from rich.console import Console

from edge.centre.arrivals import Numbered, Present, read
from edge.centre.bridge import Bridge
from edge.centre.complaints import Complaints
from edge.centre.entities import sink
from edge.centre.flat import COLUMNS, rows
from edge.centre.page import page
from edge.centre.records import Records
from edge.centre.store import Store
from edge.centre.view import line
from edge.centre.voice import Voice
from edge.config.schema import Broker
from edge.mqtt.connection import Connection
from edge.mqtt.topics import Topics
from edge.schemas import MESSAGES, schema

KINDS = tuple(name for name in MESSAGES if name not in ("stored", "resend", "answer"))
SHOWN_EVERY = 25
"""Of so many inputs one is followed by a look at the live table and at every table of the export."""
FRESH_EVERY = 2000
"""After so many the store begins anew, so that one input costs as much as another."""


class Messages:
    """The centre without its connection: read, stored in a real database, told in every tongue, shown."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="fuzz-centre-"))
        self._schemas = {kind: schema(kind) for kind in KINDS}
        self._fed = 0
        self._open()

    def _open(self) -> None:
        file = self._folder / f"{self._fed}.db"
        self._store, self._records = Store(str(file)), Records(str(file))
        self._voice = Voice(Connection(Broker(host="127.0.0.1", tls=False), client_id="fuzz"))
        entities = sink(str(self._folder / "entities.jsonl"))
        self._bridge = Bridge(self._voice, root="hue", tongues=("onvif", "homeassistant"), entities=entities)

    def close(self) -> None:
        self._shut()
        shutil.rmtree(self._folder)

    def _shut(self) -> None:
        self._bridge.close()
        self._records.close()
        self._store.close()

    def make(self, chance: random.Random) -> Input:
        return tuple(part for _ in range(chance.choice((1, 1, 2, 5))) for part in self._message(chance))

    def _message(self, chance: random.Random) -> tuple[bytes, bytes]:
        kind = chance.choice(KINDS)
        value = instance(self._schemas[kind], chance)
        node, camera, rule = (chance.choice(("n1", "gate", "l1", "x" * 32)) for _ in "abc")
        if isinstance(value, dict):
            node, camera, rule = value.get("node", node), value.get("camera", camera), value.get("rule", rule)
            if "seq" in value and chance.random() < 0.7:
                value["seq"] = chance.randrange(1, 3000)
        topics = Topics("hue", str(node))
        if kind in ("node-status", "info", "gap"):
            topic = getattr(topics, kind.removeprefix("node-"))
        elif kind in ("camera-status", "health"):
            topic = topics.camera(str(camera), kind=kind.removeprefix("camera-"))
        elif kind == "alarm-now":
            topic = topics.alarm_now(str(camera), rule=str(rule))
        else:
            topic = topics.data(kind, camera=str(camera), rule=str(rule))
        body = b"" if chance.random() < 0.03 else encoded(value, chance)
        name = topic.encode()
        return worse(name, chance, times=1) if chance.random() < 0.05 else name, body

    def feed(self, parts: Input) -> None:
        if self._fed % FRESH_EVERY == FRESH_EVERY - 1:
            self._shut()
            self._open()
        self._fed += 1
        pairs = zip(parts[::2], parts[1::2], strict=True)
        arrivals = [read(topic.decode(errors="replace"), body, root="hue") for topic, body in pairs]
        written = self._store.write(arrivals)
        self._bridge.tell([*(each for each in arrivals if isinstance(each, Present)), *written.stored])
        for message in written.stored:
            one_line(line(message))
        for rejected in written.rejected:
            one_line(rejected.reason)
        complaints = Complaints()
        complaints.add(written)
        complaints.say()
        again = self._store.write(arrivals)
        if again.stored and any(isinstance(each, Numbered) for each in arrivals):
            raise BrokenPromiseError("the same messages were stored twice")
        if self._fed % SHOWN_EVERY == 0:
            self._show()

    def _show(self) -> None:
        console = Console(file=io.StringIO(), width=120, force_terminal=True)
        console.print(page(self._records, title="fuzz", now=time.time()))
        for table in COLUMNS:
            for _ in rows(table, self._records):
                pass
