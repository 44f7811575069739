"""What devices tell as lost or never used: huge ranges cost nothing, and nothing that is stored is harmed by them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from edge.centre.arrivals import Arrival, read
from edge.centre.ledger import Fate, Ledger, Series
from edge.centre.records import Records
from edge.centre.store import Store
from edge.centre.watch import Watch
from edge.dataflow import Stamp
from edge.events import Gap

OLD, NEW = "0a0a0a0a", "1b1b1b1b"
JUMP = 1_000_000
CUT = "never used: the power failed"


@pytest.fixture
def store(place: Callable[[], str]) -> Iterator[Store]:
    store = Store(place())
    yield store
    store.close()


def flow(seq: int, *, epoch: str = NEW, node: str = "n1", cars: int = 1) -> Arrival:
    day, minute = divmod(seq % 40_000, 1440)
    start = f"2026-11-{1 + day:02}T{minute // 60:02}:{minute % 60:02}:00Z"
    body: dict[str, Any] = {"v": 1, "seq": seq, "epoch": epoch, "camera": "gate", "rule": f"l{seq // 40_000}"}
    body |= {"start": start, "seconds": 60, "coverage": 1, "count": {"car": [cars, 0]}, "total": [seq, 0]}
    return read(f"hue/1/{node}/gate/flow/{body['rule']}", json.dumps(body).encode(), root="hue")


def gap(first: int, last: int, *, epoch: str = NEW, reason: str = CUT, node: str = "n1") -> Arrival:
    body = Gap(epoch=epoch, first=first, last=last, reason=reason, at="2026-11-22T23:00:00Z").to_bytes()
    return read(f"hue/1/{node}/gap", body, root="hue")


def at(store: Store, node: str = "n1") -> list[Stamp]:
    return list(store.standing().complete[node])


def told(store: Store) -> list[tuple[int, int, Fate]]:
    records = Records(store.where)
    found = [(each.first, each.last, each.fate) for each in records.lost()]
    records.close()
    return found


def absent(store: Store) -> dict[str, int]:
    records = Records(store.where)
    found = records.absent()
    records.close()
    return found


def rows(store: Store, table: str) -> int:
    return int(store._db.rows(f"SELECT count(*) FROM {table}")[0][0])


def test_numbers_never_used_are_one_row_and_the_confirmation_moves_over_them(store: Store):
    store.write([flow(n) for n in range(1, 41)])
    written = store.write([gap(41, 40 + JUMP), *(flow(n) for n in range(41 + JUMP, 61 + JUMP))])
    assert at(store) == [Stamp(NEW, 60 + JUMP)]
    assert store.standing().holes == {}
    assert [(each.size, each.fate) for each in written.lost] == [(JUMP, Fate.NEVER_USED)]
    assert (rows(store, "lost"), rows(store, "received")) == (1, 2)
    assert absent(store) == {"missing": 0, "lost": 0, "never used": JUMP, "rejected": 0}
    assert store.write([gap(41, 40 + JUMP)]).lost == []  # told again: nothing new, and no harm
    assert rows(store, "lost") == 1


def test_jump_that_is_told_late_is_asked_for_as_one_range_until_then(store: Store):
    watch = Watch(store, shared=False)
    store.write([flow(1), flow(2 + JUMP)])
    assert at(store) == [Stamp(NEW, 1)]
    watch.look(now=10.0)
    watch.look(now=12.0)
    assert watch.gaps.due(now=30.0) == [(Series("n1", NEW), ((2, 1 + JUMP),))]
    store.write([gap(2, 1 + JUMP)])
    watch.look(now=31.0)
    assert watch.gaps.missing == 0
    assert at(store) == [Stamp(NEW, 2 + JUMP)]


def test_gap_over_numbers_that_are_stored_takes_nothing_away(store: Store):
    store.write([flow(n) for n in (1, 2, 3, 500, 501)])
    store.write([gap(1, 1000)])
    assert told(store) == [(4, 499, Fate.NEVER_USED), (502, 1000, Fate.NEVER_USED)]
    assert at(store) == [Stamp(NEW, 1000)]
    records = Records(store.where)
    assert len(records.flow_rows()) == 5
    assert records.seen_ranges() == {Series("n1", NEW): ((1, 3), (500, 501))}
    records.close()


def test_message_that_comes_after_its_number_was_told_as_never_used_is_stored(store: Store):
    store.write([flow(1), gap(2, JUMP)])
    written = store.write([flow(700, cars=9)])
    assert len(written.stored) == 1
    assert told(store) == [(2, 699, Fate.NEVER_USED), (701, JUMP, Fate.NEVER_USED)]
    assert absent(store)["never used"] == JUMP - 2
    assert at(store) == [Stamp(NEW, JUMP)]  # and the confirmation does not go back
    assert store.write([flow(700, cars=9)]).duplicates == 1


def test_lost_never_used_and_rejected_are_told_apart(store: Store):
    body = json.loads(flow(30).body) | {"coverage": 7}  # type: ignore[union-attr]
    wrong = read("hue/1/n1/gate/flow/l0", json.dumps(body).encode(), root="hue")
    store.write([flow(1), gap(2, 11, reason="outbox full"), gap(12, 29), wrong, flow(40)])
    assert absent(store) == {"missing": 9, "lost": 10, "never used": 18, "rejected": 1}
    assert at(store) == [Stamp(NEW, 30)]


def test_rows_that_were_deleted_do_not_come_back(store: Store):
    store.write([flow(n) for n in range(1, 6)])
    store._db.rows("DELETE FROM flow WHERE start < '2026-11-01T00:04:00Z'")
    written = store.write([flow(n) for n in range(1, 6)])
    assert (written.duplicates, rows(store, "flow")) == (5, 2)
    assert at(store) == [Stamp(NEW, 5)]


def test_old_epoch_that_comes_back_changes_nothing_of_the_new_one(store: Store):
    store.write([flow(n, epoch=OLD) for n in range(1, 11)])
    store.write([flow(n + 20) for n in range(-19, 1)])
    before = at(store)
    written = store.write([flow(5, epoch=OLD), flow(11, epoch=OLD, cars=4), gap(12, 900, epoch=OLD)])
    assert (written.duplicates, len(written.stored)) == (1, 1)
    assert before == [Stamp(OLD, 10), Stamp(NEW, 20)]
    assert at(store) == [Stamp(OLD, 900), Stamp(NEW, 20)]  # the newest last: it stays on the broker
    assert absent(store) == {"missing": 0, "lost": 0, "never used": 889, "rejected": 0}
    assert Series("n1", NEW) not in store.standing().holes


def test_gap_of_an_epoch_that_never_told_anything_is_no_harm(store: Store):
    store.write([flow(1), gap(1, 2**63 - 1, epoch=OLD, reason="of an epoch that this device no longer has")])
    assert at(store) == [Stamp(NEW, 1), Stamp(OLD, 2**63 - 1)]
    assert absent(store)["lost"] == 2**63 - 1


def test_gaps_and_messages_in_any_order_by_several_instances_end_in_the_same(place: Callable[[], str]):
    arrivals = [*(flow(n) for n in range(1, 100)), gap(100, 99 + JUMP), *(flow(n + JUMP) for n in range(100, 200)),
                gap(150 + JUMP, 160 + JUMP), gap(50, 120, reason="outbox full"), flow(200, epoch=OLD)]  # fmt: skip
    for seed in range(3):
        where = place()
        mixed = random.Random(seed).sample(arrivals, len(arrivals))
        Store(where).close()

        def work(part: int, where: str = where, mixed: list[Arrival] = mixed) -> None:
            own = Store(where)
            for each in range(part, len(mixed), 12):
                own.write(mixed[each : each + 12 : 4])
            own.close()

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(4)))
        last = Store(where)
        assert set(at(last)) == {Stamp(NEW, 199 + JUMP), Stamp(OLD, 0)}
        assert last.standing().holes == {Series("n1", OLD): ((1, 199),)}
        numbers = absent(last)
        assert numbers["lost"] + numbers["never used"] == JUMP
        assert rows(last, "lost") < 100  # split where messages had come, never one a number
        assert rows(last, "flow") == 200
        last.close()


def test_old_ranges_are_not_read_again_once_everything_up_to_them_is_known(store: Store):
    for cut in range(50):
        store.write([flow(cut * JUMP + 1), gap(cut * JUMP + 2, (cut + 1) * JUMP)])
    assert (rows(store, "received"), rows(store, "lost")) == (50, 50)
    ledger = Ledger(store._db)
    assert ledger.standing().complete == {"n1": (Stamp(NEW, 50 * JUMP),)}
    assert sum(len(each) for each in (*ledger._received.values(), *ledger._lost.values())) == 1
    late = store.write([flow(7 * JUMP + 1), flow(7 * JUMP + 2), flow(7 * JUMP + 4), flow(50 * JUMP + 1)])
    assert (late.duplicates, len(late.stored)) == (1, 3)
    assert at(store) == [Stamp(NEW, 50 * JUMP + 1)]
    records = Records(store.where)
    seen = records.seen_ranges()[Series("n1", NEW)]
    assert seen[7:9] == ((7 * JUMP + 1, 7 * JUMP + 2), (7 * JUMP + 4, 7 * JUMP + 4))
    assert len(seen) == 52
    assert records.absent()["never used"] == 50 * JUMP - 52
    records.close()
