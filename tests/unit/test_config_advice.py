"""What a fault of a configuration says to do: the line to mend, one line for one slip, nothing that makes it worse."""

from __future__ import annotations

import os

import pytest
from config_ import CAMERA, faults

from edge.config.settings import Settings
from edge.errors import EdgeError

NOBODY = 65534


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("lines:\n", "pcu: tcvn\nlines:\n", "pcu: expected 'tcvn-4054-2005', or a factor for each class, such as {bic"),
        ("lines:\n", "pcu: {car: 30}\nlines:\n", "pcu.car: expected at most 10, found 30"),
        ("    p", "    names: [one]\n    p", "lines[0].names: expected 2 names, found 1; add what is missing"),
        ("    p", "    names: []\n    p", "lines[0].names: expected 2 names, found 0; add what is missing"),
        (
            "    p",
            "    forbidden: 0\n    alarms: {wrong_way: yes}\n    p",
            "wrong_way: expected 'default', or keys with",
        ),
        (
            "    p",
            "    forbidden: 0\n    alarms: {wrong_way: {levels: [[2, 3]]}}\n    p",
            "lines[0].alarms.wrong_way.levels: the levels are not in order",
        ),
        (
            "lines:\n",
            "zones: [{id: z, points: [[0, 0], [1, 0], [1, 1]], alarms: {crowd_count: default}}]\nlines:\n",
            "found 'default'; what is many depends on the place: give limits, such as {levels: [[20, 10]]}",
        ),
        (
            "lines:\n",
            "zones: [{id: z, points: [[0, 0], [1, 0], [1, 1]], "
            "alarms: {congestion: default, stopped_vehicle: default}}]\nlines:\n",
            "found congestion and stopped_vehicle; draw the same place once more, with an id of its own, for the other",
        ),
    ],
)
def test_value_of_several_forms_is_one_fault(tmp_path, old, new, told):
    (fault,) = faults(tmp_path, CAMERA.replace(old, new, 1))
    assert told in fault[2]


ZONE = "zones: [{id: z, points: [[0, 0], [1, 0], [1, 1]], %s}]\n"
SPREAD = "[[0.9, 0.8], [12, 0]], [[0.7, 0.4], [12, 31]], [[0.3, 0.4], [0, 31]]"


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (ZONE % "area_m2: 0", "area_m2: expected more than 0, found 0; give the square metres of ground"),
        (ZONE % "area_m2: abc", "area_m2: expected a number, found 'abc'; give the square metres of ground"),
        (ZONE % "area_m2: .inf", "area_m2: expected a finite number, found inf; give the square metres of ground"),
        (ZONE % "area_m2: 420 m2", "expected a number, found '420 m2'; write the number alone, without a unit"),
        (ZONE % "area_m2: '420,5'", "expected a number, found '420,5'; decimals come after a point: 420.5"),
        (ZONE % "area_m2: 420,5", "zones[0].5: unknown key; decimals come after a point"),
        (
            ZONE % "every: 7",
            "expected at least 10, found 7; choose seconds that divide 3600, such as 10, 60, 300 or 900",
        ),
        (ZONE % "alarms: crowd_density", "name the alarm with its limits, such as {crowd_density: default}"),
        (ZONE % "alarms: {crowd_count: 20}", "found 20; what is many depends on the place: give limits, such as {lev"),
        ("calibration: 5\n", "calibration: expected keys with values, found 5; put the points under its key points"),
        (f"calibration: [{SPREAD}]\n", "put the points under its key points"),
        (
            f"calibration: {{points: [[0.1, 0.8], {SPREAD}]}}\n",
            "calibration.points[0]: this is no point with its place, expected [x, y] in fractions of the picture and"
            " [metres, metres] on the ground, found [0.1, 0.8]; write both in brackets, such as [[0.2, 0.8], [12.5, 0",
        ),
        (f"calibration: {{points: [[0.1, 0.8, 0, 0], {SPREAD}]}}\n", "found [0.1, 0.8, 0, 0]; write both in brackets"),
        (f"calibration: {{points: [[[0.1, 0.8], [0]], {SPREAD}]}}\n", "found [[0.1, 0.8], [0]]; write both in brack"),
        (
            "mask: [[0, 0]]\n",
            "mask[0]: points without brackets, expected points, each in square brackets, found [0, 0]; put sq",
        ),
        ("pcu: {lorry: 2}\n", "found 'lorry'; choose one of these"),
        ("analyse: {model: road users}\n", "found 'road users'; name one that edge models lists"),
        ("turns: [{id: t, entries: l1, exits: [l1]}]\n", "expected a list, found 'l1'; put it in brackets: [l1]"),
    ],
)
def test_slip_in_what_is_measured_is_one_fault_with_what_to_do(tmp_path, more, told):
    (fault,) = faults(tmp_path, CAMERA + more)
    assert told in fault[2]


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("classes: [cars]", "found 'cars'; did you mean car?"),
        ("classes: [Motorcycle]", "found 'Motorcycle'; did you mean motorcycle?"),
        ("classes: [lorry]", "found 'lorry'; choose one of these"),
        ("classes: car", "expected a list, found 'car'; put it in brackets: [car]"),
        ("classes: []", "found 0; add what is missing"),
        ("classes: {car: 1}", "found {'car': 1}; write a list in brackets"),
        ("names: [vào, ra, về]", "found ['vào', 'ra', 'về']; take out what is too much"),
        ("forbidden: true", "expected 0 or 1, found true; write 0 for the first of names, 1 for the second"),
        ("forbidden: '1'", "expected 0 or 1, found '1'; write it without quotes"),
    ],
)
def test_slip_in_a_line_is_one_fault_with_what_to_do(tmp_path, key, told):
    (fault,) = faults(tmp_path, f"{CAMERA}    {key}\n")
    assert told in fault[2]


@pytest.mark.parametrize("key", ["calibration: {points: [%s]}\n", "mask: [[1, %s]]\n", "analyse: {model: %s}\n"])
def test_password_that_is_shown_with_a_slip_is_not_repeated(tmp_path, key):
    """Not even where what is shown is cut between it and the address."""
    for login in ("admin:s3cr3t", "admin:s3cr3t" + "x" * 50):
        text = CAMERA + key % f"'rtsp://{login}@10.0.0.1/x'"
        assert not any("s3cr3t" in told for _, _, told in faults(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "line", "column", "closes"),
    [
        ('name: "Cầu\nmask:\n\nsource: {url: "rtsp://10.0.0.5"}\n', 1, 7, "closes only in line 4"),
        ('name: a\nsource: {url: "rtsp://10.0.0.5}\nx: "a", b: "c"\n', 2, 15, "closes only in line 3"),
        ("x: 'a'\nname: 'Cầu\n# it's\n", 2, 7, "closes only in line 3"),
        ('x: "a"\nname: "Cầu\nlines:\n', 2, 7, "never closes"),
    ],
)
def test_quote_that_is_not_closed_is_told_where_it_opens(tmp_path, text, line, column, closes):
    (fault,) = faults(tmp_path, text)
    assert fault[:2] == (line, column)
    assert f"the quote that opens here {closes}; look for a missing quote from line {line} on" in fault[2]


def test_text_in_quotes_over_lines_is_not_blamed_for_what_comes_after(tmp_path):
    (fault,) = faults(tmp_path, 'name: "Cầu\n  Trường"\n  x: [\n')
    assert fault[0] == 3
    assert "quote" not in fault[2]


def test_secret_of_another_user_is_not_to_be_opened_to_all(tmp_path):
    secret = tmp_path / "secrets" / "gate"
    secret.parent.mkdir()
    secret.write_text("a:b")
    secret.chmod(0 if os.geteuid() else 0o600)
    was = os.geteuid()
    try:
        os.seteuid(was or NOBODY)
        with pytest.raises(EdgeError, match="run this with sudo or as root; let it stay chmod 600"):
            Settings(config=tmp_path).credentials("gate")
    finally:
        os.seteuid(was)


def test_secret_in_a_folder_of_another_user_is_open_to_nobody(tmp_path):
    secret = tmp_path / "secrets" / "gate"
    secret.parent.mkdir()
    secret.write_text("a:b")
    secret.chmod(0o644)
    was = os.geteuid()
    assert Settings(config=tmp_path).exposed_secret("gate") == secret
    secret.parent.chmod(0 if was else 0o700)
    try:
        os.seteuid(was or NOBODY)
        assert Settings(config=tmp_path).exposed_secret("gate") is None
    finally:
        os.seteuid(was)
        secret.parent.chmod(0o700)
