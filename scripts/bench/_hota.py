"""HOTA, IDF1 and identity switches of tracks against truth, over one or many sequences.

HOTA after Luiten et al., "HOTA: A Higher Order Metric for Evaluating Multi-Object Tracking", IJCV 2021;
IDF1 after Ristani et al., "Performance Measures and a Data Set for Multi-Target, Multi-Camera Tracking", 2016;
switches after Bernardin and Stiefelhagen, "Evaluating Multiple Object Tracking Performance", 2008.
Sequences are combined by adding up their counts, as TrackEval does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.tracks.assignment import best_pairs

ALPHAS = np.arange(0.05, 0.99, 0.05)
Array = NDArray[np.float64]
Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Labelled:
    """Boxes with identities in one picture: `ids` (n,), `boxes` (n, 4) x1 y1 x2 y2 in any one unit."""

    ids: Ids
    boxes: Array


@dataclass(frozen=True, slots=True)
class Score:
    """The counts of one or many sequences; `+` combines. Arrays are by ALPHAS; `association` is the sum of the
    association accuracies of all true positives."""

    true_positives: Array
    truths: int
    found: int
    association: Array
    identity_matches: int
    switches: int

    def __add__(self, other: Score) -> Score:
        return Score(
            self.true_positives + other.true_positives,
            self.truths + other.truths,
            self.found + other.found,
            self.association + other.association,
            self.identity_matches + other.identity_matches,
            self.switches + other.switches,
        )

    @property
    def detection_accuracy(self) -> Array:
        """DetA by ALPHAS."""
        return self.true_positives / np.maximum(1, self.truths + self.found - self.true_positives)

    @property
    def association_accuracy(self) -> Array:
        """AssA by ALPHAS."""
        return self.association / np.maximum(1, self.true_positives)

    @property
    def hota(self) -> float:
        """The geometric mean of DetA and AssA, mean over ALPHAS."""
        return float(np.mean(np.sqrt(self.detection_accuracy * self.association_accuracy)))

    @property
    def idf1(self) -> float:
        """The F1 of identities under the best one-to-one mapping of tracks to truths at IoU 0.5."""
        return 2 * self.identity_matches / max(1, self.truths + self.found)


@dataclass(frozen=True, slots=True)
class _Picture:
    truth: Ids
    found: Ids
    overlap: Array


def score(truth: Sequence[Labelled], found: Sequence[Labelled]) -> Score:
    """Compare tracks with the truth, picture by picture (two sequences of one length)."""
    truth_index = {k: i for i, k in enumerate(sorted({int(k) for p in truth for k in p.ids}))}
    found_index = {k: i for i, k in enumerate(sorted({int(k) for p in found for k in p.ids}))}
    pictures = [
        _Picture(
            np.array([truth_index[int(k)] for k in t.ids], dtype=np.int64),
            np.array([found_index[int(k)] for k in f.ids], dtype=np.int64),
            _overlap(t.boxes, f.boxes),
        )
        for t, f in zip(truth, found, strict=True)
    ]
    shape = (len(truth_index), len(found_index))
    positives, association = _hota(pictures, shape)
    return Score(
        true_positives=positives,
        truths=sum(len(p.truth) for p in pictures),
        found=sum(len(p.found) for p in pictures),
        association=association,
        identity_matches=_identity_matches(pictures, shape),
        switches=_switches(pictures, len(truth_index)),
    )


def _overlap(a: Array, b: Array) -> Array:
    sides = np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])
    shared = np.prod(np.clip(sides, 0, None), axis=2)
    areas = np.prod(a[:, 2:] - a[:, :2], axis=1)[:, None] + np.prod(b[:, 2:] - b[:, :2], axis=1)[None]
    ratio: Array = shared / np.maximum(areas - shared, np.finfo(float).eps)
    return ratio


def _hota(pictures: list[_Picture], shape: tuple[int, int]) -> tuple[Array, Array]:
    potential, truth_count, found_count = np.zeros(shape), np.zeros((shape[0], 1)), np.zeros((1, shape[1]))
    for p in pictures:
        share = p.overlap.sum(0)[None] + p.overlap.sum(1)[:, None] - p.overlap
        jaccard = np.divide(p.overlap, share, out=np.zeros_like(share), where=share > np.finfo(float).eps)
        potential[p.truth[:, None], p.found[None]] += jaccard
        truth_count[p.truth] += 1
        found_count[0, p.found] += 1
    alignment = potential / np.maximum(truth_count + found_count - potential, np.finfo(float).eps)
    matches = np.zeros((len(ALPHAS), *shape))
    for p in pictures:
        rows, columns = best_pairs(alignment[p.truth[:, None], p.found[None]] * p.overlap)
        for k, alpha in enumerate(ALPHAS):
            good = p.overlap[rows, columns] >= alpha - np.finfo(float).eps
            matches[k, p.truth[rows[good]], p.found[columns[good]]] += 1
    accuracy = matches / np.maximum(1, truth_count + found_count - matches)
    return matches.sum((1, 2)), (matches * accuracy).sum((1, 2))


def _identity_matches(pictures: list[_Picture], shape: tuple[int, int]) -> int:
    together = np.zeros(shape)
    for p in pictures:
        rows, columns = np.nonzero(p.overlap >= 0.5)
        together[p.truth[rows], p.found[columns]] += 1
    return int(together[best_pairs(together)].sum())


def _switches(pictures: list[_Picture], truths: int) -> int:
    last, current = np.full(truths, -1), np.full(truths, -1)
    switches = 0
    for p in pictures:
        if p.overlap.size == 0:
            continue
        kept = (p.found[None] == current[p.truth][:, None]) & (p.overlap >= 0.5)
        rows, columns = best_pairs(np.where(p.overlap >= 0.5, p.overlap + 1000 * kept, 0))
        good = p.overlap[rows, columns] >= 0.5
        who, now = p.truth[rows[good]], p.found[columns[good]]
        switches += int(((last[who] >= 0) & (last[who] != now)).sum())
        current[:] = -1
        last[who] = current[who] = now
    return switches
