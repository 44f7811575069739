"""`edge run`: keeps processes running without systemd, over the same notify protocol.

One thread, so that the death signal of the children, which is bound to the thread that started them, means the
death of this process.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Coroutine, Sequence

from edge.process import RENEWED, Child, Ending, Life, Limits, Voice

Follow = Callable[["Supervisor"], Coroutine[None, None, None]]
"""What starts, renews and stops children while others run, until it is cancelled; it must not raise."""


class Supervisor:
    """Starts children, watches them, restarts whatever ends or falls silent, and never gives up."""

    def __init__(
        self, children: Sequence[Child], limits: Limits | None = None, *, follow: Follow | None = None
    ) -> None:
        self._children = children
        self._limits = limits or Limits()
        self._follow = follow
        self._group = asyncio.TaskGroup()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._renewals: dict[str, Callable[[], None]] = {}

    def run(self) -> int:
        """Work until SIGTERM or SIGINT, then stop every child; 0."""
        asyncio.run(self._run())
        return 0

    def start(self, child: Child) -> None:
        """Keep one more child running, unless one of its name is kept."""
        if child.name not in self._tasks:
            self._tasks[child.name] = self._group.create_task(self._keep(child))

    def renew(self, name: str) -> None:
        """End a child gently, so that it starts again at once; one that waits for its next start waits no more."""
        if name in self._renewals:
            self._renewals[name]()

    async def stop(self, name: str) -> None:
        """End a child gently, for good, and wait for that."""
        if name in self._tasks:
            self._tasks[name].cancel()
            await asyncio.wait([self._tasks[name]])
            del self._tasks[name]
            self._renewals.pop(name, None)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        async with self._group:
            for child in self._children:
                self.start(child)
            if self._follow:
                self._tasks["follow"] = self._group.create_task(self._follow(self))
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self._cancel)

    def _cancel(self) -> None:
        for task in self._tasks.values():
            if not task.cancelling():  # a second signal must not interrupt the stopping
                task.cancel()

    async def _keep(self, child: Child) -> None:
        voice = Voice(child.name, self._limits.status_seconds)
        failures = 0
        while True:
            ending = await self._live(child, voice)
            failures = 1 if ending.well else failures + 1
            wait = self._limits.longest_wait_seconds if ending.fault else self._limits.wait(failures)
            voice.ended(f"{ending.text}; starts again in {wait:.1f} s", fault=ending.fault)
            await self._wait(child, wait)

    async def _wait(self, child: Child, seconds: float) -> None:
        renewed = asyncio.Event()
        self._renewals[child.name] = renewed.set
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await renewed.wait()

    async def _live(self, child: Child, voice: Voice) -> Ending:
        try:
            life = Life(child, self._limits, voice)
        except OSError as error:
            return Ending(f"cannot start {child.argv[0]}: {error.strerror}", fault=True)
        self._renewals[child.name] = life.renew
        try:
            verdict = await life.verdict()
            if verdict == RENEWED:
                await life.stop(signal.SIGTERM, self._limits.stop_seconds)
            elif verdict:
                await life.stop(signal.SIGABRT, self._limits.abort_seconds)
        except asyncio.CancelledError:
            voice.event(await life.stop(signal.SIGTERM, self._limits.stop_seconds))
            raise
        finally:
            life.close()
        return life.ending(verdict)
