"""Frame -> detections -> tracks -> measurements, for one camera; the same for a live camera and a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.config.parts import points_of
from edge.config.schema import Camera
from edge.dataflow import Alarm, Crossing, Frame, Sample, Tracks
from edge.detections.card import find_card
from edge.detections.detector import Detector
from edge.measurements.measures import Measures
from edge.tracks.tracker import Tracker, TrackerSettings


@dataclass(frozen=True, slots=True)
class Analysis:
    """What one picture gave."""

    tracks: Tracks
    crossings: list[Crossing]
    samples: list[Sample]
    alarms: list[Alarm]


class Pipeline:
    """One camera's analysis. ModelError where its model cannot be used, EdgeError where its calibration cannot."""

    def __init__(self, camera: Camera, *, models: Sequence[Path]) -> None:
        card = find_card(camera.analyse.model, path=models)
        mask = [points_of(polygon) for polygon in camera.mask]
        self.measures = Measures(camera)
        self._detector = Detector(card, path=models, mask=mask, tiled=camera.analyse.tiles)
        self._tracker = Tracker(TrackerSettings(confident=card.thresholds.confident))

    def analyse(self, frame: Frame) -> Analysis:
        """Looks at the next picture."""
        tracks = self._tracker.update(self._detector.detect(frame))
        measured = self.measures.update(tracks)
        return Analysis(tracks, measured.crossings, measured.samples, measured.alarms)
