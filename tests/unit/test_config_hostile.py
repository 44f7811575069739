"""Files that mean no good, most of them found by scripts/bench/fuzz: each gets its one line, and soon."""

from __future__ import annotations

import pytest

from edge.check import check
from edge.config.document import BYTES_MOST, DEPTH_MOST, VALUES_MOST, FileError, read
from edge.config.load import FAULTS_MOST, load_camera
from edge.config.parts import Section
from edge.config.settings import Settings

CAMERA = "lines:\n  - {id: l1, points: [[0.12, 0.55], [0.93, 0.55]]}\n"
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)
)


def refused(tmp_path, text):
    file = tmp_path / "gate.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    with pytest.raises(FileError) as caught:
        load_camera(file)
    for fault in caught.value.faults:
        assert len(str(fault).splitlines()) == 1
        assert str(fault).isprintable()
        assert len(str(fault)) < 1000
    return caught.value.faults


@pytest.mark.parametrize(
    ("text", "line", "column", "says"),
    [
        pytest.param("every: !!int abc", 1, 8, "types are not named here", id="a number that is none"),
        pytest.param("every: !!float x", 1, 8, "types are not named here", id="a float that is none"),
        pytest.param("on: !!bool ''", 1, 5, "types are not named here", id="a truth that is none"),
        pytest.param("every: 2001-13-40", 1, 1, "unknown key", id="a month that the calendar lacks"),
        pytest.param("every: " + "9" * 5000, 1, 1, "unknown key", id="more digits than Python reads"),
        pytest.param("every: 0x" + "f" * 5000, 1, 1, "unknown key", id="more digits than anybody reads"),
        pytest.param("{? {a: b} : c}", 1, 4, "expected a word before the colon", id="a mapping as a key"),
        pytest.param("{? [a, b] : c}", 1, 4, "expected a word before the colon", id="a list as a key"),
        pytest.param("x: " + "[" * 1500 + "]" * 1500, 1, 4 + DEPTH_MOST, "nested too deeply", id="lists in lists"),
        pytest.param("x: " + "{a: " * 900 + "1" + "}" * 900, 1, None, "nested too deeply", id="maps in maps"),
        pytest.param(BOMB, None, None, "too many values", id="aliases of aliases"),
        pytest.param("a: &a [*a]", 1, 8, "names nothing that ended before", id="an alias in what it names"),
        pytest.param("a: *nobody", 1, 4, "*nobody names nothing", id="an alias of nothing"),
        pytest.param("{a: 1, a: 2}", 1, 8, "duplicate key", id="a key twice"),
        pytest.param('name: "\\x00"', 1, 7, "found U+0000", id="a zero byte that the centre would refuse"),
        pytest.param('name: "a\\nb"', 1, 7, "found U+000A", id="two lines in a name"),
        pytest.param('"\\e[31m": 1', 1, 1, "found U+001B", id="a colour of the terminal as a key"),
        pytest.param('name: "\\ud800"', 1, 7, "found U+D800", id="half a character"),
        pytest.param('name: "\\U00110000"', 1, 1, "not YAML", id="a character that Unicode lacks"),
        pytest.param('name: "\\Uffffffff"', 1, 1, "not YAML", id="a character beyond any number of them"),
        pytest.param("a: 1\n---\nb: 1\n", 2, 1, "a second document begins here", id="two documents"),
        pytest.param(f"x: [{'1, ' * VALUES_MOST}]", 1, None, "too many values", id="a list without end"),
        pytest.param("#" * BYTES_MOST + "\n", 1, 1, "the file is too long", id="a file without end"),
        pytest.param(b"\xff\xfe\x00", 1, 1, "not UTF-8", id="another encoding"),
        pytest.param("- " * 3000, 1, None, "nested too deeply", id="lists in one line of blocks"),
        pytest.param("x" * 900 + ": 1", 1, 1, "unknown key", id="a key without end"),
        pytest.param("<<: {a: 1}", 1, 1, "keys are not taken over", id="a merge"),
    ],
)
def test_hostile_file_is_one_line(tmp_path, text, line, column, says):
    first = refused(tmp_path, text)[0]
    assert says in first.text
    assert line in (first.line, None)
    assert column in (first.column, None)


def test_polygon_without_end_is_refused_before_its_sides_are_compared(tmp_path):
    corners = ", ".join(["[0.1, 0.2], [0.9, 0.2], [0.9, 0.8]"] * 400)
    found = refused(tmp_path, f"{CAMERA}mask: [[{corners}]]\n")
    assert any("expected at most 100 entries" in each.text for each in found)


def test_as_many_faults_are_told_as_a_person_reads(tmp_path):
    found = refused(tmp_path, CAMERA + "zones: [" + "{id: Z}, " * 900 + "]\n")
    assert len(found) == FAULTS_MOST + 1
    assert "more faults" in found[-1].text


def test_number_that_is_none_is_no_measure(tmp_path):
    for number in (".nan", ".inf", "1e400"):
        found = refused(tmp_path, f"{CAMERA}calibration: {{points: [{', '.join([f'[[0, 0], [0, {number}]]'] * 4)}]}}\n")
        assert any("calibration.points[0][1][1]" in each.text for each in found)


@pytest.mark.parametrize("wrong", ["source: {0}\n", "{0}: 1\n", "source: {{url: [{0}]}}\n", "name: [{0}]\n"])
def test_password_in_an_address_in_the_wrong_place_is_not_repeated(tmp_path, wrong):
    found = refused(tmp_path, wrong.format("'rtsp://admin:s3cr3t@10.0.0.1/x'") + CAMERA)
    assert not any("s3cr3t" in str(each) or "admin" in str(each) for each in found)


def test_alias_stands_for_what_it_names(tmp_path):
    file = tmp_path / "gate.yaml"
    first = "  - {id: l1, points: [[0, 0.1], [1, 0.1]], classes: &c [car]}"
    lines = f"{first}\n  - {{id: l2, points: [[0, 0.2], [1, 0.2]], classes: *c}}\n"
    file.write_text(f"lines:\n{lines}")
    assert [line.classes for line in load_camera(file).lines] == [("car",), ("car",)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5), ("-5", -5), ("0o17", 15), ("0x1F", 31), ("1e3", 1000.0), (".5", 0.5), ("5.", 5.0), ("true", True),
        ("False", False), ("~", None), ("", None), ("yes", "yes"), ("1_000", "1_000"), ("'5'", "5"),
        ("2001-12-14", "2001-12-14"), ("-.inf", float("-inf")), ("Lê Lợi", "Lê Lợi"),
    ],
)  # fmt: skip
def test_value_has_the_type_of_yaml_1_2(tmp_path, text, value):
    file = tmp_path / "a.yaml"
    file.write_text(f"key: {text}\n", encoding="utf-8")
    found = read(file).content["key"]
    assert (found, type(found)) == (value, type(value))


def test_every_section_refuses_numbers_that_are_none():
    assert all(each.model_config["allow_inf_nan"] is False for each in Section.__subclasses__())


def test_certificate_with_a_name_that_no_disk_takes_is_a_fault(tmp_path):
    (tmp_path / "edge.yaml").write_text(f"node: a\nbroker: {{host: b, tls: {{ca: /{'x' * 900}}}}}\n")
    faults = [each for each in check(Settings(config=tmp_path)) if each.file.name == "edge.yaml"]
    assert [(each.line, each.column) for each in faults] == [(2, 29)]
    assert "broker.tls.ca: no such file" in faults[0].text
