"""Detections -> Tracks: which boxes of successive pictures are one road user."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge.dataflow import CLASSES, Detections, Tracks
from edge.geometry import iou
from edge.tracks.assignment import best_pairs
from edge.tracks.association import FAMILY, Costs, Sight, corners, disagreement, misfit
from edge.tracks.habits import Habits, Learning
from edge.tracks.motion import Floats, Motion, Noise, Rows, sizes

Indices = NDArray[np.int64]

WALKS = int(FAMILY[CLASSES.index("pedestrian")])


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    """Below the score `low` a detection is ignored, from `confident` on it is sure. A track that begins surely is
    confirmed by `confirm_observations`. Where vehicles are known to pass, with a spread of at most `faint_spread` of
    what a newcomer may do elsewhere, a track may begin weakly: it is faint, takes what the others leave within
    `faint_limit` of cost, and is confirmed when it is seen surely, or moves. A vehicle moves when in
    `moving_observations` it has gone `moving_sizes` of its sizes. A track ends when unseen for `lost_seconds` (or
    `tentative_seconds`, before it is confirmed), or when for `doubted_seconds` it was neither seen surely nor moved: a
    traffic cone that was once taken for a person; a vehicle that has moved before may stand for `standing_seconds` so,
    within `standing_sizes` of where it was last seen surely.
    Every track ends after `gap_seconds` between two pictures. A
    detection that covers another by `same_overlap` (IoU) starts no second track. At most `most` tracks live at once."""

    low: float = 0.15
    confident: float = 0.5
    confirm_observations: int = 2
    lost_seconds: float = 1.9
    tentative_seconds: float = 0.3
    doubted_seconds: float = 1.5
    standing_seconds: float = 30.0
    standing_sizes: float = 0.7
    gap_seconds: float = 2.0
    same_overlap: float = 0.6
    most: int = 500
    faint_limit: float = 10.0
    faint_spread: float = 0.3
    moving_observations: int = 4
    moving_sizes: float = 1.5
    costs: Costs = field(default_factory=Costs)
    noise: Noise = field(default_factory=Noise)
    learning: Learning = field(default_factory=Learning)


@dataclass(frozen=True, slots=True)
class Lives(Rows):
    """What is remembered of each track: `ids`, `observations` so far, when last `seen`, when last seen surely or moved
    on (`sure`, seconds) and where (`anchor` (n, 2), picture heights), where it began (`born` (n, 2)), `votes`
    (n, classes) as sums of scores, whether `firm`, which is no longer faint, whether `confirmed`, and whether it is a
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


class Tracker:
    """Tracks of one camera, by two passes of association (strong detections, then weak ones: ByteTrack, Zhang et al.,
    ECCV 2022) over a motion in real time. Deterministic; ids count up from 1 and are never used again."""

    def __init__(self, settings: TrackerSettings = TrackerSettings()) -> None:
        self._settings = settings
        self._at: float | None = None
        self._next_id = 1
        nothing = np.zeros((0, 4))
        self._motion = Motion(nothing, nothing, nothing, nothing, nothing)
        self._lives = Lives.none()
        self._habits = Habits(settings.learning, families=int(FAMILY.max()) + 1)

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
        alive &= self._lives.seen - self._lives.sure <= self._doubt()
        ended += tuple(self._lives.ids[~alive].tolist())
        self._keep(alive)
        self._begin(newcomers, sight, now)
        self._habits.forget(ended)
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
        """The detection of each track, or -1: strong detections choose first, weak ones among the tracks left, faint
        tracks among the detections left."""
        settings = self._settings
        found = np.full(len(self._lives.ids), -1, dtype=np.int64)
        cost = misfit(self._motion, sight, settings.noise, settings.costs)
        cost += disagreement(self._lives.classes, sight, settings.costs)
        cost += settings.costs.absent_second * (now - self._lives.seen)[:, None]
        strong = sight.scores >= settings.confident
        weak = ~strong & (sight.scores >= settings.low)
        firm, free = self._lives.firm, strong | weak
        for whose, chosen, limit in (
            (firm, strong, settings.costs.limit),
            (firm, weak, settings.costs.weak_limit),
            (~firm, free, settings.faint_limit),
        ):
            tracks, these = np.flatnonzero((found < 0) & whose), np.flatnonzero(chosen & free)
            rows, columns = best_pairs(limit - cost[np.ix_(tracks, these)])
            found[tracks[rows]] = these[columns]
            free[these[columns]] = False
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
        lives.votes[rows, sight.classes[these]] += sight.scores[these]
        sure = rows[(sight.scores[these] >= self._settings.confident) | self._moved(rows, lives.anchor)]
        lives.sure[sure], lives.anchor[sure], lives.firm[sure] = now, self._motion.box[sure, :2], True
        lives.confirmed[rows] |= lives.firm[rows] & (lives.observations[rows] >= self._settings.confirm_observations)
        lives.goes[rows] |= lives.confirmed[rows] & self._moved(rows, lives.born)
        known = zip(
            lives.ids[rows].tolist(),
            FAMILY[lives.classes[rows]].tolist(),
            lives.observations[rows].tolist(),
            strict=True,
        )
        self._habits.watch(known, sight.boxes[these], now)

    def _moved(self, rows: Indices, since: Floats) -> NDArray[np.bool_]:
        """Which of these tracks, of vehicles, have been seen to move on from where they were (`since`, of all tracks).
        (A weak box beside a walker that goes from one to the next does so too.)"""
        box = self._motion.box[rows]
        way = np.hypot(*(box[:, :2] - since[rows]).T)
        often = self._lives.observations[rows] >= self._settings.moving_observations
        far = way >= self._settings.moving_sizes * sizes(box)
        return np.asarray(often & far & (FAMILY[self._lives.classes[rows]] != WALKS))

    def _patience(self) -> Floats:
        """How long each track may stay unseen, in seconds."""
        return np.where(self._lives.confirmed, self._settings.lost_seconds, self._settings.tentative_seconds)

    def _doubt(self) -> Floats:
        """How long each track may be held by weak sights alone, in seconds."""
        lives, settings = self._lives, self._settings
        way = np.hypot(*(self._motion.box[:, :2] - lives.anchor).T)
        stands = lives.goes & (way < settings.standing_sizes * sizes(self._motion.box))
        return np.where(stands, settings.standing_seconds, settings.doubted_seconds)

    def _newcomers(self, found: Indices, sight: Sight) -> Indices:
        """The detections that start a track: those of nobody, the surest first, that are not a second box of somebody
        found or of another newcomer; weak ones only where it is known how traffic goes."""
        used = found[found >= 0]
        free = sight.scores >= self._settings.low
        free[used] = False
        weak = np.flatnonzero(free & (sight.scores < self._settings.confident))
        _, variance = self._expected(sight.boxes[weak], FAMILY[sight.classes[weak]])
        usual = self._settings.noise.start_velocity**2
        free[weak] = variance[:, :2].max(axis=1, initial=0.0) <= self._settings.faint_spread * usual
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
        count, boxes, scores, classes = len(these), sight.boxes[these], sight.scores[these], sight.classes[these]
        votes = np.zeros((count, len(CLASSES)))
        votes[np.arange(count), classes] = scores
        ids = np.arange(self._next_id, self._next_id + count)
        self._next_id += count
        once, at, firm = np.ones(count, dtype=np.int64), np.full(count, now), scores >= self._settings.confident
        confirmed = firm & (once >= self._settings.confirm_observations)
        expected = self._expected(boxes, FAMILY[classes])
        self._motion = self._motion.joined(Motion.started(boxes, self._settings.noise, expected))
        places, goes = boxes[:, :2], np.zeros(count, np.bool_)
        newborn = Lives(ids, once, at, at, places, places, votes, firm, confirmed, goes)
        self._lives = self._lives.joined(newborn)
        known = zip(ids.tolist(), FAMILY[classes].tolist(), once.tolist(), strict=True)
        self._habits.watch(known, boxes, now)

    def _expected(self, boxes: Floats, families: Indices) -> tuple[Floats, Floats]:
        """How newcomers will move: vehicles as those before them at that place; people go where they like."""
        noise = self._settings.noise
        usual = np.array([noise.start_velocity, noise.start_velocity, noise.start_growth]) ** 2
        mean, variance = self._habits.expected(families, boxes, usual)
        walks = families == WALKS
        mean[walks], variance[walks] = 0.0, usual
        return mean, variance


def _report(detections: Detections, lives: Lives, found: Indices, ended: tuple[int, ...]) -> Tracks:
    rows = np.flatnonzero(found >= 0)
    seen = lives.chosen(rows)
    boxes = detections.boxes[found[rows]]
    return Tracks(detections.at, detections.aspect, seen.ids, boxes, seen.classes, seen.confirmed, ended)
