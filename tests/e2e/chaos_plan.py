"""Faults by chance that can be repeated: who is killed or cut in which round, and for how long."""

from __future__ import annotations

import random
from dataclasses import dataclass

EVERY = 10
"""Seconds of an interval of the rules that are watched meanwhile."""
PROCESSES = ("camera", "publisher", "centre", "broker")
LINKS = ("link of the publisher", "link of the centre")
ALL = "all processes"
WEIGHTS = {**dict.fromkeys(PROCESSES, 3), **dict.fromkeys(LINKS, 2), ALL: 1}
"""How often each is struck, beside the others."""
AT_ONCE = "killed at once"
"""Even while it starts; otherwise it must be at work before."""
CUTS = (
    "drop",
    "up dead",
    "down dead",
    "drop, forgotten",
    "up dead, forgotten",
    "down dead, forgotten",
    "reset",
    "refuse",
)
"""What was held up comes late, or, where the connections are forgotten, never: then answers are missing and what they
would have answered is sent twice."""


@dataclass(frozen=True, slots=True)
class Round:
    """One fault: what happens to whom, how long until that is mended, and how long until the next round. With
    `after_end` it waits until so many seconds after the end of an interval."""

    number: int
    target: str
    fault: str
    lasting: float
    pause: float
    after_end: float | None = None

    def __str__(self) -> str:
        when = "" if self.after_end is None else f" {self.after_end:.2f} s after the end of an interval"
        text = f"round {self.number}: {self.target} {self.fault}{when} for {self.lasting:.1f} s"
        return f"{text}, next in {self.pause:.1f} s"


def plan(rounds: int, *, seed: int) -> list[Round]:
    """So many rounds, the same for the same seed. What is still broken is not broken again."""
    chance = random.Random(seed)
    found: list[Round] = []
    clock, mended = 0.0, dict.fromkeys((*PROCESSES, *LINKS), 0.0)
    while len(found) < rounds:
        whole = [each for each, at in mended.items() if at <= clock]
        possible = [*whole, *[ALL] * (not set(PROCESSES) - {*whole})]
        target = chance.choices(possible, weights=[WEIGHTS[each] for each in possible])[0]
        fault, lasting = _fault(chance, target)
        mended.update(dict.fromkeys(PROCESSES if target == ALL else (target,), clock + lasting))
        pause = max(chance.uniform(0.5, 3), min(mended.values()) - clock)
        found.append(Round(len(found) + 1, target, fault, lasting, pause, _moment(chance, target)))
        clock += pause
    return found


def _fault(chance: random.Random, target: str) -> tuple[str, float]:
    seldom = chance.random() < 0.1
    if target in LINKS:
        fault = chance.choice(CUTS)
        long_enough_to_be_noticed = chance.random() < 0.3
        seconds = chance.uniform(8, 14) if long_enough_to_be_noticed else chance.uniform(0.3, 4)
        return fault, 0.0 if fault == "reset" else seconds
    if target == "broker" and chance.random() < 0.25:
        return "saves", 0.0  # what it has when it is killed later is then old instead of nothing
    if target == "broker":
        fault = "killed" if chance.random() < 0.7 else "killed behind an open port"
    else:
        fault = "killed" if chance.random() < 0.8 else AT_ONCE
    whole_interval = EVERY + chance.uniform(1, 4)
    return fault, whole_interval if seldom else chance.uniform(0, 1.5)


def _moment(chance: random.Random, target: str) -> float | None:
    """Every fourth time when intervals become messages, or when those are flushed and sent."""
    at_work = {"camera": (2.0, 2.4), "publisher": (2.5, 3.2), "centre": (2.8, 4.0)}.get(target)
    return chance.uniform(*at_work) if at_work and chance.random() < 0.25 else None
