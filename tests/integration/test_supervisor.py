"""edge.supervisor as a real process over real children, watched from outside through its stderr."""

from __future__ import annotations

import json
import os
import queue
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

PATIENCE = 20.0
SUPERVISE = """
import json, sys
from edge.process import Child, Limits
from edge.supervisor import Supervisor
children, limits = json.loads(sys.argv[1])
made = [Child(name, [sys.executable, "-u", "-c", code]) if code[:1] != "/" else Child(name, [code])
        for name, code in children.items()]
sys.exit(Supervisor(made, Limits(**limits)).run())
"""
READY = "import os, signal, sys, time; from edge import notify; notify.ready(); print('pid', os.getpid()); "
ALIVE = READY + "\nwhile True: notify.watchdog(); time.sleep(notify.watchdog_seconds() / 4)"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + ALIVE


class Running:
    """A supervisor and the lines it has written, in order."""

    def __init__(self, children: dict[str, str], limits: dict[str, float]) -> None:
        argv = [sys.executable, "-c", SUPERVISE, json.dumps([children, limits])]
        environment = {key: value for key, value in os.environ.items() if key != "JOURNAL_STREAM"}
        self.process = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True, env=environment)
        self.lines: queue.Queue[tuple[float, str]] = queue.Queue()
        self.seen: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stderr:
            stamped = re.fullmatch(r"\d\d:\d\d:\d\d (.*)\n", line)
            self.lines.put((time.monotonic(), stamped[1] if stamped else f"without a time: {line}"))

    def line(self, pattern: str) -> tuple[float, re.Match[str]]:
        """The next line that matches, and when it came."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                at, text = self.lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                pytest.fail(f"no line matched {pattern!r} in {PATIENCE} s; there were {self.seen}")
            self.seen.append(text)
            if match := re.search(pattern, text):
                return at, match

    def pid(self, name: str) -> int:
        return int(self.line(rf"^{name} \| pid (\d+)$")[1][1])

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        while not self.lines.empty():
            self.seen.append(self.lines.get()[1])
        return code


@pytest.fixture
def supervise() -> Iterator:
    started: list[Running] = []

    def start(children: dict[str, str], **limits: float) -> Running:
        started.append(Running(children, limits))
        return started[-1]

    yield start
    for running in started:
        running.process.kill()
        running.process.wait()
        running.process.stderr.close()


class Beats:
    """A pipe by name through which a child says that it got somewhere; `code` does so."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self._pipe = os.open(path, os.O_RDWR)
        self.code = f"open({str(path)!r}, 'w').write('x')"

    def wait(self, count: int) -> None:
        deadline = time.monotonic() + PATIENCE
        while count > 0:
            ready, _, _ = select.select([self._pipe], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"{count} beats missing after {PATIENCE} s"
            count -= len(os.read(self._pipe, count))

    def close(self) -> None:
        os.close(self._pipe)


@pytest.fixture
def beats(tmp_path: Path) -> Iterator[Beats]:
    pipe = Beats(tmp_path / "beats")
    yield pipe
    pipe.close()


def ends(pid: int) -> bool:
    """Whether the process is gone, or dies within the patience of these tests."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        return bool(poll.poll(PATIENCE * 1000))
    finally:
        os.close(fd)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_children_start_report_and_stop(supervise, number):
    running = supervise({"a": ALIVE, "b": "from edge import notify; notify.status('opening the camera'); " + ALIVE})
    pids = dict.fromkeys("ab", 0)
    for _ in pids:
        match = running.line(r"^(\w) \| pid (\d+)$")[1]
        pids[match[1]] = int(match[2])
    began = time.monotonic()
    assert running.stop(number) == 0
    assert time.monotonic() - began < 5
    assert all(ends(pid) for pid in pids.values())
    assert {"a: ready", "b: ready", "b: opening the camera", "a: stopped", "b: stopped"} <= set(running.seen)


def test_killed_child_is_back_fast_then_slower(supervise):
    running = supervise({"a": ALIVE}, wait_seconds=1.0)
    killed = []
    for pattern in (
        r"^a: killed by SIGKILL; starts again in 0\.2 s$",
        r"^a: killed by SIGKILL; starts again in (0\.[89]|1\.0) s$",
    ):
        os.kill(running.pid("a"), signal.SIGKILL)
        killed.append(running.line(pattern)[0])
    back = running.line(r"^a: ready$")[0]
    assert back - killed[1] >= 0.8


def test_wait_doubles_up_to_the_longest(supervise):
    running = supervise(
        {"a": "raise SystemExit(7)"}, first_wait_seconds=0.01, wait_seconds=0.1, longest_wait_seconds=0.3
    )
    waits = [float(running.line(r"^a: ended with code 7; starts again in ([\d.]+) s$")[1][1]) for _ in range(6)]
    assert waits[:2] == [0.0, 0.1]
    assert waits[2] == 0.2
    assert all(0.2 <= wait <= 0.3 for wait in waits[3:])


def test_wait_begins_anew_after_it_ran_well(supervise):
    dies = READY + "time.sleep(0.3); sys.exit(1)"
    running = supervise({"a": dies}, well_seconds=0.1)
    for _ in range(3):
        running.line(r"^a: ended with code 1; starts again in 0\.2 s$")


def test_silent_child_is_aborted_and_started_again(supervise):
    running = supervise({"a": READY + "time.sleep(3600)"}, watchdog_seconds=0.5)
    first = running.pid("a")
    running.line(r"^a: no sign of life for 0\.5 s, ended by force; starts again")
    assert ends(first)
    assert running.pid("a") != first


def test_silent_child_that_ignores_abort_is_killed(supervise):
    stuck = "import signal; signal.signal(signal.SIGABRT, signal.SIG_IGN); " + READY + "time.sleep(3600)"
    running = supervise({"a": stuck}, watchdog_seconds=0.3, abort_seconds=0.3)
    first = running.pid("a")
    running.line(r"^a: no sign of life")
    assert ends(first)


def test_child_that_pings_lives_longer_than_the_watchdog(supervise):
    running = supervise(
        {"a": ALIVE + "\n", "clock": READY + "time.sleep(3); print('3 s')"}, watchdog_seconds=1.0, well_seconds=9
    )
    pid = running.pid("a")
    running.line(r"^clock: no sign of life")
    running.line(r"^clock: no sign of life")
    assert running.stop() == 0
    assert f"a | pid {pid}" in running.seen
    assert sum(line == "a: ready" for line in running.seen) == 1


def test_child_that_is_never_ready_is_started_again(supervise):
    running = supervise({"a": "import time; time.sleep(3600)"}, ready_seconds=0.5)
    for _ in range(2):
        running.line(r"^a: not ready for 0\.5 s, ended by force")


def test_child_that_ignores_sigterm_is_killed_in_time(supervise):
    running = supervise({"a": DEAF, "b": ALIVE}, stop_seconds=1.0)
    pids = [running.pid("a")]
    began = time.monotonic()
    assert running.stop() == 0
    assert 1.0 <= time.monotonic() - began < 4
    assert ends(pids[0])
    assert "a: stopped by SIGKILL, it had not ended 1 s after SIGTERM" in running.seen


def test_second_signal_does_not_leave_a_child_behind(supervise):
    running = supervise({"a": DEAF}, stop_seconds=1.0)
    pid = running.pid("a")
    running.process.send_signal(signal.SIGINT)
    assert running.stop(signal.SIGINT) == 0
    assert ends(pid)


def test_killed_supervisor_leaves_no_orphan(supervise):
    running = supervise({"a": DEAF, "b": DEAF})
    pids = [int(running.line(r"^\w \| pid (\d+)$")[1][1]) for _ in range(2)]
    running.stop(signal.SIGKILL)
    assert all(ends(pid) for pid in pids)


def test_what_a_child_leaves_behind_ends_with_it(supervise):
    code = READY + "import subprocess; left = subprocess.Popen(['sleep', '3600']); print('left', left.pid); sys.exit(1)"
    running = supervise({"a": code})
    assert ends(int(running.line(r"^a \| left (\d+)$")[1][1]))


def test_configuration_fault_is_told_once_and_retried(supervise, beats: Beats):
    fault = f"{beats.code}; raise SystemExit(print('c.yaml:3:1: unknown key') or 2)"
    running = supervise({"a": fault, "b": "/no/such/programme"}, longest_wait_seconds=0.1)
    running.line(r"^a: ended with code 2; starts again in 0\.1 s$")
    beats.wait(4)
    assert running.stop() == 0
    assert running.seen.count("a | c.yaml:3:1: unknown key") == 1
    assert [line for line in running.seen if line.startswith("b")] == [
        "b: cannot start /no/such/programme: No such file or directory; starts again in 0.1 s"
    ]


def test_mended_fault_speaks_again(supervise, tmp_path: Path):
    mended = tmp_path / "mended"
    code = f"import os\nif not os.path.exists({str(mended)!r}): raise SystemExit(print('wrong') or 2)\n" + ALIVE
    running = supervise({"a": code}, longest_wait_seconds=0.1)
    running.line(r"^a: ended with code 2")
    mended.touch()
    running.line(r"^a: ready$")


def test_a_foreign_process_cannot_speak_for_a_child(supervise):
    speak = "from edge import notify; print('delivered', notify.ready())"
    impostor = (
        f"import subprocess, sys, time; subprocess.run([sys.executable, '-u', '-c', {speak!r}]); time.sleep(3600)"
    )
    running = supervise({"a": impostor}, ready_seconds=3.0)
    running.line(r"^a \| delivered True$")
    running.line(r"^a: not ready for 3 s")
    assert "a: ready" not in running.seen


def test_fast_status_shows_the_latest(supervise):
    code = READY + "[notify.status(f'{i} frames') for i in range(50)]; time.sleep(3600)"
    running = supervise({"a": code}, status_seconds=0.3)
    running.line(r"^a: 0 frames$")
    running.line(r"^a: 49 frames$")
    assert len([line for line in running.seen if "frames" in line]) == 2


def test_stopped_supervisor_does_not_blame_its_children(supervise):
    clock = "import time; time.sleep(4); print('4 s'); time.sleep(3600)"
    running = supervise({"a": ALIVE, "clock": clock}, watchdog_seconds=1.0)
    pid = running.pid("a")
    running.process.send_signal(signal.SIGSTOP)
    time.sleep(2)  # the event is that time passes, more than the watchdog allows
    running.process.send_signal(signal.SIGCONT)
    running.line(r"^clock \| 4 s$")
    assert running.stop() == 0
    assert ends(pid)
    assert sum(line == "a: ready" for line in running.seen) == 1
    assert not [line for line in running.seen if "no sign of life" in line]


def test_nobody_reads_the_output_and_the_work_goes_on(beats: Beats):
    code = READY + f"\nwhile True: print('x'); {beats.code}; notify.watchdog(); time.sleep(0.02)"
    read, write = os.pipe()
    os.close(read)
    process = subprocess.Popen([sys.executable, "-c", SUPERVISE, json.dumps([{"a": code}, {}])], stderr=write)
    os.close(write)
    try:
        beats.wait(20)
        process.terminate()
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()
