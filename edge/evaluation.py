"""`edge evaluate`: the pipeline over a clip against its ground truth."""

from __future__ import annotations

import math
from bisect import bisect
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edge.config.rules import Line
from edge.config.schema import Camera
from edge.dataflow import Crossing
from edge.evaluate import Score, TrueLine, TrueZone, Truth, countable, drawn_elsewhere, score, walked_back
from edge.frames.clip import frames
from edge.measurements.crowd import people_of
from edge.measurements.visits import AWAY_SECONDS, Visit, Visits
from edge.pipeline import Pipeline
from edge.watched import Watched

NEAR_SECONDS = 0.25
"""A picture is compared with the true number of people that is nearest in time, if it is so near."""
OVERLAP = 0.5
"""Overlap in time (intersection over union) from which a visit is the true one."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What the pipeline saw in a clip of so many seconds, of which it analysed the share `coverage`: crossings, and of
    each zone the people of every picture as (t, number) and the visits that were over."""

    seconds: float
    coverage: float
    crossings: tuple[Crossing, ...]
    people: dict[str, tuple[tuple[float, float], ...]]
    visits: dict[str, tuple[Visit, ...]]


@dataclass(frozen=True, slots=True)
class PeopleScore:
    """The number of people in a zone against the true one, over so many `pictures`: mean absolute error, root mean
    square error, mean error (`bias`), and the absolute error normalised by the true number, over the pictures with
    somebody in them (NAE: Wang et al., NWPU-Crowd, TPAMI 2021; None where nobody ever was)."""

    zone: str
    pictures: int
    mae: float
    rmse: float
    bias: float
    nae: float | None


@dataclass(frozen=True, slots=True)
class VisitScore:
    """The visits of a zone: how many are `true`, were `counted` and are `found`, and by how many seconds the dwell of
    each that was found is too long."""

    zone: str
    true: int
    counted: int
    found: int
    dwell_errors: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Uncounted:
    """True crossings of a class that the camera file does not count on that line."""

    line: str
    kind: str
    number: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Everything that a truth file has a word on, over so many `seconds`, of which the share `coverage` was analysed.

    `names` has what the directions of each line are called. True crossings `after` the end are left out; lines drawn
    `elsewhere` than in the camera file are counted where that has them, those walked `back` have their directions
    exchanged; so many true visits are `unfinished` at the
    end; and of the zones `unseen` no picture is near a true number of people."""

    seconds: float
    lines: tuple[Score, ...]
    people: tuple[PeopleScore, ...]
    visits: tuple[VisitScore, ...]
    coverage: float = 1.0
    names: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    after: int = 0
    elsewhere: tuple[str, ...] = ()
    back: tuple[str, ...] = ()
    uncounted: tuple[Uncounted, ...] = ()
    unfinished: int = 0
    unseen: tuple[str, ...] = ()


def observe(video: Path, *, camera: Camera, models: Sequence[Path], progress: Callable[[float], None]) -> Observed:
    """Runs the pipeline over a file as `edge replay` does; `progress` is told the seconds of video done. SourceError
    where the file gives no pictures, ModelError where the model cannot be used."""
    pipeline = Pipeline(camera, models=models)
    crossings: list[Crossing] = []
    people: dict[str, list[tuple[float, float]]] = {zone.id: [] for zone in camera.zones}
    zones = {zone.id: Visits(zone.points) for zone in camera.zones}
    visits: dict[str, list[Visit]] = {zone.id: [] for zone in camera.zones}
    watched = Watched(camera.analyse.rate)
    for frame in frames(video, rate=camera.analyse.rate):
        now = frame.at.seconds
        analysis = pipeline.analyse(frame)
        watched.picture(now, analysed=analysis.analysed)
        crossings += analysis.crossings
        for sample in analysis.samples:
            if sample.rule in people and "pedestrian" in sample.present:
                people[sample.rule].append((now, sample.present["pedestrian"]))
        for zone, found in visits.items():
            found += zones[zone].update(people_of(analysis.tracks))[1]
        progress(now)
    return Observed(
        seconds=watched.seconds,
        coverage=watched.coverage,
        crossings=tuple(sorted(crossings, key=lambda c: (c.at.seconds, c.line, c.track))),
        people={zone: tuple(numbers) for zone, numbers in people.items()},
        visits={zone: tuple(found) for zone, found in visits.items()},
    )


def evaluated(truth: Truth, observed: Observed, *, lines: Sequence[Line] = ()) -> Evaluation:
    """What was seen, by the camera file's `lines`, against what is true."""
    end = observed.seconds
    watched = [_watched(line, end) for line in truth.lines]
    people = [(zone.id, people_score(zone, observed.people.get(zone.id, ()))) for zone in truth.zones if zone.people]
    return Evaluation(
        seconds=end,
        coverage=observed.coverage,
        lines=tuple(score(line, observed.crossings) for line in watched),
        people=tuple(each for _, each in people if each),
        visits=tuple(
            visit_score(zone.id, zone.visits_s, observed.visits.get(zone.id, ()))
            for zone in truth.zones
            if zone.visits_s is not None
        ),
        names={line.id: line.names for line in lines},
        after=sum(event.t > end for line in truth.lines for event in line.events),
        elsewhere=drawn_elsewhere(truth, lines),
        back=walked_back(truth, lines),
        uncounted=tuple(_uncounted(watched, lines)),
        unfinished=sum(left + AWAY_SECONDS > end for zone in truth.zones for _, left in zone.visits_s or ()),
        unseen=tuple(zone for zone, each in people if each is None),
    )


def _uncounted(truth: Sequence[TrueLine], lines: Sequence[Line]) -> Iterator[Uncounted]:
    classes = {line.id: line.classes for line in lines}
    for line in truth:
        if line.id in classes:
            kinds = Counter(e.kind for e in line.events if not e.optional and not countable(e, classes[line.id]))
            yield from (Uncounted(line.id, kind, number) for kind, number in sorted(kinds.items()))


def _watched(line: TrueLine, seconds: float) -> TrueLine:
    """A line whose events after the last picture need not be found: nobody saw them."""
    events = tuple(e.model_copy(update={"optional": e.optional or e.t > seconds}) for e in line.events)
    return line.model_copy(update={"events": events})


def people_score(zone: TrueZone, counted: Sequence[tuple[float, float]]) -> PeopleScore | None:
    """The people of every picture (t, number) against the nearest true number; None where no picture is near one."""
    known = sorted(zone.people)
    moments = [t for t, _ in known]
    pairs = []
    for t, number in counted:
        place = bisect(moments, t)
        true = min(known[max(0, place - 1) : place + 1], key=lambda each: abs(each[0] - t))
        if abs(true[0] - t) <= NEAR_SECONDS:
            pairs.append((number, true[1]))
    if not pairs:
        return None
    errors = [number - true for number, true in pairs]
    shares = [abs(number - true) / true for number, true in pairs if true]
    return PeopleScore(
        zone=zone.id,
        pictures=len(pairs),
        mae=_mean([abs(error) for error in errors]),
        rmse=math.sqrt(_mean([error**2 for error in errors])),
        bias=_mean(errors),
        nae=_mean(shares) if shares else None,
    )


def visit_score(zone: str, true: Sequence[tuple[float, float]], counted: Sequence[Visit]) -> VisitScore:
    """The visits against the true ones, one to one, those that overlap most first."""
    pairs = sorted(
        ((_overlap(each, visit), i, j) for i, each in enumerate(true) for j, visit in enumerate(counted)),
        key=lambda pair: (-pair[0], *pair[1:]),
    )
    of: dict[int, int] = {}
    for overlap, i, j in pairs:
        if overlap >= OVERLAP and i not in of and j not in of.values():
            of[i] = j
    errors = tuple(
        round((counted[j].end - counted[j].begin) - (true[i][1] - true[i][0]), 3) for i, j in sorted(of.items())
    )
    return VisitScore(zone, len(true), len(counted), len(of), errors)


def geh(counted: float, true: float, *, seconds: float) -> float:
    """The GEH statistic sqrt(2 (M - C)^2 / (M + C)) of the two as flows in vehicles/h; under 5 a count is taken as good
    (UK Department for Transport, Design Manual for Roads and Bridges, vol. 12, and TAG unit M3.1)."""
    both = (counted + true) * 3600 / seconds
    return math.sqrt(2 * ((counted - true) * 3600 / seconds) ** 2 / both) if both else 0.0


def _overlap(true: tuple[float, float], visit: Visit) -> float:
    shared = min(true[1], visit.end) - max(true[0], visit.begin)
    whole = max(true[1], visit.end) - min(true[0], visit.begin)
    return max(0.0, shared) / whole if whole > 0 else 0.0


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
