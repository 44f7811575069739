"""Tables of an earlier layout: what lay in `other`, with every kind that had no table of its own, is read as if it came
now."""

from __future__ import annotations

import time

from edge.centre.arrivals import Numbered, Rejected, read
from edge.centre.database import Database
from edge.centre.places import PUT_REJECTED, placed
from edge.mqtt.topics import Topics

ROOT = "hue"
"""The root was not kept; it stands in the topic of what is rejected now."""


def taken_over(database: Database) -> None:
    """Moves every row of `other` to the table of its kind, or to `rejected` where it is none of the contract; in the
    transaction of whoever calls."""
    for node, kind, camera, rule, body in database.rows("SELECT node, kind, camera, rule, body FROM other"):
        topic = Topics(ROOT, node).data(kind, camera=camera, rule=rule)
        arrival = read(topic, body.encode(), root=ROOT)
        if isinstance(arrival, Numbered):
            statement, row = placed(arrival)
            database.write(statement, [row])
        elif isinstance(arrival, Rejected):
            database.write(PUT_REJECTED, [(time.time(), topic, arrival.reason, arrival.body)])
    database.rows("DROP TABLE other")
