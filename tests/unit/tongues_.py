"""Events as devices send them, for the tests of the other tongues."""

from __future__ import annotations

from typing import Any

from edge.centre.tongues import Context
from edge.events import CameraStatus, Cross, Flow, Info, ZoneCount

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


def cross(kind: str, direction: int) -> Cross:
    """One crossing."""
    at = {"rule": "l1", "at": "2026-11-22T23:00:01.250Z"}
    return Cross.model_validate(HEAD | at | {"class": kind, "direction": direction})


def status(state: str) -> CameraStatus:
    """The camera from 23:00 on."""
    return CameraStatus.model_validate({"camera": "le-loi-01", "state": state, "since": "2026-11-22T23:00:00Z"})
