"""Whether a wall clock can be believed, asked by a real process of a kernel that says what the test wants."""

from __future__ import annotations

import subprocess
import sys

import pytest
from wall_clock import REFUSED, SYNCHRONISED, UNSYNCHRONISED, VOUCHED_FOR, WallClock

from edge.clock import SERVICES, SystemClock, fault

PROGRAM = (
    "import sys, time; from pathlib import Path; from edge.clock import SystemClock;"
    "print(SystemClock(run=Path(sys.argv[1])).synchronised(), round(time.time()))"
)
IN_2020 = -200_000_000.0


@pytest.fixture(scope="module")
def wall_clock(tmp_path_factory):
    return WallClock(tmp_path_factory.mktemp("wall"))


def asked(wall_clock, run) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, run], env=wall_clock.environment, capture_output=True, text=True, check=True
    )
    return done.stdout.split()[0]


@pytest.mark.parametrize(
    ("said", "there", "ahead", "believed"),
    [
        (SYNCHRONISED, (), 0.0, "True"),
        (SYNCHRONISED, ("systemd/timesync",), 0.0, "True"),
        (VOUCHED_FOR, ("chrony",), 0.0, "True"),  # without rtcsync
        (UNSYNCHRONISED, ("systemd/timesync",), 0.0, "False"),
        (UNSYNCHRONISED, ("chrony",), 0.0, "False"),
        (UNSYNCHRONISED, ("systemd/timesync", "systemd/timesync/synchronized"), 0.0, "False"),  # the date was set since
        (UNSYNCHRONISED, (), 0.0, "None"),  # a laptop or a container, nobody to wait for
        (UNSYNCHRONISED, (), IN_2020, "False"),
        (REFUSED, (), 0.0, "None"),
        (REFUSED, ("chrony",), 0.0, "None"),  # it may be right or not
        (REFUSED, ("systemd/timesync",), 0.0, "False"),
        (REFUSED, ("systemd/timesync", "systemd/timesync/synchronized"), 0.0, "True"),
    ],
)
def test_clock_is_believed(wall_clock, tmp_path, said, there, ahead, believed):
    for name in there:
        (tmp_path / name).mkdir(parents=True)
    wall_clock.set(ahead=ahead, said=said)
    assert asked(wall_clock, tmp_path) == believed


@pytest.mark.parametrize("sign", SERVICES)
def test_every_time_service_is_waited_for(wall_clock, tmp_path, sign):
    (tmp_path / sign).mkdir(parents=True)
    wall_clock.set(said=UNSYNCHRONISED)
    assert asked(wall_clock, tmp_path) == "False"


def test_clock_of_this_machine_is_asked_without_a_fault():
    clock = SystemClock()
    assert clock.boot
    assert clock.slept() >= -0.001
    assert fault() == "" or clock.synchronised() is False


def test_fault_of_the_clock_is_one_line_that_says_what_to_do(wall_clock):
    wall_clock.set(ahead=IN_2020, said=UNSYNCHRONISED)
    program = [sys.executable, "-c", "from edge.clock import fault; print(fault())"]
    text = subprocess.run(program, env=wall_clock.environment, capture_output=True, text=True, check=True).stdout
    assert text.startswith("the clock is not synchronised; check ")
    assert text.count("\n") == 1
