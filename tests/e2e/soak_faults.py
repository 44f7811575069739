"""One fault a minute, by chance that can be repeated: what befalls whom, and how it ends."""

from __future__ import annotations

import errno
import os
import random
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from soak_ import Soak

Mend = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of a name that lasts so many seconds; `of` is the camera that it befalls, where it befalls one."""

    name: str
    of: str
    seconds: float

    def __str__(self) -> str:
        return f"{f'{self.of}: ' if self.of else ''}{self.name}, {self.seconds:.0f} s"


def plan(number: int, cameras: Sequence[str], *, seed: int) -> list[Fault]:
    """So many faults, the same for the same seed: every kind once before any comes again."""
    chance = random.Random(seed)
    found: list[Fault] = []
    while len(found) < number:
        kinds = list(FAULTS)
        chance.shuffle(kinds)
        found += [
            Fault(kind, chance.choice(cameras) if FAULTS[kind][1] else "", chance.uniform(5, 40)) for kind in kinds
        ]
    return found[:number]


def begin(soak: Soak, fault: Fault) -> Mend:
    """Lets it befall; call what it returns to end it."""
    return FAULTS[fault.name][0](soak, fault.of)


def _worker_killed(soak: Soak, camera: str) -> Mend:
    return _kill(soak, camera)


def _worker_stopped(soak: Soak, camera: str) -> Mend:
    """Until its watchdog ends it."""
    pid = soak.pids().get(camera)
    if pid:
        os.kill(pid, signal.SIGSTOP)
    return _nothing


def _publisher_killed(soak: Soak, _: str) -> Mend:
    return _kill(soak, "publisher")


def _kill(soak: Soak, role: str) -> Mend:
    pid = soak.pids().get(role)
    if pid:
        os.kill(pid, signal.SIGKILL)
    return _nothing


def _all_killed(soak: Soak, _: str) -> Mend:
    soak.processes["edge run"].end(signal.SIGKILL)
    return soak.processes["edge run"].start


def _centre_killed(soak: Soak, _: str) -> Mend:
    soak.processes["centre"].end(signal.SIGKILL)
    return soak.processes["centre"].start


def _broker_killed(soak: Soak, _: str) -> Mend:
    """It saves nothing, so what it had is gone."""
    soak.broker.end(signal.SIGKILL)
    return soak.broker.start


def _camera_stopped(soak: Soak, camera: str) -> Mend:
    pid = soak.cameras[camera].process.pid
    os.kill(pid, signal.SIGSTOP)
    return lambda: os.kill(pid, signal.SIGCONT)


def _wrong_password(soak: Soak, camera: str) -> Mend:
    soak.cameras[camera].fault("refuse-login")
    soak.cameras[camera].fault(f"reset {camera}")
    return lambda: soak.cameras[camera].fault("accept-login")


def _of_stream(wrong: str, right: str) -> Callable[[Soak, str], Mend]:
    def befall(soak: Soak, camera: str) -> Mend:
        soak.cameras[camera].fault(wrong.format(camera))
        return (lambda: soak.cameras[camera].fault(right.format(camera))) if right else _nothing

    return befall


def _link(who: str, how: str) -> Callable[[Soak, str], Mend]:
    def befall(soak: Soak, _: str) -> Mend:
        link = soak.links[who]
        match how:
            case "drop":
                link.drop()
            case "up" | "down":
                link.one_way(how)
            case "refuse":
                link.refuse()
                return link.admit
        return link.pass_on

    return befall


def _broken_file(soak: Soak, camera: str) -> Mend:
    """`edge run` tells it and leaves the worker on the version before."""
    soak.file(camera).write_text(soak.text(camera).replace("lines:", "lnies:"))
    return lambda: soak.file(camera).write_text(soak.text(camera))


def _disk_full(soak: Soak, _: str) -> Mend:
    """The device's; only where it is one of its own."""
    if not soak.own_disk:
        return _nothing
    ballast = soak.state / "ballast"
    block = bytes(1 << 20)
    with ballast.open("wb", buffering=0) as file:
        while True:
            try:
                file.write(block)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                break
    return ballast.unlink


def _nothing() -> None:
    """It ends by itself, or with what the project does."""


FAULTS: dict[str, tuple[Callable[[Soak, str], Mend], bool]] = {
    "worker killed": (_worker_killed, True),
    "worker stopped until its watchdog ends it": (_worker_stopped, True),
    "publisher killed": (_publisher_killed, False),
    "edge run killed with all its children": (_all_killed, False),
    "centre killed": (_centre_killed, False),
    "broker killed": (_broker_killed, False),
    "camera stopped": (_camera_stopped, True),
    "camera resets the connection": (_of_stream("reset {0}", ""), True),
    "camera hangs in mid-stream": (_of_stream("stall {0}", "resume {0}"), True),
    "camera sends damaged pictures": (_of_stream("corrupt {0} 0.3", "corrupt {0} 0"), True),
    "camera loses packets": (_of_stream("loss {0} 0.05", "loss {0} 0"), True),
    "camera's clock jumps": (_of_stream("clock {0} jumping", "clock {0} right"), True),
    "camera refuses the password": (_wrong_password, True),
    "camera's file is broken": (_broken_file, True),
    "link of the publisher drops": (_link("publisher", "drop"), False),
    "link of the publisher dead upwards": (_link("publisher", "up"), False),
    "link of the publisher refused": (_link("publisher", "refuse"), False),
    "link of the centre drops": (_link("centre", "drop"), False),
    "link of the centre dead downwards": (_link("centre", "down"), False),
    "disk full": (_disk_full, False),
}
"""By name: how it begins, and whether it befalls one camera."""
