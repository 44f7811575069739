"""`edge listen --also …`: what has been stored, told in other tongues; never before it is stored.

The store is the record. What a tongue was not told because the centre was killed just then is not told again, except
what is retained: after a start that is made anew from the store.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from edge.centre.arrivals import DATA, LATEST, LATEST_OF_CAMERA, Numbered, Present
from edge.centre.clocks import AHEAD_SECONDS, ahead
from edge.centre.entities import Sink
from edge.centre.records import Records
from edge.centre.tables import INTERVALS
from edge.centre.tongues import AlarmNow, Context, Message, Told, homeassistant, ngsild, onvif
from edge.centre.voice import Voice
from edge.errors import EdgeError
from edge.events import AlarmChange, CameraStatus, Cross, Flow, Info, QueueLength, ZoneCount, utc

MOST_WAITING = 1000
"""Messages that are not retained, kept while the broker is away; beyond, the oldest go."""
NGSI_LD = "ngsi-ld"
LOOK_BACK_SECONDS = 86_400
"""How old an interval of the store may be to be told as the latest at a start."""


class Tongue(Protocol):
    """A mapping to messages on the same broker."""

    def messages(self, event: Told, context: Context) -> list[Message]:
        """The event in this tongue."""

    def kept(self, info: Info, context: Context) -> set[str]:
        """The topics with retained messages of a device of this description."""


TONGUES: dict[str, Tongue] = {"onvif": onvif, "homeassistant": homeassistant}


@dataclass(frozen=True, slots=True)
class Also:
    """Which tongues are asked for, and where NGSI-LD entities go."""

    tongues: tuple[str, ...] = ()
    entities: str | None = None

    def __bool__(self) -> bool:
        return bool(self.tongues or self.entities)


def read_also(text: str) -> Also:
    """The value of --also, such as `onvif,ngsi-ld=http://broker:1026`. EdgeError where it is none."""
    tongues, entities = [], None
    for each in text.split(",") if text else ():
        name, _, target = each.partition("=")
        if name in TONGUES and not target:
            tongues.append(name)
        elif name == NGSI_LD and target:
            entities = target
        else:
            expected = f"{', '.join(TONGUES)} or {NGSI_LD}=FILE or {NGSI_LD}=URL, with commas between them"
            raise EdgeError("edge listen --also", "no tongue", expected=expected, found=repr(each), do="mend it")
    return Also(tuple(dict.fromkeys(tongues)), entities)


def stored_in(records: Records) -> Iterator[Present | Numbered]:
    """What a store holds of devices, cameras and alarms as they stand, and the latest interval of each rule."""
    present = records.present()
    for (node, camera, kind), body in sorted(present.items()):
        yield Present(node, camera, kind, json.dumps(body))
    for node, camera, rule in records.alarm_rules():
        if (node, camera, kind := f"alarm/{rule}") not in present:
            yield Present(node, camera, kind, None)
    since, until = utc(time.time() - LOOK_BACK_SECONDS), utc(time.time())
    for kind in INTERVALS:
        for each in records.last_intervals(kind, since=since, until=until):
            yield Numbered(each.node, kind, DATA[kind].model_validate(each.body), json.dumps(each.body))


class Bridge:
    """Tells what was stored with the centre's own voice; whoever owns that calls it from the same thread.

    Retained messages are held here as they shall stand, and published anew on every connection, so that a broker that
    forgot them has them again. One that is older than what its topic has is left out.
    """

    def __init__(self, voice: Voice, *, root: str, tongues: Sequence[str], entities: Sink | None) -> None:
        self._voice, self._root, self._entities = voice, root, entities
        self._tongues = [TONGUES[name] for name in tongues]
        self._contexts: dict[str, Context] = {}
        self._kept: dict[str, Message] = {}
        self._waiting: deque[Message] = deque(maxlen=MOST_WAITING)

    def begin(self, stored: Iterable[Present | Numbered]) -> None:
        """Learns what the store holds, devices first; what is retained will be told again, entities are not."""
        for each in stored:
            self._take(each, entities=None)

    def connected(self) -> None:
        """Tells everything that shall stand, and what waited."""
        for message in self._kept.values():
            self._publish(message)
        while self._waiting:
            self._publish(self._waiting.popleft())

    def tell(self, stored: Iterable[Present | Numbered]) -> None:
        """Tells what has just been stored."""
        for each in stored:
            self._take(each, entities=self._entities)

    def close(self) -> None:
        """Ends what was begun here."""
        if self._entities:
            self._entities.close()

    def _take(self, stored: Present | Numbered, *, entities: Sink | None) -> None:
        if isinstance(stored, Present) and stored.kind == "info":
            self._describe(stored)
        event = _event(stored)
        if event is None or ahead(event, now=time.time()) > AHEAD_SECONDS:  # it would be the latest until then
            return
        context = self._context(stored.node)
        if _stands(event, context):
            for message in [each for tongue in self._tongues for each in tongue.messages(event, context)]:
                self._say(message)
        if entities and (found := ngsild.entities(event, context)):
            entities.put(found)

    def _describe(self, stored: Present) -> None:
        """Takes a device's info, and takes back what is retained of rules that it has no more."""
        before = self._context(stored.node)
        info = Info.model_validate_json(stored.body) if stored.body else None
        now = Context(self._root, stored.node, info)
        for tongue in self._tongues:
            gone = _kept(tongue, before) - _kept(tongue, now)
            for topic in sorted(gone):
                self._say(Message(topic, b"", self._at(topic), kept=True))
        self._contexts[stored.node] = now

    def _say(self, message: Message) -> None:
        if message.kept:
            stands = self._kept.get(message.topic)
            if stands and (message.at < stands.at or message.body == stands.body):
                return
            self._kept[message.topic] = message
        if self._voice.connected:
            self._publish(message)
        elif not message.kept:
            self._waiting.append(message)

    def _publish(self, message: Message) -> None:
        self._voice.say(message.topic, message.body, retain=message.kept)

    def _context(self, node: str) -> Context:
        return self._contexts.get(node) or Context(self._root, node)

    def _at(self, topic: str) -> float:
        return self._kept[topic].at if topic in self._kept else 0.0


def _kept(tongue: Tongue, context: Context) -> set[str]:
    return tongue.kept(context.info, context) if context.info else set()


def _event(stored: Present | Numbered) -> Told | None:
    """The event of a kind that tongues know."""
    if isinstance(stored, Numbered):
        told = stored.event
        return told if isinstance(told, Flow | ZoneCount | QueueLength | Cross | AlarmChange) else None
    kind, _, rule = stored.kind.partition("/")
    if kind == "alarm":
        return AlarmNow(stored.camera, rule, AlarmChange.model_validate_json(stored.body) if stored.body else None)
    if stored.body is None:
        return None
    event = (LATEST_OF_CAMERA if stored.camera else LATEST)[kind].model_validate_json(stored.body)
    return event if isinstance(event, Info | CameraStatus) else None


def _stands(event: Told, context: Context) -> bool:
    """Whether the device still has the rule or camera, as far as is known."""
    if isinstance(event, Info) or context.info is None:
        return True
    if isinstance(event, CameraStatus):
        return context.camera(event.camera) is not None
    return context.rule(event.camera, event.rule) is not None
