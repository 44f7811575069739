"""`edge demo` as a person starts it: the whole system as real processes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from edge.demo import demo as subject

ROOT = Path(__file__).resolve().parents[2]
PROCESSES = ("edge.demo.broker", "edge.demo.camera", "edge listen", "edge run", "edge publish", "edge camera vtest")


@pytest.fixture(autouse=True)
def _street() -> None:
    if not subject.CACHE.joinpath("vtest.mp4").exists():
        pytest.skip("no .cache/vtest.mp4: run scripts/setup test")


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts `edge demo` with arguments, its temporary folder in the test's; what still runs at the end is killed."""
    running: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "edge", "demo", *arguments],
            cwd=ROOT, env={**os.environ, "TMPDIR": str(tmp_path)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


def below(pid: int) -> dict[int, str]:
    """The processes that this one has started, directly or not: pid -> command line."""
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue
        children.setdefault(parent, []).append(int(status.parent.name))
    found: dict[int, str] = {}
    todo = [pid]
    while todo:
        for child in children.get(todo.pop(), []):
            todo.append(child)
            try:
                found[child] = Path(f"/proc/{child}/cmdline").read_text().replace("\0", " ")
            except OSError:
                continue
    return found


def until_counting(process: subprocess.Popen[str]) -> dict[int, str]:
    """Waits until pictures are analysed; all processes of the demonstration."""
    assert process.stdout
    for text in process.stdout:
        if text.startswith("counting"):
            break
    processes = below(process.pid)
    for name in PROCESSES:
        assert any(name in command for command in processes.values()), (name, processes)
    return processes


def assert_gone(processes: dict[int, str], *, seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while alive := [pid for pid, command in processes.items() if _runs(pid, command)]:
        assert time.monotonic() < until, [processes[pid] for pid in alive]
        time.sleep(0.05)


def _runs(pid: int, command: str) -> bool:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ") == command
    except OSError:
        return False


def test_demo_for_twenty_seconds_ends_with_counted_against_true(started: Callable[..., subprocess.Popen[str]]):
    process = started("--seconds", "20")
    processes = until_counting(process)
    said, faults = process.communicate(timeout=90)
    assert (process.returncode, faults) == (0, "")
    for line in ("x200", "x346", "x460", "x560"):
        assert re.search(rf"^{line} +sang ", said, re.MULTILINE), said
    counted, true = map(int, re.search(r"^total +(\d+) +(\d+)", said, re.MULTILINE).groups())  # type: ignore[union-attr]
    assert true >= 10
    assert 0.7 <= counted / true <= 1.3
    assert re.search(r"ca-san people now \d+ mean", said)
    assert_gone(processes, seconds=1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_demo_stopped_by_a_signal_leaves_nothing_behind(
    started: Callable[..., subprocess.Popen[str]],
    number: signal.Signals,
    tmp_path: Path,
):
    process = started()
    processes = until_counting(process)
    process.send_signal(number)
    _, faults = process.communicate(timeout=30)
    assert (process.returncode, faults) == (0, "")
    assert_gone(processes, seconds=1)
    assert list(tmp_path.glob("edge-demo-*")) == []


def test_demo_killed_takes_every_process_with_it(started: Callable[..., subprocess.Popen[str]]):
    process = started()
    processes = until_counting(process)
    process.kill()
    assert_gone(processes)


def test_demo_whose_broker_dies_says_so_in_one_line(started: Callable[..., subprocess.Popen[str]]):
    process = started()
    processes = until_counting(process)
    os.kill(next(pid for pid, command in processes.items() if "edge.demo.broker" in command), signal.SIGKILL)
    _, faults = process.communicate(timeout=30)
    assert process.returncode == 1
    assert faults.startswith("broker: ended with code -9")
    assert faults.count("\n") == 1
    assert_gone(processes, seconds=1)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--video", "nothing.mp4", "--camera", "edge/demo/vtest.yaml"), "nothing.mp4: cannot be read as a video"),
        (("--video", "README.md"), "edge demo: half of a scene"),
        (
            ("--video", "pyproject.toml", "--camera", "edge/demo/vtest.yaml"),
            "pyproject.toml: has no video in it",
        ),
    ],
)
def test_demo_with_wrong_files_says_so_in_one_line(
    started: Callable[..., subprocess.Popen[str]], arguments: tuple[str, ...], text: str
):
    process = started(*arguments)
    said, faults = process.communicate(timeout=30)
    assert (process.returncode, said) == (1, "")
    assert faults.startswith(text)
    assert faults.count("\n") == 1


def test_demo_converts_a_video_that_no_camera_can_send_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(subject, "CACHE", tmp_path / "cache")
    video = tmp_path / "grey.avi"
    with av.open(str(video), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for shade in range(10):
            picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), shade * 20, np.uint8), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    copy = subject._sendable(video)
    assert copy.parent == tmp_path / "cache"
    made = copy.stat().st_mtime_ns
    assert subject._sendable(video) == copy
    assert copy.stat().st_mtime_ns == made
    assert subject._sendable(copy) == copy
