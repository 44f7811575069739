"""Slips that people make who write decimals with a comma or see no brackets: one line, and right when it is obeyed."""

from __future__ import annotations

import re

import pytest
from config_ import CAMERA, faults

from edge.config.document import FileError, hidden
from edge.config.load import load_camera, load_edge

LINE = CAMERA.replace("[[0.12, 0.55], [0.93, 0.55]]", "%s")
ZONE = CAMERA + "zones: [{id: z, points: %s}]\n"
ALARM = CAMERA + "zones: [{id: z, area_m2: 9, points: [[0, 0], [1, 0], [1, 1]], alarms: {crowd_%s: {%s}}}]\n"
LEVELS = ALARM % ("count", "levels: %s")
POINTS = CAMERA + "calibration: {points: %s}\n"
REST = "[[0.9, 0.8], [12, 0]], [[0.7, 0.4], [12, 31]], [[0.3, 0.4], [0, 31]]]"
PCU = CAMERA + "pcu: %s\n"
ANALYSE = CAMERA + "analyse: {%s}\n"
TURN = CAMERA + "turns: [{id: t, entries: %s, exits: [l1]}]\n"
EDGE = "node: %s\nbroker: {host: %s}\n"


@pytest.mark.parametrize(
    ("form", "written", "found", "such"),
    [
        (LINE, "[[0,8, 0,4], [0.9, 0.5]]", "[0, 8, 0, 4]", "[0.8, 0.4]"),
        (LINE, "[[0,8, 0.4], [0.9, 0.5]]", "[0, 8, 0.4]", "[0.8, 0.4]"),
        (LINE, "[[0.8, 0,4], [0.9, 0.5]]", "[0.8, 0, 4]", "[0.8, 0.4]"),
        (LINE, "[[0,8, 1], [0.9, 0.5]]", "[0, 8, 1]", "[0.8, 1]"),
        (LINE, "[[0, 0,5], [0.9, 0.5]]", "[0, 0, 5]", "[0.0, 5]|[0, 0.5]"),
        (ZONE, "[[0.1, 0.1], [0,9, 0,1], [0.9, 0.9]]", "[0, 9, 0, 1]", "[0.9, 0.1]"),
        (LEVELS, "[[1,5, 1]]", "[1, 5, 1]", "[1.5, 1]"),
        (LEVELS, "[[2, 1,5]]", "[2, 1, 5]", "[2, 1.5]"),
        (LEVELS, "[[1,5, 1,2]]", "[1, 5, 1, 2]", "[1.5, 1.2]"),
        (POINTS, f"[[[0.1, 0.8], [12,5, 0]], {REST}", "[12, 5, 0]", "[12.5, 0]"),
        (POINTS, f"[[[0.1, 0.8], [0, -12,5]], {REST}", "[0, -12, 5]", "[0, -12.5]"),
        (POINTS, f"[[[0,1, 0,8], [12, 0]], {REST}", "[0, 1, 0, 8]", "[0.1, 0.8]"),
    ],
)
def test_decimal_comma_in_a_list_is_told_as_such_and_what_is_told_is_taken(tmp_path, form, written, found, such):
    (fault,) = faults(tmp_path, form % written)
    assert f"found {found}; decimals come after a point, such as " in fault[2]
    told = re.search(r"such as (\[[^]]+\])", fault[2])[1]
    assert told in such.split("|")
    spaced = found.replace(", ", ",")
    obeyed = re.sub(re.escape(spaced), told, (form % written).replace(", ", ","), count=1)
    (tmp_path / "obeyed.yaml").write_text(obeyed.replace(",", ", "), encoding="utf-8")
    load_camera(tmp_path / "obeyed.yaml")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (LINE % "[0,8, 0,4]", "lines[0].points: points without brackets"),
        (LINE % "[(0.3, 0.3), (0.9, 0.5)]", "such as [[0.1, 0.5], [0.9, 0.5]]"),
        (LINE % "[(0.3, 0.3), [0.9, 0.5]]", "such as [[0.1, 0.5], [0.9, 0.5]]"),
        (LINE % "[0.3 0.3, 0.9 0.5]", "such as [[0.1, 0.5], [0.9, 0.5]]"),
        (LINE % "(0.3, 0.3), (0.9, 0.5)", "such as [[0.1, 0.5], [0.9, 0.5]]"),
        (LINE % "['0.3 0,4', [0.9, 0.5]]", "found '0.3 0,4'; write [0.3, 0.4]"),
        (LINE % "[[0.3 0.4], [0.9, 0.5]]", "found ['0.3 0.4']; write [0.3, 0.4]"),
        (LINE % "[[0.3; 0.4], [0.9, 0.5]]", "found ['0.3; 0.4']; write [0.3, 0.4]"),
        (LINE % "[0.3, [0.9, 0.5]]", "found 0.3; write [0.3, 0.4]"),
        (ZONE % "[(0, 0), (1, 0), (1, 1)]", "such as [[0, 0], [1, 0], [1, 0.1]]"),
        (CAMERA + "mask: [0,8, 0,4]\n", "mask: areas without brackets"),
        (LEVELS % "[120, 30]", "all, decimals after a point, such as [[120, 30]]"),
        (LEVELS % "120", "such as [[20, 10]]"),
        (LEVELS % "[[10, 20]]", "what raises it comes before what clears it: [20, 10]"),
        (LEVELS % "[[20, 10], [15, 5]]", "; put the lowest level first"),
        (POINTS % "[0.2, 0.8, 0, 0]", "calibration.points: points without brackets"),
        (POINTS % f"[{REST}", "expected at least 4 entries, found 3; add what is missing"),
        (ZONE % "[[0, 0], [1, 1]]", "expected at least 3 entries, found 2; add what is missing"),
        (LINE % "[[80%, 0.4], [0.9, 0.5]]", "found '80%'; write it as a fraction of the picture: 0.8"),
        (LINE % "[[80, 0.4], [0.9, 0.5]]", "divide pixels by its width and height, per cent by 100"),
        (LINE % "[[-0.3, 0.4], [0.9, 0.5]]", "found -0.3; keep it inside of the picture: 0 is its left or upper edge"),
        (POINTS % f"[[[0.1, 0.8], [80%, 0]], {REST}", "found '80%'; write the number alone, without a unit"),
    ],
)
def test_points_and_levels_of_another_form_are_one_fault(tmp_path, text, told):
    (fault,) = faults(tmp_path, text)
    assert told in fault[2]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (PCU % "{car: 1,0}", "found 0; decimals come after a point: car: 1.0"),
        (PCU % "{bicycle: 0,2, car: 1,05}", "found 2; decimals come after a point: bicycle: 0.2, car: 1.05"),
        (PCU % "{bicycle: 0,2, motorcycle: 0,2}", "duplicate key '2'; decimals come after a point, such as 0.5"),
        (PCU % "[0.2, 0.3, 1, 2, 2.5]", "found [0.2, 0.3, 1, 2, 2.5]; name the set, or give each class its factor"),
        (PCU % "{car: -1}", "found -1; give a factor from 0 to 10"),
        (ANALYSE % "tiles: 2x2", "found '2x2'; write columns and rows in brackets: [2, 2]"),
        (ANALYSE % "tiles: 3x2", "in brackets: [3, 2]"),
        (ANALYSE % "tiles: 2", "in brackets: [2, 2]"),
        (ANALYSE % "tiles: [5, 1]", "found 5; give columns and rows, each 1 to 4"),
        (ANALYSE % "rate: 0", "found 0; give pictures a second from 1 to 15"),
        (ANALYSE % "rate: 100", "found 100; give pictures a second from 1 to 15"),
        (ANALYSE % "rate: 2,5", "analyse.5: unknown key; decimals come after a point: rate: 2.5"),
        (TURN % "bac dong nam tay", "put it in brackets: [bac, dong, nam, tay]"),
        (CAMERA + "    names: vào thành phố, ra\n", "put it in brackets: [vào thành phố, ra]"),
        (CAMERA + "names: [vào, ra]\n", "names: unknown key; it belongs to another part of the file, see"),
        (CAMERA + "5: 1\n", "5: unknown key; take it out"),
        (TURN % "'(bac, dong)'", "put it in brackets: [bac, dong]"),
        (LINE.replace("id: l1", "id: Cấm dừng") % "[[0, 0], [1, 1]]", "found 'Cấm dừng'; write it as cam-dung"),
        (LINE.replace("id: l1", "id: Đường 1") % "[[0, 0], [1, 1]]", "write it as duong-1"),
        (LINE.replace("id: l1", "id: '???'") % "[[0, 0], [1, 1]]", "write such a name"),
        (ALARM % ("count", "levels: [[2, 1]], on_seconds: -5"), "found -5; give seconds from 0, at once, to 3600"),
        (ALARM % ("density", "levels: [[3, 2], [100, 50]]"), "density.levels[1]: no crowd is as dense"),
        (CAMERA + "    every: abc\n", "found 'abc'; choose seconds that divide 3600, such as 10, 60"),
    ],
)
def test_value_that_cannot_be_is_one_fault_with_what_to_do(tmp_path, text, told):
    (fault,) = faults(tmp_path, text)
    assert told in fault[2]


def test_densest_crowd_that_there_may_be_is_taken(tmp_path):
    (tmp_path / "a.yaml").write_text(ALARM % ("density", "levels: [[12, 6]]"), encoding="utf-8")
    assert load_camera(tmp_path / "a.yaml").zones[0].alarms.one[1].levels == ((12, 6),)
    (tmp_path / "a.yaml").write_text(ALARM % ("count", "levels: [[100, 50]]"), encoding="utf-8")
    load_camera(tmp_path / "a.yaml")


def test_long_text_is_not_repeated_in_what_to_do(tmp_path):
    for form in (TURN, PCU, ANALYSE.replace("%s", "tiles: %s"), LINE, LEVELS, POINTS):
        for long in ("x" * 9000, "1" * 9000, f"[{'1, ' * 900}1]", f"{{car: 1, {'1' * 900}: }}"):
            assert all(len(text) < 600 for _, _, text in faults(tmp_path, form % long))


@pytest.mark.parametrize("coding", ["utf-16", "cp1258"])
def test_file_in_another_coding_is_to_be_saved_in_utf_8(tmp_path, coding):
    file = tmp_path / "a.yaml"
    file.write_bytes(CAMERA.replace("Cầu Trường Tiền, bờ bắc", "Cố đô").encode(coding, "replace"))
    with pytest.raises(FileError, match="it is not UTF-8 text; save it as UTF-8"):
        load_camera(file)


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ("'mqtt.example.org:8884'", "also the port :8884; take it out and write port: 8884 under broker"),
        ("'mqtt.example.org:'", "take it out and write port: 8883 under broker"),
        ("'[::1]:1883'", "take it out and write port: 1883 under broker"),
        ("'mqtt://mqtt.example.org'", "found mqtt://; take it out; broker.tls says"),
        ("'mqtt://u:s3cr3t@mqtt.example.org:1883'", "take user and password out and name a secret under broker.cred"),
        ("'u:s3cr3t@mqtt.example.org'", "take user and password out and name a secret under broker.credentials"),
        ("mqtt.example.org/x", "found / or a space; write only the name"),
        ("'[::1]'", "an address without brackets"),
        ("'a:b:c'", "found brackets or a colon"),
        ("''", "broker.host: expected text, found ''; write it"),
    ],
)
def test_host_of_the_broker_is_a_name_or_an_address_alone(tmp_path, host, told):
    (fault,) = faults(tmp_path, EDGE % ("hue-1", host), load=load_edge)
    assert told in fault[2]
    assert "s3cr3t" not in fault[2]


@pytest.mark.parametrize("host", ["mqtt.example.org", "10.0.0.1", "'fe80::1'", "localhost"])
def test_host_that_is_one_is_taken(tmp_path, host):
    (tmp_path / "edge.yaml").write_text(EDGE % ("hue-1", host))
    assert load_edge(tmp_path / "edge.yaml").broker.host == host.strip("'")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (EDGE % ("Hue Edge 01", "a"), "found 'Hue Edge 01'; write it as hue-edge-01"),
        (EDGE % ("a", "b, credentials: 'admin:s3cr3t'"), "found something else; write only the name of the secret's"),
        (EDGE % ("a", "b, port: 0"), "found 0; write 1 or more"),
        (EDGE % ("a", "b, tls: true"), "found true; leave it out for verified TLS, or name the files under it"),
    ],
)
def test_slip_in_the_device_file_is_one_fault_with_what_to_do(tmp_path, text, told):
    (fault,) = faults(tmp_path, text, load=load_edge)
    assert told in fault[2]
    assert "s3cr3t" not in fault[2]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("found 'admin:s3cr3t@host'; do", "found '…@host'; do"),
        ("['admin:s3cr3t@a', 'b']", "['…@a', 'b']"),
        ("rtsp://admin:s3cr3t@a/x", "rtsp://…@a/x"),
        ("rtsp://admin:s3/cr3t@a", "…@a"),
        ("admin:s3@cr3t@a", "…@a"),
        ("a.b: expected x@y", "a.b: expected x@y"),
        ("no login", "no login"),
    ],
)
def test_login_is_hidden_wherever_it_stands(text, told):
    assert hidden(text) == told


def test_login_in_place_of_a_name_or_a_key_is_not_repeated(tmp_path):
    for login in ("admin:s3cr3t", "admin:s3cr3t" + "x" * 90):
        forms = [ANALYSE % "model: '%s@h'", CAMERA + "'%s@h': 1\n", CAMERA + "? '%s@h'\n: 1\n", TURN % "'%s@h'"]
        forms += [LINE.replace("id: l1", "id: '%s@h'").replace("points: %s", "points: ['%s@h', 1]")]
        for form in forms:
            form = form.replace("%s", login)
            assert not any("s3cr3t" in text for _, _, text in faults(tmp_path, form))
        twice = CAMERA + f"'{login}@h': 1\n" * 2
        assert not any("s3cr3t" in text for _, _, text in faults(tmp_path, twice))


@pytest.mark.parametrize("form", [LINE.replace("id: l1", "id: %s") % ("%s", "[[0, 0], [1, 1]]"), TURN, LINE])
def test_login_is_not_taken_apart_in_what_to_do(tmp_path, form):
    for login in ("admin:739;4@h", "1:739@h"):
        assert not any("739" in text for _, _, text in faults(tmp_path, form % f"'{login}'"))
        assert not any("739" in text for _, _, text in faults(tmp_path, form % f"['{login}', [1, 1]]"))
