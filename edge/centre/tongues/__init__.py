"""The contract in other tongues: pure mappings from an event to what ONVIF, Home Assistant and NGSI-LD readers know.

None of them scales a count, and none says zero where nothing was looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from edge.events import (
    AlarmChange,
    CameraInfo,
    CameraStatus,
    Cross,
    Flow,
    Info,
    Interval,
    QueueLength,
    RuleInfo,
    ZoneCount,
    utc,
)

WAYS = ("a", "b")
"""Left to right of the line walked from its first point to its last, and the other way."""


@dataclass(frozen=True, slots=True)
class AlarmNow:
    """The alarm of a rule as it stands: its latest change, or None where none does."""

    camera: str
    rule: str
    change: AlarmChange | None


Told = Flow | ZoneCount | QueueLength | Cross | AlarmChange | AlarmNow | CameraStatus | Info
"""What can be mapped; a tongue answers with nothing where it has no word."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a mapping knows beside the event: the city's root, the device, and its latest info where it has come."""

    root: str
    node: str
    info: Info | None = None

    def camera(self, camera: str) -> CameraInfo | None:
        """The camera as the device describes it."""
        return self.info.cameras.get(camera) if self.info else None

    def rule(self, camera: str, rule: str) -> RuleInfo | None:
        """The rule as the device describes it."""
        described = self.camera(camera)
        return described.rules.get(rule) if described else None


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be published. A kept one is retained, stands for its topic as of `at` (Unix seconds; 0 where only
    the order of arrival counts), and must not be replaced by an older one; without a body it takes back what was
    kept."""

    topic: str
    body: bytes
    at: float = 0.0
    kept: bool = False


def volumes(event: Flow, way: int) -> dict[str, int]:
    """Crossings by class one way (0 or 1); a class without one is there only where something was looked at."""
    counts = event.count or {}
    return {kind: pair[way] for kind, pair in counts.items() if event.coverage > 0 or pair[way] > 0}


def seconds_of(text: str) -> float:
    """Unix seconds of an instant of the contract."""
    return datetime.fromisoformat(text).timestamp()


def standing(event: Interval) -> float:
    """As of when an interval's message stands; 0, which gives way to everything, where the device's clock was wrong."""
    return 0.0 if "clock" in (event.flags or ()) else seconds_of(end(event))


def end(event: Interval) -> str:
    """When the interval ended, as the contract writes instants; with milliseconds where it has them."""
    ended = datetime.fromisoformat(event.start) + timedelta(seconds=event.seconds)
    return utc(ended.timestamp(), millis=ended.microsecond > 0)
