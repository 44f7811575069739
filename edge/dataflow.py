"""The frozen types that flow: camera -> Frame -> Detections -> Tracks -> Crossing and Sample.

Coordinates are fractions of the picture, x right and y down, so a change of resolution moves nothing.
`aspect` (width / height) turns them into equal units: (x * aspect, y) is in picture heights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

CLASSES = ("pedestrian", "bicycle", "motorcycle", "car", "bus", "truck")
"""The road users of the contract; a class index is a position here. A rider is part of the machine."""

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment: `seconds` on a clock that never jumps, for arithmetic; `utc` in Unix seconds, for labels."""

    seconds: float
    utc: float


@dataclass(frozen=True, slots=True)
class Frame:
    """A decoded picture as its planes, not yet converted: `y` uint8 (height, width), `u` and `v` half of that
    both ways, rounded up (4:2:0, BT.601 limited range)."""

    at: Instant
    y: NDArray[np.uint8]
    u: NDArray[np.uint8]
    v: NDArray[np.uint8]

    @property
    def width(self) -> int:
        """Width of the picture in pixels."""
        return int(self.y.shape[1])

    @property
    def height(self) -> int:
        """Height of the picture in pixels."""
        return int(self.y.shape[0])


@dataclass(frozen=True, slots=True)
class Detections:
    """What one look at a picture found: `boxes` float32 (n, 4) as x1 y1 x2 y2 in fractions, `scores` float32
    (n,) in 0..1, `classes` int8 (n,), positions in CLASSES."""

    at: Instant
    aspect: float
    boxes: FloatArray
    scores: FloatArray
    classes: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.boxes)


@dataclass(frozen=True, slots=True)
class Tracks:
    """The tracks seen in one picture (observed, not merely predicted): `ids` int64 (n,), `boxes` as in
    Detections, `classes` int8 (n,) by vote over the track so far, `confirmed` bool (n,).

    `ended` names the tracks that died here: whoever keeps state by track id drops it then. An id is used once.
    `unsure` (m, 4) are the boxes of nobody's track that may be people, too weak to begin one.
    """

    at: Instant
    aspect: float
    ids: NDArray[np.int64]
    boxes: FloatArray
    classes: NDArray[np.int8]
    confirmed: NDArray[np.bool_]
    ended: tuple[int, ...] = ()
    unsure: FloatArray = field(default_factory=lambda: np.zeros((0, 4), np.float32))

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Crossing:
    """One track over one line, once: `at` interpolated between two frames, `direction` 0 = from the left to the
    right of the line walked from its first point to its last, 1 = the other way; `kind` one of CLASSES."""

    at: Instant
    line: str
    direction: int
    kind: str
    track: int


@dataclass(frozen=True, slots=True)
class Sample:
    """What one picture tells of one rule, by name.

    `present` is what there is now (people, vehicles, metres; zeros too): an interval has its mean over the analysed
    time, its largest and its last value. `added` is what happened since
    the picture before (visits that ended, turns that were made): an interval has its sum. `flags` mark the interval.
    """

    at: Instant
    rule: str
    present: Mapping[str, float]
    added: Mapping[str, float] = field(default_factory=dict)
    flags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Alarm:
    """A change of a rule's alarm: `state` is raised, changed, cleared or unknown; `level` 0 to 3, `value` as measured,
    `limit` that it went over and `clears_below`; `since` when the condition began, Unix seconds."""

    at: Instant
    rule: str
    kind: str
    state: str
    level: int
    value: float
    limit: float
    clears_below: float
    since: float


@dataclass(frozen=True, slots=True)
class Period:
    """One interval of one rule as far as it has been watched: `start` in Unix seconds on the wall clock, `seconds`
    its length, `analysed` the seconds of it that were really analysed, `numbers` what its samples add up to, by name
    (NAME.sum over analysed seconds, NAME.max, NAME.last of what was present; NAME of what was added); `fingerprint` of
    the rule that it was counted under.
    """

    rule: str
    kind: str
    start: float
    seconds: float
    analysed: float = 0.0
    flags: frozenset[str] = frozenset()
    numbers: tuple[tuple[str, float], ...] = ()
    fingerprint: str = ""

    @property
    def end(self) -> float:
        """The end in Unix seconds."""
        return self.start + self.seconds

    @property
    def coverage(self) -> float:
        """The share of the interval that was really analysed, 0 to 1."""
        return min(1.0, self.analysed / self.seconds)


@dataclass(frozen=True, slots=True)
class Tally:
    """What the journal holds for one interval of a line: `counts` by class as (direction 0, direction 1), and the
    `totals` of both directions since the counter began, this interval included."""

    counts: dict[str, tuple[int, int]]
    totals: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Stamp:
    """What the store gives a message: the `epoch`, 8 hex digits, and `seq`, unique and rising by one within it."""

    epoch: str
    seq: int
