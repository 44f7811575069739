"""The net: YOLOX-nano (arXiv 2107.08430) for six classes, in plain PyTorch.

Convolutions, SiLU, max-pooling, doubling and concatenation only. The first layer is one convolution of 6x6 with stride
2: the published net's regrouping of pixels and the 3x3 convolution after it, in one. What is shipped does the same on
the planes of a camera (`_planes.py`).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edge.dataflow import CLASSES

STRIDES = (8, 16, 32)
WIDTH = 64
"""Channels of the head."""


class Block(nn.Sequential):
    """Convolution, batch normalisation, SiLU."""

    def __init__(self, inner: int, outer: int, size: int = 1, *, stride: int = 1, groups: int = 1) -> None:
        padding = 2 if size == 6 else size // 2
        super().__init__(
            nn.Conv2d(inner, outer, size, stride, padding, groups=groups, bias=False),
            nn.BatchNorm2d(outer, eps=1e-3, momentum=0.03),
            nn.SiLU(inplace=True),
        )


class Separable(nn.Sequential):
    """A 3x3 convolution of each channel by itself, then one of 1x1."""

    def __init__(self, inner: int, outer: int, *, stride: int = 1) -> None:
        super().__init__(Block(inner, inner, 3, stride=stride, groups=inner), Block(inner, outer))


class Bottleneck(nn.Module):
    def __init__(self, width: int, *, shortcut: bool) -> None:
        super().__init__()
        self.shrink, self.look, self.shortcut = Block(width, width), Separable(width, width), shortcut

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.look(self.shrink(x))
        return y + x if self.shortcut else y


class Stage(nn.Module):
    """Cross-stage-partial: half of the channels go through bottlenecks, half go past them."""

    def __init__(self, inner: int, outer: int, depth: int, *, shortcut: bool = True) -> None:
        super().__init__()
        half = outer // 2
        self.through, self.past = Block(inner, half), Block(inner, half)
        self.deep = nn.Sequential(*(Bottleneck(half, shortcut=shortcut) for _ in range(depth)))
        self.join = Block(2 * half, outer)

    def forward(self, x: Tensor) -> Tensor:
        through, past = self.through(x), self.past(x)
        joined: Tensor = self.join(torch.cat([self.deep(through), past], dim=1))
        return joined


class Pyramid(nn.Module):
    """Pools over 5, 9 and 13 cells, each the one before pooled over 5 once more."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.shrink, self.join = Block(width, width // 2), Block(2 * width, width)
        self.pool = nn.MaxPool2d(5, 1, 2)

    def forward(self, x: Tensor) -> Tensor:
        pooled = [self.shrink(x)]
        for _ in range(3):
            pooled.append(self.pool(pooled[-1]))
        joined: Tensor = self.join(torch.cat(pooled, dim=1))
        return joined


class Backbone(nn.Module):
    """What the stem makes of a picture, (n, 16, h / 2, w / 2) -> features at strides 8, 16 and 32."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Block(3, 16, 6, stride=2)
        self.fine = nn.Sequential(
            Separable(16, 32, stride=2), Stage(32, 32, 1), Separable(32, 64, stride=2), Stage(64, 64, 3)
        )
        self.middle = nn.Sequential(Separable(64, 128, stride=2), Stage(128, 128, 3))
        self.coarse = nn.Sequential(Separable(128, 256, stride=2), Pyramid(256), Stage(256, 256, 1, shortcut=False))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        fine = self.fine(x)
        middle = self.middle(fine)
        return fine, middle, self.coarse(middle)


class Neck(nn.Module):
    """Coarse features come down to the finer ones, and those go up again."""

    def __init__(self) -> None:
        super().__init__()
        self.twice = nn.Upsample(scale_factor=2, mode="nearest")
        self.to_middle, self.down_middle = Block(256, 128), Stage(256, 128, 1, shortcut=False)
        self.to_fine, self.down_fine = Block(128, 64), Stage(128, 64, 1, shortcut=False)
        self.from_fine, self.up_middle = Separable(64, 64, stride=2), Stage(128, 128, 1, shortcut=False)
        self.from_middle, self.up_coarse = Separable(128, 128, stride=2), Stage(256, 256, 1, shortcut=False)

    def forward(self, fine: Tensor, middle: Tensor, coarse: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        narrow = self.to_middle(coarse)
        middle = self.down_middle(torch.cat([self.twice(narrow), middle], dim=1))
        slim = self.to_fine(middle)
        return self.up(self.down_fine(torch.cat([self.twice(slim), fine], dim=1)), slim, narrow)

    def up(self, fine: Tensor, slim: Tensor, narrow: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The way back: fine features and, each before its doubling, middle and coarse ones."""
        middle = self.up_middle(torch.cat([self.from_fine(fine), slim], dim=1))
        return fine, middle, self.up_coarse(torch.cat([self.from_middle(middle), narrow], dim=1))


class Head(nn.Module):
    """One map -> (n, 5 + classes, h, w): box, objectness, classes, none of them through a sigmoid yet."""

    def __init__(self, inner: int) -> None:
        super().__init__()
        self.stem = Block(inner, WIDTH)
        self.kind = nn.Sequential(Separable(WIDTH, WIDTH), Separable(WIDTH, WIDTH))
        self.kinds = nn.Conv2d(WIDTH, len(CLASSES), 1)
        self.place = nn.Sequential(Separable(WIDTH, WIDTH), Separable(WIDTH, WIDTH))
        self.box, self.there = nn.Conv2d(WIDTH, 4, 1), nn.Conv2d(WIDTH, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        kinds = self.kinds(self.kind(x))
        place = self.place(x)
        return torch.cat([self.box(place), self.there(place), kinds], dim=1)


class RoadUsers(nn.Module):
    """Pictures (n, 3, h, w), BGR, 0 to 255, sides multiples of 32 -> (n, points, 5 + classes), logits."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone, self.neck = Backbone(), Neck()
        self.heads = nn.ModuleList(Head(width) for width in (64, 128, 256))

    def forward(self, x: Tensor) -> Tensor:
        features = self.neck(*self.backbone(self.backbone.stem(x)))
        maps = [head(one) for head, one in zip(self.heads, features, strict=True)]
        return torch.cat([one.flatten(2) for one in maps], dim=2).transpose(1, 2)
