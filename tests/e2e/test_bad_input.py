"""What bad input gets: one clear line, an exit code, no traceback; and the other cameras go on."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from broker import free_port, wait_until

ROOT = Path(__file__).resolve().parents[2]
CAMERA = "lines: [{id: l1, points: [[0.1, 0.5], [0.9, 0.5]]}]\n"


def edge(*arguments, **environment):
    result = subprocess.run(
        [sys.executable, "-m", "edge", *map(str, arguments)],
        capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **environment},
    )  # fmt: skip
    assert "Traceback" not in result.stderr + result.stdout
    return result


@pytest.fixture
def camera(tmp_path):
    file = tmp_path / "gate.yaml"
    file.write_text(CAMERA)
    return file


def one_line(result, *words):
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1, result.stderr
    for word in words:
        assert word in result.stderr


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"this is no video at all\n" * 50, "video"), (b"", "cannot be read as a video"), (None, "no such file")],
)
def test_file_that_is_no_video(tmp_path, camera, content, says):
    video = tmp_path / "film.mp4"
    if content is not None:
        video.write_bytes(content)
    one_line(edge("replay", video, "--camera", camera), "film.mp4", says)


def test_camera_file_that_is_wrong(tmp_path, camera):
    camera.write_text(CAMERA.replace("points", "pints"))
    one_line(edge("replay", tmp_path / "film.mp4", "--camera", camera), "gate.yaml:1:", "did you mean points?")


def test_model_that_is_not_there(vtest, tmp_path, camera):
    camera.write_text(CAMERA + "analyse: {model: road-users-9}\n")
    one_line(edge("replay", vtest, "--camera", camera), "road-users-9", "nanodet-g")


def test_model_that_does_not_match_its_card(vtest, tmp_path, camera):
    for file in (ROOT / "models").glob("nanodet-g*"):
        shutil.copy(file, tmp_path)
    shutil.copy(ROOT / "models/golden-street.jpg", tmp_path)
    weights = tmp_path / "nanodet-g.onnx"
    weights.write_bytes(weights.read_bytes() + b"x")
    camera.write_text(CAMERA + "analyse: {model: nanodet-g}\n")
    one_line(edge("replay", vtest, "--camera", camera, EDGE_MODEL_PATH=str(tmp_path)), "nanodet-g", "sha256")


def test_truth_that_is_not_there(vtest, tmp_path, camera):
    one_line(edge("evaluate", vtest, "--camera", camera, "--truth", tmp_path / "none.json"), "none.json")


@pytest.mark.parametrize("option", ["--report", "--json", "--crossings", "--events"])
@pytest.mark.parametrize("out", ["no/such/folder.out", "."])
def test_result_that_cannot_be_written_is_told_before_the_work(tmp_path, camera, option, out):
    truth = tmp_path / "a.truth.json"
    truth.write_text('{"lines": [{"id": "l1", "points": [[0.1, 0.5], [0.9, 0.5]], "events": []}]}')
    job = ["evaluate", "--truth", truth] if option in ("--report", "--json") else ["replay"]
    file = tmp_path / out
    result = edge(*job, tmp_path / "film.mp4", "--camera", camera, option, file)  # no such film: it is not come to
    one_line(result, f"{file}: cannot be written", "name a file in a folder of yours")


def test_result_may_go_where_there_is_a_file_or_none(tmp_path, camera):
    (tmp_path / "old.jsonl").write_text("old")
    for out in (tmp_path / "old.jsonl", tmp_path / "new.jsonl", Path("/dev/null")):
        one_line(edge("replay", tmp_path / "film.mp4", "--camera", camera, "--crossings", out), "film.mp4")
    assert (tmp_path / "old.jsonl").read_text() == "old"
    assert not (tmp_path / "new.jsonl").exists()


def configuration(tmp_path, cameras):
    (tmp_path / "cameras").mkdir()
    (tmp_path / "edge.yaml").write_text(f"node: t\nbroker: {{host: 127.0.0.1, port: {free_port()}, tls: false}}\n")
    for name, text in cameras.items():
        (tmp_path / f"cameras/{name}.yaml").write_text(text)
    return {**os.environ, "EDGE_CONFIG": str(tmp_path), "EDGE_STATE": str(tmp_path / "state")}


def test_camera_that_has_no_file_is_told_as_a_fault(tmp_path):
    environment = configuration(tmp_path, {})
    one_line(edge("camera", "gate", **environment), "gate.yaml", "no such camera")
    one_line(edge("camera", "No Such", **environment), "No Such", "rename the file")


def test_wrong_camera_stays_alone_and_no_broker_is_one_line(tmp_path, street, camera_process):
    good = camera_process(f"street={street}")
    user, password = "le-loi", "p@ss:wörd/%"
    environment = configuration(
        tmp_path,
        {
            "broken": "sorce: x\n",
            "refused": f"source: {{url: 'rtsp://127.0.0.1:{free_port()}/x'}}\n{CAMERA}",
            "locked": f"source: {{url: '{good.url()}', credentials: wrong}}\n{CAMERA}",
            "fine": f"source: {{url: '{good.url()}', credentials: right}}\n{CAMERA}",
        },
    )
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/right").write_text(f"{user}:{password}")
    (tmp_path / "secrets/wrong").write_text(f"{user}:geheim")
    log = tmp_path / "log"
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, "-m", "edge", "run"], env=environment, stdout=out, stderr=out)
    try:
        wanted = ["broken.yaml:1:1: sorce: unknown key", "refused", "auth", "fine: ok", "127.0.0.1"]
        wait_until(lambda: all(word in log.read_text() for word in wanted), what=log.read_text, seconds=40)
        assert process.poll() is None
    finally:
        process.terminate()
        assert process.wait(30) == 0
    text = log.read_text()
    assert "Traceback" not in text
    assert "geheim" not in text
    assert "wörd" not in text


def test_evaluate_of_a_truth_with_another_line(vtest, tmp_path, camera):
    truth = tmp_path / "t.json"
    line = {"id": "x9", "points": [[0, 0], [1, 1]], "events": []}
    truth.write_text(json.dumps({"lines": [line]}))
    one_line(edge("evaluate", vtest, "--camera", camera, "--truth", truth), "x9", "expected it in the camera file")


def test_camera_that_is_counted_already_is_not_counted_twice(tmp_path):
    environment = configuration(tmp_path, {"gate": f"source: {{url: 'rtsp://127.0.0.1:{free_port()}/x'}}\n{CAMERA}"})
    with subprocess.Popen(
        [sys.executable, "-m", "edge", "camera", "gate"], env=environment, stderr=subprocess.PIPE, text=True
    ) as first:
        try:
            assert "gate" in first.stderr.readline()
            told = edge("camera", "gate", **environment)
            one_line(told, "edge camera gate is at work here", str(first.pid), "stop that one")
        finally:
            first.terminate()
            assert first.wait(20) == 0
