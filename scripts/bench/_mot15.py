"""Sequences in the form of MOTChallenge 2015: NAME.det.txt, NAME.gt.txt, NAME.seqinfo.ini in one folder."""

from __future__ import annotations

import configparser
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from _hota import Array, Labelled

from edge.dataflow import CLASSES, Detections, Instant


@dataclass(frozen=True, slots=True)
class Clip:
    """One sequence: the detections and the true boxes (in fractions) of each picture, `rate` pictures a second."""

    name: str
    rate: float
    detections: list[Detections]
    truth: list[Labelled]


def load(folder: Path, *, every: int = 1) -> list[Clip]:
    """All sequences of a folder, in the order of their names, of every so-manieth picture."""
    return [_clip(info, every) for info in sorted(folder.glob("*.seqinfo.ini"))]


def _clip(info: Path, every: int) -> Clip:
    parser = configparser.ConfigParser()
    parser.read(info, encoding="utf-8")
    facts = parser["Sequence"]
    width, height, rate = float(facts["imWidth"]), float(facts["imHeight"]), float(facts["frameRate"])
    name = info.name.removesuffix(".seqinfo.ini")
    found, true = (_rows(info.with_name(f"{name}.{kind}.txt"), width, height) for kind in ("det", "gt"))
    true = true[true[:, 6] != 0]
    detections, truth = [], []
    for number in range(1, int(facts["seqLength"]) + 1, every):
        here, there = found[found[:, 0] == number], true[true[:, 0] == number]
        truth.append(Labelled(there[:, 1].astype(np.int64), there[:, 2:6]))
        detections.append(
            Detections(
                Instant((number - 1) / rate, 0.0),
                width / height,
                here[:, 2:6].astype(np.float32),
                here[:, 6].astype(np.float32),
                np.full(len(here), CLASSES.index("pedestrian"), dtype=np.int8),
            )
        )
    return Clip(name, rate / every, detections, truth)


def _rows(file: Path, width: float, height: float) -> Array:
    """The rows of a file, with boxes as x1 y1 x2 y2 in fractions."""
    rows = np.loadtxt(file, delimiter=",", ndmin=2)
    rows[:, 4:6] += rows[:, 2:4]
    rows[:, 2:6] /= [width, height, width, height]
    return rows
