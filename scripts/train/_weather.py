"""Light, weather and cameras: what night, rain, haze, cheap lenses and compression do to a picture."""

from __future__ import annotations

import cv2
import numpy as np
from _scenes import Picture
from numpy.typing import NDArray

ODDS = 0.10
"""Of each of night, rain and haze."""


def spoil(picture: Picture, rng: np.random.Generator) -> Picture:
    """The picture as another camera would have seen it at another hour; boxes stay where they are."""
    if rng.random() < 0.8:
        picture = tint(picture, rng)
    for change in (night, rain, haze):
        if rng.random() < ODDS:
            picture = change(picture, rng)
    if rng.random() < 0.2:
        picture = blur(picture, rng)
    if rng.random() < 0.2:
        picture = noise(picture, rng)
    return compress(picture, rng) if rng.random() < 0.4 else picture


def tint(picture: Picture, rng: np.random.Generator) -> Picture:
    """Another exposure, contrast and colour temperature; one in ten without any colour."""
    gain = rng.uniform(0.65, 1.35) * rng.uniform(0.92, 1.08, size=3)
    lift = rng.uniform(-25, 25)
    values = np.arange(256, dtype=np.float32)[:, None] / 255
    table = np.clip(255 * (values ** rng.uniform(0.75, 1.35)) * gain + lift, 0, 255).astype(np.uint8)
    result = cv2.LUT(picture, table.reshape(1, 256, 3))
    if rng.random() < 0.1:
        result = cv2.cvtColor(cv2.cvtColor(result, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    return np.asarray(result, np.uint8)


def night(picture: Picture, rng: np.random.Generator) -> Picture:
    """Dark, with less colour and a few lamps that glow."""
    height, width = picture.shape[:2]
    glow = np.zeros((height // 4, width // 4, 3), np.float32)
    for _ in range(int(rng.integers(2, 14))):
        centre = (int(rng.integers(width // 4)), int(rng.integers(height // 4)))
        cv2.circle(glow, centre, int(rng.integers(1, 4)), (150, 220, 255), -1)
    glow = cv2.GaussianBlur(glow, (0, 0), float(rng.uniform(1.5, 6))) * rng.uniform(0.6, 2.0)
    grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    dull = cv2.addWeighted(picture, 0.6, grey, 0.4, 0)
    table = (255 * (np.arange(256) / 255) ** rng.uniform(1.2, 2.0) * rng.uniform(0.25, 0.6)).astype(np.uint8)
    dark = cv2.LUT(dull, table)
    return np.asarray(cv2.add(dark, cv2.resize(glow, (width, height)).clip(0, 255).astype(np.uint8)), np.uint8)


def rain(picture: Picture, rng: np.random.Generator) -> Picture:
    """Streaks of one slant over a picture of less contrast."""
    height, width = picture.shape[:2]
    streaks = np.zeros((height, width), np.uint8)
    length, slant = int(rng.integers(6, 24)), rng.uniform(-0.4, 0.4)
    for x, y in rng.uniform([0, 0], [width, height], size=(int(rng.integers(80, 400)), 2)).astype(int).tolist():
        cv2.line(streaks, (x, y), (int(x + slant * length), y + length), int(rng.integers(60, 200)), 1)
    soft = cv2.GaussianBlur(streaks, (3, 3), 0)
    wet = cv2.convertScaleAbs(picture, alpha=rng.uniform(0.65, 0.95), beta=rng.uniform(5, 35))
    return np.asarray(cv2.add(wet, cv2.cvtColor(soft // 2, cv2.COLOR_GRAY2BGR)), np.uint8)


def haze(picture: Picture, rng: np.random.Generator) -> Picture:
    """A veil that is thicker towards the top, where the street is far."""
    height = picture.shape[0]
    veil = np.linspace(rng.uniform(0.3, 0.75), rng.uniform(0.0, 0.3), height, dtype=np.float32)[:, None, None]
    return (picture * (1 - veil) + veil * np.float32(rng.uniform(150, 225))).astype(np.uint8)


def blur(picture: Picture, rng: np.random.Generator) -> Picture:
    """Out of focus, or enlarged from fewer pixels."""
    if rng.random() < 0.5:
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.5, 1.4))), np.uint8)
    height, width = picture.shape[:2]
    share = rng.uniform(0.5, 0.9)
    few = cv2.resize(picture, (round(width * share), round(height * share)), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(few, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def noise(picture: Picture, rng: np.random.Generator) -> Picture:
    """The grain of a sensor with little light."""
    grain: NDArray[np.int16] = np.empty(picture.shape, np.int16)
    cv2.setRNGSeed(int(rng.integers(2**31)))
    cv2.randn(grain, np.zeros(3), np.full(3, rng.uniform(2, 12)))
    return np.asarray(cv2.add(picture, grain, dtype=cv2.CV_8U), np.uint8)


def compress(picture: Picture, rng: np.random.Generator) -> Picture:
    """Blocks and smeared colour, as from a camera with a low bit rate."""
    _, packed = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 70))])
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
