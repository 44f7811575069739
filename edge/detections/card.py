"""The card of a model: what its net expects, what it answers and where it comes from, read from NAME.toml."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from edge.dataflow import CLASSES
from edge.errors import ModelError, plain

Family = Literal["nanodet", "nanodet-plus", "yolox", "ssd", "yolov8", "detr"]
Kind = Literal["pedestrian", "bicycle", "motorcycle", "car", "bus", "truck"]
Fraction = Annotated[float, Field(ge=0, le=1)]
Text = Annotated[str, Field(max_length=1000), AfterValidator(plain)]
Triple = tuple[float, float, float]
Side = Annotated[int, Field(gt=0, le=4096, multiple_of=8)]
Stride = Annotated[int, Field(gt=0, le=1024)]
Scale = Annotated[float, Field(gt=0)]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
"""Looked for along the model path, so it leads into no other folder."""
SHOWN = 200
FAULTS_MOST = 10
"""Characters of a name or a message, and faults of a card, that are told in its one line."""
GRIDDED: tuple[Family, ...] = ("nanodet", "nanodet-plus", "yolox")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Input(_Part):
    """What the net takes: float32 (1, 3, height, width) = (picture - mean) / std, channel by channel; with `yuv` the
    planes that a camera gives, luma (1, 1, height, width) and chroma (1, 2, height / 2, width / 2).

    `fit`: `stretch` the picture to the input, or `letterbox` it and fill the rest with the grey value `pad`. `adapts`:
    the net takes any size in steps of 32, so that a picture of another shape needs no border; `width` and `height` say
    how many pixels it has at most.
    """

    width: Side
    height: Side
    channels: Literal["bgr", "rgb", "yuv"]
    mean: Triple = (0.0, 0.0, 0.0)
    std: tuple[Scale, Scale, Scale] = (1.0, 1.0, 1.0)
    fit: Literal["stretch", "letterbox"]
    adapts: bool = False
    pad: int = Field(default=114, ge=0, le=255)


class Head(_Part):
    """What the net answers: scores for `classes` classes (a background among them, if it has one), and for the
    families with a grid the `strides` of its maps; `reg_max` is the last bin of NanoDet's distances."""

    classes: int = Field(gt=0, le=10_000)
    strides: Annotated[tuple[Stride, ...], Field(max_length=8)] = ()
    reg_max: int = Field(default=0, ge=0, le=100)


class Thresholds(_Part):
    """Boxes below `score` are dropped, and boxes that overlap a better one of their kind by more than `iou`.

    From `confident` on a box may begin a track; weaker ones only continue one, and from `unsure` on a person's that
    continues none is a sign of somebody missed. Scores of different nets differ, and those of one net's classes: `sure`
    says by class which score is told as `confident`, and those beside it in proportion."""

    score: Fraction
    confident: Fraction
    unsure: Fraction = 0.3
    iou: Fraction
    sure: dict[Kind, Annotated[float, Field(gt=0, lt=1)]] = {}


class Origin(_Part):
    """Whose work the weights are: licence (SPDX), where they were published, whom to name, what they learnt from."""

    licence: Text
    source: Text
    attribution: Text
    trained_on: Text


class Accuracy(_Part):
    """A measurement: average precision at IoU 0.5, in per cent, by class, on so many pictures."""

    on: Text
    pictures: int = Field(gt=0)
    ap50: dict[Text, float]
    note: Text = ""


class GoldenBox(_Part):
    """A box that the net must find: x1 y1 x2 y2 in fractions of the picture."""

    kind: Kind
    score: Fraction
    box: tuple[float, float, float, float]


class Golden(_Part):
    """A picture and what the net finds in it with at least `score`; every side may differ by `tolerance`, every
    score a little."""

    picture: FileName
    score: Fraction
    tolerance: Fraction
    boxes: tuple[GoldenBox, ...]


class Card(_Part):
    """One model. `classes` maps a position among the net's scores to a class of the contract; what it does not
    name is ignored. `riders_included`: the net's two-wheelers are boxed with their riders."""

    name: str
    weights: FileName
    shipped: bool
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    family: Family
    riders_included: bool = False
    input: Input
    head: Head
    classes: dict[int, str] = Field(min_length=1)
    thresholds: Thresholds
    origin: Origin
    note: Text = ""
    accuracy: Annotated[tuple[Accuracy, ...], Field(max_length=50)] = ()
    golden: Golden | None = None

    @field_validator("classes")
    @classmethod
    def _known_classes(cls, classes: dict[int, str]) -> dict[int, str]:
        for kind in classes.values():
            if kind not in CLASSES:
                raise ValueError(f"{kind!r} is none of {', '.join(CLASSES)}")
        return classes

    @model_validator(mode="after")
    def _agreeing(self) -> Card:
        if any(not 0 <= position < self.head.classes for position in self.classes):
            raise ValueError(f"classes: a position is outside the {self.head.classes} scores of head.classes")
        if self.family in GRIDDED and not self.head.strides:
            raise ValueError(f"head.strides is missing, which the family {self.family} needs")
        if self.family.startswith("nanodet") and not self.head.reg_max:
            raise ValueError(f"head.reg_max is missing, which the family {self.family} needs")
        return self

    @cached_property
    def columns(self) -> NDArray[np.intp]:
        """The net's scores that count, (k,)."""
        return np.array(list(self.classes), dtype=np.intp)

    @cached_property
    def labels(self) -> NDArray[np.int8]:
        """What each of `columns` is, positions in CLASSES, (k,)."""
        return np.array([CLASSES.index(kind) for kind in self.classes.values()], dtype=np.int8)


def list_cards(path: Sequence[Path]) -> dict[str, Path]:
    """Name and file of every card along the path, sorted; where a name is there twice, the first folder wins."""
    files = [file for folder in reversed(path) for file in folder.glob("*.toml")]
    return dict(sorted({file.stem: file for file in files}.items()))


def find_card(name: str, *, path: Sequence[Path]) -> Card:
    """The card of that name in the first folder that has it; a ModelError where there is none or it has a fault."""
    cards = list_cards(path)
    if name not in cards:
        searched = ", ".join(str(folder) for folder in path) or "no folder"
        raise ModelError(
            f"model {name}",
            "no such card",
            expected=f"one of {', '.join(cards)}" if cards else "",
            found=f"no {name}.toml in {searched}",
            do="name one of them, or put the card and its weights into a folder of EDGE_MODEL_PATH",
        )
    return read_card(cards[name])


def read_card(file: Path) -> Card:
    """The card in this file; a ModelError that names the line or every wrong key."""
    do = "correct the card"
    try:
        card = Card.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except ValidationError as error:
        raise ModelError(str(file), _faults(error), do=do) from None
    except OSError as error:
        raise ModelError(str(file), "cannot be read", found=error.strerror or "", do="mend its rights") from None
    except (ValueError, RecursionError) as error:  # of the last digit of a number, or a thousand brackets, too
        raise ModelError(str(file), f"not TOML: {str(error)[:SHOWN]}", do=do) from None
    if card.name != file.stem:
        raise ModelError(str(file), "wrong name", expected=f'name = "{file.stem}"', found=f'"{card.name}"')
    return card


def _faults(error: ValidationError) -> str:
    texts = {"extra_forbidden": "unknown key", "missing": "key is missing"}
    faults = error.errors(include_url=False)
    told = [
        f"{'.'.join(map(str, fault['loc']))[:SHOWN] or 'card'}: {texts.get(fault['type'], fault['msg'])[:SHOWN]}"
        for fault in faults[:FAULTS_MOST]
    ]
    return "; ".join([*told, *([f"and {len(faults) - FAULTS_MOST} more"] if len(faults) > FAULTS_MOST else [])])


def find_file(name: str, *, path: Sequence[Path]) -> Path | None:
    """The first file of that name along the path."""
    return next((folder / name for folder in path if (folder / name).is_file()), None)


def load_weights(card: Card, *, path: Sequence[Path]) -> bytes:
    """The weights that the card names, with the hash that it names; else a ModelError."""
    file = find_file(card.weights, path=path)
    if file is None:
        what = "weights are missing" if card.shipped else "weights are not shipped"
        looked = ", ".join(str(folder) for folder in path)
        do = f"put {card.weights} into a folder of EDGE_MODEL_PATH ({card.origin.source})"
        raise ModelError(f"model {card.name}", what, found=f"no {card.weights} in {looked}", do=do)
    try:
        data = file.read_bytes()
    except OSError as error:
        raise ModelError(str(file), "cannot be read", found=error.strerror or "", do="mend its rights") from None
    found = hashlib.sha256(data).hexdigest()
    if found != card.sha256:
        do = f"fetch {card.weights} again ({card.origin.source}), or correct sha256 in the card if it is meant"
        raise ModelError(str(file), "another file than the card describes", expected=card.sha256, found=found, do=do)
    return data
