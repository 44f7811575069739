"""What the centre needs of a database: rows, one transaction at a time, and a word when it is away.

SQL is written once, with `?` for values, in what SQLite (3.35) and PostgreSQL (12) both understand.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from edge.errors import EdgeError

Value = str | int | float | bytes
Row = tuple[Any, ...]
SERVERS = ("postgresql://", "postgres://")


class AwayError(EdgeError):
    """A database that cannot be used just now and may come back: no connection, a full disk, a lock."""


class Database(Protocol):
    """An open database. Every method raises AwayError, or EdgeError where waiting does not help."""

    @property
    def where(self) -> str:
        """The database for people, without a password."""

    def rows(self, query: str, values: Sequence[Value] = ()) -> list[Row]:
        """What a query finds."""

    def write(self, statement: str, rows: Iterable[Sequence[Value]]) -> None:
        """Runs a statement for each of the rows; within a transaction."""

    def transaction(self, nodes: Collection[str] = ()) -> AbstractContextManager[None]:
        """A block whose writes are all on the disk after it, or none of them; nobody else is in one for these devices
        meanwhile."""

    def snapshot(self) -> AbstractContextManager[None]:
        """A block whose queries all see one moment."""

    def close(self) -> None:
        """Ends the connection; a later call opens it again."""


def is_server(where: str | Path) -> bool:
    """Whether this names a PostgreSQL database and no file."""
    return isinstance(where, str) and where.startswith(SERVERS)


def open_to_write(where: str | Path) -> Database:
    """The database with the centre's tables, made where there are none. AwayError; EdgeError where it is not ours."""
    if is_server(where):
        from edge.centre.postgres import Postgres

        server = Postgres(str(where), writing=True)
        server.prepare()
        return server
    from edge.centre.sqlite import Sqlite

    file = Sqlite(Path(where), writing=True)
    file.prepare()
    return file


def open_to_read(where: str | Path) -> Database:
    """The database of a centre that may be writing to it just now, for reading only. AwayError where there is none."""
    if is_server(where):
        from edge.centre.postgres import Postgres

        return Postgres(str(where), writing=False)
    from edge.centre.sqlite import Sqlite

    return Sqlite(Path(where), writing=False)
