"""Outbox -> MQTT: sends what waits, keeps it until the centre has stored it, and answers the centre's commands."""

from __future__ import annotations

import json
import logging
import time
from collections import deque

from edge.commands import obey
from edge.confirmations import Confirmations
from edge.dataflow import Stamp
from edge.link import Link
from edge.mqtt.connection import Connection
from edge.mqtt.pacing import STANDSTILL_SECONDS, Pace, Rest, Seldom
from edge.mqtt.topics import Topics
from edge.mqtt.wire import Arrived, Connected, Disconnected, Outcome, Properties, Published, Refused
from edge.standing import Notice, Standing
from edge.store.outbox import Message, Outbox
from edge.unheard import Unheard

LOG = logging.getLogger("edge.publisher")
POLL_SECONDS = 0.1
"""How often the outbox is looked at."""
WINDOW = 64
"""Messages that may be without the broker's answer."""
LATE_SECONDS = 60.0
"""A message that goes out so long after it was made is late, and yields to fresh ones."""
LATE_RATE = 300.0
"""Late messages a second."""
HOLD_SECONDS = 60.0
"""How long a kind of message waits that the broker refused."""
NO_RIGHTS_SECONDS = 600.0
"""Refusals for want of rights are told so often, all in one line."""


class Publisher:
    """One device's voice: step() is one turn of its loop, close() its end."""

    def __init__(
        self,
        outbox: Outbox,
        connection: Connection,
        *,
        topics: Topics,
        standing: Standing,
        standstill_seconds: float = STANDSTILL_SECONDS,
    ) -> None:
        self._outbox, self._connection, self._topics, self._standing = outbox, connection, topics, standing
        self._under_way: dict[int, Message | Notice] = {}
        self._taken: list[Stamp] = []
        self._notices: deque[Notice] = deque()
        self._confirmations = Confirmations(outbox, standstill_seconds=standstill_seconds)
        self._link = Link(outbox, broker=connection.name)
        self._rest = Rest(seconds=HOLD_SECONDS, first_pause=10, longest_pause=300)
        self._pace = Pace(rate=LATE_RATE, burst=WINDOW)
        self._unheard = Unheard(outbox)
        self._window = WINDOW
        self._look, self._news, self._ending = True, True, False
        self._no_rights, self._say_again_at = Seldom(seconds=NO_RIGHTS_SECONDS), float("inf")

    @property
    def state(self) -> str:
        """One line for people, which changes only with the link and with the first confirmation."""
        return str(self._link.state)

    def step(self, timeout: float = POLL_SECONDS) -> None:
        """Takes in what happened, waiting at most `timeout` seconds for it, and sends what may go."""
        self._take_in(timeout)
        now = time.monotonic()
        if self._outbox.changed():
            self._look = self._news = True
        if self._connection.connected:
            if self._confirmations.send_again_if_standing():
                self._look = self._news = True
            self._look |= self._unheard.try_again()
            if now >= self._say_again_at:
                self._say_who_we_are()
            if self._news:
                self._news = False
                self._notices.extend(self._standing.cameras())
                self._notices.extend(self._gaps())
            if self._standing.fault_is_news:
                self._notices.append(self._standing.status("online"))
            self._say_notices()
            self._send(now)
        self._link.note(confirms=self._confirmations.heard)

    def close(self, *, seconds: float = 5.0) -> None:
        """Sends what is fresh for at most so many seconds, says that the device was stopped, and disconnects."""
        self._ending = self._look = True  # the last flush to the disk may have made more of them ready
        until = time.monotonic() + seconds
        while self._connection.connected and (self._look or self._under_way) and time.monotonic() < until:
            self.step()
        if self._connection.connected:
            self._notices = deque([self._standing.status("stopped")])
            self._under_way.clear()
            self._say_notices()
            while self._connection.connected and self._under_way and time.monotonic() < until + 1:
                self._take_in(POLL_SECONDS)
        self._connection.stop()

    def _take_in(self, timeout: float) -> None:
        event = self._connection.next_event(timeout)
        turns = 4 * WINDOW
        while event is not None and (turns := turns - 1):
            match event:
                case Published():
                    self._on_published(event)
                case Arrived():
                    self._note_taken()  # first: a resend that is asked for after it must not be undone by it
                    self._on_arrived(event)
                case Connected():
                    self._link.up()
                    self._on_connected(event)
                case Disconnected():
                    self._link.down(event.reason)
                    self._on_disconnected()
                case Refused():
                    self._link.down(event.reason)
            event = self._connection.next_event(0)
        self._note_taken()

    def _note_taken(self) -> None:
        if self._taken:
            self._confirmations.taken(self._taken)
            self._rest.taken()
            self._taken.clear()
        self._look |= self._unheard.settle()

    def _on_connected(self, event: Connected) -> None:
        self._window = max(1, min(WINDOW, event.window))
        self._rest.clear()
        self._unheard.begin()
        self._confirmations.delay()
        self._connection.subscribe(self._topics.listens)
        self._say_who_we_are()

    def _on_disconnected(self) -> None:
        under_way = [each for each in self._under_way.values() if isinstance(each, Notice)]
        self._notices = deque(each for each in [*under_way, *self._notices] if each.kept)
        self._under_way.clear()
        self._look = True

    def _on_published(self, event: Published) -> None:
        sent = self._under_way.pop(event.mid, None)
        if isinstance(sent, Message) and event.outcome is Outcome.NOBODY:
            self._unheard.nobody(sent, name=self._topics.data(sent.kind, camera=sent.camera, rule=sent.rule))
        elif isinstance(sent, Message) and event.ok:
            self._taken.append(sent.stamp)
            self._unheard.heard(sent)
        elif isinstance(sent, Message):
            self._on_refused(sent, event)
        elif sent and sent.lost and event.outcome is Outcome.TAKEN:  # told to nobody, it is said again
            self._outbox.told(sent.lost)
            self._news = True
        elif sent and sent.gone and event.ok:
            self._outbox.forget(*sent.gone)
        elif sent and not event.ok:
            self._say_again_at = time.monotonic() + HOLD_SECONDS
            self._tell_refused(sent.topic, event.reason)

    def _tell_refused(self, topic: str, reason: str) -> None:
        """Once for everything that a list of rights refuses, for it is one fault."""
        held_back = self._no_rights.held_back(time.monotonic())
        if held_back is not None:
            do = "allow it there, or correct node, root and the certificate here; what is refused is kept or said again"
            more = f" ({held_back} more refused before)" if held_back else ""
            who = self._connection.identity
            LOG.warning("%s: the broker refuses it to %s: %s; %s%s", topic, who, reason, do, more)

    def _on_refused(self, sent: Message, event: Published) -> None:
        """What the broker will not take stays: a kind without rights waits, a malformed one is set aside, the rest
        waits longer each time."""
        self._look = True
        now = time.monotonic()
        what = f"{self._topics.data(sent.kind, camera=sent.camera, rule=sent.rule)} {sent.stamp.seq}"
        if event.outcome is Outcome.BAD_FORMAT:
            self._outbox.set_aside(sent.stamp)
            LOG.error("%s: the broker finds it malformed; kept, sent again after a restart; please report this", what)
        elif event.outcome is Outcome.NOT_AUTHORISED:
            self._rest.hold(sent.kind, now)
            self._tell_refused(what, event.reason)
        elif pause := self._rest.hold_all(now):
            LOG.warning("%s: the broker refuses it: %s; everything waits %g s", what, event.reason, pause)

    def _on_arrived(self, event: Arrived) -> None:
        centre, verb = self._topics.centre_of(event.topic), self._topics.verb_of(event.topic)
        if not event.retain:
            self._unheard.hurry()
        if centre and event.body:
            self._look |= self._confirmations.stored(centre, event.body)
        elif verb and event.retain:
            LOG.warning("command %.40r: it is retained, so it is not obeyed; send it without retain", verb)
        elif verb:
            self._on_command(verb, event)

    def _on_command(self, verb: str, event: Arrived) -> None:
        obeyed = obey(verb, event.body, self._outbox)
        LOG.info("command %.40r: %s", verb, obeyed.answer)
        self._look = self._news = True
        if obeyed.rebirth:
            self._say_who_we_are()
        topic = event.properties.response_topic
        if topic and not self._topics.may_answer(topic):
            LOG.warning("command %.40r: no answer on %.80r, which is not below this device's topics", verb, topic)
        elif topic:
            properties = Properties(correlation=event.properties.correlation)
            self._notices.append(Notice(topic, json.dumps(obeyed.answer).encode(), kept=True, properties=properties))

    def _gaps(self) -> list[Notice]:
        """What is lost and not under way already."""
        said = {each.lost for each in (*self._notices, *self._under_way.values()) if isinstance(each, Notice)}
        return [each for each in self._standing.gaps() if each.lost not in said]

    def _say_who_we_are(self) -> None:
        """Status, info and the state of every camera: what a reader needs before anything else."""
        self._say_again_at = float("inf")
        self._notices.extendleft(reversed(self._standing.device()))
        self._news = True

    def _say_notices(self) -> None:
        while self._notices and len(self._under_way) < self._window:
            say = self._notices.popleft()
            mid = self._connection.publish(
                say.topic, say.body, qos=say.qos, retain=say.retain, properties=say.properties
            )
            if say.qos:
                self._under_way[mid] = say

    def _send(self, now: float) -> None:
        """Fresh messages first, then late ones at a bounded rate."""
        room = self._window - len(self._under_way)
        if not self._look or room <= 0 or self._rest.all_held(now):
            return
        busy = {each.stamp for each in self._under_way.values() if isinstance(each, Message)}
        wall, but = time.time(), self._rest.held(now)
        split = wall - LATE_SECONDS
        found = self._outbox.waiting(limit=room + len(busy), now=wall, since=split, but=but)
        fresh = [each for each in found if each.stamp not in busy][:room]
        quota = 0 if self._ending or self._confirmations.far_behind else min(room - len(fresh), self._pace.allowed(now))
        found = self._outbox.waiting(limit=quota + len(busy), now=wall, before=split, but=but)
        late = [each for each in found if each.stamp not in busy][:quota]
        for message in (*fresh, *late):
            self._publish(message, wall)
        if late:
            self._pace.spend(len(late))
            self._confirmations.delay()
        self._look = bool(fresh) or (not self._ending and (bool(late or but) or quota == 0))

    def _publish(self, message: Message, now: float) -> None:
        late = now - message.made > LATE_SECONDS
        body = message.body[:-1] + b',"late":true}' if late else message.body
        topic = self._topics.data(message.kind, camera=message.camera, rule=message.rule)
        life = Properties(expiry_seconds=max(1, int(message.expires - now)))
        self._under_way[self._connection.publish(topic, body, properties=life)] = message
