"""The trackers to compare: our own, and those of the libraries that are installed here."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from _hota import Labelled

from edge.dataflow import Detections
from edge.tracks.association import Costs
from edge.tracks.motion import Noise
from edge.tracks.tracker import Tracker, TrackerSettings

Values = Mapping[str, float]
Step = Callable[[Detections], Labelled]


@dataclass(frozen=True, slots=True)
class Range:
    """What a search may choose for a setting: from `low` to `high`, on a logarithmic scale or in whole numbers."""

    low: float
    high: float
    logarithmic: bool = False
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Contender:
    """A tracker: `start(settings, rate)` makes a fresh one for pictures at that rate, `first` are the settings from
    which a search begins (those left out stay at their default)."""

    name: str
    start: Callable[[Values, float], Step]
    ranges: Mapping[str, Range]
    first: Values


def contenders() -> tuple[list[Contender], list[str]]:
    """Those that can run here, and a line for each library that is missing."""
    ready, missing = [_own()], []
    for library, build in (("trackers", _trackers), ("norfair", _norfair)):
        if importlib.util.find_spec(library):
            ready += build(f"{library} {importlib.metadata.version(library)}")
        else:
            missing.append(f"skipped {library}: it is not installed here (pip install {library})")
    return ready, missing


def _own() -> Contender:
    def start(values: Values, _rate: float) -> Step:
        tracker = Tracker(own_settings(values))

        def step(detections: Detections) -> Labelled:
            tracks = tracker.update(detections)
            return Labelled(tracks.ids[tracks.confirmed], tracks.boxes[tracks.confirmed].astype(np.float64))

        return step

    ranges = {
        "place": Range(0.03, 0.3, logarithmic=True),
        "side": Range(0.05, 0.6, logarithmic=True),
        "push": Range(0.03, 3, logarithmic=True),
        "speed": Range(0.02, 2, logarithmic=True),
        "start_velocity": Range(1, 12, logarithmic=True),
        "surprise": Range(0.4, 4, logarithmic=True),
        "limit": Range(10, 50, logarithmic=True),
        "apart": Range(0.2, 10, logarithmic=True),
        "vague": Range(0.3, 3, logarithmic=True),
        "absent_second": Range(0.1, 5, logarithmic=True),
        "lost_seconds": Range(0.5, 3),
        "confident": Range(0.3, 0.9),
        "confirm_observations": Range(2, 4, whole=True),
    }
    first = {"place": 0.1, "side": 0.2, "push": 1.0, "speed": 0.2, "start_velocity": 3.0, "limit": 20}
    plain = {"surprise": 2.0, "apart": 1.0, "vague": 1.0, "absent_second": 1.0, "lost_seconds": 1.0, "confident": 0.5}
    return Contender("own", start, ranges, {**first, **plain})


def own_settings(values: Values) -> TrackerSettings:
    """Our settings with these changed, wherever they stand; `limit` carries `weak_limit` along."""
    settings = TrackerSettings()
    if "limit" in values:
        ratio = settings.costs.weak_limit / settings.costs.limit
        values = {**values, "weak_limit": values["limit"] * ratio}

    def of(part: TrackerSettings | Noise | Costs) -> dict[str, float]:
        return {f.name: values[f.name] for f in fields(part) if f.name in values}

    noise, costs = replace(settings.noise, **of(settings.noise)), replace(settings.costs, **of(settings.costs))
    return replace(settings, **of(settings), noise=noise, costs=costs)


def _trackers(label: str) -> list[Contender]:
    library, boxes = importlib.import_module("trackers"), importlib.import_module("supervision")
    warnings.filterwarnings("ignore", module="trackers")

    def contender(kind: Any) -> Contender:  # noqa: ANN401 - a class of a library that need not be here
        def start(values: Values, rate: float) -> Step:
            tracker = kind(frame_rate=rate, **values)

            def step(detections: Detections) -> Labelled:
                corners = detections.boxes * np.array([detections.aspect, 1, detections.aspect, 1]) * 1000
                seen = boxes.Detections(corners, confidence=detections.scores, data={"row": np.arange(len(corners))})
                result = tracker.update(seen)
                if len(result) == 0:
                    return Labelled(np.zeros(0, np.int64), np.zeros((0, 4)))
                kept = result.tracker_id >= 0
                rows = result.data["row"][kept]
                return Labelled(result.tracker_id[kept].astype(np.int64), detections.boxes[rows].astype(np.float64))

            return step

        ranges = {
            name: Range(*space["range"]) if space["type"] == "uniform" else _whole(*space["range"])
            for name, space in kind.search_space.items()
        }
        return Contender(f"{label} {kind.__name__.removesuffix('Tracker')}", start, ranges, {})

    names = ("SORTTracker", "ByteTrackTracker", "OCSORTTracker", "CBIoUTracker")
    return [contender(getattr(library, name)) for name in names if hasattr(library, name)]


def _whole(low: float, end: float) -> Range:
    return Range(low, end - 1, whole=True)


def _norfair(label: str) -> list[Contender]:
    library = importlib.import_module("norfair")

    def start(values: Values, rate: float) -> Step:
        kept = {"distance_threshold": 0.7, "lost_seconds": 1.0, "delay": 2, "score": 0.5, **values}
        tracker = library.Tracker(
            distance_function="iou",
            distance_threshold=kept["distance_threshold"],
            hit_counter_max=max(2, round(kept["lost_seconds"] * rate)),
            initialization_delay=min(int(kept["delay"]), max(1, round(kept["lost_seconds"] * rate) - 1)),
        )

        def step(detections: Detections) -> Labelled:
            corners = detections.boxes.astype(np.float64) * [detections.aspect, 1, detections.aspect, 1] * 1000
            seen = [
                library.Detection(corners[row].reshape(2, 2), data=row)
                for row in np.flatnonzero(detections.scores >= kept["score"])
            ]
            found = [track for track in tracker.update(seen) if track.last_detection in seen]
            rows = np.array([track.last_detection.data for track in found], dtype=np.int64)
            ids = np.array([track.id for track in found], dtype=np.int64)
            return Labelled(ids, detections.boxes[rows].astype(np.float64))

        return step

    ranges = {
        "distance_threshold": Range(0.3, 0.95),
        "lost_seconds": Range(0.3, 3),
        "delay": Range(0, 4, whole=True),
        "score": Range(0.5, 0.9),
    }
    return [Contender(f"{label} (IoU)", start, ranges, {})]
