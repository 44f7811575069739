"""From a state of the training to weights and card."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from _card import GOLDEN, write_card
from _export import blend, to_onnx
from _measure import ROOT, find_tests, measure_model
from _net import RoadUsers
from _start import start_from

from edge.detections.card import Card, load_weights

SIZE = (352, 640)
SHARE = 0.6
"""Of what was learnt, the rest of the start: 0.4 to 1 were tried (docs/training.md)."""


@dataclass(frozen=True, slots=True)
class Product:
    """What comes out: its `name` and `folder`, how much of it, `share`, was learnt after the `start`, a model of this
    `path`, and its input's `size` (height, width)."""

    name: str
    folder: Path
    start: Card
    path: Sequence[Path]
    share: float = SHARE
    size: tuple[int, int] = SIZE


def finish(state: Path, product: Product, *, measured: bool) -> None:
    """Write NAME.onnx and NAME.toml; `measured` on all tests whose pictures are here."""
    kept = torch.load(state, map_location="cpu", weights_only=True)
    learnt, start = RoadUsers(), RoadUsers()
    learnt.load_state_dict(kept["mean"])
    noise = 255 * torch.rand(4, 3, *SIZE, generator=torch.Generator().manual_seed(0))
    start_from(start, load_weights(product.start, path=product.path), noise)
    weights = to_onnx(blend(start, learnt, share=product.share), height=product.size[0], width=product.size[1])
    name, folder = product.name, product.folder
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "models" / GOLDEN, folder)
    origin = {**kept["origin"], "state": f"{_told(kept)}, share {product.share}"}
    write_card(name, weights, origin=origin, measured={}, folder=folder)
    tests = find_tests() if measured else []
    results = measure_model(name, tests, path=[folder], every=None)
    for test in tests:
        often = f", every {test.step}th picture" if test.step > 1 else ""
        results[test.name]["note"] = test.note + often
        print(f"{test.name}: {results[test.name]['ap50']}", flush=True)
    card = write_card(name, weights, origin=origin, measured=results, folder=folder)
    print(f"{folder / card.weights}: {len(weights) / 1e6:.1f} MB, sha256 {card.sha256}")


def _told(kept: dict[str, Any]) -> str:
    asked = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    commit, day = asked.stdout.strip() or "unknown", time.strftime("%Y-%m-%d")
    return f"{kept['step'] * kept['plan']['batch']} scenes, seed {kept['seed']}, commit {commit}, {day}"
