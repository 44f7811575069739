"""The first layer on the planes that a camera gives instead of on colours made of them: half its work, same answer.

A camera's chroma has half the pixels each way. The net learns from colours (BT.601, limited range, each chroma pixel
for four of luma, as cv2 makes them): linear in the planes but for values that are cut at 0 and 255. So a convolution
of 6x6 with stride 2 on three colours is one of 6x6 with stride 2 on luma and one of 3x3 on chroma, whose rows and
columns meet the same pixels. Black is zero in both forms, so both pad alike.
"""

from __future__ import annotations

import torch
from _doubled import QuickNeck
from _net import RoadUsers
from torch import Tensor, nn

from edge.dataflow import CLASSES

MEAN = (16.0, 128.0, 128.0)
"""Luma and chroma of black, which the net expects as zero."""
TO_COLOURS = torch.tensor([[1.164383, 2.017232, 0.0], [1.164383, -0.391762, -0.812968], [1.164383, 0.0, 1.596027]])
"""Blue, green and red (rows) of luma, blue and red difference, less MEAN (ITU-R BT.601, limited range)."""


class OnPlanes(nn.Module):
    """A folded net for luma (1, 1, h, w) and chroma (1, 2, h / 2, w / 2), less MEAN, as the family `yolox` is read:
    objectness and scores through their sigmoid."""

    def __init__(self, net: RoadUsers) -> None:
        super().__init__()
        self.net, self.neck = net, QuickNeck(net.neck)
        stem = net.backbone.stem[0]
        of_luma, of_chroma = to_planes(stem.weight.data)
        self.luma = nn.Conv2d(1, stem.out_channels, 6, 2, 2)
        self.chroma = nn.Conv2d(2, stem.out_channels, 3, 1, 1, bias=False)
        self.luma.weight.data, self.chroma.weight.data, self.luma.bias.data = of_luma, of_chroma, stem.bias.data

    def forward(self, luma: Tensor, chroma: Tensor) -> Tensor:
        first = self.net.backbone.stem[2](self.luma(luma) + self.chroma(chroma))
        features = self.neck(*self.net.backbone(first))
        maps = [head(one) for head, one in zip(self.net.heads, features, strict=True)]
        raw = torch.cat([one.reshape(1, 5 + len(CLASSES), -1) for one in maps], dim=2).transpose(1, 2)
        return torch.cat([raw[..., :4], raw[..., 4:].sigmoid()], dim=2)


def to_planes(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Weights (n, 3, 6, 6) on blue, green and red -> on luma (n, 1, 6, 6) and on chroma (n, 2, 3, 3)."""
    whole = torch.einsum("nchw,cp->nphw", weight, TO_COLOURS)
    blocks = whole[:, 1:].reshape(len(weight), 2, 3, 2, 3, 2)
    return whole[:, :1].contiguous(), blocks.sum(dim=(3, 5)).contiguous()


def to_colours(luma: Tensor, chroma: Tensor) -> Tensor:
    """The way back: weights on blue, green and red that do on pictures of a camera what these do on planes."""
    spread = chroma.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3) / 4
    whole = torch.cat([luma, spread], dim=1)
    return torch.einsum("nphw,pc->nchw", whole, torch.linalg.inv(TO_COLOURS)).contiguous()


def planes_of(pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Pictures BGR (n, 3, h, w), 0 to 255 -> what OnPlanes takes, chroma averaged over four pixels."""
    planes = torch.einsum("nchw,pc->nphw", pictures, torch.linalg.inv(TO_COLOURS))
    return planes[:, :1].contiguous(), nn.functional.avg_pool2d(planes[:, 1:], 2)
