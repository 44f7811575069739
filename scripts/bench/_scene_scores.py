"""One simulated scene, measured as a camera would measure it, against its truth: a flat row of numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from _scene_alarms import Asked, asked, judged
from _scene_queues import queue_of
from _scene_rules import camera_of
from scenes.noise import Noise
from scenes.scene import Pace, Scene
from scenes.truth import TrueCrossing

from edge.config.schema import Camera
from edge.dataflow import Alarm, Crossing, Detections, Sample
from edge.evaluate import TrueEvent, TrueLine, score
from edge.measurements.measures import Measures
from edge.tracks.tracker import Tracker, TrackerSettings

Numbers = dict[str, float]

TOLERANCE_S = 1.5
FEWEST_SPEEDS = 3
"""A space-mean speed is compared where it comes from so many."""


@dataclass
class Seen:
    """What the camera told of a scene."""

    crossings: list[Crossing] = field(default_factory=list)
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    alarms: list[Alarm] = field(default_factory=list)

    def added(self, rule: str) -> Counter[str]:
        """What the samples of a rule add up to."""
        total: Counter[str] = Counter()
        for sample in self.samples.get(rule, ()):
            total.update(dict(sample.added))
        return total


def measured(scene: Scene, noise: Noise, *, rate: float, confident: float) -> Numbers:
    """Everything that can be said of one scene, to be summed with others of its kind."""
    camera = camera_of(scene)
    seen = watch(camera, scene.detections(noise, Pace(rate)), confident=confident)
    row: Numbers = {"scenes": 1, "seconds": scene.seconds}
    row |= volumes(scene, seen.crossings) | speeds_of(scene, seen)
    row |= alarms_of(asked(scene, camera, noise=noise), seen.alarms, seconds=scene.seconds)
    if camera.turns:
        row |= _turns(scene, seen)
    if camera.queues:
        row |= queue_of(scene, seen.samples["q1"], noise) | {"queue.waits": seen.added("q1")["waits"]}
    return row


def watch(camera: Camera, looks: Iterable[Detections], *, confident: float) -> Seen:
    """The pipeline behind the detector, from the first picture to the last."""
    tracker, measures, seen = Tracker(TrackerSettings(confident=confident)), Measures(camera), Seen()
    for look in looks:
        told = measures.update(tracker.update(look))
        seen.crossings += told.crossings
        seen.alarms += told.alarms
        for sample in told.samples:
            seen.samples.setdefault(sample.rule, []).append(sample)
    return seen


def volumes(scene: Scene, found: Sequence[Crossing]) -> Numbers:
    """Crossings of the scene's own lines. `apart`: how far each line and direction is off, regardless of sign;
    `backwards`: counted in a direction in which nobody went."""
    true = scene.truth.crossings(scene.lines)
    row = dict.fromkeys(("true", "counted", "matched", "apart", "backwards"), 0.0)
    for line in scene.lines:
        on_line = TrueLine(id=line.id, points=line.points, tolerance_s=TOLERANCE_S, events=_events(true, line.id))
        result = score(on_line, found)
        row["true"] += result.true
        row["counted"] += result.counted
        row["matched"] += result.matched
        for way in (0, 1):
            there, here = _number(true, line.id, way), _number(found, line.id, way)
            row["apart"] += abs(here - there)
            row["backwards"] += here if there == 0 else 0
    return row | _by_class(true, found, {line.id for line in scene.lines})


def _by_class(true: Sequence[TrueCrossing], found: Sequence[Crossing], lines: set[str]) -> Numbers:
    row: Counter[str] = Counter(f"class.{c.kind}.true" for c in true)
    row.update(f"class.{c.kind}.counted" for c in found if c.line in lines)
    return {name: float(n) for name, n in row.items()}


def _events(true: Sequence[TrueCrossing], line: str) -> tuple[TrueEvent, ...]:
    """The truth of one line in the form of `edge evaluate`."""
    rows = ({"t": c.at, "direction": c.direction, "class": c.kind} for c in true if c.line == line)
    return tuple(TrueEvent.model_validate(row) for row in rows)


def _number(crossings: Sequence[TrueCrossing] | Sequence[Crossing], line: str, way: int) -> int:
    return sum(c.line == line and c.direction == way for c in crossings)


def speeds_of(scene: Scene, seen: Seen) -> Numbers:
    """Space-mean speeds of each line and direction against the harmonic mean of the true ones: of all, and of those who
    were `counted`, for who creeps over a line in a queue is hardly counted but weighs most."""
    row = {"speed.n": 0.0, "speed.off": 0.0, "speed.counted.off": 0.0}
    for line in scene.lines:
        added = seen.added(line.id)
        for way in (0, 1):
            true = [c for c in scene.truth.crossings([line]) if c.direction == way]
            moving = [c for c in true if c.speed_kmh > 1]
            counted = _counted(moving, [c for c in seen.crossings if (c.line, c.direction) == (line.id, way)])
            told = added[f"speeds.{way}"]
            if min(len(moving), len(counted), told) >= FEWEST_SPEEDS:
                mean = told / added[f"slowness.{way}"]
                row["speed.n"] += 1
                row["speed.off"] += abs(mean / _harmonic(moving) - 1)
                row["speed.counted.off"] += abs(mean / _harmonic(counted) - 1)
    return row


def _counted(true: Sequence[TrueCrossing], found: Sequence[Crossing]) -> list[TrueCrossing]:
    """The true crossings of a line and direction that were counted: of each one found the nearest that is left."""
    left, result = list(true), []
    for crossing in found:
        near = min(left, key=lambda c: abs(c.at - crossing.at.seconds), default=None)
        if near and abs(near.at - crossing.at.seconds) <= TOLERANCE_S:
            left.remove(near)
            result.append(near)
    return result


def _harmonic(crossings: Sequence[TrueCrossing]) -> float:
    """The space-mean speed in km/h."""
    return len(crossings) / sum(1 / c.speed_kmh for c in crossings)


def _turns(scene: Scene, seen: Seen) -> Numbers:
    """Turning movements. `turns.off`: cells of entry, exit and class, how far each is off; `turns.ways.off`: without
    classes. The cells themselves too, so that scenes can be summed before they are compared."""
    added = seen.added("t1")
    told = Counter({name.removeprefix("moves."): n for name, n in added.items() if name.startswith("moves.")})
    true = turns_of(scene)
    row = {"turns.true": float(true.total()), "turns.told": float(told.total())}
    row |= {"turns.off": _apart(told, true), "turns.ways.off": _apart(_ways(told), _ways(true))}
    row |= {"turns.entries": added["entries"], "turns.unmatched": added["unmatched"]}
    row |= {f"cell.{name}.true": float(n) for name, n in _ways(true).items()}
    return row | {f"cell.{name}.told": float(n) for name, n in _ways(told).items()}


def turns_of(scene: Scene) -> Counter[str]:
    """The true movements: in over one arm of the junction, out over another."""
    true: Counter[str] = Counter()
    inside: dict[int, str] = {}
    for crossing in scene.truth.crossings(scene.lines):
        if crossing.direction == 0:
            inside[crossing.user] = crossing.line
        elif crossing.user in inside:
            true[f"{inside.pop(crossing.user)}>{crossing.line}.{crossing.kind}"] += 1
    return true


def _ways(cells: Counter[str]) -> Counter[str]:
    result: Counter[str] = Counter()
    for name, n in cells.items():
        result[name.rpartition(".")[0]] += n
    return result


def _apart(told: Counter[str], true: Counter[str]) -> float:
    return float(sum(abs(told[name] - true[name]) for name in told | true))


def alarms_of(wanted: Sequence[Asked], alarms: Sequence[Alarm], *, seconds: float) -> Numbers:
    """How many alarms of each kind were due, found and false."""
    row: Numbers = {}
    for verdict in (judged(each, alarms, seconds=seconds) for each in wanted):
        for name in ("due", "found", "false"):
            row[f"alarm.{verdict.kind}.{name}"] = float(getattr(verdict, name))
    return row


def rows_of(numbers: Sequence[Numbers]) -> Numbers:
    """Rows summed name by name."""
    total: Counter[str] = Counter()
    for row in numbers:
        total.update(row)
    return dict(total)


def shares(total: Numbers) -> Iterator[tuple[str, str]]:
    """What a table says of the summed rows of one kind: head and cell."""
    true = max(total["true"], 1.0)
    yield "scenes", f"{total['scenes']:.0f}"
    yield "true", f"{total['true']:.0f}"
    yield "volume", f"{100 * (total['counted'] / true - 1):+.1f} %"
    yield "apart", f"{100 * total['apart'] / true:.1f} %"
    yield "recall", f"{total['matched'] / true:.3f}"
    yield "precision", f"{total['matched'] / max(total['counted'], 1.0):.3f}"
    yield "backwards", f"{total['backwards']:.0f}"
    yield "speed off", _share_of(total, "speed.off", "speed.n")
    yield "of those counted", _share_of(total, "speed.counted.off", "speed.n")
    yield "turns", _turns_told(total)
    yield "queue off", _queue_told(total, "queue")
    yield "off what can be seen", _queue_told(total, "queue.seen")


def _share_of(total: Numbers, part: str, whole: str) -> str:
    return f"{100 * total[part] / total[whole]:.1f} %" if total.get(whole) else "–"


def _queue_told(total: Numbers, name: str) -> str:
    """How far off, of how many on average, with which bias, in vehicles; metres."""
    if not total.get("queue.pictures"):
        return "–"
    apart, true, bias, metres = (
        total[f"{name}.{part}"] / total["queue.pictures"] for part in ("apart", "true", "bias", "metres.apart")
    )
    return f"{apart:.2f} of {true:.1f} ({bias:+.2f}), {metres:.1f} m"


def _turns_told(total: Numbers) -> str:
    """Sum, cells of single scenes with and without class, cells of all scenes together, unmatched share."""
    true = total.get("turns.true", 0.0)
    if not true:
        return "–"
    cells = {name.rpartition(".")[0] for name in total if name.startswith("cell.")}
    together = sum(abs(total.get(f"{c}.told", 0.0) - total.get(f"{c}.true", 0.0)) for c in cells)
    parts = (total["turns.told"] / true - 1, total["turns.off"] / true, total["turns.ways.off"] / true, together / true)
    unmatched = total["turns.unmatched"] / max(total["turns.entries"], 1.0)
    return " / ".join(f"{100 * part:.1f}" for part in parts) + f" %, unmatched {100 * unmatched:.1f} %"
