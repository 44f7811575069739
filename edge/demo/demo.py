"""`edge demo`: a simulated camera, a broker, `edge run` and `edge listen` as real processes on this machine."""

from __future__ import annotations

import hashlib
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rich.console import Console

from edge.centre.records import Crossed
from edge.config.load import camera_id, load_camera
from edge.dataflow import Crossing, Instant
from edge.demo.comparison import compare, summary, table
from edge.demo.rtsp_clip import load
from edge.demo.stage import Scene, Stage
from edge.demo.view import View, view_for
from edge.errors import EdgeError, SourceError
from edge.evaluate import Truth, check_lines, load_truth
from edge.frames.transcode import to_h264

HERE = Path(__file__).resolve().parent
CACHE = HERE.parents[1] / ".cache"
START_SECONDS = 60.0
TAIL_SECONDS = 30.0
LOOK_SECONDS = 0.25
UNDER_WAY_SECONDS = 3.0
"""How long a crossing may take to come through; what is younger when somebody stops is not compared."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What was counted from `begin` to `end`, with the clip's first picture at `origin`, all in Unix seconds."""

    begin: float
    end: float
    origin: float
    duration: float
    crossings: Sequence[Crossed]


def demo(*, seconds: float | None = None, video: Path | None = None, camera: Path | None = None) -> int:
    """Shows the whole system at work until Ctrl-C, SIGTERM or the end of `seconds` of counting, then returns 0.

    EdgeError where the video or the camera file cannot be used, or a process fails.
    """
    if seconds is not None and seconds <= 0:
        raise EdgeError("edge demo --seconds", "no time to count", found=f"{seconds:g}", do="give some seconds, as 60")
    stop = threading.Event()
    with _signals(stop), tempfile.TemporaryDirectory(prefix="edge-demo-") as folder:
        scene, truth = _scene(video, camera)
        with Stage(Path(folder), scene) as stage, view_for(scene.camera, title="edge demo") as view:
            watched = _watch(stage, view, stop=stop, seconds=seconds)
    if truth and watched:
        _conclude(watched, scene, truth)
    return 0


@contextmanager
def _signals(stop: threading.Event) -> Iterator[None]:
    """While this lasts the signals that mean an end set `stop`, so that everything is stopped in order."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, lambda *_: stop.set()) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _scene(video: Path | None, camera: Path | None) -> tuple[Scene, Truth | None]:
    if (video is None) != (camera is None):
        where, what = "edge demo", "half of a scene"
        raise EdgeError(where, what, expected="--video FILE and --camera FILE together", do="give both or neither")
    if video is None or camera is None:
        video, camera, known = CACHE / "vtest.mp4", HERE / "vtest.yaml", HERE / "vtest.truth.json"
        if not video.exists():
            raise EdgeError(str(video), "the street video is not here", do="run scripts/setup run")
    else:
        known = video.with_suffix(".truth.json")
    scene = Scene(_sendable(video), camera, load_camera(camera), camera_id(camera))
    truth = load_truth(known) if known.exists() else None
    if truth:
        check_lines(truth, scene.camera.lines, where=str(known))
    return scene, truth


def _sendable(video: Path) -> Path:
    """The video itself where a camera can send it as it is, else a copy in H.264, made once."""
    try:
        load(video)
    except SourceError as error:
        if error.reason != "codec":
            raise
    else:
        return video
    state = video.stat()
    mark = hashlib.sha256(f"{video.resolve()} {state.st_size} {state.st_mtime_ns}".encode()).hexdigest()[:16]
    copy = CACHE / f"{mark}.mp4"
    if not copy.exists():
        sys.stderr.write(f"{video}: a camera cannot send its codec, converting it to H.264 once\n")
        CACHE.mkdir(exist_ok=True)
        to_h264(video, copy)
    return copy


def _watch(stage: Stage, view: View, *, stop: threading.Event, seconds: float | None) -> Watched | None:
    """Shows what comes until it is enough; None where nothing was counted yet."""
    begin = _until_counting(stage, view, stop)
    if begin is None:
        return None
    end = begin + seconds if seconds is not None else float("inf")
    of = f" of {seconds:g} s" if seconds is not None else " s"
    while time.time() < end and not stop.is_set():
        stage.check()
        view.show(stage.snapshot(f"counting: {max(0.0, time.time() - begin):.0f}{of}"))
        stop.wait(LOOK_SECONDS)
    if stop.is_set():
        end = time.time() - UNDER_WAY_SECONDS
    else:
        _until_told(stage, view, stop, moment=end)
    playing = stage.playing or {}
    return Watched(begin, end, playing["utc"], playing["duration"], stage.snapshot("done").crossings)


def _until_counting(stage: Stage, view: View, stop: threading.Event) -> float | None:
    """Waits for the first analysed picture; Unix seconds of it, or None where somebody stops."""
    until = time.monotonic() + START_SECONDS
    while not stop.wait(LOOK_SECONDS):
        begin = stage.counting_since
        if begin is not None:
            return begin
        stage.check()
        if time.monotonic() > until:
            what = f"no picture was analysed within {START_SECONDS:g} s"
            raise EdgeError("edge demo", what, found=stage.trouble, do="see what it says")
        view.show(stage.snapshot("starting: camera, broker, edge run, edge listen"))
    return None


def _until_told(stage: Stage, view: View, stop: threading.Event, *, moment: float) -> None:
    """Waits until everything up to this moment has come through."""
    until = time.monotonic() + TAIL_SECONDS
    while not stage.told_until(moment):
        stage.check()
        if time.monotonic() > until:
            what = f"the last messages did not come within {TAIL_SECONDS:g} s"
            raise EdgeError("edge demo", what, found=stage.trouble, do="see what it says")
        view.show(stage.snapshot("finishing: waiting for the last messages"))
        if stop.wait(LOOK_SECONDS):
            return


def _conclude(watched: Watched, scene: Scene, truth: Truth) -> None:
    """Counted against true, for the same moments on both sides."""
    crossings = [_as_crossing(each, origin=watched.origin) for each in watched.crossings]
    span = (watched.begin - watched.origin, watched.end - watched.origin)
    scores = compare(truth, crossings, watched=span, duration=watched.duration)
    console = Console(width=None if sys.stdout.isatty() else 100)
    names = {line.id: line.names for line in scene.camera.lines}
    console.print(table(scores, names=names, seconds=watched.end - watched.begin))
    console.print(summary(scores), highlight=False)


def _as_crossing(crossed: Crossed, *, origin: float) -> Crossing:
    utc = datetime.fromisoformat(crossed.at).timestamp()
    return Crossing(Instant(utc - origin, utc), crossed.line, crossed.direction, crossed.kind, track=0)
