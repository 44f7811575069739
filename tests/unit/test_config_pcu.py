"""Passenger-car units: every vehicle that is counted has a factor, or nothing is counted at all."""

from __future__ import annotations

import pytest
from config_ import CAMERA, faults

from edge.config.load import load_camera
from edge.config.rules import PCU_SETS

FULL = {"bicycle": 0.2, "motorcycle": 0.25, "car": 1.0, "bus": 2.5, "truck": 2.0}


def loaded(tmp_path, text):
    file = tmp_path / "a.yaml"
    file.write_text(text, encoding="utf-8")
    return load_camera(file)


def inline(factors):
    return f"pcu: {{{', '.join(f'{kind}: {factor}' for kind, factor in factors.items())}}}\n"


def test_factors_that_leave_out_a_vehicle_are_refused_in_one_line(tmp_path):
    """It was weighed 0 in silence."""
    (fault,) = faults(tmp_path, CAMERA + "pcu: {bicycle: 0.2, motorcycle: 0.25, car: 1}\n")
    assert fault == (
        7,
        1,
        "pcu: vehicles that are counted have no factor, expected one for each of bicycle, motorcycle, car, truck, bus,"
        " found none for truck, bus; add them, such as truck: 2, bus: 2.5 (those of TCVN 4054), or 0 for what weighs"
        " nothing",
    )


@pytest.mark.parametrize("left_out", FULL)
def test_each_vehicle_needs_its_factor(tmp_path, left_out):
    factors = {kind: factor for kind, factor in FULL.items() if kind != left_out}
    (fault,) = faults(tmp_path, CAMERA + inline(factors))
    assert f"found none for {left_out}; add them, such as {left_out}: " in fault[2]


def test_empty_factors_are_refused(tmp_path):
    (fault,) = faults(tmp_path, CAMERA + "pcu: {}\n")
    assert "found none for bicycle, motorcycle, car, truck, bus;" in fault[2]


def test_factors_of_every_vehicle_are_taken(tmp_path):
    assert loaded(tmp_path, CAMERA + inline(FULL)).factors == FULL


def test_people_need_no_factor_and_may_have_one(tmp_path):
    assert loaded(tmp_path, CAMERA + inline({**FULL, "pedestrian": 0.1})).factors["pedestrian"] == 0.1


def test_vehicle_that_shall_weigh_nothing_is_said_to(tmp_path):
    assert loaded(tmp_path, CAMERA + inline({**FULL, "bicycle": 0})).factors["bicycle"] == 0


def test_only_what_some_line_counts_needs_a_factor(tmp_path):
    """Of two lines, one counts cars, the other motorcycles and people."""
    text = f"{CAMERA}    classes: [car]\n" + (
        "  - id: l2\n    points: [[0.1, 0.7], [0.9, 0.7]]\n    classes: [motorcycle, pedestrian]\n"
    )
    assert loaded(tmp_path, text + "pcu: {car: 1, motorcycle: 0.25}\n").factors == {"car": 1, "motorcycle": 0.25}
    (fault,) = faults(tmp_path, text + "pcu: {car: 1}\n")
    assert "expected one for each of motorcycle, car, found none for motorcycle;" in fault[2]


def test_named_factors_are_as_they_were(tmp_path):
    assert loaded(tmp_path, CAMERA + "pcu: tcvn-4054-2005\n").factors == PCU_SETS["tcvn-4054-2005"]
    assert loaded(tmp_path, CAMERA).factors == {}


@pytest.mark.parametrize("factor", ["-1", "11", ".inf"])
def test_factor_that_no_vehicle_has_is_refused(tmp_path, factor):
    (fault,) = faults(tmp_path, CAMERA + inline({**FULL, "bus": factor}))
    assert fault[2].startswith("pcu.bus: expected ")
