"""What is remembered of each track besides its motion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.dataflow import CLASSES
from edge.tracks.association import FAMILY
from edge.tracks.motion import Floats, Rows

Indices = NDArray[np.int64]

PEDESTRIAN = CLASSES.index("pedestrian")
WALKS = int(FAMILY[PEDESTRIAN])


@dataclass(frozen=True, slots=True)
class Lives(Rows):
    """What is remembered of each track: `ids`, `observations` so far, when last `seen`, when last seen surely or moved
    on (`sure`, seconds) and where (`anchor` (n, 2), picture heights), where it began (`born` (n, 2)), `votes`
    (n, classes) as sums of scores, whether `firm`, which is not faint, whether `confirmed`, and whether it is a
    vehicle that `goes`, as it has gone away from where it began."""

    ids: Indices
    observations: Indices
    seen: Floats
    sure: Floats
    anchor: Floats
    born: Floats
    votes: Floats
    firm: NDArray[np.bool_]
    confirmed: NDArray[np.bool_]
    goes: NDArray[np.bool_]

    @classmethod
    def none(cls) -> Lives:
        """No track."""
        return cls(
            np.zeros(0, np.int64),
            np.zeros(0, np.int64),
            np.zeros(0),
            np.zeros(0),
            np.zeros((0, 2)),
            np.zeros((0, 2)),
            np.zeros((0, len(CLASSES))),
            np.zeros(0, np.bool_),
            np.zeros(0, np.bool_),
            np.zeros(0, np.bool_),
        )

    @property
    def classes(self) -> NDArray[np.int8]:
        """The class of each track by vote; the first of CLASSES where votes are equal."""
        winner: NDArray[np.int8] = self.votes.argmax(axis=1).astype(np.int8)
        return winner

    @property
    def walk(self) -> NDArray[np.bool_]:
        """Which are people."""
        return np.asarray(FAMILY[self.classes] == WALKS)
