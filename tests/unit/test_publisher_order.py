"""What the publisher does with events that come in one batch, in the order in which they came."""

from __future__ import annotations

import json

from edge.dataflow import Period
from edge.mqtt.topics import Topics
from edge.mqtt.wire import Arrived, Outcome, Properties, Published
from edge.publisher import Publisher
from edge.standing import Standing
from edge.store.journal import Journal
from edge.store.outbox import Outbox


class Line:
    """A connection that gives the events of a list: what a broker may send in one packet no test can make it send."""

    name, identity, connected = "line", "nobody", True

    def __init__(self) -> None:
        self.events: list[object] = []
        self.sent: list[str] = []

    def next_event(self, _: float) -> object:
        return self.events.pop(0) if self.events else None

    def publish(self, topic: str, _: bytes, **__: object) -> int:
        self.sent.append(topic)
        return len(self.sent)


def test_resend_in_one_breath_with_the_acknowledgement_is_obeyed(tmp_path):
    journal, outbox = Journal(tmp_path / "edge.db", camera="cam"), Outbox(tmp_path / "edge.db")
    topics, line = Topics("hue", "n1"), Line()
    publisher = Publisher(outbox, line, topics=topics, standing=Standing(outbox, topics, info=lambda: b"{}"))
    stamp = journal.finish(Period("l1", "flow", 1e12, 60), lambda *_: b"{}", life=60)
    publisher.step()
    number = line.sent.index(topics.data("flow", camera="cam", rule="l1")) + 1
    ask = json.dumps({"epoch": stamp.epoch, "from": 1, "to": 1}).encode()
    line.events = [
        Published(number, Outcome.TAKEN, ""),
        Arrived(topics.command("resend"), ask, retain=False, properties=Properties()),
    ]
    publisher.step()
    assert line.sent.count(topics.data("flow", camera="cam", rule="l1")) == 2
    journal.close()
    outbox.close()
