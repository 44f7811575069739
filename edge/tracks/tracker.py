"""Detections -> Tracks: which boxes of successive pictures are one road user."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from edge.dataflow import CLASSES, Detections, FloatArray, Tracks
from edge.geometry import iou
from edge.tracks.assignment import best_pairs
from edge.tracks.association import FAMILY, Costs, Sight, corners, disagreement, misfit
from edge.tracks.escorts import Companionship, Escorts
from edge.tracks.habits import Habits, Learning
from edge.tracks.lives import PEDESTRIAN, WALKS, Indices, Lives
from edge.tracks.motion import Floats, Motion, Noise, sizes


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    """Below the score `low` a detection is ignored, from `confident` on it is sure; people from `unsure` on whom no
    track takes are told. A track that begins surely is confirmed by `confirm_observations`. A vehicle may begin weakly
    where vehicles are known to pass, with a spread of at most `faint_spread` of what a newcomer may do elsewhere, and
    where it is seen a second time: it is faint, takes what the others leave within `faint_limit` of cost, and is
    confirmed when it is seen surely, or moves. A vehicle moves when in `moving_observations` it has gone `moving_sizes`
    of its sizes; a faint one is believed to if its scores are `moving_score` on average, and if it goes alone, not
    along with one that is surely there. A track ends when unseen for `lost_seconds` (`tentative_seconds` before it is
    confirmed, `faint_seconds` while it is faint), and every track after `gap_seconds` between two pictures. Who was
    neither seen surely nor moved for `doubted_seconds` ends: a traffic cone that was once taken for a person. A vehicle
    is kept for `standing_seconds`, as those that wait hide each other: one that never went away from where it began is
    faint again so long. Detections that overlap by `same_overlap` (IoU) are of one object. At most `most` tracks live
    at once."""

    low: float = 0.15
    confident: float = 0.5
    unsure: float = 0.3
    confirm_observations: int = 2
    lost_seconds: float = 1.9
    tentative_seconds: float = 0.3
    faint_seconds: float = 1.0
    doubted_seconds: float = 1.5
    standing_seconds: float = 120.0
    gap_seconds: float = 2.0
    same_overlap: float = 0.6
    most: int = 500
    faint_limit: float = 18.0
    faint_spread: float = 0.3
    moving_observations: int = 4
    moving_sizes: float = 1.5
    moving_score: float = 0.25
    costs: Costs = field(default_factory=Costs)
    noise: Noise = field(default_factory=Noise)
    learning: Learning = field(default_factory=Learning)
    companionship: Companionship = field(default_factory=Companionship)


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
        self._nobody: FloatArray = np.zeros((0, 4), np.float32)
        self._habits = Habits(settings.learning, families=int(FAMILY.max()) + 1)
        self._escorts = Escorts(settings.companionship)

    def update(self, detections: Detections) -> Tracks:
        """The tracks seen in this picture, in the order of their ids, with the boxes as detected.

        A picture that is no later than the one before it changes nothing and has no tracks.
        """
        now = detections.at.seconds
        if self._at is not None and now <= self._at:
            return _report(detections, Lives.none(), np.zeros(0, np.int64))
        ended = self._advance(now)
        sight = Sight.of(detections)
        found = self._associate(sight, now)
        self._observe(found, sight, now)
        newcomers = self._newcomers(found, sight)
        alive = (found >= 0) | (now - self._lives.seen <= self._patience())
        self._fade()
        alive &= self._lives.seen - self._lives.sure <= self._doubt()
        ended += tuple(self._lives.ids[~alive].tolist())
        self._keep(alive)
        self._begin(newcomers, sight, now)
        self._habits.forget(ended)
        self._escorts.forget(ended)
        tracks = _report(detections, self._lives, np.concatenate([found[alive], newcomers]))
        return replace(tracks, ended=ended, unsure=self._unsure(detections, np.concatenate([found, newcomers])))

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
        self._allow_standing(cost, sight)
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

    def _allow_standing(self, cost: Floats, sight: Sight) -> None:
        """Lowers the cost of pairs of a faint vehicle and a detection where it began, which may be much too far from
        where vehicles usually are by now: it may as well stand."""
        rows, settings = np.flatnonzero(~self._lives.firm & ~self._lives.walk), self._settings
        began = np.hstack([self._lives.anchor[rows], self._motion.box[rows, 2:]])
        apart = (1 - iou(corners(began), corners(sight.boxes))) / (1 - settings.same_overlap)
        cost[rows] = np.minimum(cost[rows], settings.faint_limit * apart)

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
        sure = rows[(sight.scores[these] >= self._settings.confident) | self._shown(rows, sight.boxes[these])]
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

    def _shown(self, rows: Indices, boxes: Floats) -> NDArray[np.bool_]:
        """Which of these tracks, seen with these boxes, have shown by their way that they are there."""
        lives, firm = self._lives, self._lives.firm[rows]
        weak, sure = np.flatnonzero(~firm), np.flatnonzero(firm & ~lives.walk[rows])
        ids, sights = lives.ids[rows], lives.observations[rows]
        self._escorts.watch((ids[weak], boxes[weak]), (ids[sure], boxes[sure]))
        moved = self._moved(rows, lives.anchor)
        moved &= firm | (lives.votes[rows].sum(axis=1) >= self._settings.moving_score * sights)
        for row in np.flatnonzero(moved & ~firm).tolist():
            moved[row] = not self._escorts.escorts(int(ids[row]), int(sights[row]))
        return moved

    def _moved(self, rows: Indices, since: Floats) -> NDArray[np.bool_]:
        """Which of these tracks, of vehicles, have been seen to move on from where they were (`since`, of all tracks).
        (A weak box beside a walker that goes from one to the next does so too.)"""
        box = self._motion.box[rows]
        way = np.hypot(*(box[:, :2] - since[rows]).T)
        often = self._lives.observations[rows] >= self._settings.moving_observations
        far = way >= self._settings.moving_sizes * sizes(box)
        return np.asarray(often & far & ~self._lives.walk[rows])

    def _patience(self) -> Floats:
        """How long each track may stay unseen, in seconds."""
        lives, settings = self._lives, self._settings
        tentative = np.where(lives.firm, settings.tentative_seconds, settings.faint_seconds)
        return np.where(lives.confirmed, settings.lost_seconds, tentative)

    def _fade(self) -> None:
        """Makes faint whom weak sights alone have held for long, and who has not gone anywhere."""
        lives = self._lives
        fades = ~lives.goes & (lives.seen - lives.sure > self._settings.doubted_seconds)
        lives.firm[fades], lives.confirmed[fades] = False, False

    def _doubt(self) -> Floats:
        """How long each track may be held by weak sights alone, in seconds."""
        return np.where(self._lives.walk, self._settings.doubted_seconds, self._settings.standing_seconds)

    def _newcomers(self, found: Indices, sight: Sight) -> Indices:
        """The detections that start a track: those of nobody, the surest first, that are not a second box of somebody
        found or of another newcomer; weak ones only where it is known how traffic goes, or where one stands."""
        used = found[found >= 0]
        free = sight.scores >= self._settings.low
        free[used] = False
        weak = np.flatnonzero(free & (sight.scores < self._settings.confident))
        _, variance = self._expected(sight.boxes[weak], FAMILY[sight.classes[weak]])
        usual = self._settings.noise.start_velocity**2
        known = variance[:, :2].max(axis=1, initial=0.0) <= self._settings.faint_spread * usual
        free[weak] = known | self._seen_again(sight, weak)
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

    def _seen_again(self, sight: Sight, weak: Indices) -> NDArray[np.bool_]:
        """Which of these weak detections, of vehicles, were there in the picture before as well, as nobody's."""
        vehicles = FAMILY[sight.classes[weak]] != WALKS
        boxes = corners(sight.boxes[weak])
        again = (iou(boxes, self._nobody) >= self._settings.same_overlap).any(axis=1)
        self._nobody = boxes[vehicles]
        return np.asarray(again & vehicles)

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

    def _unsure(self, detections: Detections, found: Indices) -> FloatArray:
        """The boxes of people that are too weak to begin a track, and that none of the tracks took."""
        scores, settings = detections.scores, self._settings
        unsure = (scores >= settings.unsure) & (scores < settings.confident) & (detections.classes == PEDESTRIAN)
        unsure[found[found >= 0]] = False
        boxes: FloatArray = detections.boxes[unsure]
        return boxes

    def _expected(self, boxes: Floats, families: Indices) -> tuple[Floats, Floats]:
        """How newcomers will move: vehicles as those before them at that place; people go where they like."""
        noise = self._settings.noise
        usual = np.array([noise.start_velocity, noise.start_velocity, noise.start_growth]) ** 2
        mean, variance = self._habits.expected(families, boxes, usual)
        walks = families == WALKS
        mean[walks], variance[walks] = 0.0, usual
        return mean, variance


def _report(detections: Detections, lives: Lives, found: Indices) -> Tracks:
    rows = np.flatnonzero(found >= 0)
    seen = lives.chosen(rows)
    boxes = detections.boxes[found[rows]]
    return Tracks(detections.at, detections.aspect, seen.ids, boxes, seen.classes, seen.confirmed)
