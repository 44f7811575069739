"""How boxes move: a Kalman filter of constant velocity in perspective, in real time, over all tracks at once.

Boxes are (centre x, centre y, width, height) in picture heights; lengths in `Noise` are in sizes of the box, where
the size is the root of its area, so near and far objects are treated alike.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SMALLEST, LARGEST = 1e-3, 4.0
"""The sides of a box stay between these, in picture heights."""
FASTEST = 20.0
"""No side of the state changes faster, in picture heights a second; it bounds a track that grows while it is unseen."""
MOST_GROWTH = 0.25
"""The largest change of scale, over one prediction, that perspective is believed to make: a third larger, as what comes
near is after a third of a second. A growth that is thought too great feeds on itself, and the track flies off."""
PLAIN_GROWTH = 0.15
"""A greater one is believed only as far as both sides of the box agree on it: who comes into the picture grows in
breadth alone until all of it is there, and who turns in one side too."""


@dataclass(frozen=True, slots=True)
class Noise:
    """Standard deviations in box sizes: of a detection (`place` of the centre, `side` of width and height), of what a
    newcomer may do (a second), of what disturbs a motion (for each root of a second cubed; `speed` adds a share of the
    object's own speed). A growth fades over `growth_memory_seconds`. An innovation of more than `surprise` times its
    expected variance widens what is believed possible."""

    place: float = 0.12
    side: float = 0.23
    start_velocity: float = 6.5
    start_growth: float = 1.2
    push: float = 0.13
    growth_push: float = 0.3
    speed: float = 0.2
    growth_memory_seconds: float = 2.8
    surprise: float = 1.0


@dataclass(frozen=True, slots=True)
class Rows:
    """A table of arrays with one row a track."""

    def chosen(self, which: NDArray[np.bool_] | NDArray[np.int64]) -> Self:
        """The table of these rows only."""
        return type(self)(*(getattr(self, f.name)[which] for f in fields(self)))

    def joined(self, other: Self) -> Self:
        """This table with the rows of the other below."""
        pairs = ((getattr(self, f.name), getattr(other, f.name)) for f in fields(self))
        return type(self)(*(np.concatenate(pair) for pair in pairs))

    def written(self, rows: NDArray[np.int64], other: Self) -> Self:
        """This table with the given rows taken from the other."""
        columns = [getattr(self, f.name).copy() for f in fields(self)]
        for column, f in zip(columns, fields(other), strict=True):
            column[rows] = getattr(other, f.name)
        return type(self)(*columns)


@dataclass(frozen=True, slots=True)
class Motion(Rows):
    """Boxes (n, 4), their velocities (n, 4) in picture heights a second, and the variances of box and velocity with
    the covariance between (n, 4 each): the four sides of the state are independent of one another."""

    box: Floats
    velocity: Floats
    variance: Floats
    covariance: Floats
    velocity_variance: Floats

    @classmethod
    def started(cls, measured: Floats, noise: Noise, expected: tuple[Floats, Floats]) -> Motion:
        """First sights: boxes as measured, moving as is `expected`: mean (n, 3) and variance (n, 3) of velocity x,
        velocity y and growth, in sizes a second."""
        size = sizes(measured)[:, None]
        mean, variance = (each[:, [0, 1, 2, 2]] for each in expected)
        velocity = mean * np.hstack([size, size, measured[:, 2:]])
        return cls(measured, velocity, _measurement(measured, noise), np.zeros_like(measured), variance * size**2)

    def predicted(self, dt: float, noise: Noise) -> Motion:
        """The motion `dt` seconds later. What approaches grows and speeds up: on a straight road at constant speed
        1/height is linear in time, so with growth rate g the way is v dt / (1 - g dt) and the velocity
        v / (1 - g dt)^2."""
        scale = (1 / (1 - self._growth(dt)))[:, None]
        box = self.box + self.velocity * dt * scale
        box[:, 2:] = np.clip(box[:, 2:], SMALLEST, LARGEST)
        velocity = np.clip(self.velocity * scale**2, -FASTEST, FASTEST)
        velocity[:, 2:] *= np.exp(-dt / noise.growth_memory_seconds)
        push = _by_side(noise.push, noise.growth_push, sizes(self.box))
        push[:, :2] += (noise.speed**2 * (self.velocity[:, :2] ** 2).sum(axis=1))[:, None]
        return Motion(
            box,
            velocity,
            self.variance + 2 * dt * self.covariance + dt**2 * self.velocity_variance + push * dt**3 / 3,
            self.covariance + dt * self.velocity_variance + push * dt**2 / 2,
            self.velocity_variance + push * dt,
        )

    def _growth(self, dt: float) -> Floats:
        """The change of scale over `dt` seconds (n,), at most MOST_GROWTH either way."""
        sides = self.velocity[:, 2:] / self.box[:, 2:] * dt
        mean = sides.mean(axis=1)
        agreed = np.where((sides > 0).all(axis=1) | (sides < 0).all(axis=1), np.sign(mean), 0) * np.abs(sides).min(
            axis=1
        )
        growth = np.where(np.abs(mean) > PLAIN_GROWTH, agreed, mean)
        return np.asarray(np.clip(growth, -MOST_GROWTH, MOST_GROWTH))

    def corrected(self, measured: Floats, noise: Noise) -> Motion:
        """The motion after the same boxes were seen. One that surprised is less sure of itself by as much: its
        uncertainty grows to the innovation seen (a fading memory), so that it follows a turn instead of being lost."""
        innovation = measured - self.box
        error = _measurement(self.box, noise)
        misfit = (innovation**2 / (self.variance + error)).reshape(-1, 2, 2).mean(axis=2).repeat(2, axis=1)
        doubt = np.maximum(1, misfit / noise.surprise)
        variance, covariance = self.variance * doubt, self.covariance * doubt
        gain, velocity_gain = variance / (variance + error), covariance / (variance + error)
        box = self.box + gain * innovation
        box[:, 2:] = np.clip(box[:, 2:], SMALLEST, LARGEST)
        return Motion(
            box,
            self.velocity + velocity_gain * innovation,
            (1 - gain) * variance,
            (1 - gain) * covariance,
            self.velocity_variance * doubt - velocity_gain * covariance,
        )

    def expected_error(self, noise: Noise) -> Floats:
        """The variance (n, 4) of a detection about the predicted box."""
        return self.variance + _measurement(self.box, noise)


def sizes(boxes: Floats) -> Floats:
    """The root of each area: (n, 4) centre x, centre y, width, height -> (n,)."""
    return np.maximum(np.sqrt(boxes[:, 2] * boxes[:, 3]), SMALLEST)


def _measurement(boxes: Floats, noise: Noise) -> Floats:
    return _by_side(noise.place, noise.side, sizes(boxes))


def _by_side(place: float, side: float, size: Floats) -> Floats:
    return (np.array([place, place, side, side]) * size[:, None]) ** 2
