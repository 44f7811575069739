"""The store's way to the disk: in batches, so that flash is spared, and before anything of it is sent."""

from __future__ import annotations

import fcntl
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge.errors import EdgeError
from edge.store.database import Database
from edge.store.kept import note_saved, save, unsaved
from edge.store.log import Log
from edge.store.snapshot import note_segment, read_meta, snapshot, write_meta
from edge.store.trim import trim

LOG = logging.getLogger("edge.store")

GATHER_SECONDS = 0.5
"""How long a new message waits for others, so that the intervals of all cameras go to the disk together."""
SUBSTITUTE_SECONDS = 5.0
"""How much later than due a worker flushes in place of a publisher that does not."""
LOOK_SECONDS = 0.2
RETRY_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """How often the store is flushed, and how many bytes of memory it may take."""

    flush_seconds: float = 30.0
    outbox_bytes: int = 256 << 20


class Flusher:
    """Puts the store at `path` into the log in the folder `disk` every so often, and new messages at once; call
    step() often, or start a thread with start(). Each process that counts or sends has one; which of them flushes does
    not matter. One without `bounds` leaves it to the one that has them, as long as that does it.

    Where the disk cannot be written, `fault` says so in a line, and messages are sent all the same: they are safe from
    everything but a power cut.
    """

    def __init__(
        self, path: Path, disk: Path, bounds: Bounds | None = None, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.fault = ""
        self._path, self._log, self._bounds, self._clock = path, Log(disk), bounds, clock
        self._db = Database(path, disk=disk)
        self._new_since: float | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._users = os.open(path.with_name("users.lock"), os.O_RDWR | os.O_CREAT, 0o660)
        fcntl.flock(self._users, fcntl.LOCK_SH)
        if bounds:
            with self._db.transaction() as db:
                write_meta(db, flush_seconds=bounds.flush_seconds, outbox_bytes=bounds.outbox_bytes)

    def start(self) -> None:
        """Flushes in a thread of its own from now on: a slow disk stops nothing else."""
        self._thread = threading.Thread(target=self._run, name="flush", daemon=True)
        self._thread.start()

    def halt(self) -> None:
        """Ends the thread and flushes what there is now."""
        self._end_thread()
        self._flush_or_tell()

    def close(self) -> None:
        """Flushes for the last time; the last process to do so says that nothing came after it."""
        self._end_thread()
        self._flush_or_tell(clean=self._alone())
        self.abandon()

    def abandon(self) -> None:
        """Ends without a flush."""
        os.close(self._users)
        self._db.close()

    def _end_thread(self) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join()

    def step(self) -> bool:
        """Flushes where it is due; whether it did, or tried."""
        if not self._due(_now()):
            return False
        self._flush()
        return True

    def _flush_or_tell(self, *, clean: bool = False) -> None:
        try:
            self._flush(clean=clean)
        except EdgeError as error:
            self._tell(str(error))

    def _run(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            try:
                self.step()
            except EdgeError as error:
                self._tell(str(error))
                self._stop.wait(RETRY_SECONDS)

    def _due(self, now: float) -> bool:
        meta = dict(self._db.rows("SELECT name, value FROM meta"))
        pause = float(meta.get("flush_seconds", Bounds().flush_seconds))
        since = now - float(meta.get("tried_at", "-inf"))
        if self._bounds is None:
            return since >= pause + SUBSTITUTE_SECONDS
        if int(meta["seq"]) <= int(meta["sendable"]):
            self._new_since = None
        elif self._new_since is None:
            self._new_since = now
        gathered = self._new_since is not None and now - self._new_since >= GATHER_SECONDS
        return gathered or since >= pause

    def _flush(self, *, clean: bool = False) -> None:
        folder = self._log.folder
        with self._sole() as mine:
            if not mine:
                return
            with self._db.transaction() as db:
                most = int(read_meta(db).get("outbox_bytes", Bounds().outbox_bytes))
                trim(db, now=self._clock(), most_bytes=most)
            if self._bounds is None and folder.exists() and not os.access(folder, os.W_OK):
                return  # a camera's process that may not write the disk leaves it to the publisher
            try:
                while not self._write(clean=clean):
                    pass
                self._remove_unneeded()
                self._save_kept()
            except OSError as error:
                self._pass_over(error)
                return
        self._tell("")

    def _write(self, *, clean: bool) -> bool:
        """Writes one record; whether that was all."""
        with self._db.transaction() as db:
            piece = snapshot(db, clean=clean)
            fresh = "fresh" in read_meta(db)
        segment = self._log.append(piece.content, fresh=fresh)
        with self._db.transaction() as db:
            if piece.first <= piece.last:
                note_segment(db, segment, piece.first, piece.last)
            write_meta(db, flushed=piece.last, sendable=piece.last, tried_at=_now(), written_at=_now())
            if piece.flush:
                write_meta(db, flushes=piece.flush)
            db.execute("DELETE FROM meta WHERE name = 'fresh'")
        return piece.flush > 0

    def _save_kept(self) -> None:
        with self._db.transaction() as db:
            pieces = unsaved(db)
        for piece in pieces:
            save(self._log.folder, piece)
            with self._db.transaction() as db:
                note_saved(db, piece)

    def _pass_over(self, error: OSError) -> None:
        """Lets the messages go out although they are not on the disk: a message in time is worth more."""
        with self._db.transaction() as db:
            write_meta(db, sendable=read_meta(db)["seq"], tried_at=_now())
        what = "the disk cannot be written; counting and sending go on, a power cut now would lose what is not sent"
        do = "free space, check its rights, or replace it"
        self._tell(str(EdgeError(str(self._log.folder), what, found=error.strerror or str(error), do=do)))

    def _remove_unneeded(self) -> None:
        """Removes the files of which no message is here any more. The last two stay: the state is in them."""
        with self._db.transaction() as db:
            for number in self._log.segments()[:-2]:
                query = "SELECT 1 FROM segment JOIN outbox ON seq BETWEEN first AND last WHERE number = ? LIMIT 1"
                if not db.execute(query, (number,)).fetchone():
                    self._log.remove(number)
                    db.execute("DELETE FROM segment WHERE number = ?", (number,))

    def _tell(self, fault: str) -> None:
        if fault and fault != self.fault:
            LOG.error("%s", fault)
        elif self.fault and not fault:
            LOG.warning("%s: the disk is written again, with all that was missing on it", self._log.folder)
        self.fault = fault

    def _alone(self) -> bool:
        try:
            fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    @contextmanager
    def _sole(self) -> Iterator[bool]:
        """One process at a time writes the log; False where another one does."""
        try:
            lock = self._path.with_name("flush.lock").open("w")
        except OSError as error:
            raise EdgeError(str(self._path.parent), "cannot be used", found=str(error), do="check the folder") from None
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                yield False
            else:
                yield True


def _now() -> float:
    """Seconds since the machine was started, the same in every process."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
