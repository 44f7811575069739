"""Configuration files: what is accepted, and every fault with its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from config_ import CAMERA, faults

from edge.config.document import FileError
from edge.config.load import camera_id, load_camera, load_edge
from edge.config.reference import reference
from edge.config.settings import Settings
from edge.errors import EdgeError
from edge.measurements.measures import ground_of

ROOT = Path(__file__).resolve().parents[2]


def test_camera_file_with_defaults(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text(CAMERA, encoding="utf-8")
    camera = load_camera(file)
    assert camera.name == "Cầu Trường Tiền, bờ bắc"
    assert (camera.lines[0].every, camera.analyse.rate, camera.source.transport) == (300, 5, "tcp")


@pytest.mark.parametrize(
    ("old", "new", "line", "column", "says"),
    [
        ("source:\n", "sorce:\n", 2, 1, "did you mean source?"),
        ("0.93, 0.55", "1196, 0.55", 6, 29, "divide pixels by its width and height"),
        ("rtsp://192", "rtsp://admin:secret@192", 3, 8, "take it out and name a secret"),
        ("rtsp://", "http://", 3, 8, "expected rtsp://ADDRESS:PORT/PATH"),
        ("id: l1", "id: Line 1", 5, 9, "expected a-z, 0-9 and -"),
        ("[[0.12, 0.55], [0.93, 0.55]]", "[[0.12, 0.55]]", 6, 13, "expected"),
        ("[[0.12, 0.55], [0.93, 0.55]]", "[[0.12, 0.55], [0.12, 0.55]]", 6, 13, "too short"),
        ("    points: [[0.12, 0.55], [0.93, 0.55]]\n", "", 5, 5, "expected this key, found nothing; add it"),
        ("  - id: l1\n", "  - id: l1\n    every: 7\n", 6, 12, "expected at least 10, found 7"),
        ("  - id: l1\n", "  - id: l1\n    every: 70\n", 6, 12, "divide 3600"),
        ("  - id: l1\n", "  - id: l1\n    classes: [motorbike]\n", 6, 15, "'motorcycle'"),
        ("source:\n", "analyse: {rate: many}\nsource:\n", 2, 17, "expected a number, found 'many'"),
        ("lines:\n", "turns: [{id: t1, entries: [l1], exits: [l9]}]\nlines:\n", 4, 41, "expected one of l1, found l9"),
        (
            "lines:\n",
            "queues: [{id: q1, stop_line: l2, lane: [[0, 0], [1, 0], [1, 1]]}]\nlines:\n",
            4,
            30,
            "no such line",
        ),
        ("lines:\n", "turns: [{id: l1, entries: [l1], exits: [l1]}]\nlines:\n", 4, 14, "two rules have one id"),
        ("  - id: l1\n", "  - id: l1\n    alarms: {wrong_way: default}\n", 5, 5, "expected forbidden: 0 or 1"),
        (
            "  - id: l1\n",
            "  - id: l1\n    alarms: {crowd_count: {levels: [[5, 4]]}}\n",
            6,
            14,
            "cannot have this alarm",
        ),
        ("lines:\n", "calibration: {points: [[[0, 0], [0, 0]]]}\nlines:\n", 4, 23, "expected at least 4 entries"),
        ("0.93, 0.55", "-0.1, 0.55", 6, 29, "expected 0 to 1 (fractions of the picture), found -0.1"),
        (
            "lines:\n",
            "queues: [{id: q1, stop_line: l1, lane: [[0, 0], [640, 0], [1, 1]]}]\nlines:\n",
            4,
            50,
            "divide pixels",
        ),
        ("name: C", "name: [C\nx: C", 2, 2, "not YAML"),
        ("name:", "name: a\nname:", 2, 1, "not YAML: found duplicate key"),
        ("Cầu T", "Cầu: T", 1, 10, "put quotes round the text if the colon belongs to it"),
    ],
)
def test_fault_is_told_with_its_place(tmp_path, old, new, line, column, says):
    assert old in CAMERA
    found = faults(tmp_path, CAMERA.replace(old, new, 1))
    assert any(at[0] == line and at[1] == column and says in at[2] for at in found), found


def test_password_in_an_address_is_not_repeated(tmp_path):
    (fault,) = faults(tmp_path, CAMERA.replace("rtsp://192", "rtsp://admin:s3cr3t@192"))
    assert "s3cr3t" not in fault[2]
    assert "admin" not in fault[2]


def test_all_faults_of_a_file_are_told_in_one_run(tmp_path):
    text = CAMERA.replace("source:", "sorce:").replace("id: l1", "id: L 1").replace("0.93", "9.3")
    assert [f[0] for f in faults(tmp_path, text)] == [2, 5, 6]


def test_polygon_that_crosses_itself_is_a_fault(tmp_path):
    text = CAMERA + "zones:\n  - {id: z1, points: [[0, 0], [1, 1], [1, 0], [0, 1]]}\n"
    (fault,) = faults(tmp_path, text)
    assert fault[:2] == (8, 22)
    assert "cross each other" in fault[2]


def test_two_rules_with_one_id_are_a_fault(tmp_path):
    text = CAMERA + "zones:\n  - {id: l1, points: [[0, 0], [1, 0], [1, 1]]}\n"
    assert any("two rules have one id" in f[2] for f in faults(tmp_path, text))


def test_camera_that_counts_nothing_is_a_fault(tmp_path):
    assert "nothing is counted" in faults(tmp_path, CAMERA.split("lines:", maxsplit=1)[0])[0][2]


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"", b"- a\n", b"just text"])
def test_file_that_is_no_mapping_is_one_fault(tmp_path, content):
    file = tmp_path / "a.yaml"
    file.write_bytes(content)
    with pytest.raises(FileError, match=r"a\.yaml:1:1"):
        load_camera(file)


def test_missing_file_is_one_line(tmp_path):
    with pytest.raises(FileError, match="cannot be read, No such file"):
        load_camera(tmp_path / "none.yaml")


def test_camera_id_is_the_file_name():
    assert camera_id(Path("cameras/le-loi-01.yaml")) == "le-loi-01"
    for name in ("Lê Lợi", "cmd", "a" * 33):
        with pytest.raises(FileError, match="rename the file"):
            camera_id(Path(f"cameras/{name}.yaml"))


def test_edge_file_tls_is_on_by_default_and_half_an_identity_is_a_fault(tmp_path):
    file = tmp_path / "edge.yaml"
    file.write_text("node: a\nbroker: {host: b}\n")
    assert load_edge(file).broker.tls
    found = faults(tmp_path, "node: a\nbroker: {host: b, tls: {key: k.pem}}\n", load=load_edge)
    assert "half of an identity" in found[0][2]


def test_sample_files_are_accepted():
    load_edge(ROOT / "configs/edge.yaml")
    for file in (ROOT / "configs/cameras").glob("*.yaml"):
        load_camera(file)
        camera_id(file)


def test_reference_is_fresh():
    text = (ROOT / "configs/reference.yaml").read_text(encoding="utf-8")
    assert text == reference(), "run: python -m edge.config.reference > configs/reference.yaml"


def test_secret_is_a_file_with_user_and_password(tmp_path, monkeypatch):
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    settings = Settings(config=tmp_path)
    with pytest.raises(EdgeError, match="not found, expected the file"):
        settings.credentials("gate")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/gate").write_text("admin:a:b\n")
    assert settings.credentials("gate") == ("admin", "a:b")
    (tmp_path / "secrets/gate").write_text("hush-hush\n")
    with pytest.raises(EdgeError) as caught:
        settings.credentials("gate")
    assert "hush" not in str(caught.value)


def test_secret_that_was_written_with_notepad(tmp_path):
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "gate").write_bytes("admin:bí mật\r\n".encode("utf-8-sig"))
    assert Settings(config=tmp_path).credentials("gate") == ("admin", "bí mật")


WRITTEN = """\
# Ngã tư, hướng bắc
name: 'Lê Lợi – Nguyễn Huệ'   # tên
installed: 2026-05-01
source: {url: "rtsp://10.0.0.5:554/h264?ch=1&sub=0#x"}
lines:
  - id: north
    points: &across [[.1, 5e-1], [0.9, 0.5]]
    every: "300"
    crossings: yes
  - id: south
    points: *across
"""


@pytest.mark.parametrize("ends", ["\n", "\r\n", "   \n"])
@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("around", ["{}", "---\n{}...\n"])
def test_camera_file_as_people_write_it(tmp_path, ends, coding, around):
    file = tmp_path / "cam.yaml"
    file.write_bytes(around.format(WRITTEN).replace("\n", ends).encode(coding))
    camera = load_camera(file)
    assert (camera.name, camera.installed) == ("Lê Lợi – Nguyễn Huệ", "2026-05-01")
    assert camera.source.url.endswith("#x")
    assert camera.lines[0].points == camera.lines[1].points == ((0.1, 0.5), (0.9, 0.5))
    assert (camera.lines[0].every, camera.lines[0].crossings) == (300, True)


@pytest.mark.parametrize("tabbed", ["source:\n\turl: x\n", "name: x\t# y\n", "lines:\t\n"])
def test_tab_in_a_file_is_called_so(tmp_path, tabbed):
    (tmp_path / "cam.yaml").write_text(tabbed)
    with pytest.raises(EdgeError, match="; write spaces for the tab"):
        load_camera(tmp_path / "cam.yaml")


@pytest.mark.parametrize(
    ("instead", "told"),
    [
        (("id: north", "id: 1"), r"lines\[0\]\.id: expected text, found 1; put it in quotes"),
        (
            ("installed: 2026-05-01", "installed: 20260501"),
            "installed: expected text, found 20260501; put it in quotes",
        ),
        (
            ("id: south", "<<: {id: south}"),
            r"lines\[1\]\.<<: keys are not taken over from elsewhere; write them out here",
        ),
        (("lines:", "zones:\nlines:"), "zones: expected a list, found nothing; put entries under it, or take it out$"),
    ],
)
def test_slip_of_yaml_is_told_with_what_to_do(tmp_path, instead, told):
    (tmp_path / "cam.yaml").write_text(WRITTEN.replace(*instead), encoding="utf-8")
    with pytest.raises(EdgeError, match=told):
        load_camera(tmp_path / "cam.yaml")


def test_secret_of_systemd_comes_first(tmp_path, monkeypatch):
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/gate").write_text("a:b")
    (tmp_path / "given").mkdir()
    (tmp_path / "given/gate").write_text("c:d")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "given"))
    assert Settings(config=tmp_path).credentials("gate") == ("c", "d")


def test_model_path_ends_with_the_projects_own_models(monkeypatch):
    monkeypatch.setenv("EDGE_MODEL_PATH", "/a:/b")
    assert Settings().models == (Path("/a"), Path("/b"), ROOT / "models")


def test_node_cannot_be_called_centre(tmp_path):
    (fault,) = faults(tmp_path, "node: centre\nbroker: {host: b}\n", load=load_edge)
    assert fault[:2] == (1, 7)


@pytest.mark.parametrize("page", ["technician.md", "technician.vi.md"])
def test_samples_of_the_technicians_pages_are_configurations(tmp_path, page):
    sample = (ROOT / "docs" / page).read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
    lines = "".join(f"  - {{id: {name}, points: [[0.1, 0.5], [0.9, 0.5]]}}\n" for name in ("tay", "dong", "nam", "bac"))
    file = tmp_path / "a.yaml"
    file.write_text(f"lines:\n{lines}{sample}", encoding="utf-8")
    camera = load_camera(file)
    assert camera.turns and camera.queues and camera.factors
    assert ground_of(camera) is not None
