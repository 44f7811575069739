"""The store and its copy on the disk: what a power cut costs, and what a bad disk does not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager

import pytest
from device_ import START, Device

from edge.dataflow import Stamp
from edge.errors import EdgeError
from edge.store import flush, log
from edge.store.database import Database
from edge.store.flush import Flusher
from edge.store.outbox import Outbox
from edge.store.snapshot import UNUSED


@pytest.fixture
def device(tmp_path):
    device = Device(tmp_path).start()
    yield device
    device.kill()


def waiting(device: Device) -> list[int]:
    return [each.stamp.seq for each in device.outbox.waiting(limit=10_000, now=device.now)]


def test_message_goes_out_only_when_it_is_on_the_disk(device):
    device.count()
    assert device.outbox.last.seq == 2
    assert waiting(device) == []
    assert device.flusher.step()
    assert waiting(device) == [1, 2]


def test_power_cut_costs_what_came_after_the_last_flush(device):
    device.count()
    device.count(30)
    device.flusher.step()
    before = device.state()
    device.outbox.acknowledged([Stamp(before["last"].epoch, 1)])
    device.count(10)
    device.cut_power()
    after = device.state()
    assert after["last"].epoch == before["last"].epoch
    assert after["last"].seq >= 2 + UNUSED, "no number is given out twice"
    assert {**after, "last": before["last"]} == before
    assert [(each.first, each.last) for each in device.outbox.lost(limit=9)] == [(3, after["last"].seq)]
    assert device.outbox.lost(limit=9)[0].reason.startswith("never used:")
    assert waiting(device) == [1, 2]
    device.now = START + 90
    device.count(30)
    assert json.loads(device.state()["messages"][-1][1])["total"][0] > 0


def test_taken_and_confirmed_messages_are_so_after_a_power_cut(device):
    for _ in range(3):
        device.count()
    epoch = device.outbox.last.epoch
    device.flusher.step()
    device.outbox.acknowledged([Stamp(epoch, seq) for seq in (1, 2, 3, 4)])
    device.outbox.confirmed(Stamp(epoch, 2))
    device.flusher.step()
    device.cut_power()
    assert [seq for seq, _ in device.state()["messages"]] == [3, 4, 5, 6]
    assert waiting(device) == [5, 6], "those that the broker took wait for the centre only"


def test_everything_confirmed_stays_confirmed(device):
    device.count()
    device.flusher.step()
    device.outbox.confirmed(device.outbox.last)
    device.flusher.step()
    device.cut_power()
    assert device.state()["messages"] == []


def test_orderly_end_leaves_no_number_out(device):
    device.count()
    device.stop()
    shutil.rmtree(device.run)
    device.start()
    assert device.outbox.last.seq == 2
    assert device.outbox.lost(limit=1) == []
    device.flusher.step()
    device.cut_power()
    assert device.outbox.last.seq >= 2 + UNUSED, "the orderly end was before"


def test_end_of_one_process_of_two_is_no_orderly_end(device):
    second = Flusher(device.run / "edge.db", device.disk)
    device.count()
    second.close()
    device.cut_power()
    assert device.outbox.last.seq >= 2 + UNUSED


def test_orderly_end_counts_once_where_the_disk_cannot_be_written_after_it(device, monkeypatch):
    """Else the numbers that were sent from memory would be given out again after a power cut."""
    device.count()
    device.stop()
    shutil.rmtree(device.run)

    def refuse(*_, **__):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(log, "_write", refuse)
    seen = set()
    device.start()
    for _ in range(3):
        device.count()
        device.flusher.step()
        sent = set(waiting(device))
        assert sent - {1, 2} and not (sent & seen)
        seen |= sent - {1, 2}
        device.cut_power()


def test_files_whose_messages_are_confirmed_go(device, monkeypatch):
    monkeypatch.setattr(log, "SEGMENT_BYTES", 2000)
    for _ in range(40):
        device.count()
        device.flusher.step()
    files = sorted(device.disk.glob("journal-*.log"))
    assert len(files) >= 5
    device.outbox.confirmed(device.outbox.last)
    device.flusher.step()
    device.flusher.step()
    assert [file.name for file in sorted(device.disk.iterdir())] == [file.name for file in files[-2:]]
    before = device.state()
    device.cut_power()
    assert device.state()["totals"] == before["totals"]


def test_files_go_although_what_is_kept_of_a_camera_cannot_be_written(device, monkeypatch):
    monkeypatch.setattr(log, "SEGMENT_BYTES", 2000)
    device.flusher.step()
    (device.disk / "kept").write_text("no folder")
    device.journals[0].keep("view", b"seen")
    for _ in range(40):
        device.count()
        device.flusher.step()
    device.outbox.confirmed(device.outbox.last)
    device.flusher.step()
    device.flusher.step()
    assert len(list(device.disk.glob("journal-*.log"))) == 2
    assert "cannot be written" in device.flusher.fault
    (device.disk / "kept").unlink()
    device.flusher.step()
    assert (device.disk / "kept" / "c0.view").read_bytes() == b"seen"
    assert device.flusher.fault == ""


def test_substitute_flushes_when_the_publisher_does_not(device, monkeypatch):
    clock = [flush._now()]
    monkeypatch.setattr(flush, "_now", lambda: clock[0])
    with device.flusher._db.transaction() as db:
        flush.write_meta(db, flush_seconds=30)
    device.flusher._flush()
    substitute = Flusher(device.run / "edge.db", device.disk)
    clock[0] += 31
    assert not substitute.step()
    clock[0] += 5
    assert substitute.step()
    assert not substitute.step()
    substitute.close()


def test_damaged_database_is_made_anew_from_the_disk(device):
    device.count()
    device.flusher.step()
    before = device.state()
    device.kill()
    (device.run / "edge.db").write_bytes(b"nothing" * 10_000)
    (device.run / "edge.db-wal").unlink(missing_ok=True)
    device.start()
    assert device.state()["messages"] == before["messages"]
    assert device.state()["last"].epoch == before["last"].epoch
    assert list(device.run.glob("edge.db.damaged-*"))


def test_disk_that_holds_nothing_readable_is_set_aside_and_a_new_epoch_begins(device, caplog):
    device.count()
    device.flusher.step()
    epoch = device.outbox.last.epoch
    [file] = device.disk.glob("journal-*.log")
    file.write_bytes(b"\x00" * file.stat().st_size)
    device.cut_power()
    assert device.outbox.last.epoch != epoch
    assert "can be read; set aside as *.damaged-" in caplog.text
    device.count()
    device.flusher.step()
    assert waiting(device) == [1, 2]


def test_store_older_than_the_log_after_a_boot_is_made_anew(device, tmp_path):
    """Where `run` is no memory: the file is there after a power cut, but its last writes are not."""
    device.count()
    device.flusher.step()
    device.kill()
    shutil.copytree(device.run, tmp_path / "old")
    device.start()
    device.count()
    device.flusher.step()
    before = device.state()
    device.kill()
    shutil.rmtree(device.run)
    shutil.copytree(tmp_path / "old", device.run)
    database = Database(device.run / "edge.db")
    with database.transaction() as db:
        flush.write_meta(db, boot="another one")
    database.close()
    device.start()
    assert device.state()["messages"] == before["messages"]
    assert device.outbox.last.seq >= before["last"].seq + UNUSED


def test_wal_cut_anywhere_opens(device, tmp_path):
    """Where `run` is no memory: the write-ahead log ends anywhere."""
    for _ in range(6):
        device.count()
        device.flusher.step()
    whole = device.state()
    wal = (device.run / "edge.db-wal").read_bytes()
    shutil.copytree(device.run, tmp_path / "cut")
    for length in [*range(0, len(wal), max(1, len(wal) // 60)), len(wal)]:
        for name in ("edge.db-shm", "edge.db-wal", "edge.db"):
            (tmp_path / "cut" / name).unlink(missing_ok=True)
        shutil.copy(device.run / "edge.db", tmp_path / "cut" / "edge.db")
        (tmp_path / "cut" / "edge.db-wal").write_bytes(wal[:length])
        outbox = Outbox(tmp_path / "cut" / "edge.db", disk=device.disk)
        assert outbox.last.seq in range(whole["last"].seq + 1) or outbox.last.seq >= whole["last"].seq + UNUSED
        outbox.close()


@contextmanager
def mounted(folder, size: str):
    """A small file system of its own."""
    folder.mkdir()
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder]).returncode:
        pytest.skip("a file system of its own needs root and mount")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_full_disk_stops_no_message_and_is_made_good_without_a_restart(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(log, "SEGMENT_BYTES", 16_384)
    with mounted(tmp_path / "disk", "64k"):
        device = Device(tmp_path, cameras=8).start()
        device.count()
        device.flusher.step()
        ballast = tmp_path / "disk" / "ballast"
        with pytest.raises(OSError, match="No space"):
            ballast.write_bytes(b"x" * 100_000)
        for _ in range(200):
            device.count()
        device.flusher.step()
        assert "No space left on device" in device.flusher.fault
        assert len(waiting(device)) == device.outbox.last.seq == 8 * 201
        ballast.unlink()
        device.flusher.step()
        assert device.flusher.fault == ""
        assert "the disk is written again" in caplog.text
        before = device.state()
        device.cut_power()
        assert {**device.state(), "last": 0} == {**before, "last": 0}
        device.kill()


def test_read_only_disk_stops_no_message_and_is_made_good_without_a_restart(tmp_path):
    with mounted(tmp_path / "disk", "1m"):
        device = Device(tmp_path).start()
        device.count()
        device.flusher.step()
        subprocess.run(["mount", "-o", "remount,ro", tmp_path / "disk"], check=True)
        device.count()
        device.flusher.step()
        assert "Read-only file system" in device.flusher.fault
        assert waiting(device) == [1, 2, 3, 4]
        subprocess.run(["mount", "-o", "remount,rw", tmp_path / "disk"], check=True)
        device.flusher.step()
        assert device.flusher.fault == ""
        device.kill()


def test_alarm_that_nobody_heard_and_one_set_aside_wait_again_after_a_power_cut(device):
    for _ in range(2):
        device.count()
    epoch = device.outbox.last.epoch
    device.flusher.step()
    device.outbox.acknowledged([Stamp(epoch, 1)])
    device.outbox.set_aside(Stamp(epoch, 2))
    device.outbox.acknowledged([Stamp(epoch, 3), Stamp(epoch, 4)])
    device.flusher.step()
    device.cut_power()
    assert waiting(device) == [2, 3, 4]


def test_second_opening_in_a_process_keeps_its_locks(tmp_path):
    """POSIX drops every lock of a process on a file when it closes any descriptor of it."""
    device = Device(tmp_path).start()
    device.count()
    other = (
        "from edge.store.outbox import Outbox; from pathlib import Path; import sys; Outbox(Path(sys.argv[1])).close()"
    )
    subprocess.run([sys.executable, "-c", other, device.run / "edge.db"], check=True)
    device.count()
    seen = other.replace("Outbox(Path(sys.argv[1])).close()", "print(Outbox(Path(sys.argv[1])).last.seq)")
    told = subprocess.run(
        [sys.executable, "-c", seen, device.run / "edge.db"], check=True, capture_output=True, text=True
    )
    assert int(told.stdout) == device.outbox.last.seq == 4
    device.kill()


def test_publisher_learns_that_the_file_was_set_aside(device):
    (device.run / "edge.db").rename(device.run / "edge.db.away")
    with pytest.raises(EdgeError, match="set aside or removed"):
        waiting(device)
    (device.run / "edge.db.away").rename(device.run / "edge.db")
