"""Tracks -> samples of the zones: who is there, who came and left, and whether the crowd is too dense to be counted."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edge.config.rules import Zone
from edge.dataflow import CLASSES, FloatArray, Sample, Tracks
from edge.geometry import bottom_centres, in_picture, inside
from edge.measurements.visits import Visits, at_border

UNSEEN_SECONDS = 0.8
"""How long somebody who was not found again still counts as present, unless last seen at the border of the picture.
Measured on vtest at 10, 5 and 3.3 pictures a second: the mean error is least from 0.6 to 1.0."""
PART_SHARE, PART_HEIGHT = 0.75, 0.7
"""A person's box that lies by this share in that of another, and is at most so high beside it, is a part of that
person: nets find a head as well as its body."""
MISSED = 0.3
"""From so many signs of missed people for each one who is found a zone is saturated: unsure boxes that no track took,
and by what share a mean box shares its place with another. Chosen and measured as docs/decisions/0014 tells."""
ENOUGH = 8
"""Fewer boxes than this, unsure ones included, make no crowd: two false boxes beside a family are much of it."""
STEADY_SECONDS = 5.0
"""The time constant in which a zone becomes saturated: a group that walks by saturates nothing."""
PAUSE_SECONDS = 1.0
"""A picture tells of no more than so much time before it."""
DWELL_RATIO = 1.2
"""From one bin of dwell to the next: its middle is within 10 % of all that is in it."""
DWELL_BINS = 60
"""Bins up to 15 hours; longer visits are in the last one."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """Where a road user was last seen: seconds, position in CLASSES, point, whether at the border of the picture."""

    seconds: float
    kind: int
    point: tuple[float, float]
    border: bool


class Crowd:
    """Counts the road users in the zones of one camera; riders are no people."""

    def __init__(self, zones: Sequence[Zone]) -> None:
        self._zones = [(zone, Visits(zone.points), _Saturation()) for zone in zones]
        self._seen: dict[int, _Seen] = {}

    def update(self, tracks: Tracks) -> list[Sample]:
        """One sample a zone: who is `present` by class, people who `entered` and `left` and their `dwell`, and the flag
        `saturated` where probably less than four in five people are found: the number is a lower bound then, as who is
        counted is there and of the others nothing is known. Without the flag many may still be missing where the net
        sees no sign of them, as of heads of a few pixels."""
        whole = _selected(tracks, tracks.confirmed & ~_parts(tracks))
        self._remember(whole, tracks)
        people = people_of(tracks)
        points = np.array([seen.point for seen in self._seen.values()], dtype=np.float32).reshape(-1, 2)
        kinds = np.array([seen.kind for seen in self._seen.values()], dtype=np.int8)
        samples = []
        for zone, visits, saturation in self._zones:
            counts = Counter(CLASSES[kind] for kind in kinds[inside(points, zone.points)])
            present = {kind: float(counts[kind]) for kind in (CLASSES if zone.vehicles else CLASSES[:1])}
            flags = frozenset({"saturated"} if saturation.lasting(people, zone) else ())
            samples.append(Sample(tracks.at, zone.id, present, _moved(visits, people), flags))
        return samples

    def _remember(self, whole: Tracks, tracks: Tracks) -> None:
        """Notes where everybody is, and forgets who was not found for too long or is a part of another now."""
        now = tracks.at.seconds
        for track in (*tracks.ids.tolist(), *tracks.ended):
            self._seen.pop(track, None)
        points, borders = in_picture(bottom_centres(whole.boxes)).tolist(), at_border(whole.boxes).tolist()
        for i, track in enumerate(whole.ids.tolist()):
            self._seen[track] = _Seen(now, int(whole.classes[i]), tuple(points[i]), borders[i])
        for track, seen in list(self._seen.items()):
            if now - seen.seconds > (0.0 if seen.border else UNSEEN_SECONDS):
                del self._seen[track]


def people_of(tracks: Tracks) -> Tracks:
    """The confirmed pedestrians among the tracks, each once: no part of another."""
    return _selected(tracks, tracks.confirmed & (tracks.classes == 0) & ~_parts(tracks))


def _moved(visits: Visits, people: Tracks) -> dict[str, float]:
    """What a picture adds to a zone; visits whose beginning was not seen have no dwell."""
    entered, over = visits.update(people)
    added = Counter[str]({"entered": entered, "left": len(over)})
    result: dict[str, float] = dict(added)
    dwells = [visit.end - visit.begin for visit in over if visit.whole]
    if dwells:
        result |= {"dwells": len(dwells), "dwell": math.fsum(dwells)}
        result |= Counter(dwell_bin(dwell) for dwell in dwells)
    return result


def _selected(tracks: Tracks, which: NDArray[np.bool_]) -> Tracks:
    return replace(
        tracks,
        ids=tracks.ids[which],
        boxes=tracks.boxes[which],
        classes=tracks.classes[which],
        confirmed=tracks.confirmed[which],
    )


def _shared(boxes: FloatArray, others: FloatArray) -> FloatArray:
    """The share of each box that lies in each of the others, (n, 4), (m, 4) -> (n, m)."""
    width, height = (
        np.minimum(boxes[:, None, i + 2], others[None, :, i + 2]) - np.maximum(boxes[:, None, i], others[None, :, i])
        for i in (0, 1)
    )
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    shares: FloatArray = width.clip(0) * height.clip(0) / np.maximum(areas, 1e-9)[:, None]
    return shares


def _within(boxes: FloatArray, people: FloatArray) -> NDArray[np.bool_]:
    """Which boxes (n, 4) are a part of one of these people (m, 4); none is a part of itself."""
    heights, whole = boxes[:, 3] - boxes[:, 1], people[:, 3] - people[:, 1]
    within = (_shared(boxes, people) >= PART_SHARE) & (heights[:, None] <= PART_HEIGHT * whole[None, :])
    return np.asarray(within.any(axis=1))


def _parts(tracks: Tracks) -> NDArray[np.bool_]:
    """Which boxes are a part of another person."""
    people = tracks.classes == 0
    parts: NDArray[np.bool_] = people & _within(tracks.boxes, tracks.boxes[people & tracks.confirmed])
    return parts


def saturated(people: Tracks, zone: Zone) -> bool:
    """Whether a picture shows enough signs of people in a zone that are not among its counted ones."""
    boxes, unsure = (
        each[inside(in_picture(bottom_centres(each)), zone.points)] for each in (people.boxes, people.unsure)
    )
    unsure = unsure[~_within(unsure, boxes)]
    shared = _shared(boxes, boxes)
    np.fill_diagonal(shared, 0)
    missed = len(unsure) + float(shared.max(axis=1, initial=0).sum())
    return len(boxes) + len(unsure) >= ENOUGH and missed >= MISSED * len(boxes)


class _Saturation:
    """How much of the last STEADY_SECONDS a zone was saturated."""

    def __init__(self) -> None:
        self._share, self._at = 0.0, -math.inf

    def lasting(self, people: Tracks, zone: Zone) -> bool:
        """Whether it was most of that time, after this picture."""
        since = min(max(0.0, people.at.seconds - self._at), PAUSE_SECONDS)
        self._share += (1 - math.exp(-since / STEADY_SECONDS)) * (saturated(people, zone) - self._share)
        self._at = people.at.seconds
        return self._share > 0.5


def dwell_bin(seconds: float) -> str:
    """The bin of a dwell: `dwell.` and its upper bound in seconds."""
    step = math.ceil(math.log(max(1.0, seconds), DWELL_RATIO) - 1e-9)
    return f"dwell.{DWELL_RATIO ** min(step, DWELL_BINS):.4g}"


def dwell_p95(numbers: Mapping[str, float]) -> float | None:
    """The dwell in seconds that 95 % of an interval's visits do not exceed, within 10 %, from its `dwell.B`; None
    without visits."""
    bins = sorted((float(name.removeprefix("dwell.")), n) for name, n in numbers.items() if name.startswith("dwell."))
    rank, below = 0.95 * sum(n for _, n in bins), 0.0
    for bound, number in bins:
        below += number
        if below >= rank - 1e-9:
            return bound / math.sqrt(DWELL_RATIO) if bound > 1 else bound
    return None


def dwell_mean(numbers: Mapping[str, float]) -> float | None:
    """The mean dwell in seconds of the visits that ended in an interval; None without one."""
    return numbers["dwell"] / numbers["dwells"] if numbers.get("dwells") else None


def flow_min_m(people: float, *, seconds: float, width_m: float) -> float:
    """The specific flow in people/min/m: who passed a line in both directions by its time and width (J. J. Fruin,
    Pedestrian Planning and Design, 1971; U. Weidmann, Transporttechnik der Fussgaenger, 1993)."""
    return people / (seconds / 60) / width_m


def counterflow(there: float, back: float) -> float | None:
    """The share of the people over a line who go against the more frequent direction, 0 to 0.5; None without any."""
    total = there + back
    return min(there, back) / total if total else None


def rise_min(numbers: Mapping[str, float], *, analysed: float) -> float:
    """By how many people a minute a zone fills, negative where it empties: those who entered less those who left, by
    conservation of people (Weidmann 1993), over the analysed seconds."""
    return (numbers.get("entered", 0.0) - numbers.get("left", 0.0)) / (analysed / 60) if analysed > 0 else 0.0
