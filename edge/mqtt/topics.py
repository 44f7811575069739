"""The topics of the contract, and the only place that spells them: {root}/1/{node}/…"""

from __future__ import annotations

import re
from dataclasses import dataclass

from edge.config.parts import ID

MAJOR = "1"
"""The major version of the contract."""
DATA_KINDS = ("flow", "zone", "turn", "queue", "alarm", "cross")
"""Kinds of numbered messages."""
CENTRE = "centre"
COMMAND = "cmd"
_ID = re.compile(ID)


@dataclass(frozen=True, slots=True)
class Topic:
    """What a device's topic says: `kind` is status, info, gap, health, alarm-now or a kind of data; `camera` and
    `rule` are empty where it has none."""

    node: str
    kind: str
    camera: str = ""
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one device."""

    root: str
    node: str
    centre: str = "+"
    """The centre that it listens to; `+` is every one."""

    @property
    def status(self) -> str:
        """Where the device says that it is there; also its Will."""
        return self._own("status")

    @property
    def info(self) -> str:
        """Where it says what is needed to read the rest."""
        return self._own("info")

    @property
    def gap(self) -> str:
        """Where it says which numbers will never come."""
        return self._own("gap")

    def camera(self, camera: str, *, kind: str) -> str:
        """Where it tells of a camera as it is now: `kind` is status or health."""
        return self._own(camera, kind)

    def alarm_now(self, camera: str, *, rule: str) -> str:
        """Where it tells of an alarm as it stands."""
        return self._own(camera, "alarm", rule, "now")

    def data(self, kind: str, *, camera: str, rule: str) -> str:
        """Where it tells what a rule has measured."""
        return self._own(camera, kind, rule)

    def command(self, verb: str) -> str:
        """Where it takes a command."""
        return self._own(COMMAND, verb)

    def stored(self, centre: str) -> str:
        """Where a centre confirms what it has stored."""
        return "/".join((self.root, MAJOR, CENTRE, centre, "stored", self.node))

    @property
    def listens(self) -> tuple[str, str]:
        """What it subscribes to: its commands and its confirmations."""
        return self.command("+"), self.stored(self.centre)

    def may_answer(self, topic: str) -> bool:
        """Whether an answer may go to a topic: the device writes below its own only."""
        return topic.startswith(self._own("")) and not set(topic) & set("+#")

    def verb_of(self, topic: str) -> str | None:
        """The command that came on a topic, or None where that is no command to this device."""
        head, _, verb = topic.rpartition("/")
        return verb if head == self._own(COMMAND) and verb else None

    def centre_of(self, topic: str) -> str | None:
        """The centre whose confirmation came on a topic, or None where that is no confirmation for this device."""
        levels = topic.split("/")
        return levels[3] if len(levels) == 6 and topic == self.stored(levels[3]) else None

    def _own(self, *levels: str) -> str:
        return "/".join((self.root, MAJOR, self.node, *levels))


def of_all_nodes(root: str) -> tuple[str, ...]:
    """What a centre subscribes to: everything that devices say."""
    ours = f"{root}/{MAJOR}/+"
    data = (f"{ours}/+/{kind}/+" for kind in DATA_KINDS)
    states = (f"{ours}/status", f"{ours}/info", f"{ours}/+/status", f"{ours}/+/alarm/+/now")
    return (*states, f"{ours}/gap", f"{ours}/+/health", *data)


def of_all_nodes_shared(root: str, *, group: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The same for several that share the work: what each subscribes to, and the retained states, which a broker
    gives to no shared subscription, and to which only one of them does."""
    states = tuple(each for each in of_all_nodes(root) if each.endswith(("/status", "/info", "/now")))
    return tuple(f"$share/{group}/{each}" for each in of_all_nodes(root) if each not in states), states


def parse(topic: str, *, root: str) -> Topic | None:
    """What a device's topic below this root says, or None where it is none."""
    first, *levels = topic.split("/")
    if (
        first != root
        or levels[:1] != [MAJOR]
        or not all(_ID.fullmatch(each) for each in levels)
        or CENTRE in levels[1:2]
    ):
        return None
    match levels[1:]:
        case [node, "status" | "info" | "gap" as kind]:
            return Topic(node, kind)
        case [node, camera, "status" | "health" as kind] if camera != COMMAND:
            return Topic(node, kind, camera)
        case [node, camera, kind, rule] if kind in DATA_KINDS:
            return Topic(node, kind, camera, rule)
        case [node, camera, "alarm", rule, "now"]:
            return Topic(node, "alarm-now", camera, rule)
    return None
