"""Counting that goes on: what is learned in the first minutes must not cost counts in the later ones."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from edge.config.rules import Line
from edge.config.settings import OWN_MODELS
from edge.dataflow import Instant
from edge.detections.card import find_card
from edge.detections.detector import Detector
from edge.evaluate import load_truth
from edge.frames.clip import frames
from edge.measurements.crossings import CrossingCounter
from edge.tracks.tracker import Tracker, TrackerSettings

LOOPS = 12


@pytest.mark.parametrize("clip", ["traffic_sideview_o4n.mp4", "traffic_motorway_cyclist_bgs02.avi"])
@pytest.mark.parametrize("rate", [5.0, 6.0])
def test_same_clip_again_and_again_is_counted_as_the_first_time(media, clip, rate):
    card = find_card("road-users", path=[OWN_MODELS])
    truth = load_truth(media / f"{clip.rpartition('.')[0]}.truth.json")
    detector = Detector(card, path=[OWN_MODELS])
    looks = [detector.detect(frame) for frame in frames(media / clip, rate=rate)]
    counter = CrossingCounter([Line(id=line.id, points=line.points) for line in truth.lines])
    tracker = Tracker(TrackerSettings(confident=card.thresholds.confident))
    once, counted = looks[-1].at.seconds + 1 / rate, Counter[int]()
    for loop in range(LOOPS):
        for look in looks:
            at = Instant(look.at.seconds + loop * once, look.at.utc + loop * once)
            counted[loop] += len(counter.update(tracker.update(replace(look, at=at))))
    assert all(abs(counted[loop] - counted[0]) <= 1 for loop in range(LOOPS)), counted
