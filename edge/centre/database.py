"""The centre's SQLite file: WAL, flushed to disk at each commit, for a confirmed message is deleted by its sender."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from edge.errors import EdgeError

LAYOUT = 1
TABLES = """
CREATE TABLE flow (
  node TEXT NOT NULL, camera TEXT NOT NULL, rule TEXT NOT NULL, start TEXT NOT NULL, seconds REAL NOT NULL,
  epoch TEXT NOT NULL, seq INTEGER NOT NULL, coverage REAL NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (node, camera, rule, start, seconds)) STRICT;
CREATE INDEX flow_start ON flow (start);
CREATE TABLE zone (
  node TEXT NOT NULL, camera TEXT NOT NULL, rule TEXT NOT NULL, start TEXT NOT NULL, seconds REAL NOT NULL,
  epoch TEXT NOT NULL, seq INTEGER NOT NULL, coverage REAL NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (node, camera, rule, start, seconds)) STRICT;
CREATE INDEX zone_start ON zone (start);
CREATE TABLE "cross" (
  node TEXT NOT NULL, epoch TEXT NOT NULL, seq INTEGER NOT NULL, camera TEXT NOT NULL, rule TEXT NOT NULL,
  at TEXT NOT NULL, class TEXT NOT NULL, direction INTEGER NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (node, epoch, seq)) STRICT;
CREATE INDEX cross_at ON "cross" (node, camera, at);
CREATE TABLE other (
  node TEXT NOT NULL, epoch TEXT NOT NULL, seq INTEGER NOT NULL, kind TEXT NOT NULL, camera TEXT NOT NULL,
  rule TEXT NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (node, epoch, seq)) STRICT;
CREATE TABLE present (
  node TEXT NOT NULL, camera TEXT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL, stored REAL NOT NULL,
  PRIMARY KEY (node, camera, kind)) STRICT;
CREATE TABLE epoch (
  id INTEGER PRIMARY KEY, node TEXT NOT NULL, epoch TEXT NOT NULL, UNIQUE (node, epoch)) STRICT;
CREATE TABLE received (
  node TEXT NOT NULL, epoch TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
  PRIMARY KEY (node, epoch, first)) STRICT, WITHOUT ROWID;
CREATE TABLE lost (
  node TEXT NOT NULL, epoch TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, reason TEXT NOT NULL,
  stored REAL NOT NULL,
  PRIMARY KEY (node, epoch, first)) STRICT, WITHOUT ROWID;
CREATE TABLE rejected (
  id INTEGER PRIMARY KEY AUTOINCREMENT, stored REAL NOT NULL, topic TEXT NOT NULL, reason TEXT NOT NULL,
  body BLOB NOT NULL) STRICT;
CREATE TABLE tally (name TEXT PRIMARY KEY, number INTEGER NOT NULL) STRICT;
CREATE VIEW flow_count AS
  SELECT flow.node, flow.camera, flow.rule, flow.start, flow.seconds, flow.coverage, each.key AS class,
    json_extract(each.value, '$[0]') AS a, json_extract(each.value, '$[1]') AS b
  FROM flow, json_each(flow.body, '$.count') AS each;
CREATE VIEW zone_people AS
  SELECT node, camera, rule, start, seconds, coverage, json_extract(body, '$.people.mean') AS mean,
    json_extract(body, '$.people.max') AS max, json_extract(body, '$.people.last') AS last,
    json_extract(body, '$.density_m2') AS density_m2
  FROM zone;
"""


def connect(path: Path) -> sqlite3.Connection:
    """The database at `path`, made where it is not there yet, in autocommit mode. EdgeError where it cannot be used."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(path, timeout=30, isolation_level=None)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        _prepare(database, path)
    except (OSError, sqlite3.DatabaseError) as error:
        do = "name another file, or check the folder's rights and free space"
        raise EdgeError(str(path), "the centre's store cannot be opened", found=str(error), do=do) from None
    return database


def connect_to_read(path: Path) -> sqlite3.Connection:
    """The database of a centre that may be writing to it just now, for reading only."""
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=30, isolation_level=None)


def _prepare(database: sqlite3.Connection, path: Path) -> None:
    layout = database.execute("PRAGMA user_version").fetchone()[0]
    if layout == LAYOUT:
        return
    if layout or database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        do = "name another file, or run the version that wrote it"
        raise EdgeError(str(path), f"another database (layout {layout})", expected=f"layout {LAYOUT}", do=do)
    database.executescript(f"BEGIN IMMEDIATE;{TABLES}PRAGMA user_version={LAYOUT};COMMIT;")
