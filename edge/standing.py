"""What stands at the broker besides the numbered messages: the device's status and info, the state of its cameras."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from edge import events
from edge.mqtt.topics import Topics
from edge.mqtt.wire import Properties
from edge.store.outbox import Outbox
from edge.store.trim import Lost

GAPS = 20
"""Gaps that are told at a time."""
HEALTH_SECONDS = 180
"""How long a camera's health is worth telling."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A message without a number. One that is `kept` is said again after a lost connection; the others tell a state,
    which is told anew, or what is `lost`, which the outbox remembers."""

    topic: str
    body: bytes
    qos: int = 1
    retain: bool = False
    kept: bool = False
    properties: Properties | None = None
    lost: Lost | None = None


class Standing:
    """Says what is new of it, or all of it. `info` makes the body of the device's info, anew each time that it is told;
    what stands on the topics that are `gone` is taken back; `fault` says what is wrong with the device, if it is."""

    def __init__(
        self,
        outbox: Outbox,
        topics: Topics,
        *,
        info: Callable[[], bytes],
        gone: Iterable[str] = (),
        fault: Callable[[], str] = str,
    ) -> None:
        self._outbox, self._topics, self._info, self._gone = outbox, topics, info, tuple(gone)
        self.fault = fault
        self._since = events.utc(time.time())
        self._told: dict[tuple[str, str, str], int] = {}

    def device(self) -> list[Notice]:
        """Status and info, and what is taken back; the state of every camera is new after it."""
        self._told.clear()
        info = Notice(self._topics.info, self._info(), retain=True)
        gone = [Notice(topic, b"", retain=True) for topic in self._gone]
        return [self.status("online"), info, *gone]

    def status(self, state: str) -> Notice:
        """That the device is online, or stopped."""
        fields = {"state": state, "since": self._since, "reason": self.fault() or None}
        body = events.NodeStatus.model_validate(fields).to_bytes()
        return Notice(self._topics.status, body, retain=True)

    def gaps(self) -> list[Notice]:
        """What is lost and not told yet."""
        return [Notice(self._topics.gap, _gap(each), lost=each) for each in self._outbox.lost(limit=GAPS)]

    def cameras(self) -> list[Notice]:
        """The states of cameras that are new since they were told, and the health of the last minutes."""
        notices = []
        for each in self._outbox.announcements():
            key = (each.camera, each.kind, each.rule)
            if self._told.get(key) == each.version:
                continue
            self._told[key] = each.version
            topic = self._topics.camera(each.camera, kind=each.kind)
            if each.kind == "alarm":
                notices.append(Notice(self._topics.alarm_now(each.camera, rule=each.rule), each.body, retain=True))
            elif each.kind == "status":
                notices.append(Notice(topic, each.body, retain=True))
            elif time.time() - each.at < HEALTH_SECONDS:
                notices.append(Notice(topic, each.body, qos=0, properties=Properties(HEALTH_SECONDS)))
        return notices


def _gap(lost: Lost) -> bytes:
    fields = {"epoch": lost.epoch, "from": lost.first, "to": lost.last, "reason": lost.reason}
    return events.Gap.model_validate({**fields, "at": events.utc(time.time())}).to_bytes()
