"""What a device tells, and the rows that are made of it, for the tests of `edge export`."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from edge.centre.arrivals import Forgone, Numbered, read

HEAD = {"v": 1, "epoch": "0a0a0a0a", "camera": "gate"}
FLOW = {"rule": "l1", "seconds": 300, "coverage": 0.98, "total": [90, 80], "count": {"car": [61, 57], "bus": [0, 3]}}
DARK = {"rule": "l1", "seconds": 300, "coverage": 0, "total": [90, 80], "flags": ["nostream", "clock"]}
ZONE = {"rule": "z1", "seconds": 60, "coverage": 1, "people": {"mean": 131.4, "max": 149, "last": 137},
        "vehicles": {"car": {"mean": 0.5, "max": 2, "last": 1}}, "density_m2": 1.83, "entered": 12,
        "left": 9, "dwell_s": {"mean": 41, "p95": 110}, "level": 2}  # fmt: skip
TURN = {"rule": "t1", "seconds": 300, "coverage": 1, "moves": {"l1>l2": {"car": 88, "bus": 2}, "l3>l1": {"car": 5}},
        "unmatched": 0.07}  # fmt: skip
QUEUE = {"rule": "q1", "seconds": 60, "coverage": 1, "vehicles": {"mean": 17.7, "max": 42}, "wait_s": 21}
TRAFFIC = {"pcu": [20.5, 0], "speed_kmh": [27.8, 25.1], "headway_s": [0.6, 0.7], "occupancy": 0.183,
           "walk_min_m": [1.5, 0.0]}  # fmt: skip
ALARM = {"alarm": "0a0a0a0a-4", "kind": "crowd_density", "state": "raised", "level": 2, "value": 3.12, "limit": 3.0,
         "clears_below": 2.5, "since": "2026-11-21T23:59:00Z"}  # fmt: skip


def message(kind: str, seq: int, start: str, body: dict[str, Any]) -> Numbered:
    told = {**HEAD, **body, "seq": seq, "start": start}
    content = json.dumps({name: value for name, value in told.items() if value is not ...}).encode()
    arrival = read(f"hue/1/n1/gate/{kind}/{body['rule']}", content, root="hue")
    assert isinstance(arrival, Numbered)
    return arrival


def crossing(seq: int, at: str) -> Numbered:
    content = json.dumps({**HEAD, "seq": seq, "rule": "l1", "at": at, "class": "car", "direction": seq % 2}).encode()
    arrival = read("hue/1/n1/gate/cross/l1", content, root="hue")
    assert isinstance(arrival, Numbered)
    return arrival


def changed(seq: int, at: str, **body: Any) -> Numbered:
    """A change of an alarm; without a value where it is not known."""
    told = {**HEAD, "rule": "z1", "seq": seq, "at": at, **ALARM, **body}
    told = {name: value for name, value in told.items() if name != "value" or told["state"] != "unknown"}
    arrival = read("hue/1/n1/gate/alarm/z1", json.dumps(told).encode(), root="hue")
    assert isinstance(arrival, Numbered)
    return arrival


def gap(first: int, last: int, reason: str) -> Forgone:
    body = {"v": 1, "epoch": HEAD["epoch"], "from": first, "to": last, "reason": reason, "at": "2026-11-22T00:00:00Z"}
    arrival = read("hue/1/n1/gap", json.dumps(body).encode(), root="hue")
    assert isinstance(arrival, Forgone)
    return arrival


def read_csv(file: Path) -> list[list[str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.reader(lines))
