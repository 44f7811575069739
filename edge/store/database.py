"""The SQLite file that journal and outbox share: one a device, WAL, written by every worker and the publisher.

It belongs into a folder in memory that survives every process. What must survive a power cut is flushed from there to
a log on the disk (flush.py), out of which it is made anew (snapshot.py) where it is not there any more.
"""

from __future__ import annotations

import fcntl
import json
import logging
import secrets
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edge.errors import EdgeError
from edge.store.kept import restore_kept
from edge.store.log import Log
from edge.store.snapshot import EVERYTHING, last_flush, read_meta, restore, write_meta

LOG = logging.getLogger("edge.store")

TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS crossing (
  id INTEGER PRIMARY KEY, camera TEXT NOT NULL, rule TEXT NOT NULL, at REAL NOT NULL,
  kind TEXT NOT NULL, direction INTEGER NOT NULL CHECK (direction IN (0, 1)), number INTEGER NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS crossing_of_rule ON crossing (camera, rule, at);
CREATE TABLE IF NOT EXISTS period (
  camera TEXT NOT NULL, rule TEXT NOT NULL, kind TEXT NOT NULL, start REAL NOT NULL, seconds REAL NOT NULL,
  analysed REAL NOT NULL, flags TEXT NOT NULL, numbers TEXT NOT NULL, fingerprint TEXT NOT NULL, seen REAL NOT NULL,
  PRIMARY KEY (camera, rule, start)) STRICT;
CREATE TABLE IF NOT EXISTS total (
  camera TEXT NOT NULL, rule TEXT NOT NULL, a INTEGER NOT NULL, b INTEGER NOT NULL,
  PRIMARY KEY (camera, rule)) STRICT;
CREATE TABLE IF NOT EXISTS outbox (
  epoch TEXT NOT NULL, seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, camera TEXT NOT NULL, rule TEXT NOT NULL,
  body BLOB NOT NULL, made REAL NOT NULL, expires REAL NOT NULL, acknowledged INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE INDEX IF NOT EXISTS waiting ON outbox (seq, made, expires, kind) WHERE acknowledged = 0;
CREATE INDEX IF NOT EXISTS taken ON outbox (seq) WHERE acknowledged = 1;
CREATE INDEX IF NOT EXISTS unheard ON outbox (kind, camera, rule, seq, expires) WHERE acknowledged = 3;
CREATE INDEX IF NOT EXISTS refused ON outbox (seq) WHERE acknowledged = 2;
CREATE INDEX IF NOT EXISTS alarms ON outbox (seq DESC) WHERE acknowledged = 0 AND kind = 'alarm';
CREATE TABLE IF NOT EXISTS latest (
  camera TEXT NOT NULL, kind TEXT NOT NULL, rule TEXT NOT NULL, body BLOB NOT NULL, at REAL NOT NULL,
  version INTEGER NOT NULL, PRIMARY KEY (camera, kind, rule)) STRICT;
CREATE TABLE IF NOT EXISTS alarm (
  camera TEXT NOT NULL, rule TEXT NOT NULL, id TEXT NOT NULL, state TEXT NOT NULL,
  PRIMARY KEY (camera, rule)) STRICT;
CREATE TABLE IF NOT EXISTS lost (
  id INTEGER PRIMARY KEY, epoch TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
  reason TEXT NOT NULL, told INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE INDEX IF NOT EXISTS lost_last ON lost (epoch, last);
CREATE INDEX IF NOT EXISTS lost_untold ON lost (first) WHERE told = 0;
CREATE TABLE IF NOT EXISTS told (
  camera TEXT NOT NULL, rule TEXT NOT NULL, spans TEXT NOT NULL, PRIMARY KEY (camera, rule)) STRICT;
CREATE TABLE IF NOT EXISTS era (camera TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS held (
  id INTEGER PRIMARY KEY, camera TEXT NOT NULL, boot TEXT NOT NULL, offset REAL NOT NULL, body TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS kept (
  camera TEXT NOT NULL, name TEXT NOT NULL, saved INTEGER NOT NULL, body BLOB NOT NULL,
  PRIMARY KEY (camera, name)) STRICT;
CREATE TABLE IF NOT EXISTS segment (
  number INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL) STRICT;
"""
SCHEMA_VERSION = 3
DAMAGED = ("malformed", "not a database", "of no use")
"""What SQLite says of a file whose content is no database, as against one that it cannot reach; and what is said here
of one that may not be used."""
UNWRITABLE = ("full", "readonly", "disk I/O error", "unable to open database file", "locked")
"""What SQLite says where a file cannot be written at present."""


BUSY_SECONDS = 5.0
"""How long one process waits for another's transaction."""


class UnwritableError(EdgeError):
    """Nothing can be written at present; the store itself is whole. Whoever has something to write keeps it."""


class Database:
    """The file at `path`, made where it is not there yet: out of the log in the folder `disk` where that
    holds something. `epoch` is given to a new one (by default a random one).

    A file that is damaged is set aside on opening, and another takes its place: out of the log, or with a new epoch.
    So is one from before a power cut that has less than the log. EdgeError where the folder or the file cannot be
    used, or where another process has set it aside meanwhile: whoever started this process starts it again.
    """

    def __init__(self, path: Path, *, disk: Path | None = None, epoch: str | None = None) -> None:
        self._path, self._log = path, Log(disk) if disk else None
        self._epoch = epoch or secrets.token_hex(4)
        with _told(path), _alone(path):
            try:
                self._open()
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
                self._connection.close()
                _set_aside(path, str(error))
                self._open()

    def _open(self) -> None:
        self._path.touch(mode=0o660)  # SQLite's own mode would shut the group out
        # any thread, though one at a time: who opens it need not be who runs it
        self._connection = sqlite3.connect(
            self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        if self._marker.exists():
            raise sqlite3.DatabaseError(DAMAGED[0])
        self._connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute("PRAGMA wal_autocheckpoint=250")  # a megabyte: it lies in memory
        self._prepare()
        self._inode = self._path.stat().st_ino

    @property
    def _marker(self) -> Path:
        return self._path.with_name(f"{self._path.name}.damaged")

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A write transaction: all of it, or nothing where an exception passes through. It survives any process."""
        with self._faults():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # a full disk has rolled it back already
                    self._connection.execute("ROLLBACK")
                raise

    def rows(self, query: str, values: Iterable[object] = ()) -> list[tuple[Any, ...]]:
        """What a query finds."""
        with self._faults():
            return self._connection.execute(query, tuple(values)).fetchall()

    def note(self, name: str, **fields: object) -> None:
        """Puts down how a process does, for whoever looks at the store from outside; it takes the place of its last."""
        with self.transaction() as db:
            write_meta(db, **{f"note {name}": json.dumps(fields)})

    @contextmanager
    def _faults(self) -> Iterator[None]:
        with _told(self._path):
            if not self._path.exists() or self._path.stat().st_ino != self._inode:
                raise sqlite3.OperationalError("the file was set aside or removed")
            try:
                yield
            except sqlite3.DatabaseError as error:
                if _is_damage(error):
                    self._marker.touch()
                raise

    def _prepare(self) -> None:
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            self._make()
        elif self._log and version != SCHEMA_VERSION:
            raise sqlite3.DatabaseError(f"{DAMAGED[2]}: layout {version}, not {SCHEMA_VERSION}")
        elif version != SCHEMA_VERSION:
            do = "run the version that wrote it, or move the file away"
            what = f"the journal has layout {version}"
            raise EdgeError(str(self._path), what, expected=f"layout {SCHEMA_VERSION}", do=do)
        elif self._log:
            self._check_age(self._log)

    def _make(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        for statement in TABLES.split(";\n"):
            if statement.strip():
                self._connection.execute(statement)
        sendable = 0 if self._log else EVERYTHING
        write_meta(self._connection, epoch=self._epoch, seq=0, flushes=0, flushed=0, sendable=sendable, boot=_boot())
        if self._log:
            restore_kept(self._connection, self._log.folder)
        if self._log and (done := restore(self._connection, self._log)):
            LOG.warning("%s: %s", self._path, done)
        self._connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        self._connection.execute("COMMIT")

    def _check_age(self, log: Log) -> None:
        """After a boot a file that was not in memory may have less than the log: its last writes are not there."""
        meta = read_meta(self._connection)
        if meta["boot"] == _boot():
            return
        if int(meta["flushes"]) < last_flush(log):
            raise sqlite3.DatabaseError(f"{DAMAGED[2]}: older than what is on the disk")
        write_meta(self._connection, boot=_boot())
        of_that_boot = "DELETE FROM meta WHERE name IN ('clock', 'tried_at', 'written_at')"
        self._connection.execute(of_that_boot)


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    return any(words in str(error) for words in DAMAGED)


def _boot() -> str:
    """Another one after each start of the machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _set_aside(path: Path, why: str) -> None:
    """Renames the database and what belongs to it, so that a person can look at it and counting goes on."""
    away = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}")
    for ending in ("", "-wal", "-shm"):
        part = path.with_name(path.name + ending)
        if part.exists():
            part.rename(away.with_name(away.name + ending))
    path.with_name(f"{path.name}.damaged").unlink(missing_ok=True)
    LOG.error("%s: the journal is damaged (%s); set aside as %s", path, why, away.name)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One process at a time opens the file, so that a damaged one is set aside once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """What SQLite and the system refuse, as one line."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        do = "free space, check the folder's rights, or mend the disk"
        kind = UnwritableError if any(words in str(error) for words in UNWRITABLE) else EdgeError
        raise kind(str(path), "the journal cannot be used", found=str(error), do=do) from None
