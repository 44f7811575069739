"""The device's `info`: what a reader needs to know of its rules."""

from __future__ import annotations

import json

from contract import fits

from edge import events
from edge.config.schema import Broker, Camera, Edge

SQUARE = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.9]]


def test_info_tells_which_rules_can_raise_which_alarm():
    camera = Camera.model_validate(
        {
            "lines": [
                {"id": "l1", "points": [[0, 0.5], [1, 0.5]], "forbidden": 0, "alarms": {"wrong_way": "default"}},
                {"id": "l2", "points": [[0, 0.8], [1, 0.8]]},
            ],
            "zones": [{"id": "z1", "points": SQUARE, "alarms": {"crowd_count": {"levels": [[5, 4]]}}}],
            "queues": [{"id": "q1", "stop_line": "l1", "lane": SQUARE, "alarms": {"queue": {"levels": [[8, 4]]}}}],
            "turns": [{"id": "t1", "entries": ["l1"], "exits": ["l2"]}],
        }
    )
    edge = Edge(node="hue-07", broker=Broker(host="mqtt.hue.example"))
    body = events.info(edge, cameras={"cam": camera}, models={}).to_bytes()
    fits(body, "info")
    rules = json.loads(body)["cameras"]["cam"]["rules"]
    told = {name: about.get("alarm") for name, about in rules.items()}
    assert told == {"l1": "wrong_way", "l2": None, "z1": "crowd_count", "q1": "queue", "t1": None}
