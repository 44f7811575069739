"""A centre and a device as neighbours: `edge listen` as a process, and a device's real publisher."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from edge import events, render
from edge.centre.ledger import Series
from edge.centre.records import Records
from edge.config.schema import Broker as BrokerSection
from edge.dataflow import Alarm, Crossing, Instant, Period, Stamp, Tally
from edge.mqtt.connection import Connection
from edge.mqtt.topics import Topics
from edge.publisher import Publisher
from edge.standing import Standing
from edge.store.database import Database
from edge.store.journal import Journal, Told
from edge.store.outbox import Outbox
from edge.store.trim import trim
from tests.integration.broker import Broker, wait_until

ROOT = Path(__file__).resolve().parents[2]
EPOCH = "0a0a0a0a"
SUBSCRIBED = "Sending SUBACK to centre-centre-1"
EDGE = "node: n1\nbroker: {host: 127.0.0.1, port: %d, tls: false, keepalive_seconds: 5}\n"


class Centre:
    """`edge listen` as a process that can be ended and started again on the same store, a file or an address."""

    def __init__(
        self, folder: Path, broker: Broker, *, store: str = "", name: str = "listen", shared: bool = False
    ) -> None:
        self._broker = broker
        self.store = store or str(folder / "centre.db")
        self._log = folder / f"{name}.log"
        config = folder / "config"
        config.mkdir(exist_ok=True)
        (config / "edge.yaml").write_text(EDGE % broker.port)
        self.argv = [sys.executable, "-m", "edge", "listen", "--store", self.store, "--config", str(config)]
        self.argv += ["--shared"] * shared
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it and waits until the broker has its subscriptions, so that nothing passes it by."""
        before = self._broker.log.count(SUBSCRIBED)
        self.begin()
        wait_until(lambda: self._broker.log.count(SUBSCRIBED) > before, what=lambda: f"the centre is there: {self.log}")

    def begin(self) -> None:
        """Starts it."""
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(self.argv, cwd=ROOT, stdout=log, stderr=log)

    def end(self, number: signal.Signals) -> int:
        assert self.process
        self.process.send_signal(number)
        return self.process.wait(timeout=10)

    @property
    def log(self) -> str:
        return self._log.read_text() if self._log.exists() else ""

    def on_terminal(self) -> tuple[subprocess.Popen[bytes], int]:
        """The same with a terminal for its output: the process and the other end."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            self.argv, cwd=ROOT, stdout=theirs, stderr=theirs, env={**os.environ, "COLUMNS": "120", "LINES": "40"}
        )
        os.close(theirs)
        return process, ours

    def records(self) -> Records:
        return Records(self.store)

    def seen(self, series: Series) -> object:
        records = self.records()
        found = records.seen_ranges().get(series)
        records.close()
        return found


class Device:
    """A device without its cameras: a journal that is written here, the outbox and the real publisher."""

    def __init__(self, folder: Path, port: int, *, epoch: str = EPOCH, standstill_seconds: float = 2.0) -> None:
        database = folder / f"{epoch}.db"
        self.journal = Journal(database, camera="gate", epoch=epoch)
        self.outbox = Outbox(database)
        self._keeper = Database(database)
        self._connection = Connection(
            BrokerSection(host="127.0.0.1", port=port, tls=False, keepalive_seconds=5), client_id="hue-n1"
        )
        self._connection.start()
        info = events.Info(node="n1", software="0", config="0", cameras={}).to_bytes()
        topics = Topics("hue", "n1")
        publisher = Publisher(
            self.outbox,
            self._connection,
            topics=topics,
            standing=Standing(self.outbox, topics, info=lambda: info),
            standstill_seconds=standstill_seconds,
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._publish, args=(publisher,))
        self._thread.start()
        self._slot = 0

    def count(self, number: int) -> None:
        """Finishes so many intervals of a line, each with one message."""

        def body(period: Period, tally: Tally, stamp: Stamp) -> bytes:
            return render.flow(period, tally, stamp=stamp, camera="gate", facts={"classes": ["car"]}).to_bytes()

        for _ in range(number):
            self._slot += 1
            start = time.time() - time.time() % 10 + 10 * (self._slot - 1000)
            self.journal.finish(Period("l1", "flow", start, 10, analysed=10), body, life=7 * 86_400)

    def cross(self) -> None:
        """Publishes one single crossing."""
        told = Told(
            frozenset({"l1"}), lambda crossing, stamp: render.cross(crossing, stamp=stamp, camera="gate").to_bytes(), 60
        )
        now = time.time()
        self.journal.write([Crossing(Instant(0, now), "l1", 1, "car", 1)], [], seen=now, told=told)

    def alarm(self, state: str, *, life: float = 3600) -> None:
        """Tells a change of a zone's alarm, and how it stands."""

        def body(change: Alarm, stamp: Stamp, alarm_id: str) -> bytes:
            return render.alarm(change, stamp=stamp, camera="gate", alarm_id=alarm_id).to_bytes()

        now, level = time.time(), 0 if state == "cleared" else 2
        change = Alarm(Instant(now, now), "z1", "crowd_count", state, level, 42, 40, 30, since=now - 20)
        self.journal.alarm(change, body, state="{}", life=life)

    def trim(self) -> int:
        """Removes what has outlived its life, as the keeper of the store does with each flush; how many are left."""
        with self._keeper.transaction() as db:
            trim(db, now=time.time(), most_bytes=10**9)
        return int(self._keeper.rows("SELECT count(*) FROM outbox")[0][0])

    def close(self) -> None:
        """Ends its publisher cleanly; a second time does nothing."""
        if self._stop.is_set():
            return
        self._stop.set()
        self._thread.join()
        self.outbox.close()
        self._keeper.close()
        self.journal.close()

    def _publish(self, publisher: Publisher) -> None:
        while not self._stop.is_set():
            publisher.step(0.02)
        publisher.close(seconds=1)


def complete(centre: Centre, last: int, *, epoch: str = EPOCH) -> Callable[[], bool]:
    return lambda: centre.seen(Series("n1", epoch)) == ((1, last),)


def left(device: Device) -> int:
    """How many messages the device still has to send, and one more where the broker has some that nobody confirmed."""
    last = device.outbox.last
    return len(device.outbox.waiting(limit=10_000, now=0)) + device.outbox.taken_after(Stamp(last.epoch, 0))
