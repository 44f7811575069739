"""The logins that a camera has refused, remembered for all its channels and beyond the process: it locks an account
whoever tries, and whoever starts anew."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from edge.frames.connection import Source

FEW = 4
WINDOW_SECONDS = 1800.0
"""No more refused logins than so many within so long: cameras lock an account after five in half an hour or less."""
ALIKE = 3
"""So many of them with one password: the last is kept for another, so that a mended one need not wait."""

RESERVED_SECONDS = 90.0
"""How long a login whose process was killed counts as one that may yet be refused: beyond what a connection can take,
and beyond `patience.stuck`."""
TURN_SECONDS = 0.5
"""When to ask again where others are logging in just now."""


class _Try(NamedTuple):
    """A login that was refused, or is about to be tried, and counts `until` a second since the machine's start."""

    until: float
    login: str
    refused: bool
    name: str


class Refusals:
    """When an account was refused lately, and who is logging in to it. One record for each host, port and user, which
    all processes share: its file is named by a digest of them and has two bytes of a salted digest of each password
    tried, enough to see that it is another one."""

    def __init__(self, folder: Path | None, source: Source) -> None:
        """`folder` is where the records are kept, in memory that outlives the process; None for this reader only."""
        user, self._password = source.credentials or ("", "")
        host = source.url.partition("://")[2].partition("/")[0].lower().removesuffix(":554")
        account = hashlib.blake2b(json.dumps([host, user]).encode(), digest_size=6).hexdigest()
        self._file = folder / f"refusals-{account}.json" if folder else None
        self._reserved = ""
        self._salt, self._tries, self._unkept = secrets.token_hex(8), list[_Try](), list[_Try]()

    def reserve(self) -> float:
        """0: the login may be tried once, to be followed by `note`, `release` or `clear`. Else the seconds until it
        may be tried again, TURN_SECONDS where only others stand before it, who may be done sooner or later."""
        with self._record():
            refused = [each for each in self._tries if each.refused]
            if (wait := self._wait(refused)) > 0:
                return wait
            if self._wait(self._tries) > 0:
                return TURN_SECONDS
            self._reserved = self._enter(refused=False, seconds=RESERVED_SECONDS)
            return 0.0

    def note(self) -> None:
        """The login was refused now."""
        with self._record():
            self._leave()
            self._enter(refused=True, seconds=WINDOW_SECONDS)

    def release(self) -> None:
        """The attempt is over and said nothing of the login."""
        with self._record():
            self._leave()

    def clear(self) -> None:
        """The login is right: no refusal of it counts any more, for nobody."""
        with self._record():
            self._leave()
            login = self._digest(self._salt)
            self._tries = [each for each in self._tries if not each.refused or each.login != login]

    def _wait(self, tries: Sequence[_Try]) -> float:
        """Seconds until so many of these have gone that one more is few."""
        login = self._digest(self._salt)
        alike = [each for each in tries if each.login == login]
        ends = [
            sorted(each.until for each in some)[-few]
            for some, few in ((tries, FEW), (alike, ALIKE))
            if len(some) >= few
        ]
        return max(ends, default=_now()) - _now()

    def _enter(self, *, refused: bool, seconds: float) -> str:
        name = secrets.token_hex(4)
        self._tries.append(_Try(_now() + seconds, self._digest(self._salt), refused, name))
        return name

    def _leave(self) -> None:
        self._tries = [each for each in self._tries if each.name != self._reserved]

    @contextmanager
    def _record(self) -> Iterator[None]:
        """What is known now of the account, for this reader alone as long as the block lasts, and then kept; where the
        folder or the file is of no use, what this reader knows itself."""
        with contextlib.ExitStack() as held:
            if self._file:
                with contextlib.suppress(OSError):  # the folder itself is locked: its files are replaced as a whole
                    folder = os.open(self._file.parent, os.O_RDONLY | os.O_DIRECTORY)
                    held.callback(os.close, folder)  # which unlocks it, as does the end of the process
                    fcntl.flock(folder, fcntl.LOCK_EX)
                with contextlib.suppress(OSError, ValueError, KeyError, TypeError):  # not there, or of no use
                    self._recall(json.loads(self._file.read_text(encoding="utf-8")))
            now, before = _now(), self._tries
            self._tries = [each for each in before if now < each.until <= now + WINDOW_SECONDS]  # beyond: a reboot
            yield
            if self._tries != before:
                self._keep()

    def _recall(self, kept: dict[str, Any]) -> None:
        salt = str(kept["salt"])
        self._digest(salt)
        tries = {
            _Try(float(until), str(login), bool(refused), str(name)) for until, login, refused, name in kept["tries"]
        }
        self._salt, self._tries = salt, sorted(tries.union(self._unkept))

    def _digest(self, salt: str) -> str:
        return hashlib.blake2b(self._password.encode(), digest_size=2, salt=bytes.fromhex(salt)).hexdigest()

    def _keep(self) -> None:
        if not self._file:
            return
        unfinished = self._file.with_name(f".{self._file.name}.part")
        self._unkept = self._tries
        with contextlib.suppress(OSError):  # then it is remembered by this reader only
            descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as opened:
                json.dump({"salt": self._salt, "tries": self._tries}, opened)
            unfinished.replace(self._file)
            self._unkept = []


def _now() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)
