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
from edge.centre.records import Records
from edge.centre.store import Store
from edge.centre.view import LiveView, page
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


def shown(store: Store) -> str:
    records = Records(store.where)
    console = Console(width=160, color_system=None, record=True)
    with console.capture() as picture:
        console.print(page(records, title="centre-1", now=NOW))
    records.close()
    return picture.get()


def test_page_tells_lost_and_never_used_apart(store: Store):
    gap = {"epoch": EPOCH, "at": utc(NOW)}
    store.write([flow(1, NOW - 600, cars=3), told("gap", **gap, reason="outbox full", **{"from": 2, "to": 13}),
                 told("gap", **gap, reason="never used: the power failed", **{"from": 14, "to": 1_000_013}),
                 flow(1_000_015, NOW - 300, cars=4)])  # fmt: skip
    head = shown(store).splitlines()[0]
    assert head.endswith("stored 2  duplicates 0  rejected 0  missing 1  lost 12  never used 1000000")


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


@pytest.mark.parametrize("since", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
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
