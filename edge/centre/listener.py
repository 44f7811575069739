"""The centre's side of the contract on one connection: validate, store, only then confirm; ask for what is missing."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from edge.centre.arrivals import Arrival, Present, read
from edge.centre.bridge import Bridge
from edge.centre.complaints import Complaints
from edge.centre.database import AwayError
from edge.centre.ledger import Complete, Series
from edge.centre.patience import Patience
from edge.centre.ranges import Range
from edge.centre.store import Store, Written
from edge.centre.voice import Voice
from edge.centre.watch import Watch
from edge.events import Resend, Stored
from edge.mqtt.topics import Topics, of_all_nodes, of_all_nodes_shared
from edge.mqtt.wire import Arrived, Connected, Properties, Published

LOG = logging.getLogger("edge.centre")
BATCH_SECONDS = 0.5
BATCH_MESSAGES = 200
TICK_SECONDS = 0.2
ASK_LIVES_SECONDS = 60

Show = Callable[[Written], None]


@dataclass(frozen=True, slots=True)
class Centre:
    """Which centre this is: the root of its topics, its id, and whether several instances share its work."""

    root: str
    id: str
    shared: bool = False


class Listener:
    """The centre's side of the contract on the connection of its voice; run() serves until `stop` is set.

    `show` is told of each batch after it was stored, and of an empty one every TICK_SECONDS; `bridge`, where there is
    one, of what was stored.
    """

    def __init__(self, voice: Voice, *, centre: Centre, store: Store, show: Show, bridge: Bridge | None = None) -> None:
        self._voice, self._connection = voice, voice.connection
        self._centre, self._store, self._show = centre, store, show
        self._bridge = bridge
        self._watch = Watch(store, shared=centre.shared)
        self._batch: list[Arrival] = []
        self._due = 0.0
        self._complaints = Complaints()

    def run(self, stop: threading.Event) -> None:
        """Serves until `stop` is set; what has arrived by then is stored and confirmed."""
        self._connection.start()
        while not stop.is_set():
            event = self._connection.next_event(TICK_SECONDS)
            if isinstance(event, Connected):
                self._begin(event)
            elif isinstance(event, Arrived):
                self._take(event)
            elif isinstance(event, Published):
                self._voice.answered(event)
            if self._batch and (len(self._batch) >= BATCH_MESSAGES or time.monotonic() >= self._due):
                self._commit(stop)
            elif event is None:
                self._show(Written())
            self._look()
            self._complaints.say()
        self._commit(stop)
        self._watch.close()

    def _begin(self, connected: Connected) -> None:
        """A new connection knows nothing: neither our subscriptions nor, for a new broker, what is stored."""
        self._voice.begin(connected)
        self._watch.again()
        if self._bridge:
            self._bridge.connected()
        if not self._centre.shared:
            self._connection.subscribe(of_all_nodes(self._centre.root))
            return
        shared, states = of_all_nodes_shared(self._centre.root, group=self._centre.id)
        self._connection.subscribe((*shared, *states) if self._watch.leading else shared)

    def _take(self, message: Arrived) -> None:
        if not self._batch:
            self._due = time.monotonic() + BATCH_SECONDS
        arrival = read(message.topic, message.body, root=self._centre.root)
        self._batch.append(arrival)
        if isinstance(arrival, Present) and not arrival.camera and arrival.kind == "status":
            self._watch.gaps.back(arrival.node, now=time.monotonic())

    def _commit(self, stop: threading.Event) -> None:
        """Confirmations follow the commit: what a device is told lies on the disk."""
        written = self._written(stop)
        if written is None:
            return
        presents = [arrival for arrival in self._batch if isinstance(arrival, Present)]
        self._batch = []
        self._confirm(written.standing.complete)
        if self._bridge:
            self._bridge.tell([*presents, *written.stored])
        if not self._centre.shared:  # otherwise another instance's confirmation may overtake this one
            self._watch.told(written.standing.complete)
        self._complaints.add(written)
        self._show(written)

    def _written(self, stop: threading.Event) -> Written | None:
        """The batch, as soon as the database takes it; meanwhile nothing more is read and the broker keeps the rest.
        None where it does not come back before the end: nothing of it was confirmed, so the devices keep it."""
        away = Patience()
        while True:
            try:
                return self._store.write(self._batch)
            except AwayError as error:
                if stop.is_set() or not away.wait(error, stop):
                    return None

    def _confirm(self, complete: Complete) -> None:
        """Told for every epoch, the newest last, which is the one that stays on the broker."""
        if not self._voice.connected:
            return
        for node, stamps in sorted(complete.items()):
            bodies = [Stored(epoch=each.epoch, seq=each.seq).model_dump_json().encode() for each in stamps]
            self._voice.stand(Topics(self._centre.root, node).stored(self._centre.id), bodies)

    def _look(self) -> None:
        """What concerns the whole store, which one of all instances does."""
        now = time.monotonic()
        if not self._voice.connected:
            return
        if self._voice.again(now=now):
            self._watch.again()
        led = self._watch.leading
        self._confirm(self._watch.look(now=now))
        if self._watch.leading and not led and self._centre.shared:
            self._connection.subscribe(of_all_nodes_shared(self._centre.root, group=self._centre.id)[1])
        for series, holes in self._watch.gaps.due(now=now):
            for hole in holes:
                self._ask_for(series, hole)

    def _ask_for(self, series: Series, hole: Range) -> None:
        """The request lives no longer than the pause to the next one may be."""
        topics = Topics(self._centre.root, series.node)
        body = Resend.model_validate({"epoch": series.epoch, "from": hole[0], "to": hole[1]})
        text = body.model_dump_json(by_alias=True).encode()
        self._voice.say(topics.command("resend"), text, properties=Properties(expiry_seconds=ASK_LIVES_SECONDS))
        LOG.info("%s: asked for the messages %d to %d of epoch %s", series.node, *hole, series.epoch)
