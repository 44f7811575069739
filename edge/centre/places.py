"""Where a message is kept: the statement that puts it into its table, and its row there."""

from __future__ import annotations

from edge.centre.arrivals import Numbered
from edge.centre.database import Value
from edge.events import AlarmChange, Cross, Interval

PUT_CROSS = 'INSERT INTO "cross" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)'
PUT_ALARM = "INSERT INTO alarm VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
PUT_REJECTED = "INSERT INTO rejected (stored, topic, reason, body) VALUES (?, ?, ?, ?)"
PUT_INTERVAL = """
INSERT INTO {0} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (node, camera, rule, start, seconds) DO UPDATE
SET epoch = excluded.epoch, seq = excluded.seq, coverage = excluded.coverage, body = excluded.body
WHERE (excluded.seq, excluded.epoch) > ({0}.seq, {0}.epoch)
"""
"""Of two messages on one interval the one with the greater number stays, whichever came first."""


def placed(message: Numbered) -> tuple[str, tuple[Value, ...]]:
    """The statement and the row of a numbered message, whose number had not come before."""
    event, node, body = message.event, message.node, message.body
    number = (node, event.epoch, event.seq, event.camera, event.rule)
    match event:
        case Interval():
            key = (node, event.camera, event.rule, event.start, float(event.seconds))
            return PUT_INTERVAL.format(message.kind), (*key, event.epoch, event.seq, event.coverage, body)
        case Cross():
            return PUT_CROSS, (*number, event.at, event.kind, event.direction, body)
        case AlarmChange():
            return PUT_ALARM, (*number, event.at, event.alarm, event.kind, event.state, event.level, body)
    raise TypeError(message.kind)  # every kind of arrivals.DATA is above
