"""The store seen from outside: what it says, and that looking disturbs nobody."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time

import pytest

from edge.dataflow import Period, Stamp
from edge.errors import EdgeError
from edge.store.flush import Bounds, Flusher
from edge.store.journal import Journal
from edge.store.lock import holder, sole
from edge.store.outbox import Outbox
from edge.store.overview import overview
from edge.store.snapshot import write_meta


@pytest.fixture
def path(tmp_path):
    return tmp_path / "edge.db"


def tell(journal, kind, *, end):
    return journal.finish(Period("r1", kind, end - 60, 60), lambda *_: b"{}", life=3600)


def test_overview_tells_what_waits_what_is_taken_and_what_is_lost(path, tmp_path):
    journal, outbox, now = Journal(path, camera="cam"), Outbox(path), time.time()
    stamps = [tell(journal, "flow", end=now - 100 + i) for i in range(4)]
    tell(journal, "zone", end=now - 7200)  # past its life
    journal.announce("status", b'{"state":"ok"}')
    journal.note(threads=5)
    outbox.note("publisher", connected=True)
    outbox.acknowledged(stamps[:2])
    outbox.unheard([stamps[2]])
    flusher = Flusher(path, tmp_path / "disk", Bounds(flush_seconds=1))
    flusher.halt()
    seen = overview(path)
    assert (seen.seq, seen.confirmed, seen.unconfirmed, seen.unheard) == (5, 0, 2, 1)
    assert {kind: each.number for kind, each in seen.waiting.items()} == {"flow": 1}
    assert (seen.unconfirmed_since, seen.oldest) == (pytest.approx(now - 100), pytest.approx(now - 97))
    assert seen.lost == {"expired": 1}
    assert (seen.flushes, seen.disk_fails) == (1, False)
    assert 0 <= seen.flushed_ago < 30
    assert seen.held == 0
    assert seen.latest("status") == {"cam": {"state": "ok"}}
    assert seen.notes == {"camera-cam": {"threads": 5}, "publisher": {"connected": True}}
    outbox.confirmed(Stamp(stamps[1].epoch, 2))
    assert (overview(path).confirmed, overview(path).unconfirmed) == (2, 0)
    assert overview(path).unconfirmed_since is None
    flusher.close()
    outbox.close()
    journal.close()


def test_overview_sees_that_the_disk_cannot_be_written(path, tmp_path):
    disk = tmp_path / "disk"
    flusher = Flusher(path, disk, Bounds(flush_seconds=1))
    flusher.halt()
    assert not overview(path).disk_fails
    disk.rename(tmp_path / "away")
    disk.write_text("no folder")
    flusher.halt()
    assert overview(path).disk_fails
    flusher.abandon()


def test_overview_of_nothing_is_none(path):
    assert overview(path) is None
    path.touch()  # as systemd-tmpfiles makes it
    assert overview(path) is None
    assert path.read_bytes() == b""


def test_overview_of_what_is_no_store_is_told_in_a_line(path):
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(EdgeError, match="the journal cannot be read"):
        overview(path)


def test_overview_of_another_versions_store_says_so(path):
    """Between the installation of a version and its start."""
    journal = Journal(path, camera="cam")
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 2")
        db.execute("DROP TABLE held")
    db.close()
    with pytest.raises(EdgeError, match="has layout 2, expected layout 3; start edge again"):
        overview(path)
    journal.close()


def test_overview_forgets_when_the_last_flush_was_with_the_boot_that_counted_its_seconds(path, tmp_path):
    """Where the file is not in memory: a clock that began anew says nothing of the one before."""
    disk = tmp_path / "disk"
    flusher = Flusher(path, disk, Bounds(flush_seconds=1))
    flusher.halt()
    with flusher._db.transaction() as db:
        write_meta(db, boot="another one", written_at=1e9)
    flusher.abandon()
    disk.rename(tmp_path / "away")
    disk.write_text("no folder")
    flusher = Flusher(path, disk, Bounds(flush_seconds=1))
    assert (overview(path).flushed_ago, overview(path).disk_fails) == (None, False)
    flusher.halt()
    assert overview(path).disk_fails
    flusher.abandon()


def test_overview_while_another_writes_sees_what_was_before(path):
    journal = Journal(path, camera="cam")
    journal.announce("status", b'{"state":"ok"}')
    with sqlite3.connect(path, isolation_level=None) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("DELETE FROM latest")
        assert overview(path).latest("status")
        writer.execute("ROLLBACK")
    writer.close()
    journal.close()


def test_overview_in_a_writing_process_leaves_its_locks(path):
    """POSIX locks belong to a process: closing any descriptor of the file would let go of them all."""
    journal = Journal(path, camera="cam")
    rival = (
        "import sqlite3, sys\ndb = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None)\n"
        "try: db.execute('BEGIN IMMEDIATE'); print('got it')\nexcept sqlite3.OperationalError as e: print(e)\n"
    )

    def tried():
        command = [sys.executable, "-c", rival, str(path)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.strip()

    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    assert tried() == "database is locked"
    assert overview(path) is not None
    assert tried() == "database is locked"
    writer.execute("ROLLBACK")
    assert tried() == "got it"
    writer.close()
    journal.close()


def test_holder_of_a_job_is_known_and_gone_with_the_block(tmp_path):
    assert holder(tmp_path, "publisher") is None
    with sole(tmp_path, "publisher"):
        assert holder(tmp_path, "publisher") == os.getpid()
        assert holder(tmp_path, "camera-cam") is None
    assert holder(tmp_path, "publisher") is None
