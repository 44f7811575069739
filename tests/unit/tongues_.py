"""Events as devices send them, for the tests of the other tongues."""

from __future__ import annotations

from typing import Any

from edge.centre.tongues import AlarmNow, Context
from edge.events import AlarmChange, CameraStatus, Cross, Flow, Info, QueueLength, ZoneCount

HEAD = {"seq": 7, "epoch": "1c9f03aa", "camera": "le-loi-01"}
ROAD = ["motorcycle", "bicycle", "car", "bus", "truck", "pedestrian"]
COUNT = {
    "motorcycle": [412, 388],
    "car": [61, 57],
    "bus": [4, 3],
    "truck": [9, 7],
    "bicycle": [11, 6],
    "pedestrian": [20, 31],
}
INFO = Info.model_validate(
    {
        "node": "n1",
        "software": "0.1.0",
        "config": "0123456789ab",
        "cameras": {
            "le-loi-01": {
                "name": "Cầu Trường Tiền, bờ bắc",
                "rate_hz": 5,
                "model": {"name": "nanodet-g", "sha256": "0" * 64},
                "rules": {
                    "l1": {
                        "kind": "flow",
                        "directions": ["vào trung tâm", "ra ngoại ô"],
                        "classes": ROAD,
                        "points": [[0.1, 0.5], [0.9, 0.5]],
                        "every": 300,
                    },
                    "z1": {
                        "kind": "zone",
                        "name": "Quảng trường",
                        "points": [[0.1, 0.3], [0.9, 0.3], [0.9, 0.9]],
                        "every": 60,
                        "area_m2": 420,
                    },
                    "q1": {"kind": "queue", "name": "Làn trái", "lines": ["l1"], "every": 60},
                    "t1": {"kind": "turn", "lines": ["l1"], "exits": ["l1"], "every": 300},
                },
            }
        },
    }
)
CONTEXT = Context("hue", "n1", INFO)
BARE = Context("hue", "n1")
"""A device whose info has not come."""


def flow(**fields: Any) -> Flow:
    """Five busy minutes on a line."""
    start = {"rule": "l1", "start": "2026-11-22T23:00:00Z", "seconds": 300, "coverage": 0.98}
    return Flow.model_validate(HEAD | start | {"count": COUNT, "total": [90412, 88771]} | fields)


def blind_flow() -> Flow:
    """Five minutes without video."""
    return flow(count=None, coverage=0, flags=["nostream"])


def zone(**fields: Any) -> ZoneCount:
    """A minute in a square."""
    start = {"rule": "z1", "start": "2026-11-22T23:00:00Z", "seconds": 60, "coverage": 1}
    people = {"people": {"mean": 131.4, "max": 149, "last": 137}, "density_m2": 0.313}
    return ZoneCount.model_validate(HEAD | start | people | fields)


def blind_zone() -> ZoneCount:
    """A minute without video."""
    return zone(people=None, density_m2=None, coverage=0, flags=["nostream"])


def queue(**fields: Any) -> QueueLength:
    """A minute at a stop line."""
    start = {"rule": "q1", "start": "2026-11-22T23:00:00Z", "seconds": 60, "coverage": 1}
    waiting = {"vehicles": {"mean": 17.7, "max": 42}, "metres": {"mean": 14.8, "max": 31.5}, "wait_s": 21.5}
    return QueueLength.model_validate(HEAD | start | waiting | fields)


def blind_queue() -> QueueLength:
    """A minute without video."""
    return queue(vehicles=None, metres=None, wait_s=None, coverage=0, flags=["nostream"])


def change(rule: str = "z1", **fields: Any) -> AlarmChange:
    """An alarm of a crowd that was raised."""
    about = {"rule": rule, "at": "2026-11-22T23:05:20Z", "since": "2026-11-22T23:04:50Z", "alarm": "1c9f03aa-18440"}
    told = {"kind": "crowd_density", "state": "raised", "level": 2, "value": 3.12, "limit": 3.0, "clears_below": 2.5}
    return AlarmChange.model_validate(HEAD | about | told | fields)


def stands(rule: str = "z1", **fields: Any) -> AlarmNow:
    """The same as it stands."""
    return AlarmNow("le-loi-01", rule, change(rule, **fields))


def stands_not(rule: str = "z1") -> AlarmNow:
    """There is no alarm."""
    return AlarmNow("le-loi-01", rule, None)


def cross(kind: str, direction: int) -> Cross:
    """One crossing."""
    at = {"rule": "l1", "at": "2026-11-22T23:00:01.250Z"}
    return Cross.model_validate(HEAD | at | {"class": kind, "direction": direction})


def status(state: str) -> CameraStatus:
    """The camera from 23:00 on."""
    return CameraStatus.model_validate({"camera": "le-loi-01", "state": state, "since": "2026-11-22T23:00:00Z"})
