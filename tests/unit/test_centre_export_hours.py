"""Hours of a line: volumes, peak-hour factors, and where there are none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from export_ import FLOW, message, read_csv

from edge.centre.store import Store
from edge.export import export


def hour_of(where: str, tmp_path: Path, *parts: tuple[int, int, dict[str, Any]]) -> list[list[str]]:
    """What becomes of intervals of one line, each its start and length in minutes and its fields."""
    store = Store(where)
    store.write(
        [
            message(
                "flow",
                seq,
                f"2026-11-22T{7 + start // 60:02}:{start % 60:02}:00Z",
                FLOW | {"coverage": 1, "seconds": 60 * length} | body,
            )
            for seq, (start, length, body) in enumerate(parts, 1)
        ]
    )
    store.close()
    export(where, tmp_path, what="hours")
    return [line[3:] for line in read_csv(tmp_path / "hours.csv")[1:]]


def cars(first: int, second: int = 0, **more: Any) -> dict[str, Any]:
    return {"count": {"car": [first, second], "pedestrian": [1000, 1000]}, **more}


def test_export_hours_have_the_peak_hour_factor_of_the_manual(place: Callable[[], str], tmp_path: Path):
    """200, 240, 260 and 220 vehicles in the quarters of an hour: 920 / (4 x 260). Pedestrians are no vehicles."""
    quarters = [(200, 30), (240, 30), (260, 30), (220, 30)]
    parts = [(15 * n + 5 * part, 5, cars(a // 5 * (1 if part else 3), b // 3, pcu=[1.5, 2]))
             for n, (a, b) in enumerate(quarters) for part in range(3)]  # fmt: skip
    assert hour_of(place(), tmp_path, *parts) == [
        ["2026-11-22T07:00:00Z", "0", "920", "18.0", "260", "0.885", "1.0"],
        ["2026-11-22T07:00:00Z", "1", "120", "24.0", "30", "1.0", "1.0"],
    ]


@pytest.mark.parametrize(
    ("gone", "instead", "coverage"),
    [
        ((15, 15), [], "0.75"),
        ((15, 15), [(15, 15, {"count": ..., "coverage": 0, "flags": ["nostream"]})], "0.75"),
        ((15, 15), [(15, 5, cars(4)), (25, 5, cars(4))], "0.917"),
    ],
)
def test_export_hours_have_no_factor_where_an_interval_is_missing_or_blind(
    place: Callable[[], str], tmp_path: Path, gone: tuple[int, int], instead: list[Any], coverage: str
):
    parts = [(start, 15, cars(10)) for start in (0, 15, 30, 45) if (start, 15) != gone] + instead
    first, second = hour_of(place(), tmp_path, *parts)
    volume = 30 + sum(body["count"]["car"][0] for _, _, body in instead if body["count"] is not ...)
    assert first == ["2026-11-22T07:00:00Z", "0", str(volume), "", "", "", coverage]
    assert second[2] == "0"  # never scaled up


def test_export_hours_of_longer_intervals_have_a_volume_and_no_factor(place: Callable[[], str], tmp_path: Path):
    rows = hour_of(place(), tmp_path, (0, 60, cars(10, 7)), (60, 20, cars(1)), (80, 20, cars(2)), (100, 20, cars(3)))
    assert rows == [
        ["2026-11-22T07:00:00Z", "0", "10", "", "", "", "1.0"],
        ["2026-11-22T07:00:00Z", "1", "7", "", "", "", "1.0"],
        ["2026-11-22T08:00:00Z", "0", "6", "", "", "", "1.0"],
        ["2026-11-22T08:00:00Z", "1", "0", "", "", "", "1.0"],
    ]


def test_export_hours_since_a_moment_begin_with_the_next_whole_hour(place: Callable[[], str], tmp_path: Path):
    store = Store(where := place())
    store.write([message("flow", n + 1, f"2026-11-22T{n // 4:02}:{n % 4 * 15:02}:00Z", FLOW | {"seconds": 900})
                 for n in range(12)])  # fmt: skip
    store.close()
    export(where, tmp_path, what="hours", since="2026-11-22T00:30:00Z")
    assert [line[3] for line in read_csv(tmp_path / "hours.csv")[1::2]] == [
        "2026-11-22T01:00:00Z",
        "2026-11-22T02:00:00Z",
    ]
    assert list(export(where, tmp_path, what="hours", since="2026-11-22T01:00:00Z").values()) == [4]
