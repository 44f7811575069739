"""What the net is asked for: which points answer for which road user (SimOTA) and how wrong they are (YOLOX).

SimOTA: arXiv 2107.08430, section 2.2: a road user takes the points that would cost it least, as many as its best
overlaps add up to. Points where nothing is known are not told that nobody is there.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

REACH = 2.5
"""Cells from the middle of a road user within which a point may answer for it."""
OVERLAP_WEIGHT, BOX_WEIGHT = 3.0, 5.0
CANDIDATES = 10


@dataclass(frozen=True, slots=True)
class Target:
    """What is in one picture: `boxes` (n, 4) in pixels, `classes` (n,) int64, `unknown` (m, 4)."""

    boxes: Tensor
    classes: Tensor
    unknown: Tensor


@dataclass(frozen=True, slots=True)
class Points:
    """Where the net's points lie, in pixels: corner of the cell (n, 2) and stride (n, 1)."""

    corners: Tensor
    strides: Tensor

    @property
    def centres(self) -> Tensor:
        return self.corners + self.strides / 2


@dataclass(frozen=True, slots=True)
class Loss:
    """Sums over a batch, divided by how many points answer for somebody."""

    box: Tensor
    there: Tensor
    kind: Tensor

    @property
    def total(self) -> Tensor:
        return BOX_WEIGHT * self.box + self.there + self.kind


def make_points(height: int, width: int, strides: tuple[int, ...], *, device: torch.device) -> Points:
    """The points of all maps, row by row, as `edge.detections.decode` counts them."""
    corners, steps = [], []
    for stride in strides:
        rows, columns = torch.meshgrid(torch.arange(height // stride), torch.arange(width // stride), indexing="ij")
        corners.append(torch.stack([columns.flatten(), rows.flatten()], dim=1) * stride)
        steps.append(torch.full((len(corners[-1]), 1), stride))
    return Points(torch.cat(corners).float().to(device), torch.cat(steps).float().to(device))


def to_boxes(raw: Tensor, points: Points) -> Tensor:
    """The net's first four numbers as boxes x1 y1 x2 y2 in pixels (the family `yolox`)."""
    centres = raw[..., :2] * points.strides + points.corners
    half = raw[..., 2:4].clamp(max=8).exp() * points.strides / 2
    return torch.cat([centres - half, centres + half], dim=-1)


def measure(raw: Tensor, targets: list[Target], points: Points) -> Loss:
    """How wrong the net's answer (b, points, 5 + classes) is."""
    boxes, there, kinds = to_boxes(raw, points), raw[..., 4], raw[..., 5:]
    wanted, weight = torch.zeros_like(there), torch.ones_like(there)
    box_loss = kind_loss = raw.new_zeros(())
    count = 0
    for row, target in enumerate(targets):
        weight[row] = (~_inside(points.centres, target.unknown).any(dim=1)).float()
        if not len(target.boxes):
            continue
        who, whom, overlap = assign(boxes[row].detach(), raw[row, :, 4:].detach(), target, points)
        count += len(who)
        wanted[row, who], weight[row, who] = 1.0, 1.0
        box_loss = box_loss + (1 - generous_iou(boxes[row, who], target.boxes[whom])).sum()
        asked = functional.one_hot(target.classes[whom], kinds.shape[2]) * overlap[:, None]
        kind_loss = kind_loss + functional.binary_cross_entropy_with_logits(kinds[row, who], asked, reduction="sum")
    there_loss = functional.binary_cross_entropy_with_logits(there, wanted, weight=weight, reduction="sum")
    return Loss(*(part / max(count, 1) for part in (box_loss, there_loss, kind_loss)))


def assign(boxes: Tensor, logits: Tensor, target: Target, points: Points) -> tuple[Tensor, Tensor, Tensor]:
    """Points that answer (k,), the row of the target each answers for (k,), and how well its box fits now (k,)."""
    near = _near(points, target.boxes)
    inside = _inside(points.centres, target.boxes)
    rows = (near | inside).any(dim=1).nonzero()[:, 0]
    overlap = pairwise_iou(boxes[rows], target.boxes)
    there, kinds = logits[rows, :1].sigmoid(), logits[rows, 1:].sigmoid()
    scores = (there * kinds).sqrt().clamp(1e-6, 1 - 1e-6)
    miss = -torch.log1p(-scores)
    wrong = miss.sum(dim=1, keepdim=True) + (-scores.log() - miss)[:, target.classes]
    outside = ~(near & inside)[rows]
    cost = wrong - OVERLAP_WEIGHT * overlap.clamp(min=1e-8).log() + 1e5 * outside
    best = overlap.topk(min(CANDIDATES, len(rows)), dim=0).values
    many = best.sum(dim=0).int().clamp(min=1)
    order = cost.topk(int(many.max().clamp(max=len(rows))), dim=0, largest=False).indices
    chosen = torch.zeros_like(cost, dtype=torch.bool)
    chosen.scatter_(0, order, torch.arange(len(order), device=cost.device)[:, None] < many[None])
    chosen &= cost == cost.where(chosen, torch.inf).min(dim=1, keepdim=True).values
    who = chosen.any(dim=1).nonzero()[:, 0]
    whom = chosen[who].int().argmax(dim=1)
    return rows[who], whom, overlap[who, whom]


def _near(points: Points, boxes: Tensor) -> Tensor:
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    away = (points.centres[:, None] - middle[None]).abs().amax(dim=2)
    return away < REACH * points.strides


def _inside(centres: Tensor, boxes: Tensor) -> Tensor:
    """Which centres lie in which boxes, (points, n)."""
    return ((centres[:, None] > boxes[None, :, :2]) & (centres[:, None] < boxes[None, :, 2:])).all(dim=2)


def pairwise_iou(a: Tensor, b: Tensor) -> Tensor:
    """Overlap of every box of one with every box of the other, (n, m)."""
    sides = (torch.minimum(a[:, None, 2:], b[None, :, 2:]) - torch.maximum(a[:, None, :2], b[None, :, :2])).clamp(min=0)
    shared = sides.prod(dim=2)
    return shared / (_area(a)[:, None] + _area(b)[None] - shared + 1e-9)


def generous_iou(a: Tensor, b: Tensor) -> Tensor:
    """GIoU (arXiv 1902.09630) of each box with its partner, (n,), -1 to 1."""
    shared = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp(min=0).prod(dim=1)
    union = _area(a) + _area(b) - shared
    around = (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).prod(dim=1)
    return shared / (union + 1e-9) - (around - union) / (around + 1e-9)


def _area(boxes: Tensor) -> Tensor:
    return (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(dim=1)
