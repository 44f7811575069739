"""Detections -> Tracks: which boxes of successive pictures are one road user."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge.dataflow import CLASSES, Detections, Tracks
from edge.geometry import iou
from edge.tracks.assignment import best_pairs
from edge.tracks.association import Costs, Sight, corners, disagreement, misfit
from edge.tracks.motion import Floats, Motion, Noise, Rows

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    """Below the score `low` a detection is ignored, below `confident` it can only continue a track, else also start
    one. A track is confirmed by `confirm_observations` of it. It ends when unseen for `lost_seconds` (or
    `tentative_seconds`, before it is confirmed), or when only weak detections have held it for `doubted_seconds`: a
    traffic cone that was once taken for a person. Every track ends after `gap_seconds` between two pictures. A
    detection that covers another by `same_overlap` (IoU) starts no second track. At most `most` tracks live at once."""

    low: float = 0.15
    confident: float = 0.5
    confirm_observations: int = 2
    lost_seconds: float = 1.9
    tentative_seconds: float = 0.3
    doubted_seconds: float = 1.5
    gap_seconds: float = 2.0
    same_overlap: float = 0.6
    most: int = 500
    costs: Costs = field(default_factory=Costs)
    noise: Noise = field(default_factory=Noise)


@dataclass(frozen=True, slots=True)
class Lives(Rows):
    """What is remembered of each track: `ids`, `observations` so far, when last `seen`, and when last by a confident
    detection (`sure`, seconds), `votes` (n, classes) as sums of scores, whether `confirmed`."""

    ids: Indices
    observations: Indices
    seen: Floats
    sure: Floats
    votes: Floats
    confirmed: NDArray[np.bool_]

    @classmethod
    def none(cls) -> Lives:
        """No track."""
        return cls(
            np.zeros(0, np.int64),
            np.zeros(0, np.int64),
            np.zeros(0),
            np.zeros(0),
            np.zeros((0, len(CLASSES))),
            np.zeros(0, np.bool_),
        )

    @property
    def classes(self) -> NDArray[np.int8]:
        """The class of each track by vote; the first of CLASSES where votes are equal."""
        winner: NDArray[np.int8] = self.votes.argmax(axis=1).astype(np.int8)
        return winner


class Tracker:
    """Tracks of one camera, by two passes of association (strong detections, then weak ones: ByteTrack, Zhang et al.,
    ECCV 2022) over a motion in real time. Deterministic; ids count up from 1 and are never used again."""

    def __init__(self, settings: TrackerSettings = TrackerSettings()) -> None:
        self._settings = settings
        self._at: float | None = None
        self._next_id = 1
        self._motion = Motion.started(np.zeros((0, 4)), settings.noise)
        self._lives = Lives.none()

    def update(self, detections: Detections) -> Tracks:
        """The tracks seen in this picture, in the order of their ids, with the boxes as detected.

        A picture that is no later than the one before it changes nothing and has no tracks.
        """
        now = detections.at.seconds
        if self._at is not None and now <= self._at:
            return _report(detections, Lives.none(), np.zeros(0, np.int64), ())
        ended = self._advance(now)
        sight = Sight.of(detections)
        found = self._associate(sight, now)
        self._observe(found, sight, now)
        newcomers = self._newcomers(found, sight)
        alive = (found >= 0) | (now - self._lives.seen <= self._patience())
        alive &= self._lives.seen - self._lives.sure <= self._settings.doubted_seconds
        ended += tuple(self._lives.ids[~alive].tolist())
        self._keep(alive)
        self._begin(newcomers, sight, now)
        return _report(detections, self._lives, np.concatenate([found[alive], newcomers]), ended)

    def _advance(self, now: float) -> tuple[int, ...]:
        """Predict where the tracks are now; after too long a gap all of them end."""
        dt = 0.0 if self._at is None else now - self._at
        self._at = now
        if dt <= self._settings.gap_seconds:
            self._motion = self._motion.predicted(dt, self._settings.noise)
            return ()
        ended = tuple(self._lives.ids.tolist())
        self._keep(np.zeros(len(ended), dtype=np.bool_))
        return ended

    def _associate(self, sight: Sight, now: float) -> Indices:
        """The detection of each track, or -1: strong detections choose first, weak ones among the tracks left."""
        settings = self._settings
        found = np.full(len(self._lives.ids), -1, dtype=np.int64)
        cost = misfit(self._motion, sight, settings.noise, settings.costs)
        cost += disagreement(self._lives.classes, sight, settings.costs)
        cost += settings.costs.absent_second * (now - self._lives.seen)[:, None]
        strong = sight.scores >= settings.confident
        weak = ~strong & (sight.scores >= settings.low)
        for chosen, limit in ((strong, settings.costs.limit), (weak, settings.costs.weak_limit)):
            tracks, these = np.flatnonzero(found < 0), np.flatnonzero(chosen)
            rows, columns = best_pairs(limit - cost[np.ix_(tracks, these)])
            found[tracks[rows]] = these[columns]
        return found

    def _observe(self, found: Indices, sight: Sight, now: float) -> None:
        """Let the tracks that were found learn from their detection."""
        rows = np.flatnonzero(found >= 0)
        these = found[rows]
        corrected = self._motion.chosen(rows).corrected(sight.boxes[these], self._settings.noise)
        self._motion = self._motion.written(rows, corrected)
        lives = self._lives
        lives.observations[rows] += 1
        lives.seen[rows] = now
        lives.sure[rows[sight.scores[these] >= self._settings.confident]] = now
        lives.votes[rows, sight.classes[these]] += sight.scores[these]
        lives.confirmed[rows] |= lives.observations[rows] >= self._settings.confirm_observations

    def _patience(self) -> Floats:
        """How long each track may stay unseen, in seconds."""
        return np.where(self._lives.confirmed, self._settings.lost_seconds, self._settings.tentative_seconds)

    def _newcomers(self, found: Indices, sight: Sight) -> Indices:
        """The detections that start a track: sure ones of nobody, the surest first, that are not a second box of
        somebody found or of another newcomer."""
        used = found[found >= 0]
        free = sight.scores >= self._settings.confident
        free[used] = False
        candidates = np.flatnonzero(free)
        if len(candidates) == 0:
            return candidates
        box = corners(sight.boxes)
        same = iou(box[candidates], box) >= self._settings.same_overlap
        taken = np.zeros(len(box), dtype=np.bool_)
        taken[used] = True
        room = self._settings.most - len(self._lives.ids)
        for row in np.argsort(-sight.scores[candidates], kind="stable")[: max(0, room)].tolist():
            taken[candidates[row]] = not (same[row] & taken).any()
        return candidates[taken[candidates]]

    def _keep(self, which: NDArray[np.bool_]) -> None:
        self._motion, self._lives = self._motion.chosen(which), self._lives.chosen(which)

    def _begin(self, these: Indices, sight: Sight, now: float) -> None:
        """Start a track for each of these detections."""
        count = len(these)
        votes = np.zeros((count, len(CLASSES)))
        votes[np.arange(count), sight.classes[these]] = sight.scores[these]
        ids = np.arange(self._next_id, self._next_id + count)
        once = np.ones(count, dtype=np.int64)
        confirmed = once >= self._settings.confirm_observations
        self._next_id += count
        self._motion = self._motion.joined(Motion.started(sight.boxes[these], self._settings.noise))
        self._lives = self._lives.joined(Lives(ids, once, np.full(count, now), np.full(count, now), votes, confirmed))


def _report(detections: Detections, lives: Lives, found: Indices, ended: tuple[int, ...]) -> Tracks:
    rows = np.flatnonzero(found >= 0)
    seen = lives.chosen(rows)
    boxes = detections.boxes[found[rows]]
    return Tracks(detections.at, detections.aspect, seen.ids, boxes, seen.classes, seen.confirmed, ended)
