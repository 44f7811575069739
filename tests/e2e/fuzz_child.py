"""One child of a campaign, which feeds a target in its own process: `python fuzz_child.py TARGET SEED BEGIN END`.

It tells each number before it feeds the input, and each finding after it, as lines of JSON.
"""

from __future__ import annotations

import base64
import faulthandler
import importlib
import json
import logging
import os
import random
import resource
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any, Protocol

from fuzz_mutate import Input, least

ROOT = Path(__file__).resolve().parents[2]
TARGETS = {
    "rtsp": "fuzz_rtsp:Answers", "sdp": "fuzz_rtsp:Descriptions", "config": "fuzz_config:Files",
    "commands": "fuzz_mqtt:Commands", "packets": "fuzz_mqtt:Packets", "centre": "fuzz_centre:Messages",
    "cards": "fuzz_cards:Cards",
}  # fmt: skip
HANG_SECONDS = 300.0
"""Without a new input for so long a child hangs; a busy machine alone does not hold it up so long."""
SHRINK_SECONDS = 30.0
"""How long an input that fails is made smaller."""
CPU_SECONDS = 3.0
"""More of the processor than this for one input is a finding."""
GROWTH_BYTES = 400 << 20
"""More memory than this for one input is a finding."""
ADDRESS_BYTES = 4 << 30
"""What a child may ask for at all, so that no input can take the machine with it."""
SHRINK_TRIES = 300


class Target(Protocol):
    """Something that takes inputs from outside. `feed` raises what must not happen."""

    def make(self, chance: random.Random) -> Input:
        """One input."""

    def feed(self, parts: Input) -> None:
        """Gives it to the real code."""

    def close(self) -> None:
        """Ends what the target has started."""


class BrokenPromiseError(AssertionError):
    """What was given out is not as it must be: more than one line, a password in it, a wrong type."""


def one_line(text: str, *secrets: str) -> None:
    """Fails unless a text for people is one line, short enough to be read, and tells no secret."""
    if len(text.splitlines()) > 1 or any(ord(each) < 32 for each in text):
        raise BrokenPromiseError(f"more than one line, or control characters: {text[:300]!r}")
    if len(text) > 4000:
        raise BrokenPromiseError(f"a line of {len(text)} characters: {text[:200]!r}")
    if any(secret in text for secret in secrets):
        raise BrokenPromiseError(f"tells a secret: {text[:300]!r}")


def made(name: str) -> Target:
    """The target of that name."""
    module, _, kind = TARGETS[name].partition(":")
    target: Target = getattr(importlib.import_module(module), kind)()
    return target


def chance_of(name: str, seed: int, index: int) -> random.Random:
    """What input number `index` is made from."""
    return random.Random(f"{seed}/{name}/{index}")


class Unseen(logging.Handler):
    """Faults that raise nothing where they could be caught: of threads, of clean-up, of logging; and bad log lines."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.faults: list[BaseException] = []
        threading.excepthook = lambda told: self.faults.append(told.exc_value or told.exc_type())
        sys.unraisablehook = lambda told: self.faults.append(told.exc_value or RuntimeError(told.err_msg))
        root = logging.getLogger()
        root.handlers = [self]
        root.setLevel(logging.INFO)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            if record.exc_info:
                raise BrokenPromiseError(f"a traceback in the log: {record.getMessage()}")
            one_line(record.getMessage())
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
            self.faults.append(error)

    def check(self) -> None:
        """Raises the first fault since the last call."""
        if self.faults:
            first = self.faults[0]
            self.faults.clear()
            raise first


class Feeder:
    """Feeds a target in this process and judges what came of it."""

    def __init__(self, name: str) -> None:
        self.name, self.target, self._unseen = name, made(name), Unseen()
        self._seen: set[str] = set()

    def feed(self, parts: Input) -> tuple[str, str] | None:
        """What went wrong, if anything did, and its traceback."""
        cpu, peak = time.process_time(), _peak()
        try:
            self.target.feed(parts)
            self._unseen.check()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
            return _named(error), "".join(traceback.format_exception(error)[-12:])
        cpu, grown = time.process_time() - cpu, _peak() - peak
        if cpu > CPU_SECONDS:
            return "slow", f"{cpu:.1f} s of the processor"
        if grown > GROWTH_BYTES:
            return "memory", f"{grown / 1e6:.0f} MB"
        return None

    def found(self, index: int, parts: Input) -> dict[str, Any] | None:
        """The finding of an input, as small as it can be made if it is the first of its kind."""
        found = self.feed(parts)
        if found is None:
            return None
        what, text = found
        if what not in self._seen:
            self._seen.add(what)
            deadline = time.monotonic() + SHRINK_SECONDS

            def same(tried: Input) -> bool:
                found = self.feed(tried) if time.monotonic() < deadline else None
                return found is not None and found[0] == what

            parts = least(parts, same, tries=SHRINK_TRIES)
            text = (self.feed(parts) or found)[1]
        encoded = [base64.b64encode(part).decode() for part in parts]
        return {"index": index, "what": what, "text": text, "parts": encoded}


def _named(error: Exception) -> str:
    """The same for the same fault: its type and where it came from."""
    frames = traceback.extract_tb(error.__traceback__)
    mine = [each for each in frames if "/edge/" in each.filename and "site-packages" not in each.filename]
    last = (mine or frames or [None])[-1]
    where = f" at {Path(last.filename).name}:{last.lineno}" if last else ""
    told = str(error).partition(":")[0][:60] if isinstance(error, BrokenPromiseError) else ""
    return f"{type(error).__name__}{where} {told}".strip()


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


_OUT = os.dup(1)
"""The parent's pipe, apart from the standard output, on which native libraries write what they like."""


def _say(word: object) -> None:
    os.write(_OUT, json.dumps(word).encode() + b"\n")


def _child(name: str, words: list[str]) -> None:
    """Feeds what it is told to."""
    os.dup2(2, 1)
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_BYTES, ADDRESS_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    feeder = Feeder(name)
    try:
        if words == ["again"]:
            parts = tuple(base64.b64decode(part) for part in json.load(sys.stdin))
            found = feeder.feed(parts)
            _say({"what": found[0], "text": found[1]} if found else 0)
            return
        seed, begin, end = map(int, words)
        for index in range(begin, end):
            parts = feeder.target.make(chance_of(name, seed, index))
            _say(index)
            if found := feeder.found(index, parts):
                _say(found)
        _say({"peak": _peak()})
    finally:
        feeder.target.close()


if __name__ == "__main__":
    _child(sys.argv[1], sys.argv[2:])
