"""The SQLite file that journal and outbox share: one a device, WAL, written by every worker and the publisher."""

from __future__ import annotations

import fcntl
import logging
import secrets
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edge.errors import EdgeError

LOG = logging.getLogger("edge.store")

TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS crossing (
  id INTEGER PRIMARY KEY, camera TEXT NOT NULL, rule TEXT NOT NULL, at REAL NOT NULL,
  kind TEXT NOT NULL, direction INTEGER NOT NULL CHECK (direction IN (0, 1))) STRICT;
CREATE INDEX IF NOT EXISTS crossing_of_rule ON crossing (camera, rule, at);
CREATE TABLE IF NOT EXISTS period (
  camera TEXT NOT NULL, rule TEXT NOT NULL, kind TEXT NOT NULL, start REAL NOT NULL, seconds REAL NOT NULL,
  analysed REAL NOT NULL, flags TEXT NOT NULL, numbers TEXT NOT NULL, fingerprint TEXT NOT NULL, seen REAL NOT NULL,
  PRIMARY KEY (camera, rule, start)) STRICT;
CREATE TABLE IF NOT EXISTS total (
  camera TEXT NOT NULL, rule TEXT NOT NULL, a INTEGER NOT NULL, b INTEGER NOT NULL,
  PRIMARY KEY (camera, rule)) STRICT;
CREATE TABLE IF NOT EXISTS outbox (
  epoch TEXT NOT NULL, seq INTEGER NOT NULL, kind TEXT NOT NULL, camera TEXT NOT NULL, rule TEXT NOT NULL,
  body BLOB NOT NULL, made REAL NOT NULL, expires REAL NOT NULL, acknowledged INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (epoch, seq)) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS waiting ON outbox (epoch, seq, made, expires, kind) WHERE acknowledged = 0;
CREATE TABLE IF NOT EXISTS latest (
  camera TEXT NOT NULL, kind TEXT NOT NULL, body BLOB NOT NULL, at REAL NOT NULL, version INTEGER NOT NULL,
  PRIMARY KEY (camera, kind)) STRICT;
"""
SCHEMA_VERSION = 1
DAMAGED = ("malformed", "not a database")
"""What SQLite says of a file whose content is no database, as against one that it cannot reach."""


class Database:
    """The file at `path`, made where it is not there yet. `epoch` is given to a new one (by default a random one).

    A file that is damaged is set aside on opening, and a new one, with a new epoch, takes its place. EdgeError where
    the folder or the file cannot be used, or where another process has set it aside meanwhile: whoever started this
    process starts it again.
    """

    def __init__(self, path: Path, *, epoch: str | None = None) -> None:
        self._path = path
        self._epoch = epoch or secrets.token_hex(4)
        with _told(path), _alone(path):
            try:
                self._open()
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
                _set_aside(path)
                self._open()

    def _open(self) -> None:
        if self._marker.exists():
            raise sqlite3.DatabaseError(DAMAGED[0])
        # any thread, though one at a time: who opens it need not be who runs it
        self._connection = sqlite3.connect(self._path, timeout=30, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._prepare()
        self._inode = self._path.stat().st_ino

    @property
    def _marker(self) -> Path:
        return self._path.with_name(f"{self._path.name}.damaged")

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()

    @contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """A write transaction: all of it, or nothing where an exception passes through. A `durable` one is on the
        disk when it ends, and with it everything before; another survives any process, but perhaps not a power cut.
        """
        with self._faults():
            if not self._path.exists() or self._path.stat().st_ino != self._inode:
                raise sqlite3.OperationalError("the file was set aside or removed")
            if durable:
                self._connection.execute("PRAGMA synchronous=FULL")
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # a full disk has rolled it back already
                    self._connection.execute("ROLLBACK")
                raise
            finally:
                self._connection.execute("PRAGMA synchronous=NORMAL")

    def rows(self, query: str, values: Iterable[object] = ()) -> list[tuple[Any, ...]]:
        """What a query finds."""
        with self._faults():
            return self._connection.execute(query, tuple(values)).fetchall()

    @contextmanager
    def _faults(self) -> Iterator[None]:
        with _told(self._path):
            try:
                yield
            except sqlite3.DatabaseError as error:
                if _is_damage(error):
                    self._marker.touch()
                raise

    def _prepare(self) -> None:
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if version == SCHEMA_VERSION:
            return
        if version != 0:
            do = "run the version that wrote it, or move the file away"
            what = f"the journal has layout {version}"
            raise EdgeError(str(self._path), what, expected=f"layout {SCHEMA_VERSION}", do=do)
        self._connection.execute("BEGIN IMMEDIATE")
        for statement in TABLES.split(";\n"):
            if statement.strip():
                self._connection.execute(statement)
        self._connection.execute("INSERT OR IGNORE INTO meta VALUES ('epoch', ?), ('seq', '0')", (self._epoch,))
        self._connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        self._connection.execute("COMMIT")


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    return any(words in str(error) for words in DAMAGED)


def _set_aside(path: Path) -> None:
    """Renames the database and what belongs to it, so that a person can look at it and counting goes on."""
    away = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}")
    for ending in ("", "-wal", "-shm"):
        part = path.with_name(path.name + ending)
        if part.exists():
            part.rename(away.with_name(away.name + ending))
    path.with_name(f"{path.name}.damaged").unlink(missing_ok=True)
    LOG.error("%s: the journal is damaged; set aside as %s, counting goes on in a new epoch", path, away.name)


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
        raise EdgeError(str(path), "the journal cannot be used", found=str(error), do=do) from None
