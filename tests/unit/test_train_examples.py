"""What is known of a picture to learn from, and what is not."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "scripts" / "train"))

from _examples import Example, read_examples
from _teachers import NAMELESS, Seen, believe, taught

from edge.dataflow import CLASSES

ALL = list(CLASSES)
PEDESTRIAN, BICYCLE, MOTORCYCLE, CAR, BUS, TRUCK = range(6)


def write_set(folder: Path, boxes: list[dict], *, labelled: list[str] = ALL, group: str = "a") -> Path:
    (folder / "images").mkdir(parents=True)
    cv2.imwrite(str(folder / "images" / "1.jpg"), np.full((100, 200, 3), 90, np.uint8))
    picture = {"id": 1, "file_name": "1.jpg", "width": 200, "height": 100, "group": group}
    labels = {
        "categories": [{"id": number + 1, "name": kind} for number, kind in enumerate(CLASSES)],
        "labelled_classes": labelled,
        "images": [picture],
        "annotations": [{"image_id": 1, **box} for box in boxes],
    }
    (folder / "labels.json").write_text(json.dumps(labels))
    return folder


def known(example: Example) -> list[tuple[str, list[float]]]:
    pairs = zip(example.classes, example.boxes, strict=True)
    return [(CLASSES[kind], [round(float(side), 3) for side in box]) for kind, box in pairs]


def seen(*objects: tuple[int, float, tuple[float, float, float, float]]) -> Seen:
    return Seen(
        np.array([box for _, _, box in objects], np.float32).reshape(-1, 4),
        np.array([score for _, score, _ in objects], np.float32),
        np.array([kind for kind, _, _ in objects], np.int8),
    )


def test_set_is_read_in_fractions_and_ignored_boxes_are_regions_of_nothing_known(tmp_path: Path) -> None:
    boxes = [
        {"category_id": 3, "bbox": [20, 10, 40, 50]},
        {"category_id": 2, "bbox": [100, 0, 50, 50], "ignore": 1, "iscrowd": 1},
    ]
    (example,) = read_examples([write_set(tmp_path / "street", boxes)])
    assert known(example) == [("motorcycle", [0.1, 0.1, 0.3, 0.6])]
    assert example.unknown.tolist() == [[0.5, 0.0, 0.75, 0.5]]
    assert example.of.all()


def test_set_with_classes_not_labelled_says_nothing_about_them_anywhere(tmp_path: Path) -> None:
    (example,) = read_examples([write_set(tmp_path / "bikes", [], labelled=["motorcycle"])])
    assert example.unknown.tolist() == [[0, 0, 1, 1]]
    assert example.of.tolist() == [[kind != "motorcycle" for kind in CLASSES]]


def test_set_on_whose_road_a_class_is_absent_counts_as_labelled(tmp_path: Path) -> None:
    (example,) = read_examples([write_set(tmp_path / "jakarta_toll_rf100", [], labelled=["car", "bus", "truck"])])
    assert len(example.unknown) == 0


def test_cameras_held_out_for_measuring_are_not_read(tmp_path: Path) -> None:
    write_set(tmp_path / "manaus_cctv", [], group="cctv")
    write_set(tmp_path / "deeper" / "other", [], group="cctv")
    assert [example.name for example in read_examples([tmp_path])] == ["other/1.jpg"]


@pytest.fixture
def bikes(tmp_path: Path) -> Example:
    box = {"category_id": 3, "bbox": [20, 10, 40, 50]}
    return read_examples([write_set(tmp_path / "bikes", [box], labelled=["motorcycle"])])[0]


def test_teacher_fills_in_what_was_not_labelled(bikes: Example) -> None:
    learnt = taught(bikes, [seen((CAR, 0.8, (0.5, 0.5, 0.8, 0.9)))])
    assert known(learnt)[1:] == [("car", [0.5, 0.5, 0.8, 0.9])]
    assert len(learnt.unknown) == 0


@pytest.mark.parametrize(
    ("what", "kind", "score"),
    [("doubted", CAR, 0.3), ("labelled but left out", MOTORCYCLE, 0.8), ("of no kind", NAMELESS, 0.9)],
)
def test_teacher_leaves_a_region_open(bikes: Example, what: str, kind: int, score: float) -> None:
    learnt = taught(bikes, [seen((kind, score, (0.5, 0.5, 0.8, 0.9)))])
    assert len(learnt.boxes) == 1, what
    assert learnt.unknown == pytest.approx(np.array([[0.5, 0.5, 0.8, 0.9]]))


@pytest.mark.parametrize(
    ("what", "kind", "score", "box"),
    [
        ("far too unsure", CAR, 0.1, (0.5, 0.5, 0.8, 0.9)),
        ("the rider of a motorcycle", PEDESTRIAN, 0.9, (0.15, 0.1, 0.25, 0.4)),
        ("the motorcycle itself", BICYCLE, 0.9, (0.1, 0.1, 0.3, 0.6)),
        ("a labelled class, hardly seen", MOTORCYCLE, 0.3, (0.5, 0.5, 0.8, 0.9)),
    ],
)
def test_teacher_changes_nothing(
    bikes: Example, what: str, kind: int, score: float, box: tuple[float, float, float, float]
) -> None:
    learnt = taught(bikes, [seen((kind, score, box))])
    assert len(learnt.boxes) == 1, what
    assert len(learnt.unknown) == 0, what


def test_person_before_a_bus_is_neither_there_nor_not_there(tmp_path: Path) -> None:
    bus = {"category_id": 5, "bbox": [0, 0, 200, 100]}
    (street,) = read_examples([write_set(tmp_path / "street", [bus], labelled=["bus"])])
    learnt = taught(street, [seen((PEDESTRIAN, 0.9, (0.4, 0.4, 0.5, 0.9)))])
    assert known(learnt) == [("bus", [0, 0, 1, 1])]
    assert learnt.unknown == pytest.approx(np.array([[0.4, 0.4, 0.5, 0.9]]))


def test_two_teachers_that_see_the_same_are_believed_sooner(bikes: Example) -> None:
    first, second = seen((CAR, 0.35, (0.5, 0.5, 0.8, 0.9))), seen((CAR, 0.4, (0.51, 0.5, 0.8, 0.9)))
    assert len(taught(bikes, [first]).boxes) == len(taught(bikes, [first, first]).boxes) - 1
    assert known(taught(bikes, [first, second]))[1][0] == "car"


def test_a_teacher_does_not_agree_with_itself() -> None:
    twice = seen((CAR, 0.35, (0.5, 0.5, 0.8, 0.9)), (TRUCK, 0.4, (0.5, 0.5, 0.8, 0.9)))
    assert believe([twice]).scores.tolist() == pytest.approx([0.4, 0.35])


def test_kind_that_one_teacher_knows_counts_before_the_vehicle_that_the_other_sees(bikes: Example) -> None:
    box = (0.5, 0.5, 0.8, 0.9)
    learnt = taught(bikes, [seen((BUS, 0.6, box)), seen((NAMELESS, 0.95, box))])
    assert [kind for kind, _ in known(learnt)] == ["motorcycle", "bus"]
