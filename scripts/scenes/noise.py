"""What a detector makes of true boxes: misses, scores, shaken edges, wrong classes, boxes where nothing is.

A score is a latent quality through the logistic function; below the card's threshold it is a miss, so misses and weak
scores come in runs, and more of them for what is small or hidden. The constants are fitted by scripts/bench/noise;
docs/decisions/0007-scene-simulator.md has the fit.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge.dataflow import CLASSES, Detections, Instant
from edge.geometry import iou
from scenes.visible import clipped, visible_share

Floats = NDArray[np.float64]

AROUND = np.array([-0.5, -0.5, 0.5, 0.5])
FAMILY = np.array([{"pedestrian": 0, "bicycle": 1, "motorcycle": 1}.get(name, 2) for name in CLASSES])
"""People, two-wheelers, vehicles; of one family, overlapping boxes are taken for one."""
GROUP = np.array([0, 1, 1, 2, 3, 3])
"""By class: people, two-wheelers, cars, heavy vehicles; detectors find each differently well."""


@dataclass(frozen=True, slots=True)
class Quality:
    """The latent quality of a sight, by GROUP: `plain` at a size of 0.1 of the
    picture, wholly visible, and `doubling` more for each doubling of the size; `halving` less for each halving of what
    is visible. `spread` about that, of which the share `own` belongs to the object for good and `slow` fades as it
    moves `slow_sizes` of its sizes on; the rest is new in every picture."""

    plain: tuple[float, float, float, float] = (4.6, 1.85, 4.7, 1.05)
    doubling: tuple[float, float, float, float] = (2.5, 2.3, 3.6, 2.0)
    halving: float = 3.5
    spread: float = 2.25
    own: float = 0.25
    slow: float = 0.72
    slow_sizes: float = 0.35

    def middle(self, groups: NDArray[np.int64], sizes: Floats, visible: Floats) -> Floats:
        """The quality to expect (n,): sizes (n,) are the roots of areas as shares of the picture."""
        grown = np.array(self.doubling)[groups] * np.log2(np.maximum(sizes, 1e-4) / 0.1)
        return np.asarray(np.array(self.plain)[groups] + grown + self.halving * np.log2(np.maximum(visible, 1e-3)))


@dataclass(frozen=True, slots=True)
class Falsehoods:
    """Boxes where nothing is: `things` a picture on average that last (cones, shadows: always the same place, for
    `lasting_seconds`), and `flashes` a picture that come once, the share `beside` of them half on a road user. The
    latent qualities are normal; the sides' logarithms too."""

    things: float = 0.25
    lasting_seconds: float = 6.0
    flashes: float = 0.7
    beside: float = 0.4
    quality: float = -1.3
    quality_spread: float = 1.3
    size: float = 0.055
    size_spread: float = 0.35


@dataclass(frozen=True, slots=True)
class Noise:
    """All that a detector does wrong. Below `score` it says nothing; of boxes of one family that overlap by more than
    `overlap` it keeps the best. `quick` and `slow` are standard deviations of each edge in sizes of the box, new in
    every picture and fading as the object moves `slow_sizes` on; they grow by `hidden` times themselves towards what is
    wholly hidden. What stands still looks the same in the next picture: what fades does so over `still_seconds`, and
    of what is new there is only the share `still`; all of it from a fifth of its size a picture.
    `names[true][said]`: how often a class is said for a true one. In the share `own_name` of its pictures an object has
    one and the same name for good; in the others a name that it keeps as it keeps what fades."""

    score: float = 0.1
    overlap: float = 0.5
    quality: Quality = field(default_factory=Quality)
    false: Falsehoods = field(default_factory=Falsehoods)
    quick: float = 0.035
    slow: float = 0.065
    slow_sizes: float = 0.65
    still: float = 0.15
    still_seconds: float = 600.0
    hidden: float = 1.0
    own_name: float = 0.5
    names: tuple[tuple[float, ...], ...] = tuple(tuple(map(float, row)) for row in np.eye(len(CLASSES)))


NONE = Noise(
    quality=Quality(plain=(9.0, 9.0, 9.0, 9.0), doubling=(0.0, 0.0, 0.0, 0.0), halving=0.0, spread=0.0),
    false=Falsehoods(things=0.0, flashes=0.0),
    overlap=1.0,
    quick=0.0,
    slow=0.0,
)
"""A detector without fault, that sees through everything."""


OMZ = Noise(
    names=(
        (0.97, 0.0, 0.03, 0.0, 0.0, 0.0),
        (0.06, 0.0, 0.9, 0.04, 0.0, 0.0),
        (0.06, 0.0, 0.9, 0.04, 0.0, 0.0),
        (0.0, 0.0, 0.02, 0.98, 0.0, 0.0),
        (0.0, 0.0, 0.02, 0.98, 0.0, 0.0),
        (0.0, 0.0, 0.05, 0.95, 0.0, 0.0),
    ),
)
"""omz_pvb_2002, which knows people, bikes and vehicles only."""


ROAD_USERS = Noise(
    score=0.15,
    quality=Quality(
        plain=(1.25, 1.85, 0.95, 0.1),
        doubling=(0.35, 1.4, 1.0, 0.6),
        halving=1.8,
        spread=0.9,
        own=0.3,
        slow=0.69,
        slow_sizes=0.3,
    ),
    false=Falsehoods(things=1.7, flashes=1.4, beside=0.27, quality=-1.6, quality_spread=0.7, size_spread=0.4),
    quick=0.038,
    slow=0.072,
    hidden=1.5,
    names=(
        (0.98, 0.0, 0.01, 0.01, 0.0, 0.0),
        (0.05, 0.25, 0.65, 0.05, 0.0, 0.0),
        (0.02, 0.0, 0.895, 0.07, 0.0, 0.015),
        (0.0, 0.0, 0.005, 0.983, 0.003, 0.009),
        (0.0, 0.0, 0.005, 0.365, 0.365, 0.265),
        (0.0, 0.0, 0.01, 0.183, 0.057, 0.75),
    ),
)
"""road-users (sha256 a832bdc2), the project's own (not measured: how it names bicycles)."""


class NoisyDetector:
    """One detector at one camera; the same random generator gives the same detections. `users` is how many road users
    there will be, `kinds` their classes."""

    def __init__(self, noise: Noise, kinds: NDArray[np.int8], random: np.random.Generator, *, aspect: float) -> None:
        self._noise, self._random, self._aspect, n = noise, random, aspect, len(kinds)
        self._groups = GROUP[kinds]
        self._own = random.normal(0, 1, n)
        self._quality, self._edges = _Fading(n, 1, random), _Fading(n, 4, random)
        self._seen, self._place = np.full(n, -np.inf), np.zeros((n, 2))
        names = np.array(noise.names)
        self._chances = names[kinds] / names[kinds].sum(axis=1, keepdims=True)
        self._name, self._own_name = self._drawn(np.arange(n)), self._drawn(np.arange(n))
        self._things: list[_Thing] = []
        self._at: float | None = None

    def look(self, at: Instant, users: NDArray[np.int64], boxes: Floats, depths: Floats) -> Detections:
        """What is found where these stand: whole boxes (k, 4) in fractions, depths (k,) in metres."""
        visible = visible_share(boxes, depths)
        sides = (boxes[:, 2:] - boxes[:, :2]) * [self._aspect, 1]
        sizes = np.sqrt(sides.prod(axis=1))
        going = self._gone(at.seconds, users, boxes, sizes)
        quality = self._qualities(users, sizes / np.sqrt(self._aspect), visible, going)
        shaken = clipped(boxes + self._shake(users, sizes, visible, going))
        names = self._named(users, going)
        solid = (shaken[:, 2:] - shaken[:, :2] > 1e-3).all(axis=1) & (visible > 0)
        false = self._falsehoods(at.seconds, boxes)
        return self._told(
            at,
            np.concatenate([shaken[solid], false[0]]),
            np.concatenate([quality[solid], false[1]]),
            np.concatenate([names[solid], false[2]]),
        )

    def _gone(self, at: float, users: NDArray[np.int64], boxes: Floats, sizes: Floats) -> _Going:
        """How far each has gone since it was last in the picture."""
        place = (boxes[:, :2] + boxes[:, 2:]) / 2 * [self._aspect, 1]
        gone = np.hypot(*(place - self._place[users]).T) / sizes
        seconds = at - self._seen[users]
        self._place[users], self._seen[users] = place, at
        still = self._noise.still
        return _Going(gone, seconds, np.where(np.isfinite(seconds), still + (1 - still) * np.minimum(1, gone / 0.2), 1))

    def _qualities(self, users: NDArray[np.int64], sizes: Floats, visible: Floats, going: _Going) -> Floats:
        q = self._noise.quality
        fresh = np.sqrt(max(0.0, 1 - q.own - q.slow)) * going.fresh
        parts = np.sqrt(q.own) * self._own[users] + fresh * self._random.normal(0, 1, len(users))
        parts += np.sqrt(q.slow) * self._quality.at(users, going.kept(q.slow_sizes, self._noise.still_seconds))[:, 0]
        return np.asarray(q.middle(self._groups[users], sizes, visible) + q.spread * parts)

    def _shake(self, users: NDArray[np.int64], sizes: Floats, visible: Floats, going: _Going) -> Floats:
        """How far each edge is off, in fractions of the picture."""
        n = self._noise
        slow = n.slow * self._edges.at(users, going.kept(n.slow_sizes, n.still_seconds))
        quick = n.quick * going.fresh[:, None] * self._random.normal(0, 1, (len(users), 4))
        scale = sizes * (1 + n.hidden * (1 - visible))
        return np.asarray((slow + quick) * scale[:, None] / [self._aspect, 1, self._aspect, 1])

    def _named(self, users: NDArray[np.int64], going: _Going) -> NDArray[np.int8]:
        """What each is called in this picture."""
        kept = going.kept(self._noise.slow_sizes, self._noise.still_seconds)
        anew = self._random.random(len(users)) >= kept
        self._name[users] = np.where(anew, self._drawn(users), self._name[users])
        usual = self._random.random(len(users)) < self._noise.own_name
        return np.where(usual, self._own_name[users], self._name[users]).astype(np.int8)

    def _drawn(self, users: NDArray[np.int64]) -> NDArray[np.int8]:
        """A class for each of these, at random by the names."""
        roll = self._random.random(len(users))[:, None]
        return (self._chances[users].cumsum(axis=1) < roll).sum(axis=1).clip(0, len(CLASSES) - 1).astype(np.int8)

    def _falsehoods(self, at: float, real: Floats) -> tuple[Floats, Floats, NDArray[np.int8]]:
        """Boxes, qualities and classes of what is not there, where these boxes are."""
        f = self._noise.false
        births = f.things * (1.0 if self._at is None else (at - self._at) / f.lasting_seconds)
        self._at = at
        self._things = [t for t in self._things if t.until > at]
        for _ in range(self._random.poisson(births)):
            until = at + self._random.exponential(f.lasting_seconds)
            self._things.append(_Thing(self._anywhere(), until, self._any_name()))
        every = list(self._things)
        for _ in range(self._random.poisson(f.flashes)):
            beside = len(real) > 0 and self._random.random() < f.beside
            every.append(_Thing(self._beside(real) if beside else self._anywhere(), at, self._any_name()))
        boxes = np.array([t.box for t in every]).reshape(-1, 4)
        quality = f.quality + f.quality_spread * self._random.normal(0, 1, len(every))
        return boxes, quality, np.array([t.name for t in every], dtype=np.int8)

    def _anywhere(self) -> Floats:
        f = self._noise.false
        side = f.size * np.exp(self._random.normal(0, f.size_spread, 2))
        return clipped(np.tile(self._random.uniform(0.05, 0.95, 2), 2) + AROUND * np.tile(side, 2))

    def _beside(self, real: Floats) -> Floats:
        """A box that covers about half of a real one."""
        box = real[self._random.integers(len(real))]
        side = box[2:] - box[:2]
        middle = (box[:2] + box[2:]) / 2 + self._random.uniform(-0.6, 0.6, 2) * side
        return clipped(np.tile(middle, 2) + AROUND * np.tile(side * self._random.uniform(0.5, 1.2), 2))

    def _any_name(self) -> int:
        """Detectors name what is not there as they name what is."""
        return int(self._random.choice(self._own_name)) if len(self._own_name) else 0

    def _told(self, at: Instant, boxes: Floats, quality: Floats, names: NDArray[np.int8]) -> Detections:
        """What passes the threshold and the suppression of overlapping boxes, best first."""
        scores = 1 / (1 + np.exp(-quality))
        order = np.argsort(-scores, kind="stable")
        order = order[scores[order] >= self._noise.score]
        families = FAMILY[names[order]]
        box = boxes[order].astype(np.float32)
        rival = (iou(box, box) > self._noise.overlap) & (families[:, None] == families[None])
        kept = np.ones(len(order), dtype=np.bool_)
        for row in range(len(order)):
            kept[row] = not (rival[row, :row] & kept[:row]).any()
        rows = order[kept]
        return Detections(at, self._aspect, box[kept], scores[rows].astype(np.float32), names[rows].astype(np.int8))


@dataclass(frozen=True, slots=True)
class _Thing:
    box: Floats
    until: float
    name: int


@dataclass(frozen=True, slots=True)
class _Going:
    """Of each: sizes gone and seconds passed since its last picture (inf: none), and how much is `fresh` now."""

    sizes: Floats
    seconds: Floats
    fresh: Floats

    def kept(self, slow_sizes: float, still_seconds: float) -> Floats:
        """How much is left of what fades."""
        return np.asarray(np.exp(-self.sizes / slow_sizes - self.seconds / still_seconds))


class _Fading:
    """For each object, values that wander about 0 with variance 1 and forget where they were (Ornstein-Uhlenbeck)."""

    def __init__(self, objects: int, values: int, random: np.random.Generator) -> None:
        self._random = random
        self._value = np.zeros((objects, values))

    def at(self, users: NDArray[np.int64], kept: Floats) -> Floats:
        """The values (k, values) of these now, of which so much (k,) is as it was."""
        fresh = self._random.normal(0, 1, (len(users), self._value.shape[1]))
        self._value[users] = kept[:, None] * self._value[users] + np.sqrt(1 - kept**2)[:, None] * fresh
        return self._value[users]
