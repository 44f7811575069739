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
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from edge.dataflow import CLASSES
from edge.errors import ModelError

Family = Literal["nanodet", "nanodet-plus", "yolox", "ssd", "yolov8", "detr"]
Fraction = Annotated[float, Field(ge=0, le=1)]
Triple = tuple[float, float, float]
GRIDDED: tuple[Family, ...] = ("nanodet", "nanodet-plus", "yolox")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Input(_Part):
    """What the net takes: float32 (1, 3, height, width) = (picture - mean) / std, channel by channel.

    `fit`: `stretch` the picture to the input, or `letterbox` it and fill the rest with the grey value `pad`.
    """

    width: int = Field(gt=0, multiple_of=8)
    height: int = Field(gt=0, multiple_of=8)
    channels: Literal["bgr", "rgb"]
    mean: Triple = (0.0, 0.0, 0.0)
    std: Triple = (1.0, 1.0, 1.0)
    fit: Literal["stretch", "letterbox"]
    pad: int = Field(default=114, ge=0, le=255)


class Head(_Part):
    """What the net answers: scores for `classes` classes (a background among them, if it has one), and for the
    families with a grid the `strides` of its maps; `reg_max` is the last bin of NanoDet's distances."""

    classes: int = Field(gt=0)
    strides: tuple[int, ...] = ()
    reg_max: int = Field(default=0, ge=0)


class Thresholds(_Part):
    """Boxes below `score` are dropped, and boxes that overlap a better one of their kind by more than `iou`.

    From `confident` on a box may begin a track; weaker ones only continue one. Scores of different nets differ."""

    score: Fraction
    confident: Fraction
    iou: Fraction


class Origin(_Part):
    """Whose work the weights are: licence (SPDX), where they were published, whom to name, what they learnt from."""

    licence: str
    source: str
    attribution: str
    trained_on: str


class Accuracy(_Part):
    """A measurement: average precision at IoU 0.5, in per cent, by class, on so many pictures."""

    on: str
    pictures: int = Field(gt=0)
    ap50: dict[str, float]
    note: str = ""


class GoldenBox(_Part):
    """A box that the net must find: x1 y1 x2 y2 in fractions of the picture."""

    kind: Literal["pedestrian", "bicycle", "motorcycle", "car", "bus", "truck"]
    score: Fraction
    box: tuple[float, float, float, float]


class Golden(_Part):
    """A picture and what the net finds in it with at least `score`; every side may differ by `tolerance`, every
    score a little."""

    picture: str
    score: Fraction
    tolerance: Fraction
    boxes: tuple[GoldenBox, ...]


class Card(_Part):
    """One model. `classes` maps a position among the net's scores to a class of the contract; what it does not
    name is ignored. `riders_included`: the net's two-wheelers are boxed with their riders."""

    name: str
    weights: str
    shipped: bool
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    family: Family
    riders_included: bool = False
    input: Input
    head: Head
    classes: dict[int, str] = Field(min_length=1)
    thresholds: Thresholds
    origin: Origin
    note: str = ""
    accuracy: tuple[Accuracy, ...] = ()
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
    try:
        card = Card.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelError(str(file), f"not TOML: {error}", do="correct the card") from error
    except ValidationError as error:
        raise ModelError(str(file), _faults(error), do="correct the card") from error
    if card.name != file.stem:
        raise ModelError(str(file), "wrong name", expected=f'name = "{file.stem}"', found=f'"{card.name}"')
    return card


def _faults(error: ValidationError) -> str:
    texts = {"extra_forbidden": "unknown key", "missing": "key is missing"}
    return "; ".join(
        f"{'.'.join(str(part) for part in fault['loc']) or 'card'}: {texts.get(fault['type'], fault['msg'])}"
        for fault in error.errors(include_url=False)
    )


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
    data = file.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != card.sha256:
        do = f"fetch {card.weights} again ({card.origin.source}), or correct sha256 in the card if it is meant"
        raise ModelError(str(file), "another file than the card describes", expected=card.sha256, found=found, do=do)
    return data
