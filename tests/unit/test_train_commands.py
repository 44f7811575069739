"""Commands of the training and of the measuring as a person runs them, with the nets that are shipped."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "scripts" / "train"))

from _examples import read_examples

from edge.dataflow import CLASSES
from edge.detections.card import Golden, find_card

ROOT = Path(__file__).resolve().parents[2]
STREET = ROOT / "models" / "golden-street.jpg"


def run(command: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "EDGE_MODEL_PATH": str(ROOT / "models"), **variables}
    done = [sys.executable, str(ROOT / "scripts" / command), *arguments]
    return subprocess.run(done, env=environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def golden() -> Golden:
    card = find_card("nanodet-g", path=[ROOT / "models"])
    assert card.golden is not None
    return card.golden


def test_label_makes_a_set_of_a_folder_and_keeps_what_a_person_corrected(tmp_path: Path, golden: Golden) -> None:
    pictures, made = tmp_path / "pictures", tmp_path / "city" / "junction"
    pictures.mkdir()
    shutil.copy(STREET, pictures)
    arguments = ("--pictures", str(pictures), "--set", str(made), "--model", "nanodet-g")
    first = run("train/label", *arguments)
    assert first.returncode == 0, first.stderr
    (example,) = read_examples([tmp_path / "city"])
    found = [CLASSES[kind] for kind in example.classes]
    assert found.count("pedestrian") >= sum(box.kind == "pedestrian" for box in golden.boxes)
    assert len(example.unknown) > 0, "what the model doubts is a region of nothing known"
    labels = json.loads((made / "labels.json").read_text())
    labels["annotations"] = labels["annotations"][:1]
    (made / "labels.json").write_text(json.dumps(labels))
    assert run("train/label", *arguments).returncode == 0
    assert len(json.loads((made / "labels.json").read_text())["annotations"]) == 1


def test_label_of_a_clip_that_is_none_says_so(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"no video")
    done = run("train/label", "--clip", str(clip), "--set", str(tmp_path / "set"), "--model", "nanodet-g")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"{clip}: not a video that can be read"


def write_truth(folder: Path, golden: Golden) -> None:
    """The golden picture with the golden boxes as its truth, and one bus that is not there."""
    (folder / "images").mkdir(parents=True)
    picture = cv2.imread(str(STREET))
    cv2.imwrite(str(folder / "images" / "1.png"), picture)
    height, width = picture.shape[:2]
    boxes = [(box.kind, box.box) for box in golden.boxes] + [("bus", (0.0, 0.9, 0.1, 1.0))]
    annotations = [
        {
            "image_id": 1,
            "category_id": CLASSES.index(kind) + 1,
            "bbox": [x1 * width, y1 * height, (x2 - x1) * width, (y2 - y1) * height],
        }
        for kind, (x1, y1, x2, y2) in boxes
    ]
    labels = {
        "categories": [{"id": number, "name": kind} for number, kind in enumerate(CLASSES, start=1)],
        "images": [{"id": 1, "file_name": "1.png", "width": width, "height": height}],
        "annotations": annotations,
    }
    (folder / "labels.json").write_text(json.dumps(labels))


def test_evaluate_tells_what_is_found_and_what_is_missed(tmp_path: Path, golden: Golden) -> None:
    write_truth(tmp_path / "validation" / "vn_hcmc_soict", golden)
    done = run("train/evaluate", EDGE_TRAIN_DATA=str(tmp_path), EDGE_TEST_MEDIA=str(tmp_path / "none"))
    assert done.returncode == 0, done.stderr
    rows = {row.split("|")[2].split()[0]: row.split("|")[3].strip(" *") for row in done.stdout.splitlines()[2:]}
    assert float(rows["pedestrian"]) == 100.0
    assert float(rows["bus"]) == 0.0


def test_evaluate_without_pictures_says_what_to_set(tmp_path: Path) -> None:
    done = run("train/evaluate", EDGE_TRAIN_DATA=str(tmp_path), EDGE_TEST_MEDIA=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith("no pictures to measure on: set EDGE_TRAIN_DATA")


def test_crowd_tells_by_how_many_there_are_what_is_counted(tmp_path: Path) -> None:
    golden = find_card("road-users", path=[ROOT / "models"]).golden
    assert golden is not None
    people = [box for box in golden.boxes if box.kind == "pedestrian"]
    shutil.copy(STREET, tmp_path / "few.jpg")
    shutil.copy(STREET, tmp_path / "many.jpg")
    counts = {"few.jpg": len(people), "many.jpg": 60}
    points = {name: {"points": [[1, 1]] * count} for name, count in counts.items()}
    (tmp_path / "points.json").write_text(json.dumps(points))
    done = run("bench/crowd", "road-users", "--points", str(tmp_path), "--tiles", "1x1")
    assert done.returncode == 0, done.stderr
    few, many = ([cell.strip() for cell in row.split("|")[1:-1]] for row in done.stdout.splitlines()[2:])
    assert (few[2], many[2]) == ("0 to 10", "50 to 150")
    assert float(few[4]) <= 2 and float(many[4]) == pytest.approx(60 - len(people), abs=2)
    assert (many[3], many[7]) == ("1", "100 %")
