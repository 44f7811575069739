"""docs/faults.md tells of every fault that the rig can make and of every cause, and the rig has one for each cause."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import get_args

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "scripts" / "bench"))
from _camera_faults import FAULTS, FILMS, waits  # noqa: E402 - after the path
from _faults_page import page  # noqa: E402

from edge.causes import TOLD  # noqa: E402
from edge.frames.health import Word  # noqa: E402


@pytest.fixture(scope="module")
def rows() -> dict[str, list[str]]:
    """The rows of the page's tables by their first cell."""
    text = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return {cells[0]: cells for cells in lines}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_page_has_every_fault_as_it_was_measured(fault, rows):
    cells = rows[fault.name]
    assert cells[1].startswith(f"`{fault.state}`"), "told as the rig expects it"
    assert TOLD.get(fault.cause, "") in cells[1]
    assert cells[5] == waits(fault.cause)


@pytest.mark.parametrize("cause", TOLD)
def test_page_has_every_cause(cause, rows):
    assert rows[f"`{cause}`"] == [f"`{cause}`", TOLD[cause]]


def test_every_cause_comes_of_a_fault():
    made = {fault.cause for fault in FAULTS} - {""}
    assert made == set(TOLD)


def test_every_state_of_the_picture_comes_of_a_fault():
    assert {fault.state for fault in FAULTS if fault.picture} == set(get_args(Word)) - {"ok"}


def test_every_fault_has_its_clips():
    for fault in FAULTS:
        changes = [part.split()[2] for part in (*fault.begin, *fault.end) if part.startswith("change")]
        assert {fault.clip, *changes} <= set(FILMS)


def test_page_is_written_of_nothing():
    assert set(TOLD) <= {line.split("`")[1] for line in page([]).splitlines() if line.startswith("| `")}
