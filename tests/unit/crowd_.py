"""A crowd on level ground as boxes in the picture of a camera on a pole, and who of it a net can find."""

from __future__ import annotations

import math

import numpy as np

from edge.geometry import iou

SIDE_M, BODY_M, TALL_M, APART_M = 10.0, 0.5, 1.68, 0.35
VISIBLE = 0.35
"""The share of a body that must be seen for a net to find it."""
SAME = 0.5
"""Overlap at which a net keeps one of two boxes."""
LINES = 600
"""Height of the crowd in lines, to tell who hides whom."""


def crowd(density, *, height, distance, rng):
    """The boxes (n, 4) of a square of 10 m that begins `distance` metres from a pole of `height`, the nearest first,
    as fractions of the crowd's own extent."""
    people = np.zeros((0, 2))
    for place in rng.uniform(0, SIDE_M, (60_000, 2)):
        if len(people) >= density * SIDE_M**2:
            break
        if np.hypot(*(people - place).T).min(initial=9) >= APART_M:
            people = np.vstack([people, place])
    people = people[people[:, 1].argsort()]
    x, y = people[:, 0] - SIDE_M / 2, people[:, 1] + distance
    pitch = math.atan2(height - TALL_M / 2, distance + SIDE_M / 2)

    def project(z):
        depth = y * math.cos(pitch) + (height - z) * math.sin(pitch)
        return x / depth, ((height - z) * math.cos(pitch) - y * math.sin(pitch)) / depth, BODY_M / 2 / depth

    (u0, v0, half), (u1, v1, _) = project(0.0), project(TALL_M)
    boxes = np.stack([np.minimum(u0, u1) - half, v1, np.maximum(u0, u1) + half, v0], axis=1)
    low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    return ((boxes - np.tile(low, 2)) / np.tile(high - low, 2)).astype(np.float32)


def found(boxes):
    """Those that a net finds: of whom enough is seen, one of two that overlap too much."""
    drawn = np.zeros((LINES + 2, LINES + 2), dtype=bool)
    seen = []
    for x1, y1, x2, y2 in (boxes * LINES).astype(int):
        inset = int((x2 - x1) * 0.2)
        body = drawn[y1 : y2 + 1, x1 + inset : x2 + 1 - inset]
        seen.append(1 - body.mean())
        body[...] = True
    kept = []
    for i in np.argsort(-np.array(seen), kind="stable").tolist():
        if seen[i] >= VISIBLE and (not kept or iou(boxes[[i]], boxes[kept]).max() <= SAME):
            kept.append(i)
    return boxes[kept]
