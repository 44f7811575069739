"""The flag `saturated` on real pictures: a crowd of which the net finds a part, a street where it finds everybody."""

from __future__ import annotations

import json
from itertools import repeat
from pathlib import Path

import av
import cv2

from edge.config.rules import Zone
from edge.dataflow import Instant
from edge.detections.card import find_card
from edge.detections.detector import Detector
from edge.detections.golden import to_frame
from edge.measurements.crowd import Crowd
from edge.tracks.tracker import Tracker, TrackerSettings

MODELS = [Path(__file__).resolve().parents[2] / "models"]
WHOLE = Zone(id="w", points=((0, 0), (1, 0), (1, 1), (0, 1)))
PLACE = "IMG_1.jpg"


def watched(pictures):
    """The samples of pictures, five a second, through the net that is shipped, the tracker and the zone."""
    card = find_card("road-users", path=MODELS)
    detector, crowd = Detector(card, path=MODELS), Crowd([WHOLE])
    tracker = Tracker(TrackerSettings(confident=card.thresholds.confident, unsure=card.thresholds.unsure))
    for i, picture in enumerate(pictures):
        yield crowd.update(tracker.update(detector.detect(to_frame(picture, Instant(i / 5, i / 5)))))[0]


def test_crowd_of_which_a_part_is_found_is_saturated(media):
    true = len(json.loads((media / "crowd_images/points.json").read_text())[PLACE]["points"])
    picture = cv2.imread(str(media / "crowd_images" / PLACE))
    *_, last = watched(repeat(picture, 40))
    assert last.flags == {"saturated"}
    assert 0 < last.present["pedestrian"] < 0.8 * true


def test_street_where_everybody_is_found_is_not_saturated(vtest):
    with av.open(str(vtest)) as clip:
        pictures = [frame.to_ndarray(format="bgr24") for i, frame in enumerate(clip.decode(video=0)) if i % 2 == 0][:60]
    samples = list(watched(pictures))
    assert max(sample.present["pedestrian"] for sample in samples) >= 5
    assert not any(sample.flags for sample in samples)
