"""Batches for the net: batch number N of a seed is always the same, however many processes make them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from _loss import Target
from _scenes import Album, Scene, compose
from _weather import spoil
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

SIZES, CALM_SIZE = ((256, 416), (320, 512)), (384, 640)
"""Heights and widths while the rate is flat, at less than half the work, and while it falls."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is learnt: `pictures` in all, `batch` at a time; in the last part, `settle`, the rate falls and the
    scenes are calm."""

    pictures: int
    batch: int = 16
    settle: float = 0.3
    warm: int = 200

    @property
    def steps(self) -> int:
        return self.pictures // self.batch

    @property
    def flat_until(self) -> int:
        return round(self.steps * (1 - self.settle))

    def rate(self, step: int) -> float:
        """Share of the highest learning rate at this step: rising, flat, then half a cosine."""
        if step < self.flat_until:
            return min(1.0, (step + 1) / self.warm)
        done = (step - self.flat_until) / max(self.steps - self.flat_until, 1)
        return 0.02 + 0.98 * 0.5 * (1 + float(np.cos(np.pi * min(done, 1.0))))


@dataclass(frozen=True, slots=True)
class Batch:
    """`pictures` uint8 (b, 3, h, w) and what is in each."""

    pictures: Tensor
    targets: list[Target]


class Batches(Dataset[Batch]):
    """The batches from `first` to the end of the plan."""

    def __init__(self, album: Album, plan: Plan, *, seed: int, first: int) -> None:
        self._album, self._plan, self._seed, self._first = album, plan, seed, first

    def __len__(self) -> int:
        return max(0, self._plan.steps - self._first)

    def __getitem__(self, index: int) -> Batch:
        step = self._first + index
        calm = step >= self._plan.flat_until
        rng = np.random.default_rng([self._seed, step])
        size = CALM_SIZE if calm else SIZES[int(rng.integers(len(SIZES)))]
        scenes = []
        for _ in range(self._plan.batch):
            scene = compose(self._album, rng, size=size, calm=calm)
            scenes.append(Scene(spoil(scene.picture, rng), scene.boxes, scene.classes, scene.unknown))
        pictures = torch.from_numpy(np.stack([scene.picture for scene in scenes])).permute(0, 3, 1, 2)
        return Batch(pictures, [_to_target(scene) for scene in scenes])


def load(batches: Batches, *, workers: int) -> DataLoader[Batch]:
    """The batches in their order, made ahead of time by other processes."""
    return DataLoader(
        batches,
        batch_size=None,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        worker_init_fn=lambda _: cv2.setNumThreads(1),
        multiprocessing_context="fork" if workers else None,
    )


def _to_target(scene: Scene) -> Target:
    return Target(
        torch.from_numpy(scene.boxes), torch.from_numpy(scene.classes.astype(np.int64)), torch.from_numpy(scene.unknown)
    )
