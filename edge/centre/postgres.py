"""The centre's PostgreSQL database: the only place that knows psycopg. Many instances may write at once."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager

from edge.centre.database import AwayError, Row, Value
from edge.centre.earlier import taken_over
from edge.centre.tables import INTERVALS, LAYOUT, Dialect, since, statements
from edge.errors import EdgeError

try:
    import psycopg
    from psycopg import conninfo
except ImportError:
    raise EdgeError(
        "edge.centre",
        "PostgreSQL needs psycopg, which is not installed",
        do="in the checkout run: .venv/bin/pip install -e '.[centre]'",
    ) from None

LOCK = 0x65646765
"""The first half of our advisory locks, `edge` in ASCII; the second half is a device's, or 0 for the tables."""
WAITS = {
    "connect_timeout": "10",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
    "application_name": "edge listen",
}
"""A server that is silently gone is noticed within half a minute; what the address says goes before."""
SESSION = (
    "SET TIME ZONE 'UTC'",
    # Whoever is told `stored` deletes: a server that is set to acknowledge before it has written must not.
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'",
)
PASSING = (psycopg.errors.ReadOnlySqlTransaction, psycopg.errors.IdleInTransactionSessionTimeout)
"""Faults of another kind that may pass too: a server that was made a standby, a connection that it has closed."""
READ_ONLY = "SET default_transaction_read_only = on"
HYPERTABLE = "SELECT create_hypertable(%s::regclass, 'start', chunk_time_interval => interval '7 days')"
DIALECT = Dialect(
    # Sorted and compared by bytes, as SQLite does, whatever the language of the database.
    text='TEXT COLLATE "C"', instant="TIMESTAMPTZ", real="DOUBLE PRECISION", whole="BIGINT", blob="BYTEA",
    serial="BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY", strict="",
    views="""
CREATE VIEW flow_count AS
  SELECT flow.node, flow.camera, flow.rule, flow.start, flow.seconds, flow.coverage, each.key AS class,
    (each.value ->> 0)::numeric AS a, (each.value ->> 1)::numeric AS b
  FROM flow, json_each(flow.body::json -> 'count') AS each;
CREATE VIEW zone_people AS
  SELECT node, camera, rule, start, seconds, coverage, (body::json #>> '{people,mean}')::double precision AS mean,
    (body::json #>> '{people,max}')::numeric AS max, (body::json #>> '{people,last}')::numeric AS last,
    (body::json #>> '{density_m2}')::double precision AS density_m2
  FROM zone;
""",
    more_views="""
CREATE VIEW turn_count AS
  SELECT turn.node, turn.camera, turn.rule, turn.start, turn.seconds, turn.coverage, move.key AS move,
    each.key AS class, (each.value #>> '{}')::numeric AS number
  FROM turn, json_each(turn.body::json -> 'moves') AS move, json_each(move.value) AS each;
CREATE VIEW queue_length AS
  SELECT node, camera, rule, start, seconds, coverage,
    (body::json #>> '{vehicles,mean}')::double precision AS vehicles_mean,
    (body::json #>> '{vehicles,max}')::double precision AS vehicles_max,
    (body::json #>> '{metres,mean}')::double precision AS metres_mean,
    (body::json #>> '{metres,max}')::double precision AS metres_max,
    (body::json #>> '{wait_s}')::double precision AS wait_s
  FROM queue;
""",
)  # fmt: skip


class Postgres:
    """A database of a server; it connects when it is first used, and again after a connection was lost."""

    def __init__(self, address: str, *, writing: bool) -> None:
        self._terms, self._where = _terms(address, writing=writing)
        self._writing = writing
        self._live: psycopg.Connection[Row] | None = None

    @property
    def where(self) -> str:
        """The database for people, without a password."""
        return self._where

    def prepare(self) -> None:
        """Makes the tables where there are none; of several instances that begin at once, one does it."""
        with self.transaction():
            self.rows("SELECT pg_advisory_xact_lock(?, 0)", (LOCK,))
            if self.rows("SELECT to_regclass('edge_layout')") == [(None,)]:
                self._make()
            layout = self.rows("SELECT number FROM edge_layout")[0][0]
            if layout in (2, 3):
                self.rows(since(layout, DIALECT))
                taken_over(self)
                self.rows("UPDATE edge_layout SET number = ?", (layout := LAYOUT,))
        if layout != LAYOUT:
            do = "name another database, or run the version that made it"
            raise EdgeError(self._where, f"another database (layout {layout})", expected=f"layout {LAYOUT}", do=do)

    def rows(self, query: str, values: Sequence[Value] = ()) -> list[Row]:
        """What a query finds."""
        with self._told():
            cursor = self._connection().execute(_spelt(query), values)
            return cursor.fetchall() if cursor.description else []

    def write(self, statement: str, rows: Iterable[Sequence[Value]]) -> None:
        """Runs a statement for each of the rows, in one go."""
        with self._told(), self._connection().cursor() as cursor:
            cursor.executemany(_spelt(statement), rows)

    @contextmanager
    def transaction(self, nodes: Collection[str] = ()) -> Iterator[None]:
        """A block of writes, the only one for these devices."""
        with self._told(), self._connection().transaction():
            # In one order for everybody, so that no two instances wait for each other.
            halves = sorted({_half(node) for node in nodes})
            self._connection().execute(
                "SELECT pg_advisory_xact_lock(%s, half) FROM unnest(%s::int[]) half", (LOCK, halves)
            )
            yield

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """A block of queries that see one moment."""
        with self._told(), self._connection().transaction():
            self.rows("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            yield

    def close(self) -> None:
        """Ends the connection; the next call makes another."""
        if self._live is not None:
            self._live.close()
            self._live = None

    def _connection(self) -> psycopg.Connection[Row]:
        if self._live is None or self._live.closed:
            live = psycopg.connect(self._terms, autocommit=True)
            for each in SESSION if self._writing else (*SESSION, READ_ONLY):
                live.execute(each)
            self._live = live
        return self._live

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Faults of the server in one line; what may pass as AwayError."""
        try:
            yield
        except (psycopg.OperationalError, psycopg.InterfaceError, *PASSING) as error:
            do = "start it, or check the address, rights and ~/.pgpass; what is not stored stays with the devices"
            raise AwayError(self._where, "the centre's database is away", found=_short(error), do=do) from None
        except psycopg.Error as error:
            do = "check this user's rights and that the database is the centre's own"
            raise EdgeError(self._where, "the centre's database refuses", found=_short(error), do=do) from None

    def _make(self) -> None:
        with self._connection().cursor() as cursor:
            cursor.execute(statements(DIALECT).encode())
            cursor.execute("CREATE TABLE edge_layout (number BIGINT NOT NULL)")
            cursor.execute("INSERT INTO edge_layout VALUES (%s)", (LAYOUT,))
            if cursor.execute("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'").fetchone():
                cursor.executemany(HYPERTABLE, [(name,) for name in INTERVALS])


def _terms(address: str, *, writing: bool) -> tuple[str, str]:
    """How to connect, and the database for people. EdgeError where it is no address, or one with a password."""
    try:
        given = conninfo.conninfo_to_dict(address)
    except psycopg.ProgrammingError:  # whose text may quote a password
        expected, do = "postgresql://user@host:5432/database", "write it so; a password comes from ~/.pgpass"
        raise EdgeError("edge --store", "no address of a database", expected=expected, do=do) from None
    if {"password", "sslpassword"} & given.keys():
        do = "take it out and put it into ~/.pgpass (mode 600), PGPASSWORD or a service file"
        raise EdgeError("edge --store", "a password on the command line is seen by every user of this machine", do=do)
    host = f"{given.get('host', '')}{':' if given.get('port') else ''}{given.get('port', '')}"
    user = f"{given['user']}@" if given.get("user") else ""
    service = f"?service={given['service']}" if given.get("service") else ""
    # Of several hosts, the one that may be written to; a lone one that may not is waited for.
    wanted = WAITS | ({"target_session_attrs": "read-write"} if writing else {})
    terms = conninfo.make_conninfo(address, **{key: value for key, value in wanted.items() if key not in given})
    return terms, f"postgresql://{user}{host}/{given.get('dbname', '')}{service}"


def _spelt(statement: str) -> bytes:
    """As psycopg wants it, which takes a str for one that was put together from what somebody has sent."""
    return statement.replace("?", "%s").encode()


def _half(node: str) -> int:
    """A lock's second half, a signed 32-bit number that every instance finds alike; two devices may share one."""
    return zlib.crc32(node.encode()) - 2**31


def _short(error: psycopg.Error) -> str:
    """The server's word without the lines that explain it."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
