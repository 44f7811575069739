"""The two places where coarse features come down: 1x1 convolutions before the doubling instead of after it.

A 1x1 convolution of doubled cells is the doubled convolution of the cells: a quarter of the work, the same answer. So
one on doubled and fine channels together becomes two, whose answers are added.
"""

from __future__ import annotations

import torch
from _net import Neck, Stage
from torch import Tensor, nn


class Doubled(nn.Module):
    """A folded Stage on coarse features, doubled, beside fine ones: what its two first convolutions do."""

    def __init__(self, stage: Stage, *, coarse: int) -> None:
        super().__init__()
        self.stage, self.twice = stage, nn.Upsample(scale_factor=2, mode="nearest")
        self.through, self.past = Parted(stage.through[0], coarse), Parted(stage.past[0], coarse)

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        bend, parts = self.stage.through[2], (self.through, self.past)
        through, past = (bend(part.fine(fine) + self.twice(part.coarse(coarse))) for part in parts)
        joined: Tensor = self.stage.join(torch.cat([self.stage.deep(through), past], dim=1))
        return joined


class Parted(nn.Module):
    """A 1x1 convolution as two, on its first channels, `coarse`, without offsets, and on the others."""

    def __init__(self, whole: nn.Conv2d, coarse: int) -> None:
        super().__init__()
        self.fine = nn.Conv2d(whole.in_channels - coarse, whole.out_channels, 1)
        self.coarse = nn.Conv2d(coarse, whole.out_channels, 1, bias=False)
        self.coarse.weight.data = whole.weight.data[:, :coarse].clone()
        self.fine.weight.data, self.fine.bias.data = whole.weight.data[:, coarse:].clone(), whole.bias.data.clone()


class QuickNeck(nn.Module):
    """A folded Neck, the same answers."""

    def __init__(self, neck: Neck) -> None:
        super().__init__()
        self.neck = neck
        self.down_middle = Doubled(neck.down_middle, coarse=neck.to_middle[0].out_channels)
        self.down_fine = Doubled(neck.down_fine, coarse=neck.to_fine[0].out_channels)

    def forward(self, fine: Tensor, middle: Tensor, coarse: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        narrow = self.neck.to_middle(coarse)
        middle = self.down_middle(narrow, middle)
        slim = self.neck.to_fine(middle)
        return self.neck.up(self.down_fine(slim, fine), slim, narrow)
