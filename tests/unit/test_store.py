"""Journal and outbox on real files, with processes that die at any moment."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from edge.dataflow import Crossing, Instant, Period, Stamp
from edge.errors import EdgeError
from edge.store.database import Database
from edge.store.journal import Journal, Told
from edge.store.outbox import Outbox
from edge.store.trim import NO_ROOM, trim

FORK = multiprocessing.get_context("fork")
START = 1_795_000_000.0


def crossing(at: float, *, kind: str = "car", direction: int = 0) -> Crossing:
    return Crossing(Instant(at, START + at), "l1", direction, kind, track=1)


def period(start: float = 0.0, *, rule: str = "l1", kind: str = "flow", **more) -> Period:
    return Period(rule=rule, kind=kind, start=START + start, seconds=60, **more)


def render(period, tally, stamp):
    return json.dumps({"seq": stamp.seq, "count": tally.counts, "total": tally.totals}).encode()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "edge.db"


@pytest.fixture
def journal(path):
    journal = Journal(path, camera="cam", epoch="1c9f03aa")
    yield journal
    journal.close()


@pytest.fixture
def outbox(journal, path):
    outbox = Outbox(path)
    yield outbox
    outbox.close()


def everything(outbox: Outbox, **more):
    return outbox.waiting(limit=1_000_000, now=START, **more)


def numbers(outbox: Outbox, **more) -> list[int]:
    return [each.stamp.seq for each in everything(outbox, **more)]


def lost(outbox: Outbox) -> list[tuple[int, int]]:
    return [(each.first, each.last) for each in outbox.lost(limit=1000)]


def trimmed(path, now: float, *, most_bytes: int = 1 << 30) -> None:
    database = Database(path)
    with database.transaction() as db:
        trim(db, now=now, most_bytes=most_bytes)
    database.close()


def post(journal: Journal, number: int, *, kind: str = "flow", start: float = 0.0, life: float = 600) -> None:
    for _ in range(number):
        journal.finish(period(start, kind=kind), render, life=life)


def test_finish_turns_crossings_into_counts_and_totals(journal, outbox):
    journal.write(
        [crossing(1), crossing(2, direction=1), crossing(3, kind="bus"), crossing(61)], [period()], seen=START
    )
    assert journal.finish(period(), render, life=600) == Stamp("1c9f03aa", 1)
    journal.write([crossing(30)], [], seen=START)
    journal.finish(period(60), render, life=600)
    first, second = (json.loads(each.body) for each in everything(outbox))
    assert first == {"seq": 1, "count": {"bus": [1, 0], "car": [1, 1]}, "total": [2, 1]}
    assert second == {"seq": 2, "count": {"car": [2, 0]}, "total": [4, 1]}, "one came too late for its interval"
    assert everything(outbox)[0].made == START + 60
    assert everything(outbox)[0].expires == START + 660


def test_finish_that_fails_leaves_everything_as_it_was(journal, outbox):
    journal.write([crossing(1)], [period()], seen=START)

    def broken(*_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        journal.finish(period(), broken, life=600)
    assert outbox.last.seq == 0
    assert len(journal.open_periods()) == 1
    journal.finish(period(), render, life=600)
    assert json.loads(everything(outbox)[0].body) == {"seq": 1, "count": {"car": [1, 0]}, "total": [1, 0]}


def test_cameras_and_rules_count_apart(journal, outbox, path):
    other = Journal(path, camera="other")
    journal.write([crossing(1)], [period()], seen=START)
    other.write([crossing(1), crossing(2)], [period()], seen=START)
    other.finish(period(), render, life=600)
    journal.finish(period(rule="l2"), render, life=600)
    journal.finish(period(), render, life=600)
    assert [json.loads(each.body)["total"] for each in everything(outbox)] == [[2, 0], [0, 0], [1, 0]]
    other.close()


def test_single_crossings_are_messages_of_their_own_where_asked(journal, outbox):
    told = Told(frozenset({"l1"}), lambda _, stamp: b'{"seq":%d}' % stamp.seq, life=600)
    journal.write([crossing(1), crossing(2)], [], seen=START, told=told)
    journal.write([crossing(3)], [], seen=START, told=Told(frozenset({"l2"}), told.render, life=600))
    assert [(each.kind, each.rule, each.body) for each in everything(outbox)] == [
        ("cross", "l1", b'{"seq":1}'),
        ("cross", "l1", b'{"seq":2}'),
    ]


def test_open_interval_is_continued_by_the_next_process(path):
    first = Journal(path, camera="cam")
    zone = period(rule="z1", kind="zone", analysed=12.5, flags=frozenset({"slow", "dark"}),
                  numbers=(("pedestrian.max", 7.0), ("pedestrian.sum", 60.5)), fingerprint="f0")  # fmt: skip
    first.write([], [period(analysed=3.0), zone], seen=START + 30)
    first.write([], [period(analysed=4.0)], seen=START + 31)
    first.close()
    again = Journal(path, camera="cam")
    assert again.open_periods() == [(period(analysed=4.0), START + 31), (zone, START + 30)]
    assert Journal(path, camera="other").open_periods() == []
    again.finish(zone, render, life=600)
    assert again.open_periods() == [(period(analysed=4.0), START + 31)]


def _write_until_killed(path, camera: str, say) -> None:
    journal = Journal(path, camera=camera)
    written, start = 0, 0.0
    while True:
        journal.write([crossing(start + 1), crossing(start + 2, direction=1)], [period(start)], seen=START)
        written += 2
        os.write(say, b"%d\n" % written)
        if written % 6 == 0:
            journal.finish(period(start), render, life=600)
            start += 60


def test_killed_at_any_moment_no_written_crossing_is_lost(journal, outbox, path):
    chance = random.Random(2)
    least = 0
    for round_ in range(30):
        hear, say = os.pipe()
        process = FORK.Process(target=_write_until_killed, args=(path, "cam", say))
        process.start()
        os.close(say)
        said = os.read(hear, 16)
        time.sleep(chance.uniform(0, 0.03))
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        while block := os.read(hear, 65536):
            said += block
        os.close(hear)
        least += int(said.decode().rsplit("\n", 2)[-2])
        journal.finish(period(1e9), render, life=600)
        bodies = [json.loads(each.body) for each in everything(outbox)]
        counted = sum(sum(pair) for body in bodies for pair in body["count"].values())
        assert counted == sum(bodies[-1]["total"])
        assert least <= counted <= least + 2 * (round_ + 1)
        least = counted
        assert [body["seq"] for body in bodies] == list(range(1, len(bodies) + 1))


def _finish_many(path, camera: str, number: int) -> None:
    journal = Journal(path, camera=camera)
    post(journal, number)
    journal.close()


def test_numbers_are_unique_and_without_a_hole_among_processes(journal, outbox, path):
    processes = [FORK.Process(target=_finish_many, args=(path, f"cam-{i}", 300)) for i in range(3)]
    for each in processes:
        each.start()
    for each in processes:
        each.join()
        assert each.exitcode == 0
    found = everything(outbox)
    assert [each.stamp.seq for each in found] == list(range(1, 901))
    assert {each.camera for each in found} == {"cam-0", "cam-1", "cam-2"}
    assert all(json.loads(each.body)["seq"] == each.stamp.seq for each in found)
    assert outbox.last == Stamp("1c9f03aa", 900)


def test_waiting_gives_what_may_be_sent_in_order(journal, outbox):
    post(journal, 2, start=0)
    post(journal, 2, start=100, kind="zone")
    post(journal, 1, start=-10_000)
    assert numbers(outbox) == [1, 2, 3, 4]
    assert numbers(outbox, before=START + 100) == [1, 2]
    assert numbers(outbox, since=START + 100) == [3, 4]
    assert numbers(outbox, but=["zone", "queue"]) == [1, 2]
    assert [each.stamp.seq for each in outbox.waiting(limit=3, now=START)] == [1, 2, 3]
    outbox.acknowledged([Stamp("1c9f03aa", 1), Stamp("1c9f03aa", 3), Stamp("00000000", 2)])
    assert numbers(outbox) == [2, 4]


def test_confirmed_goes_and_the_rest_is_sent_again(journal, outbox):
    post(journal, 6)
    outbox.acknowledged(Stamp("1c9f03aa", seq) for seq in range(1, 7))
    assert outbox.confirmed(Stamp("1c9f03aa", 2)) == 2
    assert outbox.confirmed(Stamp("ffffffff", 9)) == 0
    assert outbox.taken_after(Stamp("1c9f03aa", 5))
    assert not outbox.taken_after(Stamp("1c9f03aa", 6))
    assert outbox.send_again("1c9f03aa", first=1, last=4) == 2
    assert lost(outbox) == [(1, 2)]
    assert numbers(outbox) == [3, 4]


def test_send_again_names_every_hole(journal, outbox, path):
    post(journal, 2, life=600)
    post(journal, 1, life=10)
    post(journal, 2, life=600)
    post(journal, 2, life=10)
    outbox.acknowledged([Stamp("1c9f03aa", seq) for seq in range(1, 8)])
    trimmed(path, START + 100)
    assert lost(outbox) == []
    assert outbox.send_again("1c9f03aa", first=1, last=7) == 4
    assert lost(outbox) == [(3, 3), (6, 7)]
    for each in outbox.lost(limit=9):
        outbox.told(each)
    assert lost(outbox) == []
    assert outbox.send_again("1c9f03aa", first=5, last=7) == 1
    assert lost(outbox) == [(6, 7)], "who asks again is told again"


def test_life_that_ended_is_lost_where_no_broker_took_it(journal, outbox, path):
    post(journal, 8, life=10)
    post(journal, 1, life=600)
    outbox.acknowledged([Stamp("1c9f03aa", 3), Stamp("1c9f03aa", 8)])
    outbox.set_aside(Stamp("1c9f03aa", 5))
    trimmed(path, START + 60)
    assert lost(outbox) == []
    trimmed(path, START + 100)
    assert lost(outbox) == [(1, 2), (4, 7)]
    assert numbers(outbox) == [9]
    assert outbox.last.seq == 9


def test_clock_set_forward_makes_no_message_older(journal, outbox, path):
    post(journal, 1, life=3600)
    trimmed(path, START)
    trimmed(path, START + 7 * 86_400)
    assert [each.stamp.seq for each in outbox.waiting(limit=9, now=START + 7 * 86_400)] == [1]
    assert lost(outbox) == []


def test_room_that_is_short_costs_the_oldest_and_alarms_last(journal, outbox, path):
    post(journal, 3, kind="alarm")
    post(journal, 4000, life=1e6)
    trimmed(path, START + 60, most_bytes=200_000)
    kept = numbers(outbox)
    assert set(kept) >= {1, 2, 3}
    assert kept[3:] == list(range(kept[3], 4004))
    assert 0 < len(kept) < 3000
    assert lost(outbox) == [(4, kept[3] - 1)], "one range, however many steps it took"
    assert outbox.lost(limit=1)[0].reason == NO_ROOM


def test_alarms_go_first_and_the_newest_of_them_before_the_others(journal, outbox):
    post(journal, 2)
    post(journal, 2, kind="alarm")
    post(journal, 1)
    assert numbers(outbox) == [4, 3, 1, 2, 5]
    assert [each.stamp.seq for each in outbox.waiting(limit=3, now=START)] == [4, 3, 1]


def test_set_aside_waits_again_in_the_next_process(journal, outbox, path):
    post(journal, 2)
    outbox.set_aside(Stamp("1c9f03aa", 1))
    assert numbers(outbox) == [2]
    assert outbox.send_again("1c9f03aa", first=1, last=1) == 1
    assert numbers(outbox) == [2]
    assert numbers(Outbox(path)) == [1, 2]


def test_changed_tells_of_other_writers_only(journal, outbox):
    assert outbox.changed()
    assert not outbox.changed()
    post(journal, 1)
    assert outbox.changed()
    outbox.acknowledged([Stamp("1c9f03aa", 1)])
    assert not outbox.changed()


def test_announcement_replaces_the_last_one(journal, outbox):
    journal.announce("status", b"1")
    journal.announce("health", b"2")
    journal.announce("status", b"3")
    health, status = outbox.announcements()
    assert (health.kind, health.body, health.version) == ("health", b"2", 1)
    assert (status.kind, status.body, status.version) == ("status", b"3", 2)


def test_damaged_file_is_set_aside_and_counting_goes_on_in_a_new_epoch(tmp_path, caplog):
    path = tmp_path / "edge.db"
    path.write_bytes(b"this is no database" * 1000)
    journal = Journal(path, camera="cam")
    post(journal, 1)
    journal.close()
    assert [name.name for name in tmp_path.glob("edge.db.damaged-*")]
    assert "the journal is damaged (file is not a database); set aside as edge.db.damaged-" in caplog.text


def test_file_that_is_damaged_while_it_is_open_is_set_aside_at_the_next_start(path):
    journal = Journal(path, camera="cam", epoch="00000001")
    post(journal, 50)
    journal._db._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 40_000)
    outbox = Outbox.__new__(Outbox)
    with pytest.raises(EdgeError, match="the journal cannot be used, found"):
        outbox.__init__(path)
        everything(outbox)
    again = Journal(path, camera="cam", epoch="00000002")
    post(again, 1)
    with pytest.raises(EdgeError, match="set aside or removed"):
        post(journal, 1)
    assert everything(Outbox(path))[0].stamp == Stamp("00000002", 1)


def test_folder_that_cannot_be_used_is_told_in_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(EdgeError, match=r"edge\.db: the journal cannot be used, found"):
        Journal(tmp_path / "file" / "edge.db", camera="cam")


def test_file_of_another_layout_is_refused(journal, path):
    other = sqlite3.connect(path)
    other.execute("PRAGMA user_version=99")
    other.close()
    with pytest.raises(EdgeError, match="layout 99, expected layout 3"):
        Outbox(path)


def _fill_the_disk(path, say) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    journal = Journal(path, camera="cam")
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
    told = "nothing"
    try:
        post(journal, 100_000)
    except EdgeError as error:
        told = str(error)
    os.write(say, told.encode())


def test_full_disk_is_told_in_one_line_and_loses_nothing(path):
    hear, say = os.pipe()
    process = FORK.Process(target=_fill_the_disk, args=(path, say))
    process.start()
    os.close(say)
    process.join()
    assert os.read(hear, 4096).decode().startswith(f"{path}: the journal cannot be used, found ")
    os.close(hear)
    outbox = Outbox(path)
    assert numbers(outbox) == list(range(1, outbox.last.seq + 1))
    assert outbox.last.seq > 10


def test_database_opened_twice_in_a_process_keeps_its_locks(path):
    """Without them another process takes itself for the last one, takes the WAL away, and the file is damaged."""
    outbox, other = Outbox(path), Outbox(path)
    outbox.changed()
    look = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); list(db.execute('SELECT * FROM meta')); db.close()"
    subprocess.run([sys.executable, "-c", look, path], check=True)
    assert path.with_name(f"{path.name}-wal").exists()
    other.close()
    outbox.close()
