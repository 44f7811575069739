"""What the live table says, drawn from a real store."""

from __future__ import annotations

import io
import json
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from rich.console import Console

from edge.centre.arrivals import Numbered, read
from edge.centre.page import page
from edge.centre.records import Records
from edge.centre.store import Store
from edge.centre.view import LiveView, line
from edge.events import utc

NOW = 1_780_000_000.0
EPOCH = "0a0a0a0a"


@pytest.fixture
def store(place: Callable[[], str]) -> Iterator[Store]:
    store = Store(place())
    yield store
    store.close()


def flow(seq: int, start: float, *, cars: int) -> Numbered:
    body = {"v": 1, "seq": seq, "epoch": EPOCH, "camera": "gate", "rule": "l1", "start": utc(start), "seconds": 300,
            "coverage": 1, "count": {"car": [cars, 0]}, "total": [cars, 0]}  # fmt: skip
    arrival = read("hue/1/n1/gate/flow/l1", json.dumps(body).encode(), root="hue")
    assert isinstance(arrival, Numbered)
    return arrival


def told(topic: str, **body: Any) -> Any:
    return read(f"hue/1/n1/{topic}", json.dumps({"v": 1, **body}).encode(), root="hue")


def shown(store: Store, *, colours: bool = False) -> str:
    records = Records(store.where)
    console = Console(width=100, color_system="standard" if colours else None, force_terminal=colours)
    with console.capture() as picture:
        console.print(page(records, title="centre-1", now=NOW))
    records.close()
    return picture.get()


def test_page_tells_lost_and_never_used_apart(store: Store):
    gap = {"epoch": EPOCH, "at": utc(NOW)}
    store.write([flow(1, NOW - 600, cars=3), told("gap", **gap, reason="outbox full", **{"from": 2, "to": 13}),
                 told("gap", **gap, reason="never used: the power failed", **{"from": 14, "to": 1_000_013}),
                 flow(1_000_015, NOW - 300, cars=4)])  # fmt: skip
    head = shown(store).splitlines()[1]
    assert head.strip() == "stored 2  duplicates 0  rejected 0  missing 1  lost 12  never used 1000000"


def test_page_does_not_show_what_a_wrong_clock_has_dated_in_the_future(store: Store):
    store.write([flow(1, NOW - 300, cars=17), flow(2, NOW + 86_400 * 365 * 30, cars=99)])
    assert "17" in shown(store)
    assert "99" not in shown(store)


def test_live_view_shows_a_line_of_the_log_at_once_while_nothing_else_happens(store: Store):
    """As while the database is away: nothing is stored then, so nothing else would be drawn."""
    records, out = Records(store.where), io.StringIO()
    console = Console(file=out, force_terminal=True, width=120)
    before = logging.getLogger().handlers
    with LiveView(records, title="centre-1", console=console):
        logging.getLogger("edge.centre").warning("the centre's database is away")
        assert "the centre's database is away" in out.getvalue()
        assert logging.getLogger().handlers != before
    assert logging.getLogger().handlers == before
    records.close()


@pytest.mark.parametrize("since", ["1970-01-01T00:00:00Z", "9998-12-31T23:59:59Z"])
def test_page_survives_a_moment_at_the_end_of_the_calendar(store: Store, since: str, monkeypatch: pytest.MonkeyPatch):
    for zone in ("Asia/Ho_Chi_Minh", "America/New_York"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        try:
            store.write([told("gate/status", camera="gate", state="auth", since=since)])
            assert "auth" in shown(store)
        finally:
            monkeypatch.delenv("TZ")
            time.tzset()


RULES = {
    "l1": {"kind": "flow", "directions": ["vào trung tâm", "ra ngoại ô, về cầu Phú Xuân"], "every": 300},
    "z1": {"kind": "zone", "name": "Quảng trường Ngọ Môn", "every": 60},
    "q1": {"kind": "queue", "name": "Làn trái", "every": 60},
    "t1": {"kind": "turn", "every": 300},
}
INFO = {"node": "n1", "software": "1", "config": "ab", "classes": ["car"], "units": {}, "cameras": {
    "gate": {"name": "Cổng", "rate_hz": 5, "model": {"name": "m", "sha256": "unknown"}, "rules": RULES}}}  # fmt: skip


def measured(kind: str, seq: int, rule: str, seconds: int, **body: Any) -> Any:
    head = {"seq": seq, "epoch": EPOCH, "camera": "gate", "rule": rule, "coverage": 0.98}
    return told(f"gate/{kind}/{rule}", **head, start=utc(NOW - seconds), seconds=seconds, **body)


def stands(rule: str, **body: Any) -> Any:
    alarm = {"seq": 9, "epoch": EPOCH, "camera": "gate", "rule": rule, "at": utc(NOW - 380), "alarm": f"{EPOCH}-9",
             "kind": "crowd_density", "state": "raised", "level": 2, "value": 3.12, "limit": 3.0, "clears_below": 2.5,
             "since": utc(NOW - 400)}  # fmt: skip
    return told(f"gate/alarm/{rule}/now", **alarm | body)


def test_page_shows_every_kind_and_fits_into_100_columns(store: Store):
    classes = {"motorcycle": [1412, 1388], "car": [61, 57], "bus": [4, 3], "truck": [9, 7], "bicycle": [11, 6],
               "pedestrian": [20, 31]}  # fmt: skip
    moves = {"l1>l2": {"motorcycle": 612, "car": 88}, "l2>l4": {"car": 12}, "l1>l3": {"car": 99}, "l2>l1": {"car": 2}}
    people, queue = {"mean": 131.4, "max": 149, "last": 137}, {"mean": 17.7, "max": 42}
    store.write([told("info", **INFO), told("status", state="online", since=utc(NOW)),
                 measured("flow", 1, "l1", 300, count=classes, total=[90412, 88771]),
                 measured("zone", 2, "z1", 60, people=people, density_m2=1.83),
                 measured("queue", 3, "q1", 60, vehicles=queue, metres={"mean": 14.8, "max": 31.5}, wait_s=21),
                 measured("turn", 4, "t1", 300, moves=moves, unmatched=0.07), stands("z1")])  # fmt: skip
    lines = shown(store).splitlines()
    assert all(len(each) <= 100 for each in lines)
    assert not any("…" in each for each in lines)
    rows = [" ".join(each.split()) for each in lines]
    start = rows.index("device camera state since analysed")
    assert [row for row in rows[:start] if row.startswith("crowd density n1/gate Quảng trường Ngọ Môn 2 3.12 3.0")]
    for row in (
        "gate l1 vào trung tâm 20 11 1412 61 4 9 1517 1517 98%",
        "gate Quảng trường Ngọ Môn 137 131.4 149 1.83 98%",
        "gate Làn trái 17.7 42 14.8 31.5 21 98%",
        "gate t1 l1>l2 700, l1>l3 99, l2>l4 12, and 1 more 813 7% 98%",
    ):
        assert [each for each in rows if each.startswith(row)], row


def test_page_alarms_are_red_and_in_doubt_where_camera_or_device_are_lost(store: Store):
    store.write([told("status", state="online", since=utc(NOW)), stands("z1"), stands("z2", level=3),
                 stands("z3", state="unknown")])  # fmt: skip
    lines = [each for each in shown(store, colours=True).splitlines() if "crowd density" in each]
    assert ["z2" in lines[0], "z1" in lines[1], "z3" in lines[2]] == [True] * 3  # the highest level first
    assert ["\x1b[1;31m" in each for each in lines] == [True, True, False]
    assert "camera lost" in lines[2]
    store.write([told("status", state="offline")])
    lines = [each for each in shown(store, colours=True).splitlines() if "crowd density" in each]
    assert not any("\x1b[1;31m" in each for each in lines)
    assert "device offline" in lines[0]
    store.write([read(f"hue/1/n1/gate/alarm/z{n}/now", b"", root="hue") for n in (1, 2, 3)])
    assert "crowd density" not in shown(store)


@pytest.mark.parametrize(("state", "colour"), [("ok", 32), ("shifted", 33), ("config", 33), ("blind", 31), ("new", 31)])
def test_page_state_of_a_camera_has_the_colour_of_its_counts(store: Store, state: str, colour: int):
    store.write([told("gate/status", camera="gate", state=state, since=utc(NOW), reason="the view moved 3% up"),
                 stands("z1", state="unknown")])  # fmt: skip
    lines = shown(store, colours=True).splitlines()
    assert [each for each in lines if f"\x1b[{colour}m{state} (the view moved 3% up)" in each]
    (alarm,) = [each for each in lines if "crowd density" in each]
    assert f"camera {'lost' if state == 'ok' else state}" in alarm


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (measured("turn", 4, "t1", 300, moves={"l1>l2": {"car": 3}}),
         f"{utc(NOW - 300)} n1/gate turn t1 300 s l1>l2 3 coverage 0.98 #4"),
        (measured("queue", 3, "q1", 60, vehicles={"mean": 17.7, "max": 42}),
         f"{utc(NOW - 60)} n1/gate queue q1 60 s vehicles mean 17.7 max 42 coverage 0.98 #3"),
        (read("hue/1/n1/gate/alarm/z1", stands("z1").body.encode(), root="hue"),
         f"{utc(NOW - 380)} n1/gate alarm z1 crowd_density raised level 2 value 3.12 limit 3 #9"),
    ],
)  # fmt: skip
def test_line_tells_turns_queues_and_alarms(message: Any, text: str):
    assert line(message) == text
