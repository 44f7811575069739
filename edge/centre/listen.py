"""`edge listen`: the centre's side in the foreground, as a live table on a terminal or else a line a message."""

from __future__ import annotations

import re
import secrets
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from edge.centre.bridge import Also, Bridge, stored_in
from edge.centre.database import AwayError
from edge.centre.entities import sink
from edge.centre.listener import Centre, Listener
from edge.centre.patience import Patience
from edge.centre.records import Records
from edge.centre.store import Store, Written
from edge.centre.view import LiveView, line
from edge.centre.voice import Voice
from edge.config.parts import ID
from edge.config.schema import Broker
from edge.errors import EdgeError
from edge.mqtt.connection import Connection

SESSION_SECONDS = 7 * 86_400
"""How long the broker keeps messages for an absent centre."""


def listen(
    broker: Broker, *, centre: Centre, store: str, credentials: tuple[str, str] | None = None, also: Also
) -> int:
    """Serves until SIGTERM or SIGINT, then returns 0. EdgeError where the id is none or the store cannot be used; a
    server that is away is waited for."""
    if not re.fullmatch(ID, centre.id):
        expected = "a-z, 0-9 and -, starting with a letter or digit, at most 32"
        raise EdgeError("edge listen --id", "no id", expected=expected, found=repr(centre.id), do="choose another")
    if also and centre.shared:
        do = "let one more centre do it, with an id and a file of its own: edge listen --id bridge --store bridge.db"
        raise EdgeError("edge listen --also", "one of several instances does not see every message", do=do)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    written_to = _opened(store, stop)
    if written_to is None:
        return 0
    connection = Connection(
        broker, client_id=_client_id(centre), credentials=credentials, session_seconds=_session_seconds(centre)
    )
    try:
        voice = Voice(connection)
        with _bridge(also, voice, root=centre.root, store=written_to) as bridge:
            _serve(stop, voice, centre=centre, store=written_to, bridge=bridge)
    finally:
        connection.stop()
        written_to.close()
    return 0


def _opened(where: str, stop: threading.Event) -> Store | None:
    away = Patience()
    while True:
        try:
            return Store(where)
        except AwayError as error:
            if not away.wait(error, stop):
                return None


def _client_id(centre: Centre) -> str:
    return f"centre-{centre.id}-{secrets.token_hex(4)}" if centre.shared else f"centre-{centre.id}"


def _session_seconds(centre: Centre) -> int:
    """A session that outlives one of several instances would go on taking its share of the messages."""
    return 0 if centre.shared else SESSION_SECONDS


@contextmanager
def _bridge(also: Also, voice: Voice, *, root: str, store: Store) -> Iterator[Bridge | None]:
    if not also:
        yield None
        return
    entities = sink(also.entities) if also.entities else None
    bridge = Bridge(voice, root=root, tongues=also.tongues, entities=entities)
    records = Records(store.where)
    bridge.begin(stored_in(records))
    records.close()
    try:
        yield bridge
    finally:
        bridge.close()


def _serve(stop: threading.Event, voice: Voice, *, centre: Centre, store: Store, bridge: Bridge | None) -> None:
    if not sys.stdout.isatty():
        Listener(voice, centre=centre, store=store, show=_print, bridge=bridge).run(stop)
        return
    records = Records(store.where)
    with LiveView(records, title=f"{centre.id} on {voice.connection.name}") as view:
        Listener(voice, centre=centre, store=store, show=view.show, bridge=bridge).run(stop)
    records.close()


def _print(written: Written) -> None:
    if written.stored:
        sys.stdout.write("".join(f"{line(message)}\n" for message in written.stored))
        sys.stdout.flush()
