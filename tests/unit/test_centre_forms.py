"""The centre takes what the published schemas take and refuses what they refuse: the two verdicts on thousands of
messages that were changed by chance."""

from __future__ import annotations

import copy
import json
import random
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError, validators

from edge.centre.arrivals import FIRST_YEAR, LAST_YEAR, MOST_SEQ, Rejected, read
from edge.centre.forms import compiled

SCHEMAS = Path(__file__).resolve().parents[2] / "docs" / "schemas"
AT = "2026-11-22T23:05:20Z"
NUMBERED = {"v": 1, "seq": 18432, "epoch": "1c9f03aa", "camera": "gate", "rule": "r1"}
INTERVAL = {**NUMBERED, "start": "2026-11-22T23:00:00Z", "seconds": 300, "coverage": 0.98}
LEVEL = {"mean": 131.4, "max": 149, "last": 137}
EXTENT = {"mean": 17.7, "max": 42}
ALARM = {**NUMBERED, "at": AT, "alarm": "1c9f03aa-18440", "kind": "crowd_density", "state": "raised", "level": 2,
         "value": 3.12, "limit": 3.0, "clears_below": 2.5, "since": "2026-11-22T23:04:50Z"}  # fmt: skip
RULES = {
    "l1": {"kind": "flow", "directions": ["vào", "ra"], "classes": ["car", "bus"], "points": [[0.1, 0.5], [0.9, 0.5]],
           "every": 300},
    "z1": {"kind": "zone", "name": "Quảng trường", "points": [[0, 0], [1, 0], [1, 1]], "every": 60, "area_m2": 420},
}  # fmt: skip
VALID: dict[str, tuple[str, dict[str, Any]]] = {
    "flow": ("gate/flow/r1", {**INTERVAL, "count": {"car": [61, 57], "bus": [4, 3]}, "total": [904, 887], "pcu": [2, 1],
                              "speed_kmh": [27.8, 25.1], "headway_s": [0.6, 0.6], "occupancy": 0.183,
                              "walk_min_m": [1.5, 0], "flags": ["dark", "slow"], "late": True}),
    "zone": ("gate/zone/r1", {**INTERVAL, "people": LEVEL, "vehicles": {"car": LEVEL}, "density_m2": 1.83,
                              "entered": 12, "left": 9, "dwell_s": {"mean": 41, "p95": 110}, "level": 2}),
    "turn": ("gate/turn/r1", {**INTERVAL, "moves": {"l1>l2": {"car": 88, "motorcycle": 612}}, "unmatched": 0.07}),
    "queue": ("gate/queue/r1", {**INTERVAL, "vehicles": EXTENT, "metres": EXTENT, "wait_s": 21.5}),
    "alarm": ("gate/alarm/r1", ALARM),
    "alarm-now": ("gate/alarm/r1/now", ALARM),
    "cross": ("gate/cross/r1", {**NUMBERED, "at": AT, "class": "car", "direction": 1}),
    "node-status": ("status", {"v": 1, "state": "online", "since": AT}),
    "camera-status": ("gate/status", {"v": 1, "camera": "gate", "state": "auth", "since": AT, "reason": "mật khẩu"}),
    "health": ("gate/health", {"v": 1, "camera": "gate", "at": AT, "rate_hz": 5.1, "age_p95_ms": 180.0,
                               "inference_ms": 22.5, "reconnects": 1, "dropped": 7, "damaged": 0}),
    "gap": ("gap", {"v": 1, "epoch": "1c9f03aa", "from": 4, "to": 9, "reason": "outbox full", "at": AT}),
    "info": ("info", {"v": 1, "node": "n1", "software": "0.1", "config": "ab12", "classes": ["car"],
                      "units": {"seconds": "s"}, "cameras": {"gate": {
                          "name": "Cổng", "rate_hz": 5, "model": {"name": "m", "sha256": "unknown"}, "rules": RULES}}}),
}  # fmt: skip
VALUES: list[Any] = [
    None, True, False, 0, 1, 2, 3, -1, 1.0, 0.0, 5.0, -0.5, 0.5, 1e3, 3600, 3600.5, 10, 9, 2**63 - 1, 2**63, 2**64 - 1,
    2**64, 1e300, "", "1", "3.0", "car", "rickshaw", "flow", "online", "gate", "r1", "GATE", "a" * 33, "1c9f03aa",
    "1C9F03AA", AT, AT + "\n", "2026-11-22T23:05:20.123Z", "2026-11-22T23:05:20+07:00", "2026-02-30T00:00:00Z",
    "2026-13-01T00:00:00Z", [], [1], [1, 2], [1, 2, 3], [1.0, 2.0], ["dark"], ["tired"], [None], {}, {"car": [1, 2]},
    {"x": 1}, {"A": "b"}, [[0, 0], [1, 1]], LEVEL,
]  # fmt: skip
KINDS = [*VALID]
ROUNDS = 1500
"""Changed messages of each kind."""


def _by_ecma_262(_: Any, pattern: str, instance: Any, __: Any):
    """jsonschema searches with Python's re, whose `$` also fits before a line's end."""
    if isinstance(instance, str) and not re.search(pattern.replace("$", r"\Z"), instance):
        yield ValidationError(f"does not fit {pattern}")


VALIDATOR = validators.extend(Draft202012Validator, {"pattern": _by_ecma_262})
ORACLES = {kind: VALIDATOR(json.loads((SCHEMAS / f"{kind}.json").read_text(encoding="utf-8"))) for kind in KINDS}


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value within."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(each for key, part in inner for each in places(part, (*path, key)))]


def changed(body: Any, dice: random.Random) -> Any:
    """The same with one change somewhere."""
    *way, last = dice.choice(places(body)[1:])
    parent = body
    for step in way:
        parent = parent[step]
    value, kind = parent[last], dice.randrange(7)
    if kind == 0:
        del parent[last]
    elif kind == 1:
        parent[last] = None
    elif kind == 2 and isinstance(parent, dict):
        parent[dice.choice(["first", "last", "A", "rickshaw", "seq ", "bus", "x"])] = parent.pop(last)
    elif kind == 3 and isinstance(value, int | float):
        parent[last] = dice.choice([str(value), float(value), -value, bool(value), value + 0.5])
    elif kind == 4 and isinstance(value, str):
        parent[last] = dice.choice([value.upper(), value + " ", value[:-1], value + "\n", [value]])
    elif kind == 5 and isinstance(value, list | dict):
        parent[last] = dice.choice([[], {}, [*value], [*value, *value], value and [value]])
    else:
        parent[last] = copy.deepcopy(dice.choice(VALUES))
    return body


def in_the_calendar(body: dict[str, Any]) -> bool:
    for name in ("start", "at", "since"):
        try:
            year = datetime.fromisoformat(body.get(name, AT)).year
        except ValueError:
            return False
        if not FIRST_YEAR <= year <= LAST_YEAR:
            return False
    return True


def beyond_a_schema(kind: str, body: dict[str, Any]) -> bool:
    """What docs/centre.md says of a message that fits its schema and is refused all the same."""
    own = {"info": "node"}.get(kind, "camera")
    return (
        not in_the_calendar(body)
        or (own in body and body[own] != {"node": "n1", "camera": "gate"}[own] and kind not in ("node-status", "gap"))
        or ("seq" in body and (body["rule"] != "r1" or (body["seq"] > MOST_SEQ and kind != "alarm-now")))
        or (kind == "gap" and not body["from"] <= body["to"] <= MOST_SEQ)
    )


@pytest.mark.parametrize("kind", KINDS)
def test_read_takes_what_the_schema_takes_and_nothing_else(kind: str):
    topic, valid = VALID[kind]
    assert not isinstance(read(f"hue/1/n1/{topic}", json.dumps(valid).encode(), root="hue"), Rejected)
    dice, taken, refused = random.Random(kind), 0, 0
    for _ in range(ROUNDS):
        body = copy.deepcopy(valid)
        for _ in range(dice.choice([1, 1, 1, 2, 3])):
            body = changed(body, dice) if len(places(body)) > 1 else body
        fits = ORACLES[kind].is_valid(body)
        arrival = read(f"hue/1/n1/{topic}", json.dumps(body).encode(), root="hue")
        if not fits:
            assert isinstance(arrival, Rejected), f"the schema refuses {body}"
        elif isinstance(arrival, Rejected):
            assert beyond_a_schema(kind, body), f"the schema takes {body}: {arrival.reason}"
        else:
            assert not beyond_a_schema(kind, body), f"taken: {body}"
        taken, refused = taken + (not isinstance(arrival, Rejected)), refused + isinstance(arrival, Rejected)
    assert min(taken, refused) > ROUNDS / 50, (taken, refused)  # otherwise nothing was compared


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"v":1,"seq":3,"seq":4}', "a name twice in one object"),
        ('{"v":1,"seq":3,"mean":NaN}', "not JSON"),
        ('{"v":1,"seq":3,"mean":-Infinity}', "not JSON"),
        ('{"v":1,"seq":3,"mean":1e999}', "a number beyond what a computer holds"),
        ('{"v":1,"seq":3} x', "not JSON"),
        ('\ufeff{"v":1}', "not JSON"),
    ],
)
def test_read_json_that_readers_would_not_agree_on_is_refused(text: str, reason: str):
    arrival = read("hue/1/n1/gate/flow/r1", text.encode(), root="hue")
    assert isinstance(arrival, Rejected)
    assert arrival.reason == f"flow: {reason}"
    assert isinstance(read("hue/1/n1/status", '{"v":1,"state":"online"}'.encode("utf-16"), root="hue"), Rejected)


def test_read_number_of_a_refused_message_is_found_wherever_it_can_be():
    for wrong in ('"x":NaN', '"x":"\\ud800"', '"coverage":7', '"x":"\xff"', '"camera":null'):
        body = f'{{"seq":"42","epoch":"1c9f03aa",{wrong}}}'.encode("latin-1")
        arrival = read("hue/1/n1/gate/flow/r1", body, root="hue")
        assert isinstance(arrival, Rejected), wrong
        assert arrival.stamp is not None and arrival.stamp.seq == 42, wrong


def test_read_whole_numbers_in_either_form_mean_the_same():
    body = {**VALID["cross"][1], "seq": 7.0, "v": 1.0, "direction": 1.0}
    arrival = read("hue/1/n1/gate/cross/r1", json.dumps(body).encode(), root="hue")
    assert (arrival.stamp.seq, arrival.event.direction) == (7, 1)


@pytest.mark.parametrize(
    ("kind", "changes", "fault"),
    [
        ("flow", {"seq": "1"}, "seq: no integer"),
        ("flow", {"v": 2}, "v: not 1"),
        ("flow", {"coverage": 1.2}, "coverage: more than 1"),
        ("flow", {"seconds": 0}, "seconds: not more than 0"),
        ("flow", {"start": "noon"}, "start: not of its form"),
        ("flow", {"total": [1, -2]}, "total.1: less than 0"),
        ("flow", {"total": [1]}, "total: fewer items than 2"),
        ("flow", {"total": [1, 2, 3]}, "total: more items than 2"),
        ("flow", {"count": {"car": [1, "secret"]}}, "count.*.1: no integer"),
        ("cross", {"direction": 3}, "direction: none of 0, 1"),
        ("cross", {"class": "secret"}, 'class: none of "pedestrian", "bicycle", "motorcycle", "car", "bus", "truck"'),
        ("zone", {"people": {"max": 1, "last": 1}}, "people.mean: missing"),
        ("zone", {"vehicles": {"car": LEVEL | {"max": 0.5}}}, "vehicles.*.max: no integer"),
        (
            "info",
            {"cameras": {"SECRET": VALID["info"][1]["cameras"]["gate"]}},
            "cameras: a name in it: not of its form",
        ),
        ("turn", {"moves": {"secret>s": {"car": -1}}}, "moves.*.*: less than 0"),
    ],
)
def test_compiled_schema_tells_place_and_limit_and_nothing_of_the_message(
    kind: str, changes: dict[str, Any], fault: str
):
    schema = json.loads((SCHEMAS / f"{kind}.json").read_text(encoding="utf-8"))
    assert compiled(schema)(VALID[kind][1]) == ""
    assert compiled(schema)(VALID[kind][1] | changes) == fault


def test_compiled_schema_tells_what_is_no_object_at_all():
    assert compiled(json.loads((SCHEMAS / "flow.json").read_text()))([]) == "no object"
