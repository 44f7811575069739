"""The centre's side of the contract on one connection: validate, store, only then confirm; ask for what is missing."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable

from edge.centre.arrivals import Arrival, Present, Rejected, read
from edge.centre.gaps import Gaps
from edge.centre.ledger import Series
from edge.centre.ranges import Range
from edge.centre.store import Store, Written
from edge.events import Resend, Stored
from edge.mqtt.connection import Connection
from edge.mqtt.topics import Topics, of_all_nodes
from edge.mqtt.wire import Arrived, Connected, Properties

LOG = logging.getLogger("edge.centre")
BATCH_SECONDS = 0.5
BATCH_MESSAGES = 200
TICK_SECONDS = 0.2
SAY_SECONDS = 10.0
ASK_LIVES_SECONDS = 60

Show = Callable[[Written], None]


class Listener:
    """The centre's side of the contract on one connection; run() serves until `stop` is set.

    `show` is told of each batch after it was stored, and of an empty one every TICK_SECONDS.
    """

    def __init__(self, connection: Connection, *, root: str, centre_id: str, store: Store, show: Show) -> None:
        self._connection, self._root, self._centre, self._store, self._show = connection, root, centre_id, store, show
        self._gaps = Gaps()
        self._batch: list[Arrival] = []
        self._due = 0.0
        self._complaints = _Complaints()

    def run(self, stop: threading.Event) -> None:
        """Serves until `stop` is set; what has arrived by then is stored and confirmed."""
        for node in self._store.nodes():
            self._look_for_gaps(node)
        self._connection.start()
        while not stop.is_set():
            event = self._connection.next_event(TICK_SECONDS)
            if isinstance(event, Connected):
                self._begin()
            elif isinstance(event, Arrived):
                self._take(event)
            if self._batch and (len(self._batch) >= BATCH_MESSAGES or time.monotonic() >= self._due):
                self._commit()
            elif event is None:
                self._show(Written())
            self._ask()
            self._complaints.say()
        self._commit()

    def _begin(self) -> None:
        self._connection.subscribe(of_all_nodes(self._root))
        for node in self._store.nodes():
            self._confirm(node)

    def _take(self, message: Arrived) -> None:
        if not self._batch:
            self._due = time.monotonic() + BATCH_SECONDS
        arrival = read(message.topic, message.body, root=self._root)
        self._batch.append(arrival)
        if isinstance(arrival, Present) and not arrival.camera and arrival.kind == "status":
            self._gaps.back(arrival.node, now=time.monotonic())

    def _commit(self) -> None:
        """Confirmations follow the commit: what a device is told lies on the disk."""
        written = self._store.write(self._batch)
        self._batch = []
        for node in sorted(written.nodes):
            self._confirm(node)
            self._look_for_gaps(node)
        for rejected in written.rejected:
            self._complaints.add(rejected)
        self._show(written)

    def _confirm(self, node: str) -> None:
        """Told for every epoch, the newest last, which is the one that stays on the broker."""
        if not self._connection.connected:
            return
        topic = Topics(self._root, node).stored(self._centre)
        for stamp in self._store.complete(node):
            body = Stored(epoch=stamp.epoch, seq=stamp.seq).model_dump_json().encode()
            self._connection.publish(topic, body, retain=True)

    def _look_for_gaps(self, node: str) -> None:
        for series, holes in self._store.holes(node).items():
            self._gaps.seen(series, holes, now=time.monotonic())

    def _ask(self) -> None:
        if not self._connection.connected:
            return
        for series, holes in self._gaps.due(now=time.monotonic()):
            for hole in holes:
                self._ask_for(series, hole)

    def _ask_for(self, series: Series, hole: Range) -> None:
        """The request lives no longer than the pause to the next one may be."""
        topics = Topics(self._root, series.node)
        body = Resend.model_validate({"epoch": series.epoch, "from": hole[0], "to": hole[1]})
        properties = Properties(expiry_seconds=ASK_LIVES_SECONDS)
        self._connection.publish(
            topics.command("resend"), body.model_dump_json(by_alias=True).encode(), properties=properties
        )
        LOG.info("%s: asked for the messages %d to %d of epoch %s", series.node, *hole, series.epoch)


class _Complaints:
    """Rejected messages told in one line at most every SAY_SECONDS, counted by reason."""

    def __init__(self) -> None:
        self._reasons: Counter[str] = Counter()
        self._said = float("-inf")

    def add(self, rejected: Rejected) -> None:
        self._reasons[rejected.reason] += 1

    def say(self) -> None:
        now = time.monotonic()
        if self._reasons and now - self._said >= SAY_SECONDS:
            reasons = "; ".join(f"{reason} ({number})" for reason, number in self._reasons.most_common(5))
            LOG.warning("%d messages rejected: %s", self._reasons.total(), reasons)
            self._reasons.clear()
            self._said = now
