"""`edge evaluate`: the pipeline over a clip against its ground truth, told as Markdown and as JSON."""

from __future__ import annotations

import json
import math
from bisect import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.config.rules import Line
from edge.config.schema import Camera
from edge.dataflow import Crossing
from edge.evaluate import Score, TrueLine, TrueZone, Truth, drawn_elsewhere, score
from edge.frames.clip import frames
from edge.measurements.crowd import people_of
from edge.measurements.visits import Visit, Visits
from edge.pipeline import Pipeline

NEAR_SECONDS = 0.25
"""A picture is compared with the true number of people that is nearest in time, if it is so near."""
OVERLAP = 0.5
"""Overlap in time (intersection over union) from which a visit is the true one."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What the pipeline saw in a clip of so many seconds: crossings, and of each zone the people of every picture as
    (t, number) and the visits that were over."""

    seconds: float
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
class Evaluation:
    """Everything that a truth file has a word on, over so many `seconds`: true crossings `after` these are left out,
    and the lines drawn `elsewhere` than in the camera file are counted where that has them."""

    seconds: float
    lines: tuple[Score, ...]
    people: tuple[PeopleScore, ...]
    visits: tuple[VisitScore, ...]
    after: int = 0
    elsewhere: tuple[str, ...] = ()


def observe(video: Path, *, camera: Camera, models: Sequence[Path], progress: Callable[[float], None]) -> Observed:
    """Runs the pipeline over a file as `edge replay` does; `progress` is told the seconds of video done. SourceError
    where the file gives no pictures, ModelError where the model cannot be used."""
    pipeline = Pipeline(camera, models=models)
    crossings: list[Crossing] = []
    people: dict[str, list[tuple[float, float]]] = {zone.id: [] for zone in camera.zones}
    zones = {zone.id: Visits(zone.points) for zone in camera.zones}
    visits: dict[str, list[Visit]] = {zone.id: [] for zone in camera.zones}
    now = 0.0
    for frame in frames(video, rate=camera.analyse.rate):
        now = frame.at.seconds
        analysis = pipeline.analyse(frame)
        crossings += analysis.crossings
        for sample in analysis.samples:
            if sample.rule in people and "pedestrian" in sample.present:
                people[sample.rule].append((now, sample.present["pedestrian"]))
        for zone, found in visits.items():
            found += zones[zone].update(people_of(analysis.tracks))[1]
        progress(now)
    return Observed(
        seconds=now,
        crossings=tuple(sorted(crossings, key=lambda c: (c.at.seconds, c.line, c.track))),
        people={zone: tuple(numbers) for zone, numbers in people.items()},
        visits={zone: tuple(found) for zone, found in visits.items()},
    )


def evaluated(truth: Truth, observed: Observed, *, lines: Sequence[Line] = ()) -> Evaluation:
    """What was seen, by the camera file's `lines`, against what is true."""
    people = (people_score(zone, observed.people.get(zone.id, ())) for zone in truth.zones if zone.people)
    return Evaluation(
        seconds=observed.seconds,
        lines=tuple(score(_watched(line, observed.seconds), observed.crossings) for line in truth.lines),
        people=tuple(each for each in people if each),
        visits=tuple(
            visit_score(zone.id, zone.visits_s, observed.visits.get(zone.id, ()))
            for zone in truth.zones
            if zone.visits_s is not None
        ),
        after=sum(event.t > observed.seconds for line in truth.lines for event in line.events),
        elsewhere=drawn_elsewhere(truth, lines),
    )


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


def report(evaluation: Evaluation) -> str:
    """The evaluation as Markdown tables, of which those are left out that the truth says nothing on, and below them a
    line for whatever the numbers do not tell by themselves."""
    tables = [
        _table(
            "line | true | counted | recall | precision | class accepted",
            [
                (s.line, s.true, s.counted, f"{s.recall:.3f}", f"{s.precision:.3f}", f"{_right(s):.3f}")
                for s in evaluation.lines
            ],
        ),
        _table(
            "line | class | direction | counted | true | GEH",
            [
                (s.line, kind, way, counted, true, f"{geh(counted, true, seconds=evaluation.seconds):.1f}")
                for s in evaluation.lines
                for (kind, way), (counted, true) in s.counts.items()
            ],
        ),
        _table(
            "zone | pictures | people MAE | RMSE | NAE | bias",
            [
                (p.zone, p.pictures, f"{p.mae:.3f}", f"{p.rmse:.3f}", _told(p.nae), f"{p.bias:+.3f}")
                for p in evaluation.people
            ],
        ),
        _table(
            "zone | visits | counted | found | dwell error, mean s | largest s",
            [
                (v.zone, v.true, v.counted, v.found, _told(_mean_size(v)), _told(max(_sizes(v), default=None)))
                for v in evaluation.visits
            ],
        ),
    ]
    return "\n\n".join([*filter(None, tables), *notes(evaluation)])


def notes(evaluation: Evaluation) -> list[str]:
    """What is in no table: true crossings after the end, lines drawn elsewhere, and where numbers seem to disagree."""
    optional = sum(s.optional for s in evaluation.lines)
    other = sum(s.other_class for s in evaluation.lines)
    elsewhere = ", ".join(evaluation.elsewhere)
    end = f"the last picture, at {evaluation.seconds:.1f} s"
    told = {
        f"Left out: {evaluation.after} of the truth's crossings, which lie after {end}.": evaluation.after,
        f"Drawn elsewhere in the truth: {elsewhere}; counted where the camera file has it.": elsewhere,
        f"Left out: {optional} counted crossings of `optional` events, which `edge replay` has.": optional,
        f"Of a class that `accept` allows: {other}; the counts by class and GEH go by the class told.": other,
    }
    return [line for line, so in told.items() if so]


def as_json(evaluation: Evaluation) -> str:
    """The evaluation for machines."""
    lines = [
        {"line": s.line, "true": s.true, "counted": s.counted, "matched": s.matched,
         "recall": round(s.recall, 4), "precision": round(s.precision, 4), "right_class": s.right_class,
         "other_class": s.other_class, "optional": s.optional, "counts": [
             {"class": kind, "direction": way, "counted": counted, "true": true,
              "geh": round(geh(counted, true, seconds=evaluation.seconds), 2)}
             for (kind, way), (counted, true) in s.counts.items()
         ],
         "missed": [{"t": t, "class": kind, "direction": way} for t, kind, way in s.missed],
         "extra": [{"t": t, "class": kind, "direction": way} for t, kind, way in s.extra]}
        for s in evaluation.lines
    ]  # fmt: skip
    people = [
        {"zone": p.zone, "pictures": p.pictures, "mae": round(p.mae, 4), "rmse": round(p.rmse, 4),
         "bias": round(p.bias, 4)} | ({} if p.nae is None else {"nae": round(p.nae, 4)})
        for p in evaluation.people
    ]  # fmt: skip
    visits = [
        {"zone": v.zone, "true": v.true, "counted": v.counted, "found": v.found, "dwell_errors_s": v.dwell_errors}
        for v in evaluation.visits
    ]
    whole = {"seconds": round(evaluation.seconds, 2), "lines": lines, "people": people, "visits": visits}
    return json.dumps(whole | {"after": evaluation.after, "elsewhere": evaluation.elsewhere}, indent=1)


def _table(head: str, rows: Sequence[Sequence[object]]) -> str:
    if not rows:
        return ""
    body = [" | ".join(str(cell) for cell in row) for row in rows]
    return "\n".join(f"| {row} |" for row in (head, " | ".join(["---"] * len(rows[0])), *body))


def _overlap(true: tuple[float, float], visit: Visit) -> float:
    shared = min(true[1], visit.end) - max(true[0], visit.begin)
    whole = max(true[1], visit.end) - min(true[0], visit.begin)
    return max(0.0, shared) / whole if whole > 0 else 0.0


def _right(score: Score) -> float:
    return score.right_class / score.matched if score.matched else 1.0


def _sizes(score: VisitScore) -> list[float]:
    return [abs(error) for error in score.dwell_errors]


def _mean_size(score: VisitScore) -> float | None:
    return _mean(_sizes(score)) if score.dwell_errors else None


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _told(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
