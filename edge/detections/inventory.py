"""What `edge models` lists: every card along the path, and whether its weights are there and are the right ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.detections.card import Card, find_file, list_cards, load_weights, read_card
from edge.errors import ModelError


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One model. `fault` says why it cannot be used, empty if it can; a card that cannot be read has only that."""

    name: str
    family: str = ""
    input: str = ""
    shipped: bool = False
    weights_found: bool = False
    hash_ok: bool = False
    licence: str = ""
    accuracy: str = ""
    fault: str = ""


def describe_models(path: Sequence[Path]) -> list[ModelRow]:
    """A row for each card along the path, by name; reads and hashes the weights, runs no net."""
    return [_row(name, file, path) for name, file in list_cards(path).items()]


def _row(name: str, file: Path, path: Sequence[Path]) -> ModelRow:
    try:
        card = read_card(file)
    except ModelError as error:
        return ModelRow(name=name, fault=str(error))
    fault = ""
    try:
        load_weights(card, path=path)
    except ModelError as error:
        fault = str(error)
    return ModelRow(
        name=name,
        family=card.family,
        input=f"{card.input.width}x{card.input.height}",
        shipped=card.shipped,
        weights_found=find_file(card.weights, path=path) is not None,
        hash_ok=not fault,
        licence=card.origin.licence,
        accuracy="; ".join(_told(card)),
        fault=fault,
    )


def _told(card: Card) -> list[str]:
    """Each measurement in a few words: where, then AP50 by class."""
    return [f"{row.on}: " + ", ".join(f"{kind} {value:g}" for kind, value in row.ap50.items()) for row in card.accuracy]
