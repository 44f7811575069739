"""The demonstration's camera file and truth belong together."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import edge.demo
from edge.config.load import load_camera
from edge.evaluate import load_truth

FOLDER = Path(edge.demo.__file__).parent


def test_lines_and_mask_of_the_camera_are_those_of_the_truth():
    camera = load_camera(FOLDER / "vtest.yaml")
    truth = load_truth(FOLDER / "vtest.truth.json")
    assert [(line.id, line.points) for line in camera.lines] == [(line.id, line.points) for line in truth.lines]
    assert camera.mask == truth.mask
    assert camera.zones


def test_truth_lies_within_the_clip_in_order():
    for line in load_truth(FOLDER / "vtest.truth.json").lines:
        times = [event.t for event in line.events]
        assert times == sorted(times)
        assert 0 <= times[0] <= times[-1] <= 79.4


def test_truth_has_the_counts_that_were_seen():
    seen = Counter(
        (line.id, event.direction)
        for line in load_truth(FOLDER / "vtest.truth.json").lines
        for event in line.events
        if not event.optional
    )
    assert seen == {
        ("x200", 0): 8, ("x200", 1): 5,
        ("x346", 0): 18, ("x346", 1): 13,
        ("x460", 0): 18, ("x460", 1): 12,
        ("x560", 0): 20, ("x560", 1): 15,
    }  # fmt: skip
