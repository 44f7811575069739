"""Scenes to learn from: what is in the picture is what is claimed about it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "scripts" / "train"))

from _examples import Example
from _scenes import MOTORCYCLE, Album, Cutout, Scene, add_swarm, choose, compose, crop
from _weather import blur, compress, haze, night, noise, rain, spoil, tint

from edge.errors import EdgeError

GREEN, GREY = (0, 255, 0), 60
SIZE = (256, 416)


def painted(file: Path) -> Example:
    """A grey picture with three boxes, each filled with green."""
    boxes = np.array([[0.1, 0.2, 0.2, 0.5], [0.5, 0.5, 0.9, 0.95], [0.3, 0.1, 0.34, 0.16]], np.float32)
    picture = np.full((240, 320, 3), GREY, np.uint8)
    for x1, y1, x2, y2 in np.rint(boxes * [320, 240, 320, 240]).astype(int):
        picture[y1:y2, x1:x2] = GREEN
    cv2.imwrite(str(file), picture)
    nothing = np.zeros((0, 4), np.float32)
    kinds = np.array([MOTORCYCLE, 3, 0], np.int8)
    return Example(f"{file.stem}/1", file, 320, 240, boxes, kinds, nothing, np.zeros((0, 6), bool))


@pytest.fixture
def album(tmp_path: Path) -> Album:
    return Album([painted(tmp_path / f"{number}.png") for number in range(3)])


@pytest.mark.parametrize("seed", range(20))
def test_scene_boxes_are_where_the_pictures_came_to_lie(album: Album, seed: int) -> None:
    """All that is green is in a box or a region of nothing known, and the boxes are green."""
    album.cutouts = ()
    scene = compose(album, np.random.default_rng(seed), size=SIZE, calm=seed % 2 == 0)
    assert scene.picture.shape == (*SIZE, 3)
    claimed = np.zeros(SIZE, bool)
    for x1, y1, x2, y2 in np.concatenate([scene.boxes, scene.unknown]):
        claimed[max(int(y1) - 2, 0) : int(y2) + 3, max(int(x1) - 2, 0) : int(x2) + 3] = True
    green = (scene.picture[:, :, 1] > 200) & (scene.picture[:, :, 0] < 50)
    assert not (green & ~claimed).any()
    for x1, y1, x2, y2 in np.rint(scene.boxes).astype(int):
        assert green[y1 + 1 : y2 - 1, x1 + 1 : x2 - 1].mean() > 0.9
    assert (scene.boxes >= 0).all()
    assert (scene.boxes <= [SIZE[1], SIZE[0], SIZE[1], SIZE[0]]).all()


def test_scene_is_the_same_for_the_same_seed(album: Album) -> None:
    first, second, other = (compose(album, np.random.default_rng(seed), size=SIZE, calm=False) for seed in (4, 4, 5))
    assert (first.picture == second.picture).all()
    assert (first.boxes == second.boxes).all()
    assert first.boxes.shape != other.boxes.shape or (first.boxes != other.boxes).any()


def test_large_sets_are_picked_by_the_root_of_their_size(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    example = painted(file)
    many = [example] * 16
    few = [Example("b/1", file, 320, 240, example.boxes, example.classes, example.unknown, example.of)]
    picked = Album([*many, *few], cutouts=0).pick(np.random.default_rng(0), 5000)
    assert np.mean(np.array(picked) == 16) == pytest.approx(1 / 5, abs=0.03)


def test_crop_claims_nothing_about_what_is_mostly_outside_or_tiny() -> None:
    boxes = np.array([[10, 10, 50, 50], [-80, 10, 20, 50], [90, 90, 93, 99], [150, 0, 170, 9]], np.float32)
    scene = Scene(np.zeros((100, 100, 3), np.uint8), boxes, np.array([0, 1, 2, 3], np.int8), boxes[:0])
    cut = crop(scene, np.array([0, 0, 100, 100], np.float32))
    assert cut.classes.tolist() == [0]
    assert cut.unknown.tolist() == [[0, 10, 20, 50], [90, 90, 93, 99]]


def swarm(seed: int) -> Scene:
    empty = Scene(
        np.full((*SIZE, 3), 40, np.uint8),
        np.zeros((0, 4), np.float32),
        np.zeros(0, np.int8),
        np.zeros((0, 4), np.float32),
    )
    rider = Cutout(np.full((90, 40, 3), 250, np.uint8), MOTORCYCLE)
    return add_swarm(empty, [rider] * 30, np.random.default_rng(seed))


@pytest.mark.parametrize("seed", range(10))
def test_swarm_changes_the_picture_in_its_boxes_only(seed: int) -> None:
    scene = swarm(seed)
    changed = (scene.picture != 40).any(axis=2)
    outside = changed.copy()
    for x1, y1, x2, y2 in np.rint(np.concatenate([scene.boxes, scene.unknown])).astype(int):
        assert changed[y1:y2, x1:x2].mean() > 0.5
        outside[y1:y2, x1:x2] = False
    assert not outside.any()
    assert (scene.classes == MOTORCYCLE).all()


def test_swarm_grows_towards_the_camera() -> None:
    scenes = [swarm(seed) for seed in range(10)]
    slopes = [
        np.polyfit(scene.boxes[:, 3], scene.boxes[:, 3] - scene.boxes[:, 1], 1)[0]
        for scene in scenes
        if len(scene.boxes) > 3
    ]
    assert np.mean(slopes) > 0


def test_swarms_are_of_riders_or_of_people() -> None:
    nothing = np.zeros((60, 30, 3), np.uint8)
    cutouts = [Cutout(nothing, kind) for kind in (0, 1, 2)]
    rng = np.random.default_rng(0)
    shares = [np.mean([one.kind == MOTORCYCLE for one in choose(cutouts, rng, 30)]) for _ in range(200)]
    assert np.mean(np.array(shares) > 0.5) == pytest.approx(2 / 3, abs=0.1)


@pytest.mark.parametrize("change", [tint, night, rain, haze, blur, noise, compress, spoil])
def test_weather_keeps_the_form_and_repeats_itself(change: Callable[..., np.ndarray]) -> None:
    picture = np.random.default_rng(1).integers(0, 255, (96, 160, 3), np.uint8)
    first, second = (change(picture.copy(), np.random.default_rng(3)) for _ in range(2))
    assert first.shape == picture.shape
    assert first.dtype == np.uint8
    assert (first == second).all()
    assert (first != picture).any()


def test_night_is_darker_and_haze_is_paler_at_the_top() -> None:
    picture = np.full((96, 160, 3), 120, np.uint8)
    picture[::2] = 20
    rng = np.random.default_rng(0)
    assert np.median(night(picture, rng)) < np.median(picture)
    veiled = haze(picture, rng).astype(float)
    assert veiled[:10].std() < veiled[-10:].std() < picture.std() + 1


def test_file_that_is_no_picture_is_named(tmp_path: Path) -> None:
    example = painted(tmp_path / "a.png")
    example.file.write_bytes(b"torn")
    with pytest.raises(EdgeError, match=r"a\.png: not a picture that can be read; take it out"):
        Album([example], cutouts=0).open(0)
