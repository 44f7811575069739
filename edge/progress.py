"""Progress on long work: on a terminal only, on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.status import Status


@contextmanager
def progress(title: str) -> Iterator[Callable[[float], None]]:
    """Shows how many seconds of video are done; the function that it gives is told them."""
    console = Console(file=sys.stderr)
    with Status(title, console=console) as status:
        yield lambda seconds: status.update(f"{title}: {seconds:.0f} s done")
