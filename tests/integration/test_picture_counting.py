"""What a fault of the picture does to counts and alarms: real clips, degraded by script, through the whole pipeline."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import av
import numpy as np
import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "scripts" / "bench"))

from _picture_faults import Grey
from _picture_scenes import BEGIN, END, LAST, footage, scenes

from edge.alignment import Alignment
from edge.config.schema import Camera
from edge.config.settings import OWN_MODELS
from edge.dataflow import Frame
from edge.evaluation import observe
from edge.frames.clip import frames
from edge.frames.health import PictureHealth, PictureState
from edge.frames.survey import Survey
from edge.frames.view import Shift
from edge.frames.watch import PictureWatch
from edge.measurements.measures import Measures
from edge.pipeline import Pipeline, count
from edge.recorder import Recorder
from edge.replay import replay
from edge.store.journal import Journal
from edge.store.outbox import Outbox

EVERY = 10
STANDING = {"kind": "crowd_count", "level": 1, "value": 7.0, "since": 1_600_000_000.0, "unknown": False}
CROWD = {"crowd_count": {"levels": [[1, 1]], "on_seconds": 0, "off_seconds": 3600}}
SQUARE = {"id": "z1", "points": [[0, 0], [1, 0], [1, 1], [0, 1]], "every": EVERY, "alarms": CROWD}
CAMERA = Camera.model_validate({"analyse": {"rate": 1, "model": "nanodet-g"}, "zones": [SQUARE]})
LONGER = [pytest.param(name, flag, marks=pytest.mark.long) for name, flag in [
    ("dark", "dark"), ("over-exposed", "blind"), ("drops on 70 %", "blind"), ("moved 18 %", "moved"),
    ("infrared", None), ("bus for 20 s", None), ("heavy rain falls", None),
]]  # fmt: skip


@pytest.fixture(scope="module")
def highway(media):
    return [frame.y for frame in frames(media / "traffic_highway_bgs03.avi", rate=5)]


@pytest.fixture
def played(highway, media, tmp_path):
    """The messages of a camera with that scene's fault from BEGIN to END, by kind, whose alarm stood before."""

    def play(name: str) -> dict[str, list[dict]]:
        other = [frame.y for frame in frames(media / "peds_pets09_vtest.avi", rate=1)]
        scene = next(each for each in scenes(highway, crowd=highway, other=other) if each.name == name)
        pipeline = Pipeline(CAMERA, models=[OWN_MODELS], watch=PictureWatch(survey_seconds=10))
        journal = Journal(tmp_path / "edge.db", camera="gate")
        shown = footage(highway, scene, LAST)
        first = next(shown)
        pipeline.measures.resume({"z1": STANDING}, first.at)
        recorder = Recorder(journal, name="gate", camera=CAMERA, now=first.at)
        for frame in (first, *shown):
            count(frame, pipeline, recorder)
            recorder.tick(frame.at)
        recorder.close(frame.at.utc)
        outbox = Outbox(tmp_path / "edge.db")
        messages = sorted(outbox.waiting(limit=1000, now=0), key=lambda m: m.stamp.seq)
        outbox.close()
        journal.close()
        return {kind: [json.loads(m.body) for m in messages if m.kind == kind] for kind in ("zone", "alarm")}

    return play


@pytest.mark.parametrize(
    ("name", "flag"), [("clean", None), ("bag", "blind"), ("elsewhere", "moved"), ("frozen", "nostream"), *LONGER]
)
def test_fault_of_the_picture_marks_its_intervals_and_leaves_alarms_in_doubt(name, flag, played):
    messages = played(name)
    whole = messages["zone"][1:-1]
    flags = [set(each.get("flags", ())) - {"slow"} for each in whole]
    fault = [index for index, each in enumerate(flags) if each]
    if flag is None:
        assert (fault, messages["alarm"]) == ([], [])
        return
    assert all(flags[index] == {flag} for index in fault), flags
    first, last = fault[0] * EVERY, fault[-1] * EVERY
    assert fault == list(range(fault[0], fault[-1] + 1))  # without a gap
    assert BEGIN < first < BEGIN + 60
    assert END - 2 * EVERY <= last <= END + 2 * EVERY
    looked_at = [each["coverage"] for each, found in zip(whole, flags, strict=True) if found]
    if flag == "nostream":
        assert looked_at[1:-1] == [0.0] * (len(looked_at) - 2)  # a picture that repeats is not looked at
        assert not any("people" in each for each in whole if each["coverage"] == 0)
    else:
        assert min(looked_at) > 0.8
    assert [each["state"] for each in messages["alarm"]] == ["unknown", "changed"]


SIDE = (704, 512)
MOVED = Shift(dx=24 / SIDE[0], dy=-10 / SIDE[1], aspect=SIDE[0] / SIDE[1])
PLACES = (0.25, 0.45, 0.6, 0.75)
STREET = Camera.model_validate(
    {
        "analyse": {"rate": 5, "model": "nanodet-g"},
        "lines": [
            {"id": f"x{round(100 * x)}", "points": [[x, 0.15], [x, 1]], "classes": ["pedestrian"]} for x in PLACES
        ],
        "mask": [[[0, 0], [1, 0], [1, 0.14], [0, 0.14]]],
    }
)


def seen(frame: Frame, shift: Shift) -> Frame:
    """The inner part of vtest, as a camera sees it that was turned by so much."""
    left, top = (round((value - by * side) / 2) * 2 for value, by, side in
                 zip((32, 32), (shift.dx, shift.dy), SIDE, strict=True))  # fmt: skip
    y = frame.y[top : top + SIDE[1], left : left + SIDE[0]]
    u, v = (p[top // 2 : (top + SIDE[1]) // 2, left // 2 : (left + SIDE[0]) // 2] for p in (frame.u, frame.v))
    return Frame(frame.at, y, u, v)


def counted(pictures: list[Frame], watch: PictureWatch, *, undone: Shift | None = None) -> list[tuple[str, float]]:
    """Line and seconds of what the pipeline counts; with `undone` as if it did not follow that shift."""
    pipeline, back, measures = Pipeline(STREET, models=[OWN_MODELS], watch=watch), Alignment(), Measures(STREET)
    back.follow(undone.inverse if undone else None)
    found, without = [], []
    for frame in pictures:
        analysis = pipeline.analyse(frame)
        found += analysis.crossings
        without += measures.update(back.undone(analysis.tracks)).crossings
    return [[(f"{c.line}/{c.direction}", c.at.seconds) for c in each] for each in (found, without)]


def apart(some: list[tuple[str, float]], others: list[tuple[str, float]]) -> list[float]:
    """For each crossing how far the nearest of the others on that line and way is."""
    return [min([abs(at - t) for line, t in others if line == name], default=99.0) for name, at in some]


def test_lines_follow_a_camera_that_moved_a_little(vtest):
    """The same people are counted at the same moments, 3.4 % of the picture further to the right and 2 % up."""
    clip = list(frames(vtest, rate=5))
    survey, health = Survey(seconds=40), None
    for frame in clip:
        if survey.look(seen(frame, Shift())):
            health = PictureHealth(survey.reference(where="street"))
            break
    for frame in clip[:225]:
        state = health.look(seen(frame, MOVED))
    assert state.state == "shifted"
    assert state.shift.distance(MOVED) < 0.005
    part = clip[:130]
    right, _ = counted([seen(frame, Shift()) for frame in part], PictureWatch())
    told = PictureState("shifted", part[0].at, state.reason, state.shift)
    watch = PictureWatch(survey.reference(where="street"), told=told)
    follow, without = counted([seen(frame, MOVED) for frame in part], watch, undone=state.shift)
    assert len(right) >= 8
    assert abs(len(follow) - len(right)) <= 0.2 * len(right)
    off, off_without = sorted(apart(follow, right)), sorted(apart(without, right))
    assert sum(each < 0.4 for each in off) >= 0.85 * len(off)
    assert off[len(off) // 2] < 0.1 < 0.2 < off_without[len(off_without) // 2]


def recorded(path: Path, pictures: list[Grey]) -> Path:
    """A recording of one picture a second, without loss."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=1)
        height, width = pictures[0].shape
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for picture in pictures:
            planes = np.full((height * 3 // 2, width), 128, np.uint8)
            planes[:height] = picture
            container.mux(stream.encode(av.VideoFrame.from_ndarray(planes, format="yuv420p")))
        container.mux(stream.encode(None))
    return path


def test_replay_tells_a_frozen_recording_twice_alike(highway, tmp_path):
    """The picture stands still from second 12 on."""
    video = recorded(tmp_path / "frozen.mkv", [*highway[:60:5], *[highway[60]] * 63])
    runs = [replay(video, name="gate", camera=CAMERA, models=(OWN_MODELS,), progress=lambda _: None) for _ in range(2)]
    assert runs[0] == runs[1]
    zones = [json.loads(body) for body in runs[0].messages]
    frozen = [(each["start"][-6:-1], each["coverage"]) for each in zones if "nostream" in each.get("flags", ())]
    assert frozen == [("00:50", 0.1), ("01:00", 0.0), ("01:10", 0.0)]
    watched = sum(each["coverage"] * each["seconds"] for each in zones if each["rule"] == "z1" and "coverage" in each)
    assert runs[0].watched.seconds == 74
    assert runs[0].watched.analysed == pytest.approx(watched, abs=0.5)
    observed = observe(video, camera=CAMERA, models=(OWN_MODELS,), progress=lambda _: None)
    assert (observed.seconds, observed.coverage) == (74, runs[0].watched.coverage)
