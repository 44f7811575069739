"""What `edge replay` tells a person, and how much of a video it says was analysed."""

from __future__ import annotations

import pytest

from edge.config.schema import Camera
from edge.dataflow import Crossing, Instant
from edge.replay import Replayed, told
from edge.watched import Watched

POINTS = ((0.1, 0.5), (0.9, 0.5))


def watched(times, *, frozen=()):
    """What was watched of a video with pictures at these seconds, of which some are frozen."""
    result = Watched(rate=2.0)
    for at in times:
        result.picture(at, analysed=at not in frozen)
    return result


def test_replay_tells_each_line_with_the_names_of_its_directions():
    lines = [{"id": "le-loi", "points": POINTS, "names": ("vào", "ra")}, {"id": "l2", "points": POINTS}]
    ways = [("le-loi", 0), ("le-loi", 1), ("le-loi", 1), ("l2", 0)]
    crossings = tuple(Crossing(Instant(t, t), line, way, "car", t) for t, (line, way) in enumerate(ways))
    text = told(Replayed(crossings, (), watched([0.0, 0.5, 1.0])), Camera.model_validate({"lines": lines}))
    assert text == "1.0 s of video, coverage 1.000; 4 crossings: le-loi 1 vào / 2 ra, l2 1 → / 0 ←"


def test_replay_of_zones_alone_tells_where_their_numbers_are():
    camera = Camera.model_validate({"zones": [{"id": "z", "points": ((0, 0), (1, 0), (1, 1))}]})
    assert told(Replayed((), (), watched([0.0])), camera).endswith("is among the messages, --events OUT")


@pytest.mark.parametrize(
    ("times", "frozen", "analysed"),
    [
        ([0, 0.5, 1, 1.5, 2], (), 2.0),
        ([0, 1, 2], (), 2.0),  # as far apart as tracks bridge
        ([0, 0.5, 8, 8.5], (), 1.5),  # a pause: of it only the time of one picture
        ([0, 0.5, 1, 1.5, 2, 2.5, 3], (1.5, 2, 2.5), 1.5),
        ([0, 0.5, 1], (0, 0.5, 1), 0.0),
        ([4.0, 4.5], (), 1.0),  # a video that begins late
        ([], (), 0.0),
    ],
)
def test_watched_is_what_tracks_bridge(times, frozen, analysed):
    result = watched(times, frozen=frozen)
    assert result.analysed == pytest.approx(analysed)
    assert result.coverage == pytest.approx(analysed / times[-1] if times else 0.0)
