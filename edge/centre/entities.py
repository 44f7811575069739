"""Where NGSI-LD entities go: a file of JSON lines, or a context broker over HTTP."""

from __future__ import annotations

import http.client
import json
import logging
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections import deque
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Protocol

from edge.centre.tongues.ngsild import Entity, as_of
from edge.errors import EdgeError

LOG = logging.getLogger("edge.centre")
UPSERT = "/ngsi-ld/v1/entityOperations/upsert"
"""Batch Entity Creation or Update (Upsert) of ETSI GS CIM 009; without options it replaces entities as a whole."""
BATCH_ENTITIES = 100
MOST_WAITING = 20_000
"""Entities kept for a context broker that does not answer; beyond, the oldest go."""
ANSWER_SECONDS = 10.0
FIRST_PAUSE_SECONDS = 1.0
MOST_PAUSE_SECONDS = 60.0
CLOSE_SECONDS = 5.0
UNFIT = frozenset({400, 413, 415, 422})
"""Answers after which the same entities would be refused again."""


class Sink(Protocol):
    """Takes entities in the order of the store, and never stops the centre."""

    def put(self, entities: Sequence[Entity]) -> None:
        """Takes them; does not wait for a network."""

    def close(self) -> None:
        """Ends it."""


def sink(target: str) -> Sink:
    """A context broker for an http or https address, otherwise a file. EdgeError where it cannot be used."""
    if "://" not in target:
        return EntityFile(Path(target))
    url = urllib.parse.urlsplit(target)
    if url.scheme not in ("http", "https") or not url.hostname or url.username or url.query or url.fragment:
        expected = "a file, or http(s)://host:port without user, password and query"
        raise EdgeError("edge listen --also ngsi-ld", "no address of a context broker", expected=expected, do="mend it")
    return ContextBroker(target)


class EntityFile:
    """A file with one entity a line, appended to; it may be moved away at any time. EdgeError where it cannot be
    written at the start; later, what could not be written is told in the log."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.open("ab").close()
        except OSError as error:
            do = "name a file in a folder of yours"
            raise EdgeError(str(path), "cannot be written", found=error.strerror or str(error), do=do) from None

    def put(self, entities: Sequence[Entity]) -> None:
        """Appends them."""
        lines = "".join(json.dumps(each, ensure_ascii=False, separators=(",", ":")) + "\n" for each in entities)
        try:
            with self._path.open("ab") as file:
                file.write(lines.encode())
        except OSError as error:
            LOG.warning("%s: %d entities not written, %s; they are in the store", self._path, len(entities), error)

    def close(self) -> None:
        """Nothing is left to be done."""


class _Answer(Enum):
    TAKEN = "taken"
    REFUSED = "refused"
    LATER = "later"


class ContextBroker:
    """A context broker that gets entities in order, in a thread of its own.

    An entity never goes back in time: what is older than the latest told of its id is left out (the store has it).
    A broker that does not answer is asked again after 1, 2, 4 … 60 s, meanwhile MOST_WAITING entities wait.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/") + UPSERT
        self._waiting: deque[Entity] = deque()
        self._latest: dict[str, float] = {}
        self._dropped = 0
        self._change = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="ngsi-ld", daemon=True)
        self._thread.start()

    def put(self, entities: Sequence[Entity]) -> None:
        """Lets them wait for their turn."""
        with self._change:
            for entity in entities:
                at = as_of(entity)
                if at < self._latest.get(entity["id"], at):
                    continue
                if "clock" not in entity.get("flags", {}).get("value", ()):  # a wrong time must not bar the right ones
                    self._latest[entity["id"]] = at
                self._waiting.append(entity)
            while len(self._waiting) > MOST_WAITING:
                self._waiting.popleft()
                self._dropped += 1
            self._change.notify()

    def close(self) -> None:
        """Tries once more to send what waits, for at most CLOSE_SECONDS, and tells what is left."""
        with self._change:
            self._closing = True
            self._change.notify()
        self._thread.join(CLOSE_SECONDS)
        if self._waiting:
            LOG.warning("%s: %d entities not sent; they are in the store", self._url, len(self._waiting))

    def _work(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while batch := self._next_batch():
            answer = self._post(batch)
            if answer is _Answer.LATER:
                if not self._rest(pause):
                    return
                pause = min(2 * pause, MOST_PAUSE_SECONDS)
                continue
            pause = FIRST_PAUSE_SECONDS
            with self._change:
                sent = {id(entity) for entity in batch}
                while self._waiting and id(self._waiting[0]) in sent:  # the oldest of them may have gone meanwhile
                    self._waiting.popleft()

    def _next_batch(self) -> list[Entity]:
        """Waits for the next ones, which stay until they are answered, each id once; empty when it is closed."""
        with self._change:
            self._change.wait_for(lambda: self._waiting or self._closing)
            batch: dict[str, Entity] = {}
            for entity in self._waiting:
                if entity["id"] in batch or len(batch) == BATCH_ENTITIES:
                    break
                batch[entity["id"]] = entity
            if self._dropped:
                LOG.warning("%s: %d entities dropped, too many waited; they are in the store", self._url, self._dropped)
                self._dropped = 0
            return list(batch.values())

    def _rest(self, seconds: float) -> bool:
        """Waits before the next attempt; False where there shall be none."""
        with self._change:
            return not self._change.wait_for(lambda: self._closing, timeout=seconds)

    def _post(self, batch: list[Entity]) -> _Answer:
        headers = {"Content-Type": "application/ld+json", "Accept": "application/json"}
        request = urllib.request.Request(self._url, json.dumps(batch).encode(), headers, method="POST")  # noqa: S310 - http(s) only
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as response:  # noqa: S310 - http(s) only
                if response.status == http.HTTPStatus.MULTI_STATUS:
                    LOG.warning("%s: refused some of %d entities", self._url, len(batch))
        except urllib.error.HTTPError as error:
            answer = _Answer.REFUSED if error.code in UNFIT else _Answer.LATER
            LOG.warning("%s: %d entities %s, HTTP %d %s", self._url, len(batch), answer.value, error.code, error.reason)
            error.close()
            return answer
        except (OSError, http.client.HTTPException) as error:
            LOG.warning("%s: no answer, %s", self._url, error)
            return _Answer.LATER
        return _Answer.TAKEN
