"""The scenes that are measured: each made from a seed, no two alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from edge.config.rules import Line
from scenes.camera import PinHole
from scenes.roads import Metres, Signal, Way, bend
from scenes.scene import Scene
from scenes.traffic import Flow, Order

MIX = {"motorcycle": 0.9, "car": 0.06, "bus": 0.01, "truck": 0.02, "bicycle": 0.01}
"""Nine of ten are motorbikes."""
FAR = 95.0
"""Metres of road that are driven."""
Random = np.random.Generator


def line(camera: PinHole, name: str, first: Metres, last: Metres) -> Line:
    """A line of the picture over two points of the ground, cut where the picture ends."""
    way = np.linspace(first, last, 201)
    seen = camera.to_picture(way)
    inside = ((seen > 0.005) & (seen < 0.995)).all(axis=1)
    points = seen[inside][[0, -1]].round(4).tolist()
    return Line.model_validate({"id": name, "points": points})


def mixed(way: int, per_hour: float, **when: float) -> tuple[Flow, ...]:
    """The traffic of a Vietnamese street on one way."""
    return tuple(Flow(way, kind, per_hour * share, **when) for kind, share in MIX.items())


def watching(random: Random) -> PinHole:
    """A camera on a pole, as technicians set them."""
    return PinHole(
        height=random.uniform(6, 9),
        tilt=random.uniform(20, 30),
        heading=random.uniform(-25, 25),
        focal=random.uniform(0.95, 1.25),
    )


def street(camera: PinHole, random: Random, *, distance: float) -> tuple[tuple[Way, ...], Line]:
    """A street of two ways that passes the camera, and a line over it at that distance."""
    slant = np.radians(camera.heading + random.uniform(-20, 20))
    ahead = np.array([np.sin(slant), np.cos(slant)])
    right = np.array([ahead[1], -ahead[0]])
    seen = np.radians(camera.heading)
    middle = distance * np.array([np.sin(seen), np.cos(seen)])

    def at(along: float, across: float) -> Metres:
        x, y = middle + along * ahead + across * right
        return float(x), float(y)

    ways = (
        Way("near", "far", (at(-30, 3.6), at(FAR - 30, 3.6)), width=6.6),
        Way("far", "near", (at(FAR - 30, -3.6), at(-30, -3.6)), width=6.6),
    )
    return ways, line(camera, "l1", at(0, -8.5), at(0, 8.5))


def free_flow(seed: int) -> Scene:
    """A street with room."""
    return _street("free flow", seed, per_hour=(500, 1200), seconds=120)


def dense(seed: int) -> Scene:
    """A street at its busiest that still flows."""
    return _street("dense", seed, per_hour=(2200, 3600), seconds=90)


def _street(name: str, seed: int, *, per_hour: tuple[float, float], seconds: float) -> Scene:
    random = np.random.default_rng([seed, 7])
    camera = watching(random)
    ways, across = street(camera, random, distance=random.uniform(12, 16))
    flows = (*mixed(0, random.uniform(*per_hour)), *mixed(1, random.uniform(*per_hour)))
    return Scene(name, ways, camera, seconds, seed, flows=flows, lines=(across,))


def approach(random: Random, *, stop: float) -> tuple[Way, Way]:
    """A way towards the camera that ends at a stop line so many metres before it, and the one beside it back."""
    side = random.uniform(-1.5, 1.5)
    come = Way("n", "s", ((side - 4, stop + 70), (side - 4, stop - 12)), width=7.0, stop=70.0, group=0)
    go = Way("s", "n", ((side + 4, stop - 12), (side + 4, stop + 70)), width=7.0)
    return come, go


def signal(seed: int) -> Scene:
    """Motorbikes gather at a red light and set off together, over a line just behind their stop line."""
    random = np.random.default_rng([seed, 8])
    camera = PinHole(height=random.uniform(6, 9), tilt=random.uniform(22, 30), focal=random.uniform(0.95, 1.2))
    stop = random.uniform(12, 15)
    come, go = approach(random, stop=stop)
    lights = Signal((random.uniform(18, 30), random.uniform(20, 30)), offset=random.uniform(0, 60))
    flows = (*mixed(0, random.uniform(1200, 2400)), *mixed(1, random.uniform(400, 1000)))
    before = stop + random.choice([-2.0, 1.5, 5.0])
    across = line(camera, "l1", (come.points[0][0] - 3.8, before), (go.points[0][0] + 4.2, before))
    return Scene("signal", (come, go), camera, 150, seed, flows=flows, signal=lights, lines=(across,))


def standing(seed: int) -> Scene:
    """A queue that stands on a line for ten minutes: the light ahead never turns green again."""
    random = np.random.default_rng([seed, 9])
    camera = PinHole(height=random.uniform(6, 9), tilt=random.uniform(22, 30), focal=random.uniform(0.95, 1.2))
    stop = random.uniform(9, 11)
    come, _ = approach(random, stop=stop)
    across = line(camera, "l1", (come.points[0][0] - 3.8, stop + 4), (come.points[0][0] + 4.2, stop + 4))
    lights = Signal((1.0, 10_000.0), offset=10.0)
    flows = mixed(0, random.uniform(1500, 2200), end=120.0)
    return Scene("standing queue", (come,), camera, 640, seed, flows=flows, signal=lights, lines=(across,))


ARMS: Mapping[str, float] = {"n": 0.0, "e": 90.0, "s": 180.0, "w": 270.0}
"""Where each arm of a junction leads, degrees clockwise from ahead of the camera."""
TURNS = {"straight": (180.0, 0.6), "left": (90.0, 0.18), "right": (-90.0, 0.18), "back": (0.0, 0.04)}
"""Degrees clockwise from the arm of entry to that of exit (right-hand traffic), and the share that goes there."""


def junction(seed: int) -> Scene:
    """Four arms under one wide camera, each green in its turn; over every arm goes one line, from a metre beyond one
    kerb to a metre beyond the other, and direction 0 leads in."""
    random = np.random.default_rng([seed, 10])
    camera = PinHole(height=random.uniform(11, 13), tilt=random.uniform(40, 44), focal=random.uniform(0.95, 1.05))
    middle = (0.0, camera.height / np.tan(np.radians(camera.tilt)) + random.uniform(0, 1))
    ways, flows = [], []
    for group, (entry, angle) in enumerate(ARMS.items()):
        per_hour = random.uniform(350, 700)
        for turn, share in TURNS.values():
            flows += mixed(len(ways), per_hour * share)
            leave = next(a for a, degrees in ARMS.items() if degrees == (angle + turn) % 360)
            ways.append(_through(middle, entry, leave, group))
    lights = Signal((16.0, 16.0, 16.0, 16.0), clear=3.0, offset=random.uniform(0, 76))
    lines = tuple(
        line(camera, arm, _arm(middle, angle, 7.5, -6.3), _arm(middle, angle, 7.5, 6.3)) for arm, angle in ARMS.items()
    )
    return Scene("junction", tuple(ways), camera, 150, seed, flows=tuple(flows), signal=lights, lines=lines)


def _arm(middle: Metres, angle: float, along: float, across: float) -> Metres:
    """A point of an arm: metres from the middle of the junction, and to the right as seen from there."""
    turn = np.radians(angle)
    x = middle[0] + along * np.sin(turn) + across * np.cos(turn)
    y = middle[1] + along * np.cos(turn) - across * np.sin(turn)
    return float(x), float(y)


def _through(middle: Metres, entry: str, leave: str, group: int) -> Way:
    """The way from one arm to another: right-hand traffic enters on the left of its arm as seen from the middle."""
    come = [_arm(middle, ARMS[entry], d, -2.75) for d in (50.0, 7.0)]
    go = [_arm(middle, ARMS[leave], d, 2.75) for d in (7.0, 40.0)]
    corner = middle if entry != leave else _arm(middle, ARMS[entry], -1.0, 0.0)
    if (ARMS[leave] - ARMS[entry]) % 360 == 270:
        corner = ((come[1][0] + go[0][0] + middle[0]) / 3, (come[1][1] + go[0][1] + middle[1]) / 3)
    return Way(entry, leave, (come[0], *bend(come[1], corner, go[0]), go[1]), width=5.0, stop=41.5, group=group)


def wrong_way(seed: int) -> Scene:
    """Free flow, and one motorbike that rides against it along the kerb."""
    plain = _street("wrong way", seed, per_hour=(500, 1000), seconds=120)
    points = tuple(reversed(plain.ways[0].points))
    against = Way("far", "near", points, width=6.6, wrong=True)
    at = float(np.random.default_rng([seed, 11]).uniform(10, 80))
    rider = Order(at, 2, "motorcycle", side=-2.6, speed=5.0)
    return Scene(plain.name, (*plain.ways, against), plain.camera, 120, seed, plain.flows, (rider,), lines=plain.lines)


def stopped(seed: int) -> Scene:
    """Free flow, and one car that stops in its lane for a minute while the others pass it."""
    plain = _street("stopped vehicle", seed, per_hour=(500, 900), seconds=150)
    random = np.random.default_rng([seed, 12])
    car = Order(float(random.uniform(10, 30)), 0, "car", side=1.6, halt=(float(random.uniform(26, 34)), 60.0))
    return Scene(plain.name, plain.ways, plain.camera, 150, seed, plain.flows, (car,), lines=plain.lines)


SCENES: Mapping[str, Callable[[int], Scene]] = {
    "free flow": free_flow,
    "dense": dense,
    "signal": signal,
    "standing queue": standing,
    "junction": junction,
    "wrong way": wrong_way,
    "stopped vehicle": stopped,
}
