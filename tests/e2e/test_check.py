"""`edge check` as a technician runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EDGE = "node: hue-1\nbroker: {host: mqtt.example.org}\n"
GOOD = """\
name: Cầu Trường Tiền
source: {url: "rtsp://192.168.1.21/main"}
lines:
  - id: l1
    points: [[0.1, 0.5], [0.9, 0.5]]
"""
BROKEN = {
    "a-unknown-key": (GOOD.replace("name:", "nmae:"), (1, 1), "did you mean name?"),
    "b-outside": (GOOD.replace("0.9, 0.5", "640, 0.5"), (5, 27), "divide pixels"),
    "c-password": (GOOD.replace("rtsp://", "rtsp://admin:geheim@"), (2, 15), "name a secret"),
    "d-no-yaml": (GOOD.replace("points: [[", "points: [[["), (6, 1), "not YAML"),
    "e-twice": (GOOD + "  - id: l1\n    points: [[0.1, 0.6], [0.9, 0.6]]\n", (6, 9), "two rules have one id"),
    "f-no-source": (GOOD.replace('source: {url: "rtsp://192.168.1.21/main"}\n', ""), (1, 1), "source"),
    "g-model": (GOOD + "analyse: {model: yolo99}\n", (6, 18), "yolo99"),
    "h-secret": (GOOD.replace('main"}', 'main", credentials: gate}'), (2, 56), "secrets/gate"),
    "i-rate": (GOOD + "analyse: {rate: 500}\n", (6, 17), "at most 15"),
    "j-zone": (GOOD + "zones: [{id: z, points: [[0, 0], [1, 1]]}]\n", (6, 25), "at least 3"),
}


def edge_check(folder):
    return subprocess.run(
        [sys.executable, "-m", "edge", "check", folder], capture_output=True, text=True, timeout=60, check=False
    )


def configuration(tmp_path, files):
    (tmp_path / "cameras").mkdir()
    (tmp_path / "edge.yaml").write_text(EDGE)
    for name, text in files.items():
        (tmp_path / "cameras" / f"{name}.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def test_check_names_every_fault_of_ten_files_in_one_run(tmp_path):
    folder = configuration(tmp_path, {name: text for name, (text, _, _) in BROKEN.items()} | {"fine": GOOD})
    result = edge_check(folder)
    assert result.returncode == 1
    lines = result.stdout.splitlines()
    for name, (_, (row, column), says) in BROKEN.items():
        start = f"{folder}/cameras/{name}.yaml:{row}:{column}: "
        assert any(line.startswith(start) and says in line for line in lines), f"{start}{says}\n{result.stdout}"
    assert not any("fine" in line for line in lines)
    assert "geheim" not in result.stdout + result.stderr
    assert "Traceback" not in result.stderr


def test_check_tells_all_faults_of_one_file(tmp_path):
    text = GOOD.replace("name:", "nmae:").replace("0.9, 0.5", "9, 5").replace("id: l1", "id: L")
    result = edge_check(configuration(tmp_path, {"a": text}))
    assert len(result.stdout.splitlines()) == 4


def test_check_of_sound_files_is_quiet_and_done(tmp_path):
    result = edge_check(configuration(tmp_path, {"fine": GOOD}))
    assert (result.returncode, result.stdout) == (0, "")


def test_check_of_no_folder_says_what_is_expected(tmp_path):
    result = edge_check(tmp_path / "none")
    assert result.returncode == 1
    assert "none:1:1: no such folder" in result.stdout
    assert len(result.stdout.splitlines()) == 1


def test_check_of_a_file_asks_for_its_folder(tmp_path):
    result = edge_check(configuration(tmp_path, {"fine": GOOD}) / "cameras/fine.yaml")
    assert result.returncode == 1
    assert "this is a file, no folder; give the folder that holds edge.yaml and cameras/" in result.stdout
    assert len(result.stdout.splitlines()) == 1


def test_two_views_of_one_stream_are_sound(tmp_path):
    result = edge_check(configuration(tmp_path, {"crowd": GOOD, "traffic": GOOD}))
    assert (result.returncode, result.stdout) == (0, "")


def test_usage_error_is_two():
    result = subprocess.run([sys.executable, "-m", "edge", "chek"], capture_output=True, text=True, check=False)
    assert result.returncode == 2


def test_check_tells_of_a_file_that_is_not_read_and_of_a_secret_that_others_can_read(tmp_path):
    text = GOOD.replace('main"}', 'main", credentials: gate}')
    folder = configuration(tmp_path, {"fine": text})
    (folder / "cameras/other.yml").write_text(GOOD)
    (folder / "secrets").mkdir()
    (folder / "secrets/gate").write_text("a:b")
    (folder / "secrets/gate").chmod(0o644)
    result = edge_check(folder)
    assert "other.yml:1:1: not read" in result.stdout
    assert "chmod it to 600" in result.stdout
    (folder / "secrets/gate").chmod(0o600)
    (folder / "cameras/other.yml").unlink()
    assert edge_check(folder).returncode == 0


def test_check_tells_of_every_secret_that_is_missing_together_with_all_else_that_is_wrong(tmp_path):
    """So that one walk to the files mends it."""
    text = GOOD.replace('main"}', 'main", credentials: gate}')
    wrong = text.replace("0.9, 0.5", "640, 0.5").replace("gate", "roof")
    folder = configuration(tmp_path, {"a": text, "b": wrong})
    (folder / "edge.yaml").write_text(EDGE.replace("org}", "org, credentials: centre, port: 0}"))
    told = edge_check(folder).stdout.splitlines()
    files = [folder / "secrets" / name for name in ("centre", "gate", "roof")]
    assert all(sum(f"not found, expected the file {file};" in line for line in told) == 1 for file in files), told
    assert sum("b.yaml:5:27: " in line and "divide pixels" in line for line in told) == 1
    assert sum("edge.yaml:2:" in line and "port: expected at least 1" in line for line in told) == 1
    assert len(told) == 5


def test_check_tells_of_a_secret_of_another_form_that_others_can_read_both(tmp_path):
    folder = configuration(tmp_path, {"a": GOOD.replace('main"}', 'main", credentials: gate}')})
    (folder / "secrets").mkdir()
    (folder / "secrets/gate").write_text("admin, geheim")
    (folder / "secrets/gate").chmod(0o644)
    told = edge_check(folder).stdout.splitlines()
    assert any("expected one line user:password" in line for line in told)
    assert any("chmod it to 600" in line for line in told)
    assert len(told) == 2
    assert not any("geheim" in line for line in told)


def test_check_takes_no_odd_name_of_a_secret_for_a_file(tmp_path):
    """A name that leads elsewhere, a list, keys: one fault of form, and no file is looked for."""
    odd = {"a": "../../etc/passwd", "b": "[gate]", "c": "{gate: 1}", "d": "admin:geheim"}
    cameras = {name: GOOD.replace('main"}', f'main", credentials: {each}}}') for name, each in odd.items()}
    told = edge_check(configuration(tmp_path, cameras | {"e": "source: [1]\n"})).stdout.splitlines()
    assert [sum(f"/{name}.yaml:" in line for line in told) for name in odd] == [1] * len(odd), told
    assert not any("not found" in line or "geheim" in line for line in told)


ZONED = (
    GOOD
    + """\
calibration: {points: [[[0, 0], [0, 40]], [[1, 0], [30, 40]], [[1, 1], [30, 0]], [[0, 1], [0, 0]]]}
zones: [{id: z, points: [[0, 0], [1, 0], [1, 1], [0, 1]], area_m2: %s}]
"""
)


def test_check_tells_of_an_area_that_the_calibration_contradicts(tmp_path):
    """As 1.200 for 1200: thousands have no point."""
    areas = {"right": "1200", "smaller": "401", "larger": "3599", "thousand": "1.200", "small": "399", "large": "3601"}
    told = edge_check(configuration(tmp_path, {name: ZONED % area for name, area in areas.items()})).stdout.splitlines()
    assert sorted(line.split("/")[-1].split(".yaml")[0] for line in told) == ["large", "small", "thousand"], told
    assert all("zones[0].area_m2: expected about 1200 by the calibration, found " in line for line in told)
    assert any("found 1.2; write thousands without a point" in line for line in told)


@pytest.mark.parametrize("page", ["technician.md", "technician.vi.md"])
def test_sample_of_the_technicians_pages_has_no_fault(tmp_path, page):
    sample = (ROOT / "docs" / page).read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
    lines = "".join(f"  - {{id: {name}, points: [[0.1, 0.5], [0.9, 0.5]]}}\n" for name in ("tay", "dong", "nam", "bac"))
    configuration(tmp_path, {"nga-tu": f"source: {{url: 'rtsp://192.168.1.21/main'}}\nlines:\n{lines}{sample}"})
    result = edge_check(tmp_path)
    assert (result.returncode, result.stdout) == (0, ""), result.stderr
