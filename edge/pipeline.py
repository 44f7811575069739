"""Frame -> detections -> tracks -> measurements, for one camera; the same for a live camera and a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.alignment import Alignment, moved
from edge.config.parts import points_of
from edge.config.schema import Camera
from edge.dataflow import Alarm, Crossing, Frame, Sample, Tracks
from edge.detections.card import find_card
from edge.detections.detector import Detector
from edge.frames.health import PictureState
from edge.frames.watch import PictureWatch
from edge.measurements.measures import Measures
from edge.recorder import Recorder
from edge.tracks.tracker import Tracker, TrackerSettings


@dataclass(frozen=True, slots=True)
class Analysis:
    """What one picture gave: how it is, and the `tracks` in the view of the installation with what they measure."""

    picture: PictureState
    tracks: Tracks
    crossings: list[Crossing]
    samples: list[Sample]
    alarms: list[Alarm]

    @property
    def analysed(self) -> bool:
        """Whether it was looked at: there is nothing new in a frozen picture."""
        return self.picture.state != "frozen"


class Pipeline:
    """One camera's analysis. ModelError where its model cannot be used, EdgeError where its calibration cannot."""

    def __init__(self, camera: Camera, *, models: Sequence[Path], watch: PictureWatch | None = None) -> None:
        card = find_card(camera.analyse.model, path=models)
        self.measures = Measures(camera)
        self._watch = watch or PictureWatch()
        self._alignment = Alignment()
        self._mask = [points_of(polygon) for polygon in camera.mask]
        self._detector = Detector(card, path=models, mask=self._mask, tiled=camera.analyse.tiles)
        thresholds = card.thresholds
        self._tracker = Tracker(TrackerSettings(confident=thresholds.confident, unsure=thresholds.unsure))

    def analyse(self, frame: Frame) -> Analysis:
        """Looks at the next picture."""
        picture = self._watch.look(frame)
        if picture.state == "frozen":
            return Analysis(picture, _no_tracks(frame), [], [], self.measures.lost(frame.at))
        if self._alignment.follow(picture.shift):
            self._detector.hide(moved(self._mask, picture.shift))
        tracks = self._alignment.undone(self._tracker.update(self._detector.detect(frame)))
        # what shows too little raises and clears no alarm
        measured = self.measures.update(tracks, trusted=picture.flag is None)
        return Analysis(picture, tracks, measured.crossings, measured.samples, measured.alarms)


def _no_tracks(frame: Frame) -> Tracks:
    return Tracks(
        at=frame.at,
        aspect=frame.width / frame.height,
        ids=np.zeros(0, np.int64),
        boxes=np.zeros((0, 4), np.float32),
        classes=np.zeros(0, np.int8),
        confirmed=np.zeros(0, np.bool_),
    )


def count(frame: Frame, pipeline: Pipeline, recorder: Recorder) -> Analysis:
    """Analyses a picture and records what it gave, and in the open intervals what is wrong with it."""
    analysis = pipeline.analyse(frame)
    if analysis.analysed:
        recorder.record(frame.at, analysis.crossings, analysis.samples)
    if analysis.picture.flag:
        recorder.flag(analysis.picture.flag)
    recorder.alarm(analysis.alarms, pipeline.measures.standing)
    return analysis
