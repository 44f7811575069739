"""A pin-hole camera over a flat ground. Ground in metres, x to the right of the camera's foot and y ahead of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NEAR = 0.5
"""Metres before the lens from which on a point is projected."""


@dataclass(frozen=True)
class PinHole:
    """`height` in metres over the ground at (0, 0); looks along `heading` degrees (0 = y, clockwise), `tilt` degrees
    below the horizon; `focal` length in picture heights; `aspect` = width / height."""

    height: float = 8.0
    tilt: float = 22.0
    heading: float = 0.0
    focal: float = 1.1
    aspect: float = 16 / 9

    @cached_property
    def axes(self) -> Floats:
        """The camera's right, down and ahead as rows (3, 3) of ground coordinates with z up."""
        turn, tilt = np.radians(self.heading), np.radians(self.tilt)
        right = np.array([np.cos(turn), -np.sin(turn), 0.0])
        level = np.array([np.sin(turn), np.cos(turn), 0.0])
        up = np.array([0.0, 0.0, 1.0])
        return np.stack([right, -np.cos(tilt) * up - np.sin(tilt) * level, np.cos(tilt) * level - np.sin(tilt) * up])

    def project(self, points: Floats) -> tuple[Floats, Floats]:
        """Points (..., 3) in metres -> fractions of the picture (..., 2) and depths (...) in metres; what lies nearer
        than `NEAR` is put there."""
        seen = (points - [0.0, 0.0, self.height]) @ self.axes.T
        depth = seen[..., 2]
        plane = seen[..., :2] / np.maximum(depth, NEAR)[..., None] * self.focal
        return plane / [self.aspect, 1.0] + 0.5, depth

    def to_picture(self, ground: Floats) -> Floats:
        """Points (..., 2) on the ground -> fractions of the picture (..., 2)."""
        return self.project(np.concatenate([ground, np.zeros_like(ground[..., :1])], axis=-1))[0]

    def to_ground(self, picture: Floats) -> Floats:
        """Fractions (..., 2) of the picture -> metres on the ground (..., 2); NaN from the horizon upwards."""
        plane = (picture - 0.5) * [self.aspect, 1.0] / self.focal
        ray = np.concatenate([plane, np.ones_like(plane[..., :1])], axis=-1) @ self.axes
        falls = np.where(ray[..., 2] < -1e-6, -ray[..., 2], np.nan)
        return ray[..., :2] * (self.height / falls)[..., None]

    def boxes(self, poses: Floats, sizes: Floats) -> tuple[Floats, Floats]:
        """The boxes around cuboids that stand on the ground, not cut by the picture's edge, x1 y1 x2 y2 in fractions
        (..., 4), and the depth of each middle (...); the box is NaN where a corner is nearer than `NEAR`.

        `poses` (..., 3): x, y, heading in radians (0 = along y, clockwise); `sizes` (..., 3): length, width, height.
        """
        corners = np.array([[a, b, c] for a in (-0.5, 0.5) for b in (-0.5, 0.5) for c in (0.0, 1.0)])
        local = corners * sizes[..., None, :]
        sine, cosine = np.sin(poses[..., 2, None]), np.cos(poses[..., 2, None])
        x = poses[..., 0, None] + local[..., 0] * sine + local[..., 1] * cosine
        y = poses[..., 1, None] + local[..., 0] * cosine - local[..., 1] * sine
        places, depth = self.project(np.stack([x, y, local[..., 2]], axis=-1))
        box = np.concatenate([places.min(axis=-2), places.max(axis=-2)], axis=-1)
        box[depth.min(axis=-1) < NEAR] = np.nan
        return box, depth.mean(axis=-1)
