"""AP50 on the pictures that are never learnt from, as the cards tell it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "scripts/bench"))

from _ap50 import GROUPS, Labelled, measure, read_coco, read_mot, with_tail  # noqa: E402 - after the path

from edge.detections.card import find_card  # noqa: E402
from edge.detections.detector import Detector  # noqa: E402


@dataclass(frozen=True, slots=True)
class Test:
    """Labelled pictures under a name: `read(every)` opens every N-th; `step` is the usual N."""

    name: str
    note: str
    step: int
    read: Callable[[int], Iterator[Labelled]]


def find_tests() -> list[Test]:
    """Those whose pictures are here: sets of EDGE_TRAIN_DATA, people of EDGE_TEST_MEDIA."""
    sets = Path(os.environ.get("EDGE_TRAIN_DATA", str(ROOT.parent / "shared/train")))
    media = Path(os.environ.get("EDGE_TEST_MEDIA", str(ROOT.parent / "shared/media")))
    vn, india = sets / "validation/vn_hcmc_soict", sets / "validation/india_highway_cctv"
    manaus = sets / "permissive/manaus_cctv"
    vtest = (media / "peds_pets09_vtest.avi", media / "peds_pets09_gt_mot15.txt")
    tud = (media / "peds_tud_stadtmitte.mp4", media / "peds_tud_stadtmitte_gt_mot15.txt")
    squeezed = "Indian highway cameras, stretched back to 16:9"
    return [
        test
        for needed, test in (
            (vn, Test("vn_hcmc_soict", "a camera in Ho Chi Minh City, 1280x720", 5, partial(read_coco, vn))),
            (india, Test("india_highway_cctv", squeezed, 5, partial(read_coco, india, aspect=1.78))),
            (manaus, Test("manaus_cctv", "city cameras; group cctv", 1, partial(read_coco, manaus, group="cctv"))),
            (vtest[1], Test("peds_pets09_vtest", "PETS 2009 S2.L1 (vtest.avi)", 15, partial(read_mot, *vtest))),
            (tud[1], Test("peds_tud_stadtmitte", "TUD-Stadtmitte", 10, partial(read_mot, *tud))),
        )
        if needed.exists()
    ]


def measure_model(
    name: str, tests: Sequence[Test], *, path: Sequence[Path], every: int | None, tiled: tuple[int, int] = (1, 1)
) -> dict[str, Any]:
    """By name of the test: pictures, AP50 by class, best thresholds. `every` None: as often as is usual."""
    detector = Detector(with_tail(find_card(name, path=path)), path=path, tiled=tiled)
    return {test.name: measure(detector, test.read(every or test.step)) for test in tests}


def tells(name: str, kind: str, *, path: Sequence[Path]) -> bool:
    """Whether the model tells this kind from others: one that calls every vehicle a car knows none of them."""
    return kind not in GROUPS["vehicle"] or "bus" in find_card(name, path=path).classes.values()
