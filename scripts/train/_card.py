"""The card of a trained net: what was measured, what it learnt from and whom to name, none of it typed by hand."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from _examples import HELD_OUT, decode_picture, find_sets
from _planes import MEAN

from edge.dataflow import CLASSES, Detections, FloatArray, Instant
from edge.detections.card import Card, find_file, read_card
from edge.detections.detector import Detector
from edge.detections.golden import ALIKE, to_frame
from edge.errors import EdgeError

GOLDEN = "golden-street.jpg"
TOLERANCE = 0.01
ENOUGH = 50
"""Boxes of a class in a set that make its best threshold count."""
SUREST = 0.75
"""The golden threshold is sought between the score that begins a track and this one."""
SCORE, CONFIDENT, IOU = 0.15, 0.5, 0.5


def tell_origin(folders: Sequence[Path], start: Card, teachers: Sequence[Card]) -> dict[str, str]:
    """What a net learns from, for its card: whom to credit, and the sets with their licences."""
    sources = {folder.name: _source(folder) for folder in find_sets(folders)}
    without = {name: f" without its group {group}" for name, group in HELD_OUT}
    names = "; ".join(source.get("original", name) for name, source in sources.items())
    filled = "; ".join(f"{card.name} ({card.origin.attribution}, {card.origin.licence})" for card in teachers)
    first = f"{start.name} ({start.origin.attribution}, {start.origin.licence}, learnt from {start.origin.trained_on})"
    return {
        "attribution": f"started from {first}; pictures of {names}; unlabelled classes filled in by {filled}",
        "trained_on": "; ".join(
            f"{name}{without.get(name, '')} ({one.get('licence', 'no licence stated')})"
            for name, one in sources.items()
        ),
    }


def write_card(
    name: str, weights: bytes, *, origin: Mapping[str, str], measured: Mapping[str, dict[str, Any]], folder: Path
) -> Card:
    """Write NAME.onnx and NAME.toml into the folder, where the golden picture must lie; the card, as it is read."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.onnx").write_bytes(weights)
    card = folder / f"{name}.toml"
    card.write_text(_text(name, weights, origin=origin, measured=measured), encoding="utf-8")
    golden = _golden(read_card(card), folder)
    with card.open("a", encoding="utf-8") as file:
        file.write(golden)
    Detector(read_card(card), path=[folder])
    return read_card(card)


def _text(name: str, weights: bytes, *, origin: Mapping[str, str], measured: Mapping[str, dict[str, Any]]) -> str:
    """Everything but the golden picture."""
    meant = {each.key: int(each.value) for each in onnx.load_from_string(weights).metadata_props}
    classes = "\n".join(f'{number} = "{kind}"' for number, kind in enumerate(CLASSES))
    return f'''# {name}: six classes, a rider and the machine as one box. {origin["state"]}
name = "{name}"
weights = "{name}.onnx"
shipped = true
sha256 = "{hashlib.sha256(weights).hexdigest()}"
family = "yolox"
# Not riders_included: people on machines are merged as for other nets, which found more (docs/training.md).

[input]
width = {meant["width"]}
height = {meant["height"]}
channels = "yuv"
mean = {list(MEAN)}
fit = "letterbox"
adapts = true
pad = 114

[head]
classes = {len(CLASSES)}
strides = [8, 16, 32]

[classes]
{classes}

[thresholds]
score = {SCORE}
confident = {CONFIDENT}
iou = {IOU}
sure = {_sure(measured)}

[origin]
licence = "Apache-2.0"
source = {_quoted("scripts/train/road_users, " + origin["state"])}
attribution = {_quoted(origin["attribution"])}
trained_on = {_quoted(origin["trained_on"])}
''' + "".join(_accuracy(on, result) for on, result in measured.items())


def _accuracy(on: str, result: dict[str, Any]) -> str:
    figures = ", ".join(f"{kind} = {value}" for kind, value in result["ap50"].items())
    return f'''
[[accuracy]]
on = "{on}"
pictures = {result["pictures"]}
ap50 = {{ {figures} }}
note = {_quoted(result["note"])}
'''


def _sure(measured: Mapping[str, dict[str, Any]]) -> str:
    """By class the middle of the scores from which on recall and precision are best together, over the sets with
    enough boxes to tell; a class without such a set has none of its own."""
    best = {
        kind: [one["best_threshold"][kind] for one in measured.values() if one["true"].get(kind, 0) >= ENOUGH]
        for kind in CLASSES
    }
    told = [f"{kind} = {np.median(scores):.2f}" for kind, scores in best.items() if scores]
    return "{ " + ", ".join(told) + " }" if told else "{}"


def _source(folder: Path) -> dict[str, Any]:
    file = folder / "SOURCE.json"
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else {}


def _quoted(text: str) -> str:
    """A TOML string; JSON's are the same."""
    return json.dumps(text, ensure_ascii=False)


def _golden(card: Card, folder: Path) -> str:
    """What the net finds in the golden picture, down to a score that no box is near to."""
    file = find_file(GOLDEN, path=[folder])
    if file is None:
        raise EdgeError(str(folder), f"no {GOLDEN} there, which the card must name", do="copy it from models/")
    found = Detector(card, path=[folder]).detect(to_frame(decode_picture(file, file.read_bytes()), Instant(0.0, 0.0)))
    score = _clear(found.scores, low=card.thresholds.confident)
    rows = np.flatnonzero(found.scores >= score)
    boxes = "\n".join(_box(found, int(row)) for row in rows)
    return f'''
[golden]   # scaled from frame 200 of vtest.avi (OpenCV, Apache-2.0)
picture = "{GOLDEN}"
score = {score}
tolerance = {TOLERANCE}
boxes = [
{boxes}
]
'''


def _box(found: Detections, row: int) -> str:
    sides = ", ".join(f"{side:.3f}" for side in found.boxes[row])
    return f'  {{ kind = "{CLASSES[found.classes[row]]}", score = {found.scores[row]:.3f}, box = [{sides}] }},'


def _clear(scores: FloatArray, *, low: float) -> float:
    """A score above `low` in the middle of the widest gap, at least twice as wide as scores may differ."""
    inner = np.sort(np.concatenate([[low], scores[(scores > low) & (scores < SUREST)], [SUREST]]))
    at = int(np.diff(inner).argmax())
    if inner[at + 1] - inner[at] < 2 * ALIKE:
        do = "train on, or choose another picture"
        raise EdgeError(GOLDEN, f"no score between {low} and {SUREST} that no box is near to", do=do)
    return round(float(inner[at] + inner[at + 1]) / 2, 2)
