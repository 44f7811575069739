"""What stands at the broker besides the numbered messages: the device's status and info, the state of its cameras."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from edge import events
from edge.mqtt.topics import Topics
from edge.mqtt.wire import Properties
from edge.store.outbox import Announcement, Outbox
from edge.store.trim import Lost

GAPS = 16
"""Gaps that are told at a time: most of the window is for messages."""
HEALTH_SECONDS = 180
"""How long a camera's health is worth telling."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A message without a number. One that is `kept` is said again after a lost connection; the others tell a state,
    which is told anew, or what is `lost` or `gone` (camera, kind, rule), which the outbox remembers."""

    topic: str
    body: bytes
    qos: int = 1
    retain: bool = False
    kept: bool = False
    properties: Properties | None = None
    lost: Lost | None = None
    gone: tuple[str, str, str] | None = None


class Standing:
    """Says what is new of it, or all of it. `info` makes the body of the device's info, anew each time that it is told;
    what stands of cameras that are `gone` is taken back; `fault` says what is wrong with the device, if it is."""

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
        self._last, self._since = ("", ""), ""
        self._told: dict[tuple[str, str, str], int] = {}

    def device(self) -> list[Notice]:
        """Status and info, and what is taken back; the state of every camera is new after it."""
        self._told.clear()
        info = Notice(self._topics.info, self._info(), retain=True)
        return [self.status("online"), info, *self._taken_back()]

    def _taken_back(self) -> list[Notice]:
        """What stands of cameras that are gone, with no body any more."""
        standing = [each for each in self._outbox.announcements() if each.camera in self._gone]
        return [
            Notice(self._topic_of(each), b"", retain=True, gone=(each.camera, each.kind, each.rule))
            for each in standing
            if each.kind != "health"
        ]

    def _topic_of(self, each: Announcement) -> str:
        if each.kind == "alarm":
            return self._topics.alarm_now(each.camera, rule=each.rule)
        return self._topics.camera(each.camera, kind=each.kind)

    @property
    def fault_is_news(self) -> bool:
        """Whether another fault, or none any more, is to be told than was."""
        return self._last[1] != self.fault()

    def status(self, state: str) -> Notice:
        """That the device is online, or stopped."""
        if self._last != (now := (state, self.fault())):
            self._last, self._since = now, events.utc(time.time())
        fields = {"state": state, "since": self._since, "reason": self.fault() or None}
        body = events.NodeStatus.model_validate(fields).to_bytes()
        return Notice(self._topics.status, body, retain=True)

    def _early(self, each: Announcement) -> bool:
        """Whether it is an alarm whose numbered message is not on the disk yet."""
        return each.kind == "alarm" and bool(each.body) and json.loads(each.body)["seq"] > self._outbox.sendable

    def gaps(self) -> list[Notice]:
        """What is lost and not told yet."""
        return [Notice(self._topics.gap, _gap(each), lost=each) for each in self._outbox.lost(limit=GAPS)]

    def cameras(self) -> list[Notice]:
        """The states of cameras that are new since they were told, and the health of the last minutes."""
        notices = []
        for each in self._outbox.announcements():
            key = (each.camera, each.kind, each.rule)
            if self._told.get(key) == each.version or each.camera in self._gone or self._early(each):
                continue
            self._told[key] = each.version
            topic = self._topic_of(each)
            if each.kind != "health":
                notices.append(Notice(topic, each.body, retain=True))
            elif time.time() - each.at < HEALTH_SECONDS:
                notices.append(Notice(topic, each.body, qos=0, properties=Properties(HEALTH_SECONDS)))
        return notices


def _gap(lost: Lost) -> bytes:
    fields = {"epoch": lost.epoch, "from": lost.first, "to": lost.last, "reason": lost.reason}
    return events.Gap.model_validate({**fields, "at": events.utc(time.time())}).to_bytes()
