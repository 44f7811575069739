"""`edge listen`: the centre's side in the foreground, as a live table on a terminal or else a line a message."""

from __future__ import annotations

import re
import signal
import sys
import threading
from pathlib import Path

from edge.centre.listener import Listener
from edge.centre.records import Records
from edge.centre.store import Store, Written
from edge.centre.view import LiveView, line
from edge.config.schema import Broker
from edge.errors import EdgeError
from edge.mqtt.connection import Connection

SESSION_SECONDS = 7 * 86_400
"""How long the broker keeps messages for an absent centre."""


def listen(
    broker: Broker, *, root: str, centre_id: str, store: Path, credentials: tuple[str, str] | None = None
) -> int:
    """Serves until SIGTERM or SIGINT, then returns 0. EdgeError where the id is none or the store cannot be used."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,31}", centre_id):
        expected = "a-z, 0-9 and -, starting with a letter or digit, at most 32"
        raise EdgeError("edge listen --id", "no id", expected=expected, found=repr(centre_id), do="choose another")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    written_to = Store(store)
    connection = Connection(
        broker, client_id=f"centre-{centre_id}", credentials=credentials, session_seconds=SESSION_SECONDS
    )
    try:
        _serve(stop, connection, root=root, centre_id=centre_id, store=written_to)
    finally:
        connection.stop()
        written_to.close()
    return 0


def _serve(stop: threading.Event, connection: Connection, *, root: str, centre_id: str, store: Store) -> None:
    if not sys.stdout.isatty():
        Listener(connection, root=root, centre_id=centre_id, store=store, show=_print).run(stop)
        return
    records = Records(store.path)
    with LiveView(records, title=f"{centre_id} on {connection.name}") as view:
        Listener(connection, root=root, centre_id=centre_id, store=store, show=view.show).run(stop)
    records.close()


def _print(written: Written) -> None:
    if written.stored:
        sys.stdout.write("".join(f"{line(message)}\n" for message in written.stored))
        sys.stdout.flush()
