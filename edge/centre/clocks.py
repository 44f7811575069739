"""Devices whose clock is ahead: what they say is stored, but must not stand for the latest until that moment comes."""

from __future__ import annotations

from edge.centre.tongues import seconds_of
from edge.events import Interval

AHEAD_SECONDS = 300.0
"""By so much a device's clock and this machine's may differ."""


def ahead(event: object, *, now: float) -> float:
    """By how many seconds what a message tells is after `now` (Unix seconds); at most 0 where it has no time."""
    text = next((text for name in ("start", "at", "since") if (text := getattr(event, name, None))), None)
    if text is None:
        return 0.0
    return seconds_of(text) + (event.seconds if isinstance(event, Interval) else 0.0) - now
