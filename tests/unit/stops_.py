"""A car in a zone, and for how long it is told to stand."""

from __future__ import annotations

import dataclasses

import numpy as np
from tracks_ import seen

from edge.config.rules import Zone
from edge.measurements.stops import Stops

ZONE = Zone(id="z", points=((0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8)), vehicles=True)
CAR = np.array([0.45, 0.4, 0.55, 0.5])
HERE, THERE = 0.0, 0.3


def stood(pictures, zones=(ZONE,)):
    """Seconds told at each time."""
    stops = Stops(zones)
    return {tracks.at.seconds: stops.update(tracks)["z"] for tracks in pictures}


def car(begin, end, *, track=1, x=HERE, speed=0.0, shake=0.0, rate=5.0, **how):
    """Pictures of one car."""
    random = np.random.default_rng(4)
    for i in range(int((end - begin) * rate)):
        move = x + speed * i / rate
        box = CAR + np.array([move, 0, move, 0]) + random.normal(0, shake * 0.1, 4)
        yield seen(begin + i / rate, {track: box}, kind=how.get("kind", "car"))


def moved(way, slant=0.0):
    return CAR + np.array([way, slant, way, slant])


def came(end):
    """Pictures of a car that came, and stands from the fourth second on."""
    return [*car(0, 4, x=-0.2, speed=0.05), *car(4, end)]


def weakly(pictures, *tracks):
    """The same, but of these tracks only weak sights."""
    return [dataclasses.replace(each, confirmed=~np.isin(each.ids, tracks)) for each in pictures]
