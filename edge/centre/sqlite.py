"""The centre's SQLite file: WAL, flushed to disk at each commit, for a confirmed message is deleted by its sender."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from edge.centre.database import AwayError, Row, Value
from edge.centre.earlier import taken_over
from edge.centre.tables import LAYOUT, Dialect, since, statements
from edge.errors import EdgeError

DIALECT = Dialect(
    text="TEXT", instant="TEXT", real="REAL", whole="INTEGER", blob="BLOB", serial="INTEGER PRIMARY KEY AUTOINCREMENT",
    strict=" STRICT",
    views="""
CREATE VIEW flow_count AS
  SELECT flow.node, flow.camera, flow.rule, flow.start, flow.seconds, flow.coverage, each.key AS class,
    json_extract(each.value, '$[0]') AS a, json_extract(each.value, '$[1]') AS b
  FROM flow, json_each(flow.body, '$.count') AS each;
CREATE VIEW zone_people AS
  SELECT node, camera, rule, start, seconds, coverage, json_extract(body, '$.people.mean') AS mean,
    json_extract(body, '$.people.max') AS max, json_extract(body, '$.people.last') AS last,
    json_extract(body, '$.density_m2') AS density_m2
  FROM zone;
""",
    more_views="""
CREATE VIEW turn_count AS
  SELECT turn.node, turn.camera, turn.rule, turn.start, turn.seconds, turn.coverage, move.key AS move,
    each.key AS class, each.value AS number
  FROM turn, json_each(turn.body, '$.moves') AS move, json_each(move.value) AS each;
CREATE VIEW queue_length AS
  SELECT node, camera, rule, start, seconds, coverage, json_extract(body, '$.vehicles.mean') AS vehicles_mean,
    json_extract(body, '$.vehicles.max') AS vehicles_max, json_extract(body, '$.metres.mean') AS metres_mean,
    json_extract(body, '$.metres.max') AS metres_max, json_extract(body, '$.wait_s') AS wait_s
  FROM queue;
""",
)  # fmt: skip


class Sqlite:
    """A file. EdgeError where it cannot be opened, AwayError where one for reading is not there yet."""

    def __init__(self, path: Path, *, writing: bool) -> None:
        self._path = path
        self._db = _connect(path) if writing else _connect_to_read(path)

    def prepare(self) -> None:
        """Makes the tables where there are none, and takes over those of an earlier layout; of several processes that
        begin at once, one does it. EdgeError where the file is somebody else's."""
        with _opening(self._path):
            if self._layout() == LAYOUT:
                return
            with self._db:  # ends the transaction, whatever happens
                self._db.execute("BEGIN IMMEDIATE")
                if (layout := self._layout()) < LAYOUT:
                    self._make(layout)
        if self._layout() != LAYOUT:
            do = "name another file, or run the version that wrote it"
            raise EdgeError(self.where, f"another database (layout {layout})", expected=f"layout {LAYOUT}", do=do)

    def _layout(self) -> int:
        return int(self._db.execute("PRAGMA user_version").fetchone()[0])

    def _make(self, layout: int) -> None:
        """From nothing or from an earlier layout; not in somebody else's database."""
        if not layout and self._db.execute("SELECT name FROM sqlite_master").fetchone():
            return
        for each in (since(layout, DIALECT) if layout else statements(DIALECT)).split(";\n"):
            self._db.execute(each)
        if layout:
            taken_over(self)
        self._db.execute(f"PRAGMA user_version={LAYOUT}")

    @property
    def where(self) -> str:
        """The file."""
        return str(self._path)

    def rows(self, query: str, values: Sequence[Value] = ()) -> list[Row]:
        """What a query finds."""
        try:
            return self._db.execute(query, values).fetchall()
        except sqlite3.DatabaseError as error:
            do = "name the file that `edge listen --store` writes"
            raise _kind(error)(self.where, "cannot be read", found=str(error), do=do) from None

    def write(self, statement: str, rows: Iterable[Sequence[Value]]) -> None:
        """Runs a statement for each of the rows."""
        try:
            self._db.executemany(statement, rows)
        except sqlite3.DatabaseError as error:
            raise self._not_stored(error) from None

    def transaction(self, nodes: Collection[str] = ()) -> AbstractContextManager[None]:  # noqa: ARG002 - the protocol's
        """A block of writes; SQLite has one writer at a time, whatever the devices."""
        return self._block("BEGIN IMMEDIATE")

    def snapshot(self) -> AbstractContextManager[None]:
        """A block of queries that see one moment."""
        return self._block("BEGIN")

    def close(self) -> None:
        """Closes the file."""
        self._db.close()

    @contextmanager
    def _block(self, begin: str) -> Iterator[None]:
        self._say(begin)
        try:
            yield
            self._say("COMMIT")
        finally:
            if self._db.in_transaction:
                self._say("ROLLBACK")

    def _say(self, word: str) -> None:
        try:
            self._db.execute(word)
        except sqlite3.DatabaseError as error:
            raise self._not_stored(error) from None

    def _not_stored(self, error: sqlite3.DatabaseError) -> EdgeError:
        do = "free some space or mend the disk; what is not stored is not confirmed, so the devices keep it"
        return _kind(error)(self.where, "messages cannot be stored", found=str(error), do=do)


def _kind(error: sqlite3.DatabaseError) -> type[EdgeError]:
    """An OperationalError (a full disk, a lock, no table yet) may pass, another one will not."""
    return AwayError if isinstance(error, sqlite3.OperationalError) else EdgeError


def _connect(path: Path) -> sqlite3.Connection:
    with _opening(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(path, timeout=30, isolation_level=None)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
    return database


@contextmanager
def _opening(path: Path) -> Iterator[None]:
    """Faults of a file that is being opened to be written, in one line."""
    try:
        yield
    except (OSError, sqlite3.DatabaseError) as error:
        kind = AwayError if _passes(error) else EdgeError
        do = "name another file, or check the folder's rights and free space"
        raise kind(str(path), "the centre's store cannot be opened", found=str(error), do=do) from None


def _passes(error: Exception) -> bool:
    """Whether a file that cannot be opened may be opened later, with the same name and rights."""
    passing = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR)
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO)
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in passing


def _connect_to_read(path: Path) -> sqlite3.Connection:
    try:
        return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=30, isolation_level=None)
    except sqlite3.OperationalError as error:
        do = "name the file that `edge listen --store` writes"
        raise AwayError(str(path), "no store of a centre", found=str(error), do=do) from None
