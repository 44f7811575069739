"""Composes what the net learns from: pictures beside each other, near and far, with people and riders added in swarms.

Everything is decided by the generator of random numbers that is handed in: the same one gives the same scene.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from _examples import Example, decode_picture
from numpy.typing import NDArray

from edge.dataflow import CLASSES, FloatArray
from edge.geometry import iou

Picture = NDArray[np.uint8]
GREY = 114
PEDESTRIAN, BICYCLE, MOTORCYCLE = (CLASSES.index(kind) for kind in ("pedestrian", "bicycle", "motorcycle"))
MOSTLY_RIDERS = {PEDESTRIAN: 0.08, BICYCLE: 0.07, MOTORCYCLE: 0.85}
MOSTLY_PEOPLE = {PEDESTRIAN: 0.9, BICYCLE: 0.05, MOTORCYCLE: 0.05}
SMALLEST = 5.0
"""Pixels of a box's shorter side; less than that nobody can tell apart, and nothing is claimed about it."""
SEEN = 0.4
"""Share of a box that must be in the picture for it to be asked for."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture BGR (h, w, 3) with boxes in its pixels: `boxes` (n, 4), `classes` (n,), and `unknown` (m, 4) where
    nothing is claimed."""

    picture: Picture
    boxes: FloatArray
    classes: NDArray[np.int8]
    unknown: FloatArray


@dataclass(frozen=True, slots=True)
class Cutout:
    """A person, or a rider with the machine, cut out of a picture."""

    picture: Picture
    kind: int


class Album:
    """All pictures to learn from, in memory as their files, and the riders that can be cut out of them."""

    def __init__(self, examples: Sequence[Example], *, cutouts: int = 2500, seed: int = 0) -> None:
        self.examples = tuple(examples)
        self._files = [example.file.read_bytes() for example in examples]
        self._odds = _odds(self.examples)
        self.cutouts = self._cut_out(cutouts, np.random.default_rng(seed))

    def pick(self, rng: np.random.Generator, count: int) -> list[int]:
        """Numbers of some examples; large sets come more often than small ones, but by the root of their size."""
        return [int(number) for number in np.searchsorted(self._odds, rng.random(count))]

    def open(self, number: int, *, shrink: float = 1.0) -> Picture:
        """The picture of an example, decoded at half or a quarter of its size where `shrink` allows."""
        mode = cv2.IMREAD_COLOR
        if shrink <= 0.5:
            mode = cv2.IMREAD_REDUCED_COLOR_2 if shrink > 0.25 else cv2.IMREAD_REDUCED_COLOR_4
        return decode_picture(self.examples[number].file, self._files[number], mode=mode)

    def _cut_out(self, count: int, rng: np.random.Generator) -> tuple[Cutout, ...]:
        """People and riders that stand alone and are large enough to be made small, at most 96 pixels high."""
        cutouts: list[Cutout] = []
        for number in rng.permutation(len(self.examples)).tolist():
            if len(cutouts) >= count:
                break
            example = self.examples[number]
            rows = _alone(example)
            if len(rows):
                picture = self.open(number)
                cutouts += [Cutout(_cut(picture, example.boxes[row]), int(example.classes[row])) for row in rows]
        return tuple(cutouts)


def compose(album: Album, rng: np.random.Generator, *, size: tuple[int, int], calm: bool) -> Scene:
    """A scene of `size` (height, width); a `calm` one is most often a single picture at nearly its own scale."""
    first = album.pick(rng, 1)[0]
    cells = _how_many(album.examples[first], rng, size=size, calm=calm)
    numbers = [first, *album.pick(rng, cells * cells - 1)]
    scene = _tile(album, [numbers[at] for at in rng.permutation(len(numbers))], rng, size)
    if album.cutouts and rng.random() < (0.15 if calm else 0.35):
        scene = add_swarm(scene, choose(album.cutouts, rng, 30), rng)
    return _flip(scene) if rng.random() < 0.5 else scene


def _odds(examples: Sequence[Example]) -> NDArray[np.float64]:
    """Up to which number of 0..1 each example is picked."""
    sets = [example.name.partition("/")[0] for example in examples]
    sizes = Counter(sets)
    odds = np.cumsum([sizes[name] ** -0.5 for name in sets])
    return np.asarray(odds / odds[-1], np.float64)


def _how_many(example: Example, rng: np.random.Generator, *, size: tuple[int, int], calm: bool) -> int:
    """Pictures along each side, so that one box of the example comes out at a height between far and near."""
    if rng.random() < (0.7 if calm else 0.25) or not len(example.boxes):
        return 1
    row = int(rng.integers(len(example.boxes)))
    tall = float(example.boxes[row, 3] - example.boxes[row, 1]) * size[0]
    wanted = float(np.exp(rng.uniform(np.log(14), np.log(120))))
    return int(np.clip(round(tall / wanted), 1, 4))


def _tile(album: Album, numbers: list[int], rng: np.random.Generator, size: tuple[int, int]) -> Scene:
    """The pictures in a grid of equal cells, whose lines are moved a little."""
    cells = round(len(numbers) ** 0.5)
    height, width = size
    rows = _lines(height, cells, rng)
    columns = _lines(width, cells, rng)
    canvas = np.full((height, width, 3), GREY, np.uint8)
    scenes = []
    for at, number in enumerate(numbers):
        top, left = rows[at // cells], columns[at % cells]
        bottom, right = rows[at // cells + 1], columns[at % cells + 1]
        part = _window(album, number, rng, size=(bottom - top, right - left), fill=cells > 1)
        canvas[top:bottom, left:right] = part.picture
        move = np.array([left, top, left, top], np.float32)
        scenes.append(Scene(canvas, part.boxes + move, part.classes, part.unknown + move))
    return Scene(
        canvas,
        np.concatenate([one.boxes for one in scenes]),
        np.concatenate([one.classes for one in scenes]),
        np.concatenate([one.unknown for one in scenes]),
    )


def _lines(side: int, cells: int, rng: np.random.Generator) -> list[int]:
    step = side / cells
    inner = [round(step * (number + rng.uniform(-0.2, 0.2))) for number in range(1, cells)]
    return [0, *inner, side]


def _window(album: Album, number: int, rng: np.random.Generator, *, size: tuple[int, int], fill: bool) -> Scene:
    """One example seen through a window of `size`: cropped, or with a grey border unless it must `fill` it."""
    example = album.examples[number]
    height, width = size
    ratios = (width / example.width, height / example.height)
    scale = (max(ratios) if fill else min(ratios)) * float(np.exp(rng.uniform(np.log(0.8), np.log(1.6))))
    scale = max(scale, max(ratios)) if fill else scale
    stretch = float(np.exp(rng.uniform(-0.15, 0.15)))
    outer = (max(2, round(example.width * scale * stretch)), max(2, round(example.height * scale)))
    way = cv2.INTER_AREA if rng.random() < 0.3 else cv2.INTER_LINEAR
    picture = cv2.resize(album.open(number, shrink=scale), outer, interpolation=way)
    spare = (width - outer[0], height - outer[1])
    left, top = (round(rng.uniform(min(room, 0), max(room, 0))) for room in spare)
    canvas = np.full((height, width, 3), GREY, np.uint8)
    x1, y1, x2, y2 = max(left, 0), max(top, 0), min(left + outer[0], width), min(top + outer[1], height)
    canvas[y1:y2, x1:x2] = picture[y1 - top : y2 - top, x1 - left : x2 - left]
    grow = np.array([*outer, *outer], np.float32)
    move = np.array([left, top, left, top], np.float32)
    moved = Scene(canvas, example.boxes * grow + move, example.classes, example.unknown * grow + move)
    return crop(moved, np.array([x1, y1, x2, y2], np.float32))


def crop(scene: Scene, window: FloatArray) -> Scene:
    """The scene with its boxes cut at the window x1 y1 x2 y2; what is mostly outside or tiny is not claimed."""
    cut = _clip(scene.boxes, window)
    inside = _area(cut)
    whole = np.maximum(_area(scene.boxes), 1e-6)
    there = inside > 0
    asked = there & (inside >= SEEN * whole) & ((cut[:, 2:] - cut[:, :2]).min(axis=1, initial=1e9) >= SMALLEST)
    unknown = _clip(scene.unknown, window)
    unknown = np.concatenate([unknown[_area(unknown) > 0], cut[there & ~asked]])
    return Scene(scene.picture, cut[asked], scene.classes[asked], unknown)


def choose(cutouts: Sequence[Cutout], rng: np.random.Generator, count: int) -> list[Cutout]:
    """Some of them: two of three times mostly motorcycles, else mostly people."""
    kinds = np.array([cutout.kind for cutout in cutouts])
    odds = MOSTLY_RIDERS if rng.random() < 2 / 3 else MOSTLY_PEOPLE
    weights = np.array([odds[kind] / max(1, int((kinds == kind).sum())) for kind in kinds])
    return [cutouts[at] for at in rng.choice(len(cutouts), size=count, p=weights / weights.sum())]


def add_swarm(scene: Scene, cutouts: Sequence[Cutout], rng: np.random.Generator) -> Scene:
    """The scene with some of these pasted in, close together, the nearer ones larger and in front."""
    height, width = scene.picture.shape[:2]
    count, base = int(rng.integers(3, len(cutouts) + 1)), float(np.exp(rng.uniform(np.log(14), np.log(70))))
    spread = base * np.sqrt(count) * rng.uniform(0.4, 1.2)
    middle = rng.uniform([0.15 * width, 0.35 * height], [0.85 * width, 0.95 * height])
    spots = rng.normal(middle, [spread * 0.9, spread * 0.45], size=(count, 2))
    canvas, light = scene.picture.copy(), rng.uniform(0.6, 1.1)
    boxes, classes = list(scene.boxes), list(scene.classes)
    for cutout, (x, y) in zip(cutouts, spots[np.argsort(spots[:, 1])], strict=False):
        tall = base * (0.5 + 0.5 * y / middle[1]) * rng.uniform(0.85, 1.15)
        wide = tall * cutout.picture.shape[1] / cutout.picture.shape[0]
        box = np.array([x - wide / 2, y - tall, x + wide / 2, y], np.float32)
        others = np.array(boxes, np.float32).reshape(-1, 4)
        inside = box[0] >= 0 and box[1] >= 0 and box[2] < width and box[3] < height
        if not inside or tall < 10 or (len(others) and iou(box[None], others).max() > 0.4):
            continue
        _paste(canvas, cutout.picture, box, light=light * rng.uniform(0.85, 1.15))
        boxes.append(box)
        classes.append(np.int8(cutout.kind))
    pasted = Scene(canvas, np.array(boxes, np.float32).reshape(-1, 4), np.array(classes, np.int8), scene.unknown)
    return _without_covered(pasted)


def _without_covered(scene: Scene) -> Scene:
    """Boxes that lie under later ones for the most part are no longer asked for."""
    boxes = scene.boxes
    if len(boxes) < 2:
        return scene
    shared = _area_shared(boxes) / np.maximum(_area(boxes), 1e-6)[:, None]
    hidden = np.triu(shared, 1).max(axis=1) > 0.7
    return Scene(scene.picture, boxes[~hidden], scene.classes[~hidden], np.concatenate([scene.unknown, boxes[hidden]]))


def _area_shared(boxes: FloatArray) -> FloatArray:
    sides = np.clip(
        np.minimum(boxes[:, None, 2:], boxes[None, :, 2:]) - np.maximum(boxes[:, None, :2], boxes[None, :, :2]), 0, None
    )
    return np.asarray(sides.prod(axis=2), np.float32)


def _paste(canvas: Picture, cutout: Picture, box: FloatArray, *, light: float) -> None:
    """Lay a cutout into the canvas, in place, its corners and rim fading out."""
    x1, y1, x2, y2 = (round(float(side)) for side in box)
    if x2 - x1 < 4 or y2 - y1 < 6:
        return
    small = cv2.resize(cutout, (x2 - x1, y2 - y1), interpolation=cv2.INTER_AREA).astype(np.float32) * light
    y, x = np.mgrid[-1 : 1 : (y2 - y1) * 1j, -1 : 1 : (x2 - x1) * 1j]
    cover = np.clip((1.08 - (np.abs(x) ** 3 + np.abs(y) ** 3) ** (1 / 3)) * 6, 0, 1)[:, :, None]
    target = canvas[y1:y2, x1:x2]
    target[:] = np.clip(small * cover + target * (1 - cover), 0, 255).astype(np.uint8)


def _flip(scene: Scene) -> Scene:
    width = scene.picture.shape[1]
    return Scene(
        np.ascontiguousarray(scene.picture[:, ::-1]),
        _mirror(scene.boxes, width),
        scene.classes,
        _mirror(scene.unknown, width),
    )


def _mirror(boxes: FloatArray, width: int) -> FloatArray:
    return np.column_stack([width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]]).astype(np.float32)


def _alone(example: Example) -> NDArray[np.intp]:
    """Rows of the people and riders that nobody overlaps and that are at least 48 pixels high."""
    tall = (example.boxes[:, 3] - example.boxes[:, 1]) * example.height
    inner = (example.boxes > 0.005).all(axis=1) & (example.boxes < 0.995).all(axis=1)
    overlap = iou(example.boxes, np.concatenate([example.boxes, example.unknown]))
    alone = (overlap > 0.05).sum(axis=1) <= 1
    return np.flatnonzero(np.isin(example.classes, list(MOSTLY_PEOPLE)) & (tall >= 48) & alone & inner)


def _cut(picture: Picture, box: FloatArray) -> Picture:
    rows, columns = picture.shape[:2]
    x1, y1, x2, y2 = np.rint(box * [columns, rows, columns, rows]).astype(int)
    part = picture[y1:y2, x1:x2]
    shrink = min(1.0, 96 / part.shape[0])
    size = (max(2, round(part.shape[1] * shrink)), max(2, round(part.shape[0] * shrink)))
    return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)


def _clip(boxes: FloatArray, window: FloatArray) -> FloatArray:
    return np.column_stack(
        [np.clip(boxes[:, 0::2], window[0], window[2]), np.clip(boxes[:, 1::2], window[1], window[3])]
    )[:, [0, 2, 1, 3]].astype(np.float32)


def _area(boxes: FloatArray) -> FloatArray:
    return np.asarray(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=1), np.float32)
