"""An evaluation, told as Markdown for people and as JSON for machines."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence

from edge.evaluate import Score
from edge.evaluation import Evaluation, VisitScore, geh

CROSSINGS = (
    "Crossings, matched one to one with the true ones. Recall is the share of the true that were counted, precision "
    "the share of the counted that are true, class accepted the share of the matched whose class is right."
)
FLOWS = (
    "Counts by class and direction. GEH tells how far they are apart as flows in an hour, here times {hours:.3g}: "
    "under 5 is good for an hour of traffic; in a shorter clip one more or less weighs more."
)
PEOPLE = (
    "People in a zone, picture by picture: mean absolute error, root mean square error, absolute error as a share of "
    "the true number (NAE), and mean error (bias: + is too many)."
)
VISITS = "Visits to a zone. Those found overlap a true one by half; their dwell is compared with that of the true one."


def report(evaluation: Evaluation) -> str:
    """The evaluation as Markdown: over what it is, a table of each kind of which the truth has a word, under a line
    that says how to read it, and below them a line for whatever the numbers do not tell by themselves."""
    seconds = evaluation.seconds
    told = [f"{seconds:.1f} s of video; coverage {evaluation.coverage:.3f}, the share of it that was analysed."]
    told += _table(CROSSINGS, "line | true | counted | recall | precision | class accepted", _lines(evaluation))
    flows = FLOWS.format(hours=3600 / seconds if seconds else math.inf)
    told += _table(flows, "line | class | direction | counted | true | GEH", _flows(evaluation))
    people = [
        (p.zone, p.pictures, f"{p.mae:.3f}", f"{p.rmse:.3f}", _told(p.nae), f"{p.bias:+.3f}") for p in evaluation.people
    ]
    told += _table(PEOPLE, "zone | pictures | people MAE | RMSE | NAE | bias", people)
    visits = [(v.zone, v.true, v.counted, v.found, *map(_told, _dwell_errors(v))) for v in evaluation.visits]
    told += _table(VISITS, "zone | true | counted | found | dwell error, mean s | largest s", visits)
    return "\n\n".join([*told, *notes(evaluation)])


def notes(evaluation: Evaluation) -> list[str]:
    """What is in no table: what of the truth was left out or could not be found, lines drawn elsewhere, and where
    numbers seem to disagree."""
    optional = sum(s.optional for s in evaluation.lines)
    other = sum(s.other_class for s in evaluation.lines)
    unfinished = evaluation.unfinished
    elsewhere, back, unseen = map(", ".join, (evaluation.elsewhere, evaluation.back, evaluation.unseen))
    uncounted = ", ".join(f"{each.line} {each.kind} {each.number}" for each in evaluation.uncounted)
    end = f"the last picture, at {evaluation.seconds:.1f} s"
    told = {
        f"Left out: {evaluation.after} of the truth's crossings, which lie after {end}.": evaluation.after,
        f"Left out: people in {unseen}, of whom no true number is near a picture in time.": unseen,
        f"Of a class that `classes` of the line lack: {uncounted}; counted only where taken for another.": uncounted,
        f"Hardly to be found: {unfinished} true visits that go on up to {end}.": unfinished,
        f"Drawn elsewhere in the truth: {elsewhere}; counted where the camera file has it.": elsewhere,
        f"The same line walked the other way in the truth: {back}; its directions are exchanged, so turn its points "
        "round in one of the files.": back,
        f"Left out: {optional} counted crossings of `optional` events, which `edge replay` has.": optional,
        f"Of a class that `accept` allows: {other}; the counts by class and GEH go by the class told.": other,
    }
    return [line for line, so in told.items() if so]


def as_json(evaluation: Evaluation) -> str:
    """The evaluation for machines; a share of nothing is left out."""
    people = [
        {"zone": p.zone, "pictures": p.pictures, "mae": round(p.mae, 4), "rmse": round(p.rmse, 4),
         "bias": round(p.bias, 4)} | ({} if p.nae is None else {"nae": round(p.nae, 4)})
        for p in evaluation.people
    ]  # fmt: skip
    visits = [
        {"zone": v.zone, "true": v.true, "counted": v.counted, "found": v.found, "dwell_errors_s": v.dwell_errors}
        for v in evaluation.visits
    ]
    uncounted = [{"line": each.line, "class": each.kind, "number": each.number} for each in evaluation.uncounted]
    whole = {
        "seconds": round(evaluation.seconds, 2),
        "coverage": round(evaluation.coverage, 4),
        "lines": [_line(s, seconds=evaluation.seconds) for s in evaluation.lines],
        "people": people,
        "visits": visits,
        "after": evaluation.after,
        "elsewhere": evaluation.elsewhere,
        "back": evaluation.back,
        "uncounted": uncounted,
        "unfinished": evaluation.unfinished,
        "unseen": evaluation.unseen,
    }
    return json.dumps(whole, indent=1)


def _line(s: Score, *, seconds: float) -> dict[str, object]:
    recall = {"recall": round(s.recall, 4)} if s.true else {}
    precision = {"precision": round(s.precision, 4)} if s.counted else {}
    head = {"line": s.line, "true": s.true, "counted": s.counted, "matched": s.matched, **recall, **precision}
    return head | {
        "right_class": s.right_class,
        "other_class": s.other_class,
        "optional": s.optional,
        "counts": [
            {"class": kind, "direction": way, "counted": counted, "true": true,
             "geh": round(geh(counted, true, seconds=seconds), 2)}
            for (kind, way), (counted, true) in s.counts.items()
        ],
        "missed": [{"t": t, "class": kind, "direction": way} for t, kind, way in s.missed],
        "extra": [{"t": t, "class": kind, "direction": way} for t, kind, way in s.extra],
    }  # fmt: skip


def _lines(evaluation: Evaluation) -> Iterable[Sequence[object]]:
    for s in evaluation.lines:
        recall, precision = s.recall if s.true else None, s.precision if s.counted else None
        accepted = s.right_class / s.matched if s.matched else None
        yield s.line, s.true, s.counted, _told(recall), _told(precision), _told(accepted)


def _flows(evaluation: Evaluation) -> Iterable[Sequence[object]]:
    for s in evaluation.lines:
        for (kind, way), (counted, true) in s.counts.items():
            name = evaluation.names[s.line][way] if s.line in evaluation.names else ""
            direction = f"{way} {name}".rstrip().replace("|", "\\|")
            yield s.line, kind, direction, counted, true, f"{geh(counted, true, seconds=evaluation.seconds):.1f}"


def _table(caption: str, head: str, rows: Iterable[Sequence[object]]) -> list[str]:
    body = [" | ".join(str(cell) for cell in row) for row in rows]
    rule = " | ".join(["---"] * (head.count(" | ") + 1))
    return [caption, "\n".join(f"| {row} |" for row in (head, rule, *body))] if body else []


def _dwell_errors(score: VisitScore) -> tuple[float | None, float | None]:
    """Of the visits found, the mean and the largest size of the error of their dwell."""
    sizes = [abs(error) for error in score.dwell_errors]
    return (math.fsum(sizes) / len(sizes), max(sizes)) if sizes else (None, None)


def _told(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
