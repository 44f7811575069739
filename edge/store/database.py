"""The SQLite file that journal and outbox share: one a device, WAL, written by every worker and the publisher."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.errors import EdgeError

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
BOOT = Path("/proc/sys/kernel/random/boot_id")
SKIPPED_AT_BOOT = 10_000
"""A power cut may take the last transactions with it, though not their messages that are already away. Numbers go on
so far beyond the last one known after a boot, more than can be lost, that none is used twice; a reader who asks for
those in between is told that they are lost."""


def connect(path: Path, *, epoch: str | None = None) -> sqlite3.Connection:
    """The database at `path`, made where it is not there yet, in autocommit mode.

    `epoch` is given to a new database (by default a random one). EdgeError where the folder or file cannot be used.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=NORMAL")
        with transaction(database):
            _prepare(database, epoch or secrets.token_hex(4), path)
            _meet_boot(database)
    except (OSError, sqlite3.DatabaseError) as error:
        do = "check the folder's rights and free space; a damaged file can be moved away"
        raise EdgeError(str(path), "the journal cannot be opened", found=str(error), do=do) from None
    return database


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """A write transaction: all of it, or nothing where an exception passes through. EdgeError on a full disk."""
    try:
        database.execute("BEGIN IMMEDIATE")
        try:
            yield database
            database.execute("COMMIT")
        except BaseException:
            if database.in_transaction:  # a full disk has rolled it back already
                database.execute("ROLLBACK")
            raise
    except sqlite3.OperationalError as error:
        do = "free space or mend the disk"
        raise EdgeError("the journal", "cannot be written", found=str(error), do=do) from None


def _prepare(database: sqlite3.Connection, epoch: str, path: Path) -> None:
    version = database.execute("PRAGMA user_version").fetchone()[0]
    if version not in (0, SCHEMA_VERSION):
        do = "run the version that wrote it, or move the file away"
        raise EdgeError(str(path), f"the journal has layout {version}", expected=f"layout {SCHEMA_VERSION}", do=do)
    if version == SCHEMA_VERSION:
        return
    for statement in TABLES.split(";\n"):
        if statement.strip():
            database.execute(statement)
    database.execute("INSERT OR IGNORE INTO meta VALUES ('epoch', ?), ('seq', '0')", (epoch,))
    database.execute(f"PRAGMA user_version={SCHEMA_VERSION}")


def _meet_boot(database: sqlite3.Connection) -> None:
    boot = BOOT.read_text(encoding="ascii").strip() if BOOT.exists() else ""
    known = database.execute("SELECT value FROM meta WHERE name = 'boot'").fetchone()
    if known is None or known[0] != boot:
        if known is not None:
            skip = "UPDATE meta SET value = value + ? WHERE name = 'seq' AND CAST(value AS INTEGER) > 0"
            database.execute(skip, (SKIPPED_AT_BOOT,))
        database.execute("INSERT OR REPLACE INTO meta VALUES ('boot', ?)", (boot,))
