"""One child process at a time: its start, its signs of life over the notify protocol, its words, its end."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import functools
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from edge.notify import Listener

FAULT_CODE = 2  # bad usage or configuration: trying again soon cannot help
RENEWED = "the files changed"
"""The verdict on a process that is well and is to start again with what its files say now."""
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


@dataclass(frozen=True, slots=True)
class Child:
    """A process to keep running; `env` is added to the environment."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long things may take: from start to READY, between signs of life, from SIGTERM (stop) or SIGABRT (abort) to
    SIGKILL; and the waits before a restart. A child that was READY for `well_seconds` ran well."""

    ready_seconds: float = 90.0
    watchdog_seconds: float = 30.0
    stop_seconds: float = 10.0
    abort_seconds: float = 3.0
    first_wait_seconds: float = 0.2
    wait_seconds: float = 1.0
    longest_wait_seconds: float = 60.0
    well_seconds: float = 30.0
    status_seconds: float = 10.0

    def wait(self, failures: int) -> float:
        """Seconds before the restart after so many failures in a row: short once, then doubling, with jitter so that
        children that fell together do not rise together."""
        if failures <= 1:
            return self.first_wait_seconds
        doubled = self.wait_seconds * 2.0 ** min(failures - 2, 30)
        return min(doubled, self.longest_wait_seconds) * random.uniform(0.8, 1.0)  # noqa: S311 - no secret


@dataclass(frozen=True, slots=True)
class Ending:
    """How a life ended: `fault` by FAULT_CODE or before it began, `well` after it had run well."""

    text: str
    fault: bool = False
    well: bool = False


class Voice:
    """What is said about one child on stderr: its own lines, its status, and what happens to it.

    After an end by FAULT_CODE the next life is mute until it turns out different, so that a fault is told once.
    """

    def __init__(self, name: str, status_seconds: float) -> None:
        self._name = name
        self._status_seconds = status_seconds
        self._status = ""
        self._timer: asyncio.TimerHandle | None = None
        self._said: list[str] = []
        self._known: list[str] | None = None

    def event(self, text: str) -> None:
        """Tell what happened to the child."""
        self._write(f"{self._name}: {text}")

    def line(self, text: str) -> None:
        """Pass on a line that the child wrote."""
        line = f"{self._name} | {text}"
        if self._known is None:
            self._write(line)
        if len(self._said) < 100:
            self._said.append(line)

    def status(self, text: str) -> None:
        """Show a status; where they change fast, the latest every `status_seconds`."""
        if text == self._status:
            return
        self._status = text
        if self._timer is None:
            self.event(text)
            self._timer = asyncio.get_running_loop().call_later(self._status_seconds, self._show_later, text)

    def _show_later(self, shown: str) -> None:
        self._timer = None
        if self._status != shown:
            latest, self._status = self._status, shown
            self.status(latest)

    def ready(self) -> None:
        """Tell that the child is ready; so it has no old fault."""
        self._speak_up()
        self.event("ready")

    def ended(self, text: str, *, fault: bool) -> None:
        """Tell how a life ended, unless it is the same fault as last time."""
        news = not fault or self._known != self._said
        if news:
            self._speak_up()
            self.event(text)
        self._known = self._said if fault else None
        self._said = []
        self._status = ""
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _speak_up(self) -> None:
        if self._known is not None:
            self._known = None
            for line in self._said:
                self._write(line)

    def _write(self, line: str) -> None:
        stamp = "" if "JOURNAL_STREAM" in os.environ else time.strftime("%H:%M:%S ")
        with contextlib.suppress(OSError):  # nobody reads any more, the work goes on
            sys.stderr.write(f"{stamp}{line}\n")
            sys.stderr.flush()


class Life:
    """One run of a child, from its start to its end."""

    def __init__(self, child: Child, limits: Limits, voice: Voice) -> None:
        self._limits = limits
        self._voice = voice
        self._loop = asyncio.get_running_loop()
        self._ready_at: float | None = None
        self._verdict: asyncio.Future[str] = self._loop.create_future()
        self._exited = asyncio.Event()
        self._partial = b""
        with contextlib.ExitStack() as opened:
            self._channel = opened.enter_context(Listener())
            self._process = _start(child, self._channel, limits.watchdog_seconds)
            self._pidfd = os.pidfd_open(self._process.pid)
            self._opened = opened.pop_all()
        assert self._process.stdout is not None  # noqa: S101 - a pipe was asked for
        self._output = self._process.stdout.fileno()
        os.set_blocking(self._output, False)
        self._loop.add_reader(self._pidfd, self._on_exit)
        self._loop.add_reader(self._channel, self._hear)
        self._loop.add_reader(self._output, self._read)
        self._timer = self._deadline("not ready", limits.ready_seconds)

    async def verdict(self) -> str:
        """Wait until the process has ended, then "", or must be ended, then why."""
        return await self._verdict

    def renew(self) -> None:
        """Have the verdict be that it must start again for its files, unless there is one already."""
        self._judge(RENEWED)

    async def stop(self, number: signal.Signals, seconds: float) -> str:
        """End the process by a signal, after so many seconds by SIGKILL; how it went."""
        self._timer.cancel()
        self._process.send_signal(number)
        try:
            async with asyncio.timeout(seconds):
                await self._exited.wait()
        except TimeoutError:
            self._process.kill()
            await self._exited.wait()
            return f"stopped by SIGKILL, it had not ended {seconds:g} s after {number.name}"
        return "stopped"

    def ending(self, silence: str) -> Ending:
        """How it ended; `silence` is the verdict."""
        well = self._ready_at is not None and self._loop.time() - self._ready_at >= self._limits.well_seconds
        well = well or silence == RENEWED
        code = self._process.returncode
        text = f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        return Ending(silence or text, fault=code == FAULT_CODE and not silence, well=well)

    def close(self) -> None:
        """Give back what the life held; its last words are read."""
        self._timer.cancel()
        self._read()
        if self._partial:
            self._say(self._partial)
        for source in (self._pidfd, self._channel, self._output):
            self._loop.remove_reader(source)
        os.close(self._pidfd)
        self._process.__exit__(None, None, None)
        self._opened.close()

    def _on_exit(self) -> None:
        self._loop.remove_reader(self._pidfd)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # whatever it left behind; its group exists until the wait
        self._process.wait()
        self._exited.set()
        self._judge("")

    def _judge(self, verdict: str) -> None:
        if not self._verdict.done():
            self._verdict.set_result(verdict)

    def _deadline(self, what: str, seconds: float) -> asyncio.TimerHandle:
        return self._loop.call_later(seconds, self._on_late, f"{what} for {seconds:g} s, ended by force")

    def _on_late(self, verdict: str) -> None:
        before = self._timer
        self._hear()  # where this process itself was held up, its timers can go off before it reads its sockets
        if self._timer is before:
            self._judge(verdict)

    def _expect(self, what: str, seconds: float) -> None:
        self._timer.cancel()
        self._timer = self._deadline(what, seconds)

    def _hear(self) -> None:
        while message := self._channel.receive():
            sender, lines = message
            if sender == self._process.pid:  # the address is open to every process of this machine
                for name, value in lines:
                    self._take(name, value)

    def _take(self, name: str, value: str) -> None:
        if name == "STATUS":
            self._voice.status(value)
        elif (name, value) == ("READY", "1") and self._ready_at is None:
            self._ready_at = self._loop.time()
            self._voice.ready()
            self._expect("no sign of life", self._limits.watchdog_seconds)
        elif (name, value) == ("WATCHDOG", "1") and self._ready_at is not None:
            self._expect("no sign of life", self._limits.watchdog_seconds)
        elif (name, value) == ("STOPPING", "1"):
            self._expect("stopping", self._limits.stop_seconds)

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self._output, 65536):
                *lines, self._partial = (self._partial + chunk).split(b"\n")
                for line in lines:
                    self._say(line)
                if len(self._partial) > 65536:
                    self._say(self._partial)
                    self._partial = b""
            self._loop.remove_reader(self._output)

    def _say(self, line: bytes) -> None:
        self._voice.line(line.decode(errors="replace").rstrip())


def _start(child: Child, channel: Listener, watchdog_seconds: float) -> subprocess.Popen[bytes]:
    """Start the process in a group of its own: Ctrl-C reaches this process only, which stops the others in order."""
    env = {name: value for name, value in os.environ.items() if name != "WATCHDOG_PID"}
    env.update(child.env, NOTIFY_SOCKET=channel.address)
    env["WATCHDOG_USEC"] = str(round(watchdog_seconds * 1e6))
    return subprocess.Popen(  # noqa: S603 - the caller names the programme
        list(child.argv),
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        bufsize=0,
        process_group=0,
        preexec_fn=functools.partial(die_with_parent, os.getpid()),
    )


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent ends, even by SIGKILL."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before that was asked
        os._exit(1)
