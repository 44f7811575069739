"""Labelled pictures to learn from, with what is not known about them said: unlabelled classes and ignored regions.

A set is a folder with `labels.json` (COCO) and `images/`. `labelled_classes` of the set or of a picture names the
classes that were labelled; of the others nothing is known, neither that they are there nor that they are not.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.dataflow import CLASSES, FloatArray
from edge.errors import EdgeError

HELD_OUT = (("manaus_cctv", "cctv"),)
"""Set and group that only measure: the cameras of a set, never single frames of a camera that is learnt from."""

ABSENT = {"jakarta_toll_rf100": ("pedestrian", "bicycle", "motorcycle")}
"""Classes that a set does not label because they are not there (its SOURCE.json): they count as labelled."""

UNLABELLED_TOP = {("india_biker_cam", "cam"): 0.15}
"""Share of the picture, from the top, where small road users were left out (SOURCE.json): nothing is known there."""


@dataclass(frozen=True, slots=True)
class Example:
    """A picture and what is known of it: `boxes` float32 (n, 4) x1 y1 x2 y2 in fractions, `classes` int8 (n,), and
    regions `unknown` float32 (m, 4) with the classes `of` which nothing is known there, bool (m, 6)."""

    name: str
    file: Path
    width: int
    height: int
    boxes: FloatArray
    classes: NDArray[np.int8]
    unknown: FloatArray
    of: NDArray[np.bool_]


def find_sets(folders: Sequence[Path]) -> list[Path]:
    """Every set in these folders, themselves included, sorted."""
    return sorted({file.parent for folder in folders for file in folder.rglob("labels.json")})


def read_examples(folders: Sequence[Path], *, held_out: Sequence[tuple[str, str]] = HELD_OUT) -> list[Example]:
    """All pictures of the sets in these folders but for the groups held out."""
    return [example for folder in find_sets(folders) for example in _read_set(folder, held_out)]


def _read_set(folder: Path, held_out: Sequence[tuple[str, str]]) -> list[Example]:
    labels = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    kinds = {category["id"]: category["name"] for category in labels["categories"]}
    of_picture: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for box in labels["annotations"]:
        of_picture[box["image_id"]].append({**box, "kind": kinds[box["category_id"]]})
    everywhere = labels.get("labelled_classes", CLASSES)
    return [
        _read_picture(folder, entry, of_picture[entry["id"]], entry.get("labelled_classes", everywhere))
        for entry in labels["images"]
        if (folder.name, entry.get("group")) not in held_out
    ]


def _read_picture(folder: Path, entry: dict[str, Any], boxes: list[dict[str, Any]], labelled: Sequence[str]) -> Example:
    """One picture; an ignored box is a region where no class is known."""
    size = np.array([entry["width"], entry["height"]] * 2, np.float32)
    corners = np.array([box["bbox"] for box in boxes], np.float32).reshape(-1, 4)
    corners[:, 2:] += corners[:, :2]
    fractions = np.clip(corners / size, 0, 1)
    excused = np.array([bool(box.get("ignore") or box.get("iscrowd")) for box in boxes], bool)
    known = np.isin(CLASSES, [*labelled, *ABSENT.get(folder.name, ())])
    kinds = [CLASSES.index(box["kind"]) for box in boxes]
    example = Example(
        name=f"{folder.name}/{entry['file_name']}",
        file=folder / "images" / entry["file_name"],
        width=entry["width"],
        height=entry["height"],
        boxes=fractions[~excused],
        classes=np.array(kinds, np.int8)[~excused],
        unknown=fractions[excused],
        of=np.ones((int(excused.sum()), len(CLASSES)), bool),
    )
    top = UNLABELLED_TOP.get((folder.name, entry.get("group", "")), 0.0)
    if top:
        example = with_unknown(example, [0, 0, 1, top], classes=np.ones(len(CLASSES), bool))
    return example if known.all() else with_unknown(example, [0, 0, 1, 1], classes=~known)


def decode_picture(file: Path, data: bytes, *, mode: int = cv2.IMREAD_COLOR) -> NDArray[np.uint8]:
    """A picture BGR (h, w, 3) from the bytes of its file; an EdgeError where they are none."""
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), mode)
    if picture is None:
        raise EdgeError(
            str(file), "not a picture that can be read", do="take it out of the set, and out of labels.json"
        )
    return np.asarray(picture, np.uint8)


def with_unknown(example: Example, box: Sequence[float] | FloatArray, *, classes: NDArray[np.bool_]) -> Example:
    """The example with one more region of which nothing is known about these classes."""
    unknown = np.concatenate([example.unknown, np.array([box], np.float32)])
    return replace(example, unknown=unknown, of=np.concatenate([example.of, classes[None]]))
