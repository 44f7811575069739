"""The ground truth of a clip, and its lines: crossings matched one to one in time."""

from __future__ import annotations

import difflib
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from edge.config.document import SHOWN
from edge.config.fault import fault, shown
from edge.config.load import EXPECTED, name_of
from edge.config.parts import Number, RoadUser, Whole, refusing
from edge.config.rules import Line, Zone
from edge.dataflow import Crossing
from edge.errors import EdgeError

SAME = 0.01
"""Points of lines that are no further apart, as a fraction of the picture, are the same: drawn or rounded."""
NEAR = 0.8
"""Keys as much alike as this (difflib) are one that is misspelt: line for lines."""


def _not_backwards(visit: tuple[float, float]) -> tuple[float, float]:
    if visit[1] < visit[0]:
        raise fault(
            "a visit ends before it begins", expected="[begin, end]", found=str(list(visit)), do="exchange them"
        )
    return visit


# JSON has numbers: one in quotes is a slip
Seconds = Annotated[Number, Field(ge=0, allow_inf_nan=False), refusing(str, "float_type")]
Count = Annotated[Whole, Field(ge=0), refusing(str, "int_type")]
Position = Annotated[Number, Field(ge=0, le=1), refusing(str, "float_type")]
Visit = Annotated[tuple[Seconds, Seconds], AfterValidator(_not_backwards)]


class _Part(BaseModel):
    """A part of a truth file. Keys that it does not know are for people, unless they stand for one that is lacking."""

    model_config = ConfigDict(extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _no_key_misspelt(cls, content: object) -> object:
        if not isinstance(content, dict):
            return content
        known = [info.alias or key for key, info in cls.model_fields.items()]
        lacking = [key for key in known if key not in content]
        for key in (key for key in content if key not in known):
            if near := difflib.get_close_matches(str(key)[:SHOWN].lower(), lacking, n=1, cutoff=NEAR):
                raise fault("unknown key", expected="", found="", do=f"did you mean {near[0]}?", place=(key,))
        return content


class TrueEvent(_Part):
    """One true crossing: `accept` are the classes that count as right; `optional` ones may be missed."""

    t: Seconds
    direction: Annotated[Count, Field(le=1)]
    kind: Annotated[RoadUser, Field(alias="class")]
    accept: tuple[Literal[RoadUser, "person"], ...] = ()
    optional: Annotated[bool, Field(strict=True)] = False


class TrueLine(_Part):
    """The true crossings of one line, to be matched within `tolerance_s` seconds."""

    id: str
    points: tuple[tuple[Position, Position], tuple[Position, Position]]
    tolerance_s: Seconds = 1.0
    events: tuple[TrueEvent, ...]


class TrueZone(_Part):
    """The people in one zone: (t, number) as often as it is known, and visits as (begin, end) in seconds."""

    id: str
    points: tuple[tuple[Position, Position], ...]
    people: tuple[tuple[Seconds, Count], ...] = ()
    visits_s: tuple[Visit, ...] | None = None


class Truth(_Part):
    """A truth file: what really crossed, who was really there. Keys that describe it (video, source, ...) are free."""

    mask: tuple[tuple[tuple[Position, Position], ...], ...] = ()
    lines: tuple[TrueLine, ...] = ()
    zones: tuple[TrueZone, ...] = ()

    @model_validator(mode="after")
    def _own_ids(self) -> Truth:
        rules: dict[str, Sequence[TrueLine | TrueZone]] = {"lines": self.lines, "zones": self.zones}
        for kind, parts in rules.items():
            ids = [part.id for part in parts]
            for i, each in enumerate(ids):
                if each in ids[:i]:
                    raise fault("one id stands twice", expected="an id of its own", found=f"another {shown(each)}",
                                do="put both under one, or rename one", place=(kind, i, "id"))  # fmt: skip
        return self


@dataclass(frozen=True, slots=True)
class Score:
    """One line's result: crossings found and true (without optional ones), those that match, those of a right class."""

    line: str
    true: int
    counted: int
    matched: int
    right_class: int
    counts: dict[tuple[str, int], tuple[int, int]]
    """(class, direction) -> (counted, true)"""
    missed: tuple[tuple[float, str, int], ...] = ()
    """True crossings that were not counted: (t, class, direction)."""
    extra: tuple[tuple[float, str, int], ...] = ()
    """Counted crossings that are not true."""
    optional: int = 0
    """Crossings that match an optional event, and are in no other number here."""
    other_class: int = 0
    """Those of `right_class` that have another class than the event, which its `accept` allows."""

    @property
    def recall(self) -> float:
        """Share of the true crossings that were counted; 1 where there are none."""
        return self.matched / self.true if self.true else 1.0

    @property
    def precision(self) -> float:
        """Share of the counted crossings that are true; 1 where there are none."""
        return self.matched / self.counted if self.counted else 1.0


def load_truth(file: Path) -> Truth:
    """A truth file, in UTF-8 with a byte order mark or without; EdgeError where it is none."""
    try:
        return Truth.model_validate_json(file.read_bytes().removeprefix(BOM_UTF8))
    except OSError as error:
        raise EdgeError(
            str(file), f"the truth cannot be read, {error.strerror}", do="name a .truth.json file"
        ) from None
    except ValidationError as error:
        raise _told(file, error.errors()[0]) from None


def _told(file: Path, error: ErrorDetails) -> EdgeError:
    """The error that a truth file has, in one line."""
    kind, context, place, do = error["type"], error.get("ctx", {}), error["loc"], "see the example in docs/evaluate.md"
    if kind == "edge":
        where = name_of((*place, *context["place"]))
        what = f"no truth file, {where}: {context['kind']}"
        return EdgeError(str(file), what, expected=context["expected"], found=context["found"], do=context["do"])
    what = f"no truth file, {name_of(place) or 'its form'}"
    if kind not in EXPECTED:
        return EdgeError(str(file), f"{what}: {error['msg']}", do=do)
    limits = {key: f"{value:g}" if isinstance(value, float) else value for key, value in context.items()}
    found = "nothing" if kind == "missing" else shown(error["input"])
    return EdgeError(str(file), what, expected=EXPECTED[kind].format(**limits), found=found, do=do)


def score(line: TrueLine, crossings: Sequence[Crossing]) -> Score:
    """Matches crossings of one line with its truth, one to one within the tolerance and in the same direction; one
    that matches an optional event counts neither for nor against."""
    found = [c for c in crossings if c.line == line.id]
    pairs = _pairs(line, found)
    free = {i for i, e in pairs if line.events[e].optional}
    matched = [(i, e) for i, e in pairs if i not in free]
    right = [(i, e) for i, e in matched if _accepted(line.events[e], found[i].kind)]
    met, used = {e for _, e in pairs}, {i for i, _ in pairs}
    true: Counter[tuple[str, int]] = Counter((e.kind, e.direction) for e in line.events if not e.optional)
    counted = Counter((c.kind, c.direction) for i, c in enumerate(found) if i not in free)
    return Score(
        line=line.id,
        true=sum(true.values()),
        counted=len(found) - len(free),
        matched=len(matched),
        right_class=len(right),
        counts={key: (counted[key], true[key]) for key in sorted({*true, *counted})},
        missed=tuple((e.t, e.kind, e.direction) for i, e in enumerate(line.events) if i not in met and not e.optional),
        extra=tuple((round(c.at.seconds, 2), c.kind, c.direction) for i, c in enumerate(found) if i not in used),
        optional=len(free),
        other_class=sum(found[i].kind != line.events[e].kind for i, e in right),
    )


def countable(event: TrueEvent, kinds: Sequence[str]) -> bool:
    """Whether a line that counts these classes can count this crossing rightly."""
    return any(_accepted(event, kind) for kind in kinds)


def _accepted(event: TrueEvent, kind: str) -> bool:
    return kind in (*event.accept, event.kind) or (kind == "pedestrian" and "person" in event.accept)


def _pairs(line: TrueLine, found: Sequence[Crossing]) -> list[tuple[int, int]]:
    """As many pairs as there can be, one to one (augmenting paths, H. W. Kuhn 1955), near ones tried first."""
    near = [
        [j for _, j in sorted((abs(c.at.seconds - e.t), j) for j, e in enumerate(line.events)
                              if c.direction == e.direction and abs(c.at.seconds - e.t) <= line.tolerance_s)]
        for c in found
    ]  # fmt: skip
    owner: dict[int, int] = {}

    def settle(i: int, tried: set[int]) -> bool:
        for j in near[i]:
            if j not in tried:
                tried.add(j)
                if j not in owner or settle(owner[j], tried):
                    owner[j] = i
                    return True
        return False

    for i in range(len(found)):
        settle(i, set())
    return sorted((i, j) for j, i in owner.items())


def check_any(truth: Truth, *, where: str) -> None:
    """EdgeError where the truth says nothing that counts could be compared with."""
    if not truth.lines and not truth.zones:
        raise EdgeError(where, "the truth says nothing", expected="lines or zones", found="neither",
                        do="see the example in docs/evaluate.md")  # fmt: skip


def check_lines(truth: Truth, lines: Sequence[Line], *, where: str) -> None:
    """EdgeError where the truth speaks of a line that the camera file does not have."""
    _check("line", [line.id for line in truth.lines], [line.id for line in lines], where=where)


def drawn_elsewhere(truth: Truth, lines: Sequence[Line]) -> tuple[str, ...]:
    """The lines of the truth that are not where the camera file has them, by whose lines crossings are counted."""
    drawn = {line.id: line.points for line in lines}
    apart = [each for each in truth.lines if each.id in drawn and _apart(each.points, drawn[each.id]) > SAME]
    exchanged = walked_back(truth, lines)
    return tuple(each.id for each in apart if each.id not in exchanged)


def walked_back(truth: Truth, lines: Sequence[Line]) -> tuple[str, ...]:
    """The lines of the truth that are those of the camera file from last to first: direction 0 is 1 there."""
    back = {line.id: line.points[::-1] for line in lines}
    return tuple(each.id for each in truth.lines if each.id in back and _apart(each.points, back[each.id]) <= SAME)


def _apart(one: Sequence[tuple[float, float]], other: Sequence[tuple[float, float]]) -> float:
    return max(abs(a - b) for p, q in zip(one, other, strict=True) for a, b in zip(p, q, strict=True))


def check_zones(truth: Truth, zones: Sequence[Zone], *, where: str) -> None:
    """EdgeError where the truth speaks of a zone that the camera file does not have."""
    _check("zone", [zone.id for zone in truth.zones], [zone.id for zone in zones], where=where)


def _check(kind: str, wanted: Sequence[str], have: Sequence[str], *, where: str) -> None:
    missing = sorted(set(wanted) - set(have))
    if missing:
        do = "use the same ids in both, or leave it out of the truth"
        raise EdgeError(where, f"the truth has a {kind} {missing[0]}", expected="it in the camera file",
                        found=", ".join(have) or "none", do=do)  # fmt: skip
