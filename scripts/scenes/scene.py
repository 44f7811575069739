"""A scene put together: who comes, who watches, and what the watcher reports, picture by picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from edge.config.rules import Line, Zone
from edge.dataflow import Detections, Instant
from scenes.camera import PinHole
from scenes.noise import Noise, NoisyDetector
from scenes.roads import Signal, Way
from scenes.traffic import Flow, Order, Traffic
from scenes.truth import Truth

START_UTC = 1_700_000_100.0


@dataclass(frozen=True, slots=True)
class Pace:
    """When pictures are analysed: `rate` a second, each off by up to `shake` of the interval; `lost` is the share that
    never comes, and once in `pause_every` seconds nothing comes for up to `pause_seconds`."""

    rate: float = 5.0
    shake: float = 0.1
    lost: float = 0.02
    pause_every: float = 120.0
    pause_seconds: float = 1.0

    def times(self, seconds: float, random: np.random.Generator) -> list[float]:
        """The moments of the pictures, rising."""
        slots = np.arange(0.0, seconds, 1 / self.rate)
        at = slots + random.uniform(-0.5, 0.5, len(slots)) * self.shake / self.rate
        kept = random.random(len(slots)) >= self.lost
        for begin in random.uniform(0, seconds, random.poisson(seconds / self.pause_every)):
            kept &= ~((at > begin) & (at < begin + random.uniform(0, self.pause_seconds)))
        inside = (at >= 0) & (at < seconds) & kept
        return [float(t) for t in at[inside]]


@dataclass(frozen=True)
class Scene:
    """Everything that a scene is made of; two with the same `seed` are the same, whatever watches them."""

    name: str
    ways: tuple[Way, ...]
    camera: PinHole
    seconds: float
    seed: int
    flows: tuple[Flow, ...] = ()
    orders: tuple[Order, ...] = ()
    signal: Signal | None = None
    lines: tuple[Line, ...] = ()
    zones: tuple[Zone, ...] = field(default=())

    @cached_property
    def truth(self) -> Truth:
        """What really happens."""
        random = np.random.default_rng(self.seed)
        orders = [*self.orders, *(o for flow in self.flows for o in flow.orders(random, seconds=self.seconds))]
        history = Traffic(self.ways, orders, random, signal=self.signal).run(self.seconds)
        return Truth(history, self.ways, self.camera)

    def detections(self, noise: Noise, pace: Pace) -> Iterator[Detections]:
        """What a detector with that noise reports at that pace; the same every time."""
        random = np.random.default_rng([self.seed, 1])
        detector = NoisyDetector(noise, self.truth.history.kinds, random, aspect=self.camera.aspect)
        for at in pace.times(self.seconds, random):
            yield detector.look(Instant(at, START_UTC + at), *self.truth.at(at))
