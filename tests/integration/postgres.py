"""A PostgreSQL of our own: a throw-away cluster on a free port of 127.0.0.1, run by nobody's service."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from broker import free_port, wait_until

USER = "edge"
PASSWORD = "bí mật"
VERSIONS = Path("/usr/lib/postgresql")


def _programs() -> Path:
    """The folder of initdb and postgres, of the newest version here."""
    found = shutil.which("initdb")
    folders = (
        [Path(found).parent] if found else sorted(VERSIONS.glob("*/bin"), key=lambda each: float(each.parent.name))
    )
    if not folders:
        pytest.skip("PostgreSQL's server is not here: install postgresql")
    return folders[-1]


class Postgres:
    """A cluster that can be ended, killed and started again on the same port; only USER with PASSWORD gets in."""

    def __init__(self, *options: str) -> None:
        self._programs = _programs()
        self._folder = Path(tempfile.mkdtemp(prefix="edge-postgres-"))
        self.port = free_port()
        self._options = options
        self._names = (f"t{number}" for number in itertools.count())
        self._process: subprocess.Popen[bytes] | None = None
        # The server refuses to run as root; Debian's package brings a user for it.
        self._as: dict[str, Any] = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
        if self._as:
            shutil.chown(self._folder, "postgres", "postgres")
        self.passwords = self._folder / "pgpass"
        self.passwords.touch(0o600)
        self.passwords.write_text(f"127.0.0.1:*:*:{USER}:{PASSWORD}\n")
        secret = self._folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        self._run("initdb", "--no-sync", "--auth=scram-sha-256", f"--pwfile={secret}", f"--username={USER}",
                  "--encoding=UTF8", "--locale=C", "-D", str(self._data))  # fmt: skip

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    @property
    def log(self) -> str:
        """Everything that it said."""
        return (self._folder / "log").read_text(errors="replace")

    def start(self) -> None:
        """Starts it and waits until it answers."""
        argv = [str(self._programs / "postgres"), "-D", str(self._data), "-p", str(self.port),
                "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", *self._options]  # fmt: skip
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(argv, stdout=log, stderr=log, cwd="/", **self._as)
        wait_until(self._answers, what=lambda: f"PostgreSQL answers: {self.log}", seconds=30)

    def end(self, number: signal.Signals = signal.SIGINT) -> None:
        """Ends it by a signal: SIGINT at once, SIGQUIT without tidying up, as a crash does."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(number)
            self._process.wait(timeout=30)

    def remove(self) -> None:
        """Ends it and removes every trace."""
        self.end()
        shutil.rmtree(self._folder)

    def new(self) -> str:
        """The address of a new, empty database."""
        name = next(self._names)
        self.do("postgres", f"CREATE DATABASE {name}")
        return self.address(name)

    def address(self, name: str) -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{name}"

    def do(self, database: str, statement: str) -> list[tuple[Any, ...]]:
        """Runs a statement as the owner of everything."""
        with psycopg.connect(self.address(database), autocommit=True, passfile=str(self.passwords)) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def _answers(self) -> bool:
        assert self._process and self._process.poll() is None, self.log
        try:
            return self.do("postgres", "SELECT 1") == [(1,)]
        except psycopg.OperationalError:
            return False

    def _run(self, program: str, *arguments: str) -> None:
        made = subprocess.run([str(self._programs / program), *arguments], cwd="/", capture_output=True, text=True,
                              check=False, **self._as)  # fmt: skip
        assert made.returncode == 0, made.stderr


@contextmanager
def running(*options: str) -> Iterator[Postgres]:
    """A cluster that answers, and is removed with the block. Passwords come from its file, as from ~/.pgpass."""
    cluster = Postgres(*options)
    before = os.environ.get("PGPASSFILE")
    os.environ["PGPASSFILE"] = str(cluster.passwords)
    try:
        cluster.start()
        yield cluster
    finally:
        if before is None:
            del os.environ["PGPASSFILE"]
        else:
            os.environ["PGPASSFILE"] = before
        cluster.remove()
