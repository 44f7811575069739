"""A queue as the camera told it against the true one, and against as much of that as a net can find."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scenes.noise import GROUP, Noise
from scenes.scene import Scene
from scenes.traffic import TICK
from scenes.visible import visible_share

from edge.dataflow import Sample

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

LOOK_TICKS = 5
"""Every half a second it is looked who of a queue shows."""


def queue_of(scene: Scene, samples: Sequence[Sample], noise: Noise) -> dict[str, float]:
    """How far what was told is off the true queue (`queue`) and off as much of it as `can_be_seen` (`queue.seen`):
    vehicles, with sign as `bias`, and metres, each summed over the pictures."""
    at = [sample.at.seconds for sample in samples]
    vehicles, metres = scene.truth.queue(scene.ways[0].entry)
    ticks = [int(seconds / TICK) for seconds in at]
    told = np.array([(sample.present["vehicles"], sample.present["metres"]) for sample in samples])
    true = np.column_stack([vehicles[ticks], metres[ticks]])
    flagged = sum("saturated" in sample.flags for sample in samples)
    row = {"queue.pictures": float(len(told)), "queue.saturated": float(flagged)}
    for name, queue in (("queue", true), ("queue.seen", can_be_seen(scene, at, noise))):
        off = told - queue
        row |= {f"{name}.true": float(queue[:, 0].sum()), f"{name}.bias": float(off[:, 0].sum())}
        row |= {f"{name}.apart": float(np.abs(off[:, 0]).sum()), f"{name}.metres.apart": float(np.abs(off[:, 1]).sum())}
    return row


def can_be_seen(scene: Scene, at: Sequence[float], noise: Noise) -> Floats:
    """Of the true queue, those whom a net with this noise finds in half of its looks or more, however weakly, by their
    size and what is visible: vehicles, and metres from the stop line to the rear of the last one, (len(at), 2)."""
    there, rears = _in_queue(scene)
    result = np.zeros((len(at), 2))
    for row, (seconds, tick) in enumerate((seconds, int(seconds / TICK)) for seconds in at):
        if there[tick].any():
            seen = there[tick] & _shown(scene, seconds, noise)
            result[row] = seen.sum(), rears[tick, seen].max(initial=0.0)
    return result


def can_be_known(scene: Scene, noise: Noise) -> NDArray[np.int64]:
    """Of the true queue at every tick, those whom the net has found so at any moment since they wait, though they may
    be hidden now: (ticks,). Who is hidden from first to last is counted by no camera."""
    there, _ = _in_queue(scene)
    known, result = np.zeros(there.shape[1], dtype=np.bool_), np.zeros(len(there), dtype=np.int64)
    for tick in range(0, len(there), LOOK_TICKS):
        known &= there[tick]
        if there[tick].any():
            known |= there[tick] & _shown(scene, tick * TICK, noise)
        result[tick : tick + LOOK_TICKS] = known.sum()
    return result


def _in_queue(scene: Scene) -> tuple[Bools, Floats]:
    """Who is of the true queue, (ticks, n), and how far from the stop line their rears are, in metres: (ticks, n)."""
    truth, entry = scene.truth, scene.ways[0].entry
    history = truth.history
    stops = np.array([truth.ways[way].stop or 0.0 for way in history.ways])
    rears = stops - history.along + history.sizes[:, 0] / 2
    with np.errstate(invalid="ignore"):
        return truth.queued(entry) & (rears <= truth.queue(entry)[1][:, None] + 0.01), rears


def _shown(scene: Scene, seconds: float, noise: Noise) -> Bools:
    """Whom a net with this noise finds at a moment in half of its looks or more: (n,)."""
    history = scene.truth.history
    users, boxes, depths = scene.truth.at(seconds)
    size = np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1))
    quality = noise.quality.middle(GROUP[history.kinds[users]], size, visible_share(boxes, depths))
    result = np.zeros(len(history.kinds), dtype=np.bool_)
    result[users[quality >= np.log(noise.score / (1 - noise.score))]] = True
    return result
