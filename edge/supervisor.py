"""`edge run`: keeps processes running without systemd, over the same notify protocol.

One thread, so that the death signal of the children, which is bound to the thread that started them, means the
death of this process.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence

from edge.process import Child, Ending, Life, Limits, Voice


class Supervisor:
    """Starts children, watches them, restarts whatever ends or falls silent, and never gives up."""

    def __init__(self, children: Sequence[Child], limits: Limits | None = None) -> None:
        self._children = children
        self._limits = limits or Limits()

    def run(self) -> int:
        """Work until SIGTERM or SIGINT, then stop every child; 0."""
        asyncio.run(self._run())
        return 0

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._keep(child)) for child in self._children]
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, _cancel, tasks)

    async def _keep(self, child: Child) -> None:
        voice = Voice(child.name, self._limits.status_seconds)
        failures = 0
        while True:
            ending = await self._live(child, voice)
            failures = 1 if ending.well else failures + 1
            wait = self._limits.longest_wait_seconds if ending.fault else self._limits.wait(failures)
            voice.ended(f"{ending.text}; starts again in {wait:.1f} s", fault=ending.fault)
            await asyncio.sleep(wait)

    async def _live(self, child: Child, voice: Voice) -> Ending:
        try:
            life = Life(child, self._limits, voice)
        except OSError as error:
            return Ending(f"cannot start {child.argv[0]}: {error.strerror}", fault=True)
        try:
            silence = await life.verdict()
            if silence:
                await life.stop(signal.SIGABRT, self._limits.abort_seconds)
        except asyncio.CancelledError:
            voice.event(await life.stop(signal.SIGTERM, self._limits.stop_seconds))
            raise
        finally:
            life.close()
        return life.ending(silence)


def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        if not task.cancelling():  # a second signal must not interrupt the stopping
            task.cancel()
