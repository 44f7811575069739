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
        ("lines:\n", "pcu: tcvn\nlines:\n", "pcu: expected 'tcvn-4054-2005', or a factor for each class, such as {mot"),
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
