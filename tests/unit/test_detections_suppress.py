"""Riders and duplicates, by scenes and by what must hold for any scene."""

from __future__ import annotations

import numpy as np
import pytest

from edge.dataflow import CLASSES
from edge.detections.decode import Candidates
from edge.detections.suppress import with_riders, without_duplicates, without_riders
from edge.geometry import iou

MACHINE = ("motorcycle", 0.7, (100, 100, 180, 160))
RIDER = ("pedestrian", 0.6, (120, 60, 155, 140))


def scene(*objects: tuple[str, float, tuple[float, float, float, float]]) -> Candidates:
    boxes = np.array([box for _, _, box in objects], np.float32).reshape(-1, 4)
    scores = np.array([score for _, score, _ in objects], np.float32)
    return Candidates(boxes, scores, np.array([CLASSES.index(kind) for kind, _, _ in objects], np.int8))


def told(found: Candidates) -> list[tuple[str, tuple[float, ...]]]:
    pairs = zip(found.classes, found.boxes, strict=True)
    return sorted((CLASSES[kind], tuple(float(side) for side in box)) for kind, box in pairs)


@pytest.mark.parametrize("kind", ["motorcycle", "bicycle"])
def test_riders_one_on_a_machine_is_one_box_around_both(kind: str) -> None:
    found = with_riders(scene((kind, *MACHINE[1:]), RIDER))
    assert told(found) == [(kind, (100, 60, 180, 160))]
    assert found.scores[0] == np.float32(0.7)


def test_riders_a_surer_person_makes_the_machine_surer() -> None:
    found = with_riders(scene(MACHINE, ("pedestrian", 0.9, RIDER[2])))
    assert found.scores.tolist() == [np.float32(0.9)]


def test_riders_several_on_one_machine() -> None:
    child, parent = ("pedestrian", 0.5, (112, 70, 140, 135)), ("pedestrian", 0.5, (140, 62, 170, 138))
    assert told(with_riders(scene(MACHINE, RIDER, child, parent))) == [("motorcycle", (100, 60, 180, 160))]


def test_riders_each_goes_to_the_machine_below() -> None:
    second = ("motorcycle", 0.6, (190, 100, 270, 160))
    other = ("pedestrian", 0.6, (212, 55, 245, 140))
    found = with_riders(scene(MACHINE, second, other, RIDER))
    assert told(found) == [("motorcycle", (100, 60, 180, 160)), ("motorcycle", (190, 55, 270, 160))]


def test_riders_a_box_seen_as_person_and_motorcycle_is_a_rider() -> None:
    found = with_riders(scene(("motorcycle", 0.4, (100, 60, 150, 160)), ("pedestrian", 0.6, (102, 62, 150, 158))))
    assert [kind for kind, _ in told(found)] == ["motorcycle"]


@pytest.mark.parametrize(
    ("situation", "person"),
    [
        ("beside", ("pedestrian", 0.6, (178, 70, 205, 160))),
        ("pushing at the rear", ("pedestrian", 0.6, (80, 65, 108, 162))),
        ("far larger, in front", ("pedestrian", 0.9, (80, 0, 200, 240))),
        ("far smaller, behind", ("pedestrian", 0.6, (130, 95, 138, 118))),
        ("above, on a balcony", ("pedestrian", 0.6, (120, 10, 150, 90))),
        ("below, nearer to the camera", ("pedestrian", 0.6, (120, 120, 155, 210))),
        ("sure, over what is hardly a machine", ("pedestrian", 0.999, RIDER[2])),
    ],
)
def test_riders_a_person_who_does_not_ride_stays(situation: str, person: tuple) -> None:
    machine = ("motorcycle", 0.25, MACHINE[2])
    before = scene(machine, person)
    assert told(with_riders(before)) == told(before), situation


def test_riders_a_machine_boxed_with_and_without_its_rider_is_one() -> None:
    whole = ("motorcycle", 0.6, (100, 58, 180, 160))
    found = with_riders(scene(whole, ("motorcycle", 0.5, MACHINE[2]), ("pedestrian", 0.55, RIDER[2])))
    assert [kind for kind, _ in told(found)] == ["motorcycle"]


def test_riders_a_machine_alone_and_people_alone_stay() -> None:
    for before in (scene(MACHINE), scene(RIDER), scene(), scene(RIDER, ("car", 0.8, (90, 90, 200, 170)))):
        assert told(with_riders(before)) == told(before)


@pytest.mark.parametrize("seed", range(20))
def test_riders_hold_in_any_scene(seed: int) -> None:
    random = np.random.default_rng(seed)
    count = 60
    corners = random.uniform(0, 300, (count, 2))
    boxes = np.hstack([corners, corners + random.uniform(10, 80, (count, 2))]).astype(np.float32)
    before = Candidates(boxes, random.random(count, np.float32), random.integers(0, 6, count).astype(np.int8))
    after = with_riders(before)
    for kind in range(3, 6):
        assert (after.classes == kind).sum() == (before.classes == kind).sum(), "no vehicle is lost or made"
    assert (after.classes == 0).sum() <= (before.classes == 0).sum()
    gone = before.boxes[before.classes == 0]
    machines = after.boxes[(after.classes == 1) | (after.classes == 2)]
    assert (np.triu(iou(machines, machines), k=1) <= 0.5 + 1e-6).all(), "no machine is there twice"
    for person in gone[~(gone[:, None] == after.boxes[after.classes == 0][None]).all(axis=2).any(axis=1)]:
        corner, opposite = np.maximum(machines[:, :2], person[:2]), np.minimum(machines[:, 2:], person[2:])
        assert (opposite > corner).all(axis=1).any(), "who is no pedestrian any more meets a machine"
    turn = random.permutation(count)
    turned = with_riders(Candidates(before.boxes[turn], before.scores[turn], before.classes[turn]))
    assert told(turned) == told(after), "the order of boxes does not matter"
    scaled = with_riders(Candidates(before.boxes * 2 + 64, before.scores, before.classes))
    assert np.allclose(scaled.boxes, after.boxes * 2 + 64), "nor where and how large the scene is"


def test_riders_of_a_net_that_includes_them_are_dropped() -> None:
    together = ("motorcycle", 0.3, (100, 60, 180, 160))
    walker = ("pedestrian", 0.6, (178, 70, 205, 160))
    found = without_riders(scene(together, RIDER, walker))
    assert told(found) == sorted([(together[0], together[2]), (walker[0], walker[2])])
    assert told(without_riders(scene(RIDER))) == told(scene(RIDER))


def test_duplicates_one_van_called_car_and_truck_is_the_better_one() -> None:
    found = without_duplicates(scene(("car", 0.4, (0, 0, 50, 40)), ("truck", 0.6, (1, 1, 50, 40))), overlap=0.6)
    assert told(found) == [("truck", (1, 1, 50, 40))]


def test_duplicates_different_kinds_and_neighbours_stay_best_first() -> None:
    objects = [
        ("pedestrian", 0.3, (0.0, 0.0, 50.0, 40.0)),
        ("car", 0.6, (0.0, 0.0, 50.0, 40.0)),
        ("car", 0.5, (40.0, 0.0, 90.0, 40.0)),
    ]
    found = without_duplicates(scene(*objects), overlap=0.6)
    assert found.scores.tolist() == [np.float32(score) for score in (0.6, 0.5, 0.3)]
    assert len(without_duplicates(scene(), overlap=0.6).boxes) == 0
