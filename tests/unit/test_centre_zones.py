"""What a centre shows and exports on the days on which its time zone has 23 or 25 hours."""

from __future__ import annotations

import csv
import json
import time
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from edge.centre.arrivals import read
from edge.centre.page import page
from edge.centre.records import Records
from edge.centre.store import Store
from edge.events import utc
from edge.export import export

BERLIN, HUE = "Europe/Berlin", "Asia/Ho_Chi_Minh"
QUARTER = 900
AUTUMN, SPRING = date(2026, 10, 25), date(2026, 3, 29)
DAYS = [(BERLIN, AUTUMN, 25), (BERLIN, SPRING, 23), (BERLIN, date(2026, 7, 1), 24), (HUE, AUTUMN, 24)]


@pytest.fixture
def zone(monkeypatch):
    """Sets the time zone of this process, as systemd does for a service."""

    def set_to(name):
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield set_to
    monkeypatch.undo()
    time.tzset()


def bounds(name, day):
    """The first moment of a day in a zone and that of the next, Unix seconds."""
    days = (datetime(each.year, each.month, each.day, tzinfo=ZoneInfo(name)) for each in (day, day + timedelta(days=1)))
    first, last = (each.astimezone(UTC).timestamp() for each in days)
    return first, last


def flow(seq, start, **more):
    body = {"v": 1, "seq": seq, "epoch": "0a0a0a0a", "camera": "gate", "rule": "l1", "start": utc(start),
            "seconds": QUARTER, "coverage": 1, "count": {"car": [1, 0]}, "total": [seq, 0], **more}  # fmt: skip
    return read("hue/1/n1/gate/flow/l1", json.dumps(body).encode(), root="hue")


def stored(folder, flows):
    place = str(folder / "centre.db")
    store = Store(place)
    store.write(flows)
    store.close()
    return place


def hours(place, folder, **more):
    export(place, folder, what="hours", **more)
    with (folder / "hours.csv").open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["direction"] == "0"]


def today(place, now):
    """The column `today` of the line, towards its right."""
    records = Records(place)
    console = Console(width=120)
    with console.capture() as picture:
        console.print(page(records, title="centre-1", now=now))
    records.close()
    lines = picture.get().splitlines()
    at = next(number for number, text in enumerate(lines) if "today" in text)
    return int(lines[at + 1][: lines[at].index("today") + 5].split()[-1])


@pytest.mark.parametrize(("name", "day", "length"), DAYS)
def test_volume_of_today_is_that_since_the_midnight_of_the_zone(zone, tmp_path, name, day, length):
    zone(name)
    begin, end = bounds(name, day)
    assert end - begin == length * 3600
    starts = range(int(begin) - 7200, int(end), QUARTER)
    place = stored(tmp_path, [flow(seq, start) for seq, start in enumerate(starts, 1)])
    for hour in (1, 2, 3, 4, 12, length):
        now = begin + hour * 3600 - 1
        assert today(place, now) == sum(begin <= start <= now + 300 for start in starts), hour
    assert today(place, begin - 1) >= 8


@pytest.mark.parametrize(("name", "day", "length"), DAYS)
def test_hours_of_such_a_day_are_each_there_once_and_whole(zone, tmp_path, name, day, length):
    zone(name)
    begin, end = bounds(name, day)
    place = stored(tmp_path, [flow(n, at) for n, at in enumerate(range(int(begin), int(end), QUARTER), 1)])
    since = datetime.fromtimestamp(begin, ZoneInfo(name)).isoformat()
    rows = hours(place, tmp_path, since=since)
    assert [row["start"] for row in rows] == [utc(begin + 3600 * n) for n in range(length)]
    assert {(row["volume"], row["largest_15_min"], row["phf"], row["coverage"]) for row in rows} == {
        ("4", "1", "1.0", "1.0")
    }


def test_hour_with_an_interval_of_a_wrong_clock_has_a_volume_and_no_factor(tmp_path):
    begin = 1_780_002_000
    flows = [flow(n + 1, begin + QUARTER * n, **({"flags": ["clock"]} if n == 2 else {})) for n in range(6)]
    first, second = hours(stored(tmp_path, flows + [flow(n + 1, begin + QUARTER * n) for n in (6, 7)]), tmp_path)
    assert (first["volume"], first["phf"], first["largest_15_min"]) == ("4", "", "")
    assert (second["volume"], second["phf"], second["largest_15_min"]) == ("4", "1.0", "1")
