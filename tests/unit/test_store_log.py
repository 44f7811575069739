"""The log on the disk, cut at any byte and changed at any byte."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from pathlib import Path

import pytest
from device_ import Device

from edge.store.database import TABLES
from edge.store.log import Damage, Log
from edge.store.snapshot import UNUSED, read_meta, restore

TAIL = 64 * 1024


def contents(folder: Path, damage: Damage | None = None) -> list[bytes]:
    return [record.content for record in Log(folder).records(damage or Damage())]


def used(folder: Path) -> bytes:
    """The file up to the end of its last record."""
    log = Log(folder)
    return (folder / "journal-00000001.log").read_bytes()[: log._end(1)]


def test_records_come_back_in_order(tmp_path):
    log = Log(tmp_path / "new")
    written = [bytes([number]) * number * 100 for number in range(1, 40)]
    assert {log.append(each) for each in written} == {1}
    assert log.append(b"last", fresh=True) == 2
    assert contents(tmp_path / "new") == [*written, b"last"]


def test_log_cut_at_every_byte_gives_every_record_before_the_cut(tmp_path):
    log = Log(tmp_path)
    written, ends = [], []
    for number in range(12):
        written.append(random.Random(number).randbytes(40))
        log.append(written[-1])
        ends.append(len(used(tmp_path)))
    whole = used(tmp_path)
    for length in range(len(whole)):
        (tmp_path / "journal-00000001.log").write_bytes(whole[:length])
        damage = Damage()
        kept = sum(end <= length for end in ends)
        assert contents(tmp_path, damage) == written[:kept]
        rest = whole[ends[kept - 1] if kept else 0 : length]
        assert damage.bytes == len(rest.rstrip(b"\0"))
        assert log.append(b"more") == 1
        assert contents(tmp_path) == [*written[:kept], b"more"], "what comes after a cut is found"


def test_changed_byte_costs_its_record_only(tmp_path):
    log = Log(tmp_path)
    written = [random.Random(number).randbytes(200) for number in range(5)]
    for each in written:
        log.append(each)
    whole = used(tmp_path)
    for at in range(0, len(whole), 3):
        changed = bytearray(whole)
        changed[at] ^= 0x41
        (tmp_path / "journal-00000001.log").write_bytes(changed)
        damage = Damage()
        kept = contents(tmp_path, damage)
        assert len(kept) == 4, at
        assert all(each in written for each in kept)
        assert damage.bytes > 0


def busy(folder: Path) -> tuple[Device, list[tuple[int, dict]]]:
    """A device that counted until its log was longer than TAIL; where each flush ended, and what was then."""
    device = Device(folder, cameras=8).start()
    flushes: list[tuple[int, dict]] = []
    while not flushes or flushes[-1][0] < TAIL + 8000:
        device.count(30)
        device.flusher.step()
        flushes.append((len(used(device.disk)), device.state()))
    return device, flushes


def check_cut(device: Device, whole: bytes, length: int, flushes: list[tuple[int, dict]]) -> None:
    """What is there after a power cut that left `length` bytes of the file."""
    path = device.disk / "journal-00000001.log"
    device.kill()
    shutil.rmtree(device.run)
    shutil.rmtree(device.disk)
    device.disk.mkdir()
    path.write_bytes(whole[:length])
    device.start()
    after = device.state()
    expected = [state for end, state in flushes if end <= length][-1]
    given_out = flushes[-1][1]["last"].seq
    assert after["last"].epoch == expected["last"].epoch, length
    assert after["last"].seq >= expected["last"].seq + UNUSED > given_out, length
    assert {**after, "last": 0} == {**expected, "last": 0}, length


def test_device_opens_after_a_cut_anywhere_in_the_last_64_kib(tmp_path):
    device, flushes = busy(tmp_path)
    whole = used(device.disk)
    edges = [end + by for end, _ in flushes[-3:] for by in (-1, 0, 1)]
    for length in [*range(len(whole) - TAIL, len(whole), 997), *edges[:-1]]:
        check_cut(device, whole, length, flushes)
    device.kill()


@pytest.mark.long
def test_store_is_made_anew_after_a_cut_at_every_byte_of_the_last_64_kib(tmp_path):
    """The same at each of 65,536 lengths, into a database in memory: about ten minutes."""
    device, flushes = busy(tmp_path)
    device.kill()
    path = device.disk / "journal-00000001.log"
    given_out, end = flushes[-1][1]["last"].seq, flushes[-1][0]
    for length in range(end, end - TAIL, -1):
        os.truncate(path, length)
        expected = [state for at, state in flushes if at <= length][-1]
        db = sqlite3.connect(":memory:")
        for statement in TABLES.split(";\n"):
            db.execute(statement)
        restore(db, Log(device.disk))
        meta = read_meta(db)
        assert meta["epoch"] == expected["last"].epoch
        assert int(meta["seq"]) >= expected["last"].seq + UNUSED > given_out
        assert db.execute("SELECT * FROM total ORDER BY camera").fetchall() == expected["totals"]
        assert db.execute("SELECT seq, body FROM outbox ORDER BY seq").fetchall() == expected["messages"]
        assert db.execute("SELECT * FROM period ORDER BY camera").fetchall() == expected["periods"]
        db.close()
