"""Messages that the broker took and had nobody to give to: they wait apart until somebody subscribes."""

from __future__ import annotations

import logging
import time

from edge.dataflow import Stamp
from edge.mqtt.pacing import Seldom
from edge.store.outbox import Message, Outbox

LOG = logging.getLogger("edge.publisher")
FIRST_SECONDS, LONGEST_SECONDS = 5.0, 60.0
"""The pauses between two trials, doubled from the first to the longest while nobody is there."""
TELL_SECONDS = 3600.0
"""How often a person is told."""


class Unheard:
    """A few trials while nobody is there, and everything as soon as somebody is.

    A trial is the oldest message of each kind. Once a message of a topic is heard, all of that topic follow, and one of
    every other topic. Each new message of a topic is a trial too, so a subscriber to a few topics only wakes those.
    A broker tells this in MQTT 5 only, and not every broker does: what is taken without such a word counts as taken.
    """

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._topics = outbox.unheard_topics()
        self._heard: set[tuple[str, str, str]] = set()
        self._new: list[Stamp] = []
        self._told = Seldom(seconds=TELL_SECONDS)
        self._tried = float("-inf")
        self.begin()

    def begin(self) -> None:
        """Begins the pauses anew: with a new connection subscribers may be on their way."""
        self._pause, self._due = FIRST_SECONDS, time.monotonic() + FIRST_SECONDS

    def hurry(self) -> None:
        """Notes that somebody is there: the next trial comes as soon as after a first one."""
        self._pause, self._due = FIRST_SECONDS, min(self._due, self._tried + FIRST_SECONDS)

    def nobody(self, message: Message, *, name: str) -> None:
        """Takes a message in for which there was no subscriber; `name` is its topic for people."""
        if not self._topics:
            self.begin()
        self._topics.add(message.topic)
        self._new.append(message.stamp)
        if self._told.held_back(time.monotonic()) is not None:
            LOG.warning("%s: nobody subscribes to it at the broker; it is kept and goes when somebody does", name)

    def heard(self, message: Message) -> None:
        """Notes that there was a subscriber for a message."""
        if message.topic in self._topics:
            self._heard.add(message.topic)

    def settle(self) -> bool:
        """Writes down what came since the last call; whether messages may go again by that."""
        if self._new:
            self._outbox.unheard(self._new)
            self._new.clear()
        if not self._heard:
            return False
        for topic in self._heard:
            self._outbox.let_go(topic)
        self._outbox.let_one_go(of="kind, camera, rule", now=time.time())
        self._topics -= self._heard
        self._heard.clear()
        self.begin()
        return True

    def try_again(self) -> bool:
        """Lets a trial go if one is due; whether it did."""
        now = time.monotonic()
        if not self._topics or now < self._due:
            return False
        self._outbox.let_one_go(of="kind", now=time.time())
        self._tried, self._due = now, now + self._pause
        self._pause = min(2 * self._pause, LONGEST_SECONDS)
        return True
