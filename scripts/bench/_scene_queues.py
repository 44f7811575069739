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
    truth, entry = scene.truth, scene.ways[0].entry
    vehicles, metres = truth.queue(entry)
    queued, history = truth.queued(entry), truth.history
    stops = np.array([truth.ways[way].stop or 0.0 for way in history.ways])
    weakest = np.log(noise.score / (1 - noise.score))
    result = np.zeros((len(at), 2))
    for row, (seconds, tick) in enumerate((seconds, int(seconds / TICK)) for seconds in at):
        if not vehicles[tick]:
            continue
        users, boxes, depths = truth.at(seconds)
        size = np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1))
        quality = noise.quality.middle(GROUP[history.kinds[users]], size, visible_share(boxes, depths))
        rear = stops[users] - history.along[tick, users] + history.sizes[users, 0] / 2
        found = queued[tick, users] & (rear <= metres[tick] + 0.01) & (quality >= weakest)
        result[row] = found.sum(), rear[found].max(initial=0.0)
    return result
