"""The centre's store: any order and any repetition of the same messages ends in the same records."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from edge.centre.arrivals import Arrival, Rejected, read
from edge.centre.database import AwayError, open_to_read
from edge.centre.ledger import Series
from edge.centre.records import Records
from edge.centre.store import REJECTED_KEPT, Store
from edge.centre.tables import INTERVALS
from edge.dataflow import Alarm, Crossing, Instant, Period, Stamp, Tally
from edge.errors import EdgeError
from edge.events import Gap
from edge.render import alarm, cross, flow, queue, turn, zone

OLD, NEW = "0a0a0a0a", "1b1b1b1b"
START = 1_780_000_000.0


@pytest.fixture
def store(place: Callable[[], str]) -> Iterator[Store]:
    store = Store(place())
    yield store
    store.close()


def flow_message(seq: int, *, epoch: str = NEW, slot: int | None = None, cars: int = 3) -> Arrival:
    period = Period("l1", "flow", START + 300 * (seq if slot is None else slot), 300, analysed=290)
    body = flow(
        period,
        Tally({"car": (cars, 1)}, (seq, seq)),
        stamp=Stamp(epoch, seq),
        camera="gate",
        facts={"classes": ["car"]},
    )
    return read("hue/1/n1/gate/flow/l1", body.to_bytes(), root="hue")


def zone_message(seq: int, *, epoch: str = NEW) -> Arrival:
    numbers = (("pedestrian.sum", 120.0), ("pedestrian.max", 5.0), ("pedestrian.last", 2.0))
    period = Period("z1", "zone", START + 60 * seq, 60, analysed=60, numbers=numbers)
    body = zone(period, stamp=Stamp(epoch, seq), camera="gate", area_m2=None)
    return read("hue/1/n1/gate/zone/z1", body.to_bytes(), root="hue")


def cross_message(seq: int, *, epoch: str = NEW) -> Arrival:
    crossing = Crossing(Instant(seq, START + seq), "l1", 0, "car", 7)
    body = cross(crossing, stamp=Stamp(epoch, seq), camera="gate")
    return read("hue/1/n1/gate/cross/l1", body.to_bytes(), root="hue")


def turn_message(seq: int, *, epoch: str = NEW) -> Arrival:
    numbers = (("entries", 4.0), ("moves.n>s.car", 3.0), ("unmatched", 1.0))
    period = Period("t1", "turn", START + 300 * seq, 300, analysed=300, numbers=numbers)
    body = turn(period, stamp=Stamp(epoch, seq), camera="gate")
    return read("hue/1/n1/gate/turn/t1", body.to_bytes(), root="hue")


def queue_message(seq: int, *, epoch: str = NEW) -> Arrival:
    numbers = (("vehicles.max", 9.0), ("vehicles.sum", 150.0), ("wait", 90.0), ("waits", 3.0))
    period = Period("q1", "queue", START + 60 * seq, 60, analysed=60, numbers=numbers)
    body = queue(period, stamp=Stamp(epoch, seq), camera="gate")
    return read("hue/1/n1/gate/queue/q1", body.to_bytes(), root="hue")


def alarm_message(seq: int, *, epoch: str = NEW, state: str = "raised") -> Arrival:
    change = Alarm(Instant(seq, START + seq), "z1", "crowd_count", state, 2, 40.0, 30.0, 20.0, START)
    body = alarm(change, stamp=Stamp(epoch, seq), camera="gate", alarm_id=f"{epoch}-3")
    return read("hue/1/n1/gate/alarm/z1", body.to_bytes(), root="hue")


def gap(first: int, last: int, *, epoch: str = NEW) -> Arrival:
    body = Gap(epoch=epoch, first=first, last=last, reason="outbox full", at="2026-11-22T23:00:00Z").to_bytes()
    return read("hue/1/n1/gap", body, root="hue")


def dump(where: str) -> dict[str, list[tuple[object, ...]]]:
    """Everything on record, but the moments of writing and the tallies."""
    database = open_to_read(where)
    columns = {
        "flow": "*", "zone": "*", "turn": "*", "queue": "*", "alarm": "*", '"cross"': "*",
        "turn_count": "*", "queue_length": "*", "present": "node, camera, kind, body", "received": "*",
    }  # fmt: skip
    tables = {name: sorted(database.rows(f"SELECT {what} FROM {name}")) for name, what in columns.items()}
    database.close()
    return tables


def at(store: Store) -> list[Stamp]:
    return list(store.standing().complete["n1"])


def read_back(where: str) -> list[object]:
    """The same as readers see it, which must not depend on the database."""
    records = Records(where)
    crossings = records.crossings(node="n1", camera="gate")
    lost = [(each.series.epoch, each.first, each.last) for each in records.lost()]
    latest = records.last_intervals("flow", since="2020-01-01T00:00:00Z", until="2030-01-01T00:00:00Z")
    pages = [list(records.pages(kind)) for kind in INTERVALS] + [list(records.alarm_pages())]
    found = [pages, records.flow_rows(), records.zone_rows(), crossings, records.present(), records.seen_ranges(), lost,
             latest, records.volumes(since="")]  # fmt: skip
    records.close()
    return found


def test_store_same_messages_in_any_order_and_number_give_the_same_records(place: Callable[[], str], tmp_path: Path):
    messages: list[Arrival] = [
        *(flow_message(n) for n in range(1, 40, 3)),
        *(made(n) for n, made in enumerate([turn_message, queue_message, alarm_message] * 5, 51)),
        *(zone_message(n) for n in range(2, 40, 3)),
        *(cross_message(n) for n in range(3, 40, 3)),
        *(flow_message(n, epoch=OLD, slot=n + 100) for n in range(1, 9)),
        flow_message(50, slot=1, cars=9),  # one interval told again under a greater number
        gap(40, 49),
        gap(6, 12, epoch=OLD),  # too much: 6 to 8 are there
    ]
    seen = set()
    for seed in range(25):
        dice = random.Random(seed)
        shuffled = [*messages, *dice.sample(messages, 15)]
        dice.shuffle(shuffled)
        where = place()
        store = Store(where)
        while shuffled:
            size = dice.randint(1, 9)
            store.write(shuffled[:size])
            del shuffled[:size]
        assert set(store.standing().complete["n1"]) == {Stamp(OLD, 12), Stamp(NEW, 65)}
        assert store.standing().holes == {}
        store.close()
        records = Records(where)
        assert records.tally() == {"stored": 63, "duplicates": 15 - _told_twice(seed, messages), "rejected": 0}
        seen.add(
            json.dumps(
                [dump(where), [(each.series.epoch, each.first, each.last) for each in records.lost()]], default=str
            )
        )
        records.close()
    assert len(seen) == 1
    assert len(dump(where)["flow"]) == 13 + 8  # the interval told twice is one row
    other = Store(tmp_path / "other.db")
    other.write(messages)
    assert read_back(where) == read_back(tmp_path / "other.db")
    other.close()


def _told_twice(seed: int, messages: list[Arrival]) -> int:
    """How many of the repeated ones carry no number (gaps are no duplicates)."""
    return sum(not hasattr(each, "stamp") for each in random.Random(seed).sample(messages, 15))


def test_store_interval_told_again_keeps_the_greater_number(store: Store):
    store.write([flow_message(8, slot=1, cars=5), flow_message(3, slot=1, cars=2)])
    records = Records(store.where)
    assert [row.body["count"]["car"] for row in records.flow_rows()] == [[5, 1]]
    assert records.volumes(since="") == {("n1", "gate", "l1"): (5, 1)}


def test_store_confirms_only_what_is_unbroken_from_the_first(store: Store):
    store.write([flow_message(18432)])
    assert at(store) == [Stamp(NEW, 0)]
    assert store.standing().holes == {Series("n1", NEW): ((1, 18431),)}
    store.write([gap(1, 18000), *(flow_message(n) for n in range(18001, 18400))])
    assert at(store) == [Stamp(NEW, 18399)]
    store.write([gap(18390, 18431)])
    assert at(store) == [Stamp(NEW, 18432)]
    lost = Records(store.where).lost("n1")
    assert [(each.first, each.last, each.reason) for each in lost] == [
        (1, 18000, "outbox full"), (18400, 18431, "outbox full"),
    ]  # fmt: skip


def test_store_new_epoch_is_told_last_and_the_old_one_stays(store: Store):
    store.write([flow_message(1, epoch=OLD), flow_message(2, epoch=OLD), flow_message(1, slot=9)])
    assert at(store) == [Stamp(OLD, 2), Stamp(NEW, 1)]
    written = store.write([flow_message(2, epoch=OLD)])
    assert (written.duplicates, written.stored, list(written.standing.complete)) == (1, [], ["n1"])


def test_store_rejected_message_does_not_stop_the_row_and_is_kept(store: Store):
    body = json.loads(flow_message(2).body) | {"coverage": 7}  # type: ignore[union-attr]
    wrong = read("hue/1/n1/gate/flow/l1", json.dumps(body).encode(), root="hue")
    written = store.write([flow_message(1), wrong, flow_message(3), wrong])
    assert at(store) == [Stamp(NEW, 3)]
    assert len(written.rejected) == 2
    records = Records(store.where)
    assert len(records.rejected()) == 1
    assert records.lost()[0].reason.startswith("rejected: flow: coverage")
    store.write([flow_message(2)])
    assert records.seen_ranges() == {Series("n1", NEW): ((1, 3),)}


def test_store_keeps_a_bounded_number_of_rejected_messages(store: Store):
    store.write([Rejected("hue/1/x", b"{", f"no {n}") for n in range(REJECTED_KEPT + 50)])
    reasons = Records(store.where).rejected()
    assert len(reasons) == REJECTED_KEPT
    assert reasons[-1] == ("hue/1/x", f"no {REJECTED_KEPT + 49}")


def test_store_present_states_are_replaced_and_taken_back(store: Store):
    def status(state: str) -> Arrival:
        body = json.dumps({"v": 1, "camera": "gate", "state": state, "since": "2026-11-22T23:00:00Z"})
        return read("hue/1/n1/gate/status", body.encode(), root="hue")

    store.write([status("ok"), status("auth")])
    records = Records(store.where)
    assert records.present()["n1", "gate", "status"]["state"] == "auth"
    store.write([read("hue/1/n1/gate/status", b"", root="hue")])
    assert records.present() == {}


def test_store_alarm_that_was_cleared_stands_no_more_whatever_is_retained(store: Store):
    """The empty message that takes it back may have passed the centre by; the clearing is asked for until it comes."""
    raised, cleared = alarm_message(3), alarm_message(4, state="cleared")
    retained = read("hue/1/n1/gate/alarm/z1/now", raised.body.encode(), root="hue")  # type: ignore[union-attr]
    records = Records(store.where)
    store.write([raised, retained])
    assert records.present()["n1", "gate", "alarm/z1"]["alarm"] == f"{NEW}-3"
    assert records.alarm_rules() == [("n1", "gate", "z1")]
    store.write([cleared])
    assert records.present() == {}
    again = json.loads(retained.body) | {"alarm": f"{NEW}-9", "seq": 9}  # type: ignore[union-attr]
    store.write([read("hue/1/n1/gate/alarm/z1/now", json.dumps(again).encode(), root="hue")])
    assert records.present()["n1", "gate", "alarm/z1"]["alarm"] == f"{NEW}-9"
    records.close()


def test_store_file_of_another_kind_is_refused_in_one_line(tmp_path: Path):
    other = tmp_path / "other.db"
    db = sqlite3.connect(other)
    db.execute("CREATE TABLE t (x)")
    db.close()
    with pytest.raises(EdgeError, match="another database"):
        Store(other)
    text = tmp_path / "text.db"
    text.write_text("no database at all " * 50)
    with pytest.raises(EdgeError, match="cannot be opened"):
        Store(text)


def test_store_disk_full_is_told_and_what_did_not_fit_is_stored_when_there_is_room(tmp_path: Path):
    store = Store(tmp_path / "centre.db")
    store.write([flow_message(1)])
    pages = store._db.rows("PRAGMA page_count")[0][0]
    store._db.rows(f"PRAGMA max_page_count={pages}")
    with pytest.raises(AwayError, match="cannot be stored"):
        store.write([flow_message(n) for n in range(2, 2000)])
    records = Records(store.where)
    assert records.seen_ranges() == {Series("n1", NEW): ((1, 1),)}
    assert len(records.flow_rows()) == 1
    store._db.rows(f"PRAGMA max_page_count={pages * 1000}")
    store.write([flow_message(n) for n in range(2, 2000)])
    assert records.seen_ranges() == {Series("n1", NEW): ((1, 1999),)}


def test_store_leads_one_at_a_time_until_its_time_is_over(place: Callable[[], str]):
    where = place()
    first, second = Store(where), Store(where)
    assert first.lead("all", holder="a", seconds=60)
    assert first.lead("all", holder="a", seconds=60)
    assert not second.lead("all", holder="b", seconds=60)
    assert first.lead("all", holder="a", seconds=-1)
    assert second.lead("all", holder="b", seconds=60)
    assert not first.lead("all", holder="a", seconds=60)
    first.close()
    second.close()


def test_store_several_writers_at_once_lose_nothing_and_confirm_what_all_have_written(place: Callable[[], str]):
    where, number = place(), 600
    messages = [flow_message(n) for n in range(1, number + 1)]
    random.Random(5).shuffle(messages)
    Store(where).close()

    def work(part: int) -> list[int]:
        store, told = Store(where), []
        mine = messages[part::4]
        while mine:
            written = store.write(mine[:7])
            told += [stamp.seq for stamp in written.standing.complete["n1"]]
            del mine[:7]
        store.close()
        return told

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(work, range(4)))
    assert all(each == sorted(each) for each in told)  # a confirmation never goes back
    assert max(each[-1] for each in told) == number
    records = Records(where)
    assert records.seen_ranges() == {Series("n1", NEW): ((1, number),)}
    assert records.tally()["stored"] == len(records.flow_rows()) == number
    records.close()


OTHER = """CREATE TABLE other (node TEXT NOT NULL, epoch TEXT NOT NULL, seq BIGINT NOT NULL, kind TEXT NOT NULL,
camera TEXT NOT NULL, rule TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (node, epoch, seq))"""


def made_old(store: Store, layout: int) -> None:
    """Makes the tables as they were in an earlier layout."""
    rows = store._db.rows
    for view in ("turn_count", "queue_length"):
        rows(f"DROP VIEW {view}")
    rows(OTHER)
    for kind in ("turn", "queue", "alarm"):
        rows(f"INSERT INTO other SELECT node, epoch, seq, '{kind}', camera, rule, body FROM {kind}")
        rows(f"DROP TABLE {kind}")
    if layout < 3:
        rows("ALTER TABLE epoch DROP COLUMN complete")
    if layout < 2:
        rows("DROP TABLE lease")
    postgres = str(store.where).startswith("postgresql")
    rows(f"UPDATE edge_layout SET number = {layout}" if postgres else f"PRAGMA user_version={layout}")


@pytest.mark.parametrize("layout", [1, 2, 3])
def test_store_of_an_earlier_layout_is_taken_on(place: Callable[[], str], layout: int):
    where = place()
    if layout == 1 and where.startswith("postgresql"):
        pytest.skip("there was no PostgreSQL then")
    old = Store(where)
    old.write([flow_message(1), gap(2, 5), flow_message(9)])
    made_old(old, layout)
    old.close()
    for _ in range(2):  # the second time there is nothing to do
        store = Store(where)
        assert store.lead("all", holder="a", seconds=1)
        assert at(store) == [Stamp(NEW, 5)]
        assert store.standing().holes == {Series("n1", NEW): ((6, 8),)}
        store.close()
    store = Store(where)
    store.write([flow_message(n) for n in (6, 7, 8)])
    assert at(store) == [Stamp(NEW, 9)]
    assert store.write([flow_message(1), flow_message(4)]).duplicates == 1
    store.close()


def test_store_takes_over_what_an_earlier_layout_had_no_table_for(place: Callable[[], str]):
    """Also one that no check of that time looked into."""
    where = place()
    store = Store(where)
    store.write([turn_message(1), queue_message(2), alarm_message(3), alarm_message(4, state="cleared")])
    before = dump(where)
    store.write([turn_message(5)])
    made_old(store, 3)
    store._db.rows("UPDATE other SET body = '{}' WHERE seq = 5")
    store.close()
    store = Store(where)
    after = dump(where)
    before["received"] = [("n1", NEW, 1, 5)]
    assert after == before
    records = Records(where)
    assert records.rejected() == [("hue/1/n1/gate/turn/t1", "turn: v: missing")]
    assert store.write([turn_message(5)]).duplicates == 1
    store.close()
    records.close()
