"""Cards: what they promise, and the one line that each fault becomes."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper
from pydantic import BaseModel

from edge.dataflow import CLASSES
from edge.detections.card import (
    Accuracy,
    Card,
    Golden,
    Head,
    Input,
    Origin,
    Thresholds,
    find_card,
    list_cards,
    load_weights,
    read_card,
)
from edge.detections.detector import Detector
from edge.detections.inventory import describe_models
from edge.errors import ModelError

MODELS = Path(__file__).resolve().parents[2] / "models"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the shipped model, free to be spoilt."""
    for file in ("nanodet-g.toml", "nanodet-g.onnx", "golden-street.jpg"):
        shutil.copy(MODELS / file, tmp_path)
    return tmp_path


def spoil(folder: Path, before: str, after: str) -> None:
    file = folder / "nanodet-g.toml"
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after, 1))


def fault(folder: Path) -> str:
    with pytest.raises(ModelError) as caught:
        Detector(find_card("nanodet-g", path=[folder]), path=[folder])
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize("file", sorted(MODELS.glob("*.toml")), ids=lambda file: file.stem)
def test_card_in_models_is_complete(file: Path) -> None:
    card = read_card(file)
    assert set(card.classes.values()) <= set(CLASSES)
    assert card.accuracy and card.golden and card.origin.licence
    assert card.thresholds.score < card.thresholds.confident <= card.golden.score
    assert card.shipped == (MODELS / card.weights).exists()


@pytest.mark.parametrize("part", [Card, Input, Head, Thresholds, Origin, Accuracy, Golden])
def test_every_key_of_a_card_is_documented(part: type[BaseModel]) -> None:
    page = (MODELS.parent / "docs/models.md").read_text()
    for key in part.model_fields:
        assert re.search(rf"`\.?([a-z]+\.)*{key}(\[\])?`|`{key}\.", page), key


def test_shipped_model_has_its_licence_beside_it() -> None:
    text = (MODELS / "nanodet-g.LICENSE.txt").read_text()
    assert "Copyright 2020-2021 RangiLyu" in text and "Vladimir Mandic" in text and "Apache License" in text


def test_find_card_without_one_says_where_it_looked_and_what_there_is(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "more"
    with pytest.raises(ModelError) as caught:
        find_card("road-user", path=[other, folder])
    text = str(caught.value)
    assert str(other) in text and str(folder) in text and "nanodet-g" in text and "\n" not in text


def test_find_card_does_not_leave_the_folders(folder: Path) -> None:
    inner = folder / "inner"
    inner.mkdir()
    with pytest.raises(ModelError, match="no such card"):
        find_card("../nanodet-g", path=[inner])


def test_list_cards_first_folder_wins(folder: Path) -> None:
    assert list_cards([folder, MODELS])["nanodet-g"] == folder / "nanodet-g.toml"
    assert list_cards([MODELS, folder])["nanodet-g"] == MODELS / "nanodet-g.toml"
    assert list_cards([folder / "absent"]) == {}


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("shipped = true", "shipped = ", "line 5"),
        ("shipped = true", "shipped = true\nshiped = true", "shiped: unknown key"),
        ("width = 640", "widht = 640", "input.width: key is missing; input.widht: unknown key"),
        ("width = 640", "width = 641", "input.width"),
        ('family = "nanodet"', 'family = "yolov9"', "family"),
        ('3 = "motorcycle"', '3 = "motorbike"', "'motorbike' is none of pedestrian"),
        ('3 = "motorcycle"', '83 = "motorcycle"', "outside the 80 scores"),
        ("strides = [8, 16, 32]\n", "", "head.strides is missing"),
        ("reg_max = 10\n", "", "head.reg_max is missing"),
        ('name = "nanodet-g"', 'name = "nanodet-h"', "wrong name"),
        ('sha256 = "23', 'sha256 = "34', "another file than the card describes"),
        ('weights = "nanodet-g.onnx"', 'weights = "gone.onnx"', "put gone.onnx into"),
        ('picture = "golden-street.jpg"', 'picture = "gone.jpg"', "put gone.jpg into"),
        ('picture = "golden-street.jpg"', 'picture = "nanodet-g.toml"', "not a picture"),
    ],
)
def test_card_with_a_fault(folder: Path, before: str, after: str, told: str) -> None:
    spoil(folder, before, after)
    assert told in fault(folder)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('channels = "bgr"', 'channels = "rgb"'),
        ("mean = [103.53, 116.28, 123.675]", "mean = [0, 0, 0]"),
        ('fit = "letterbox"', 'fit = "stretch"'),
        ('family = "nanodet"', 'family = "nanodet-plus"'),
        ('0 = "pedestrian"', '14 = "pedestrian"'),
    ],
)
def test_golden_picture_shows_a_card_that_does_not_describe_its_net(folder: Path, before: str, after: str) -> None:
    spoil(folder, before, after)
    text = fault(folder)
    assert "golden picture" in text and "expected 8 boxes" in text


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("width = 640", "width = 416", "expected 1x3x384x416, found 1x3x384x640"),
        ("reg_max = 10", "reg_max = 7", "expected 1x5040x112, found 1x5040x124"),
        ("[8, 16, 32]", "[8, 16, 32, 64]", "expected 1x5100x124, found 1x5040x124"),
        ('family = "nanodet"', 'family = "ssd"', "expected ?x4 and ?x80, found 1x5040x124"),
    ],
)
def test_net_with_other_shapes_than_the_card(folder: Path, before: str, after: str, told: str) -> None:
    spoil(folder, before, after)
    assert told in fault(folder)


def test_weights_that_are_no_net(folder: Path) -> None:
    (folder / "nanodet-g.onnx").write_bytes(b"this is no net")
    spoil(folder, read_card(MODELS / "nanodet-g.toml").sha256, sha256(folder / "nanodet-g.onnx"))
    assert "no net that onnxruntime runs" in fault(folder)


def test_weights_with_an_unknown_operator(folder: Path) -> None:
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("data", "output")]
    graph = helper.make_graph([helper.make_node("Frobnicate", ["data"], ["output"])], "g", values[:1], values[1:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), folder / "nanodet-g.onnx")
    spoil(folder, read_card(MODELS / "nanodet-g.toml").sha256, sha256(folder / "nanodet-g.onnx"))
    assert "Frobnicate" in fault(folder)


def test_weights_that_are_not_shipped_say_where_to_put_them(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        load_weights(find_card("yolox_nano_416", path=[MODELS]), path=[MODELS, tmp_path])
    text = str(caught.value)
    assert "weights are not shipped" in text and "into a folder of EDGE_MODEL_PATH" in text and str(tmp_path) in text


def test_weights_and_card_may_lie_in_different_folders_of_the_path(folder: Path, tmp_path: Path) -> None:
    cards = tmp_path / "cards"
    cards.mkdir()
    (folder / "nanodet-g.toml").rename(cards / "nanodet-g.toml")
    path = [cards, folder]
    assert len(load_weights(find_card("nanodet-g", path=path), path=path)) == 7599973


def test_describe_models_tells_good_absent_spoilt_and_unreadable_apart(folder: Path) -> None:
    shutil.copy(MODELS / "omz_pvb_2002.toml", folder)
    shutil.copy(MODELS / "yolox_nano_416.toml", folder)
    (folder / "yolox_nano_416.onnx").write_bytes(b"other")
    (folder / "broken.toml").write_text("name = ")
    rows = {row.name: row for row in describe_models([folder])}
    good, absent, spoilt = rows["nanodet-g"], rows["omz_pvb_2002"], rows["yolox_nano_416"]
    assert (good.weights_found, good.hash_ok, good.fault, good.input) == (True, True, "", "640x384")
    assert "motorcycle" in good.accuracy and good.shipped
    assert (absent.weights_found, absent.hash_ok) == (False, False) and "not shipped" in absent.fault
    assert (spoilt.weights_found, spoilt.hash_ok) == (True, False) and "another file" in spoilt.fault
    assert "not TOML" in rows["broken"].fault


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
