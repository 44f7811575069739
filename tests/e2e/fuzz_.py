"""Many hostile inputs to one target: in child processes, which may crash or hang, with everything found kept.

The inputs follow from seed, target and number alone. A child (fuzz_child) feeds a range of them and tells each number
before, so that its last word names what killed it.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fuzz_child import HANG_SECONDS, ROOT, SHRINK_SECONDS, Target, chance_of, made
from fuzz_mutate import Input, least

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Finding:
    """What went wrong with which input; `what` is the same for the same fault."""

    target: str
    index: int
    what: str
    text: str
    parts: Input = field(default=(), repr=False)

    def keep(self, folder: Path) -> Path:
        """The input as a file, which `scripts/bench/fuzz --again` takes."""
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{self.target}-{self.index}.json"
        parts = [base64.b64encode(part).decode() for part in self.parts]
        file.write_text(json.dumps({"target": self.target, "what": self.what, "text": self.text, "parts": parts}))
        return file


@dataclass
class Tally:
    """How a target did."""

    fed: int = 0
    seconds: float = 0.0
    peak_mb: float = 0.0
    found: dict[str, list[Finding]] = field(default_factory=dict)

    def add(self, finding: Finding) -> bool:
        """Notes it; whether it is the first of its kind."""
        same = self.found.setdefault(finding.what, [])
        same.append(finding)
        return len(same) == 1


def campaign(name: str, count: int, *, seed: int, keep: Path, say: Callable[[int], None] = lambda _: None) -> Tally:
    """Feeds inputs 0 to `count` to a target, with a new child after each that died; `say` hears each number."""
    tally, begin, began = Tally(), 0, time.monotonic()
    with contextlib.closing(_Maker(name, seed)) as maker:
        while begin < count:
            child, first = Child(name, str(seed), str(begin), str(count)), begin
            for word in child.words():
                if isinstance(word, int):
                    begin = word + 1
                    tally.fed = begin
                    say(begin)
                elif "peak" in word:
                    tally.peak_mb = max(tally.peak_mb, word["peak"] / 1e6)
                else:
                    parts = tuple(base64.b64decode(part) for part in word.pop("parts"))
                    _note(tally, Finding(name, parts=parts, **word), keep)
            if child.died and begin == first:
                raise RuntimeError(f"{name} cannot begin: {child.died}")
            if child.died:
                finding = Finding(name, begin - 1, *child.died, parts=maker.parts(begin - 1))
                _note(tally, _smallest(finding) if finding.what not in tally.found else finding, keep)
            else:
                break
    tally.seconds = time.monotonic() - began
    return tally


def _note(tally: Tally, finding: Finding, keep: Path) -> None:
    if tally.add(finding):
        print(f"{finding.target} {finding.index}: {finding.what}\n{finding.text}\nkept in {finding.keep(keep)}")


class _Maker:
    """Makes the input of a child that died again, in a process that does not feed it."""

    def __init__(self, name: str, seed: int) -> None:
        self._name, self._seed = name, seed
        self._target: Target | None = None

    def parts(self, index: int) -> Input:
        self._target = self._target or made(self._name)
        return self._target.make(chance_of(self._name, self._seed, index))

    def close(self) -> None:
        if self._target:
            self._target.close()


def _smallest(finding: Finding) -> Finding:
    """The finding of a child that died, with as little of its input as kills another one."""

    deadline = time.monotonic() + 4 * SHRINK_SECONDS

    def dies(parts: Input) -> bool:
        return time.monotonic() < deadline and bool(again(finding.target, parts).died)

    hung = finding.what.startswith("hang")
    parts = finding.parts if hung or not dies(finding.parts) else least(finding.parts, dies, tries=24)
    return Finding(finding.target, finding.index, finding.what, finding.text, parts)


def again(name: str, parts: Input) -> Child:
    """A child that was fed this one input; its findings are in `heard`."""
    child = Child(name, "again", given=json.dumps([base64.b64encode(part).decode() for part in parts]).encode())
    child.heard = list(child.words())
    return child


class Child:
    """One child: what it says, and how it died, if it did."""

    def __init__(self, *words: str, given: bytes = b"") -> None:
        self.died: tuple[str, str] | None = None
        self.heard: list[int | dict[str, Any]] = []
        path = os.pathsep.join(map(str, (ROOT, HERE, ROOT / "tests" / "integration")))
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "fuzz_child.py"), *words],
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._errors = bytearray()
        threading.Thread(target=self._listen, daemon=True).start()
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError), self._process.stdin:
            self._process.stdin.write(given)

    def _listen(self) -> None:
        assert self._process.stderr
        with self._process.stderr as errors:
            for line in errors:
                self._errors += line
                del self._errors[:-20_000]

    def words(self) -> Iterator[int | dict[str, Any]]:
        """Numbers of inputs as they are fed, and findings; ends with the child."""
        assert self._process.stdout
        hung, heard = False, b""
        with self._process.stdout as said:
            while not hung:
                hung = not select.select([said], [], [], HANG_SECONDS)[0]
                if hung:
                    self._process.send_signal(signal.SIGABRT)  # faulthandler tells where it is
                elif not (block := os.read(said.fileno(), 1 << 20)):
                    break
                else:
                    *lines, heard = (heard + block).split(b"\n")
                    yield from map(json.loads, lines)
        try:
            code = self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        if hung or code:
            told = self._errors.decode(errors="replace")
            what = "hang" if hung else f"ended by signal {-code}" if code < 0 else f"ended with code {code}"
            self.died = (f"{what}: {_place(told)}", told[-3000:])


def _place(told: str) -> str:
    """Where in the project a dump of faulthandler was, or its last line."""
    mine = [line.strip() for line in told.splitlines() if "/edge/" in line and "site-packages" not in line]
    return mine[0][-120:] if mine else (told.strip().splitlines() or ["nothing said"])[-1][-120:]
