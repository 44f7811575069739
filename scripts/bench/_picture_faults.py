"""Faults of a camera's picture, made by script on grey pictures uint8 (height, width) of limited range.

Each takes the picture and the seconds since it began, and gives the picture of a camera with that fault, or of one
that only has hard weather. What is random is drawn from the seed, so that two runs are alike.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
Change = Callable[[Grey, float], Grey]
MARGIN = 0.15
"""What is cut off all around, so that a camera that turns shows more of the scene and not a black border."""


def _grey(picture: NDArray[np.floating]) -> Grey:
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def _noise(shape: tuple[int, ...], seconds: float, sigma: float) -> NDArray[np.float32]:
    """Noise of the sensor, another part of one large sheet for each moment."""
    down, right = np.random.default_rng(int(seconds * 1000)).integers(0, 256, 2)
    return sigma * _sheet()[down : down + shape[0], right : right + shape[1]]


@cache
def _sheet() -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal((256 + 1080, 256 + 1920), dtype=np.float32)


def _blurred(picture: NDArray[np.floating], share: float) -> NDArray[np.float32]:
    """Out of focus: a disc of that radius, a share of the width."""
    radius = max(1, round(share * picture.shape[1]))
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disc = ((x * x + y * y) <= radius * radius).astype(np.float32)
    return cv2.filter2D(picture.astype(np.float32), -1, disc / disc.sum(), borderType=cv2.BORDER_REFLECT)


def viewed(picture: Grey, *, dx: float = 0, dy: float = 0, roll: float = 0, zoom: float = 1) -> Grey:
    """The inner part of the picture as a camera sees it that was turned: what is seen moves by `dx`, `dy` (shares of
    the view) and rolls by degrees clockwise around the middle, bigger by `zoom`."""
    height, width = picture.shape
    part = 1 - 2 * MARGIN
    angle = np.deg2rad(roll)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * zoom / part
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    offset = middle + np.array([dx * width, dy * height]) - turn @ middle
    matrix = np.column_stack([turn, offset])
    return cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


def turned(*, dx: float = 0, dy: float = 0, roll: float = 0, zoom: float = 1) -> Change:
    """A camera that was turned, for pictures cut by `viewed`."""
    return lambda picture, _: viewed(picture, dx=dx, dy=dy, roll=roll, zoom=zoom)


def mirrored(picture: Grey, _: float) -> Grey:
    """A camera that looks elsewhere."""
    return viewed(picture)[:, ::-1].copy()


def dark(picture: Grey, seconds: float) -> Grey:
    """The lights are out."""
    return _grey(16 + (picture.astype(np.float32) - 16) * 0.04 + _noise(picture.shape, seconds, 1.5))


def bright(picture: Grey, seconds: float) -> Grey:
    """The exposure is stuck wide open."""
    return _grey(np.minimum(16 + (picture.astype(np.float32) - 16) * 4 + 60, 235) + _noise(picture.shape, seconds, 0.5))


def defocused(share: float) -> Change:
    """Out of focus by a disc whose radius is that share of the width."""
    return lambda picture, seconds: _grey(_blurred(picture, share) + _noise(picture.shape, seconds, 1))


def drops(share: float, seed: int = 1) -> Change:
    """Rain drops on the lens over that share of the picture: each shows the scene small, upside down and blurred."""

    def change(picture: Grey, seconds: float) -> Grey:
        height, width = picture.shape
        rng = np.random.default_rng(seed)
        cover = np.zeros((height, width), np.float32)
        while cover.mean() < share:
            centre = (int(rng.integers(0, width)), int(rng.integers(0, height)))
            axes = (int(width * rng.uniform(0.015, 0.06)), int(width * rng.uniform(0.02, 0.07)))
            cv2.ellipse(cover, centre, axes, float(rng.uniform(-20, 20)), 0, 360, 1.0, -1)
        cover = cv2.GaussianBlur(cover, (0, 0), width * 0.006)
        inside = _blurred(picture[::-1], 0.03) * 0.9 + 20
        return _grey(picture * (1 - cover) + inside * cover + _noise(picture.shape, seconds, 1))

    return change


def bagged(picture: Grey, seconds: float) -> Grey:
    """A bag or a sheet over the lens: bright cloth, lit through."""
    height, width = picture.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    cloth = 110 + 40 * x / width + 20 * np.sin(3 * y / height)
    return _grey(cloth + 0.03 * _blurred(picture, 0.05) + _noise(picture.shape, seconds, 2))


def painted(share: float) -> Change:
    """A hand, a leaf or paint on the lens over that share of the picture, from the left: grey with a soft edge."""

    def change(picture: Grey, seconds: float) -> Grey:
        width = picture.shape[1]
        ramp = np.clip((np.arange(width, dtype=np.float32) / width - share) / 0.08 + 0.5, 0, 1)[None]
        return _grey(picture * ramp + 90 * (1 - ramp) + _noise(picture.shape, seconds, 1))

    return change


def dirty(seconds_to_full: float) -> Change:
    """Dust that grows on the lens: a veil, blurred, patchy."""

    def change(picture: Grey, seconds: float) -> Grey:
        height, width = picture.shape
        patches = np.random.default_rng(3).uniform(0, 1, (6, 8)).astype(np.float32)
        patches = cv2.resize(patches, (width, height), interpolation=cv2.INTER_CUBIC)
        veil = np.clip(seconds / seconds_to_full * (0.6 + patches), 0, 0.97)
        return _grey(
            (1 - veil) * picture + veil * (0.2 * _blurred(picture, 0.04) + 110) + _noise(picture.shape, seconds, 1)
        )

    return change


def night(picture: Grey, seconds: float) -> Grey:
    """A lit street at night: dark, noisy, some lamps, the sky black."""
    height, width = picture.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    light = 0.10 + sum(
        0.35 * np.exp(-(((x / width - cx) / 0.18) ** 2) - ((y / height - cy) / 0.25) ** 2)
        for cx, cy in ((0.25, 0.6), (0.75, 0.45))
    )
    return _grey(16 + (picture.astype(np.float32) - 16) * light + _noise(picture.shape, seconds, 3))


def infrared(picture: Grey, seconds: float) -> Grey:
    """Night by the camera's own infrared lamp: leaves turn bright, the middle is lit, the corners are black."""
    height, width = picture.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    lamp = np.exp(-(((x / width - 0.5) / 0.45) ** 2) - ((y / height - 0.6) / 0.5) ** 2)
    level = np.abs(picture.astype(np.float32) - 110) * 1.2 + 40
    return _grey(16 + level * lamp + _noise(picture.shape, seconds, 2.5))


def headlights(picture: Grey, seconds: float) -> Grey:
    """Night with headlights that blind the camera every few seconds."""
    height, width = picture.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    lit = night(picture, seconds).astype(np.float32)
    for number in range(3):
        phase = (seconds / (4 + number) + number / 3) % 1.0
        cx, cy, size = 0.3 + 0.2 * number, 0.2 + 0.8 * phase, 0.01 + 0.1 * phase * phase
        lit += 300 * np.exp(-(((x / width - cx) / size) ** 2) - ((y / height - cy) / size) ** 2)
        lit += 60 * phase * np.exp(-(((x / width - cx) / 0.4) ** 2) - ((y / height - cy) / 0.4) ** 2)
    return _grey(np.minimum(lit, 235))


def fog(depth: float) -> Change:
    """Fog, thicker towards the top: contrast left at the top is exp(-2 depth), at the bottom exp(-depth / 2)."""

    def change(picture: Grey, seconds: float) -> Grey:
        clear = np.exp(-depth * np.linspace(2, 0.5, picture.shape[0], dtype=np.float32))[:, None]
        return _grey(picture * clear + 170 * (1 - clear) + _noise(picture.shape, seconds, 1))

    return change


def streaks(picture: Grey, seconds: float) -> Grey:
    """Heavy rain that falls: bright streaks, new in each picture, and less contrast."""
    height, width = picture.shape
    rng = np.random.default_rng(int(seconds * 1000))
    rain = np.zeros((height, width), np.float32)
    for _ in range(900):
        x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
        cv2.line(rain, (x, y), (x + width // 160, y + height // 14), float(rng.uniform(15, 60)), 1)
    return _grey(0.7 * picture + 30 + rain + _noise(picture.shape, seconds, 1))


def web(picture: Grey, seconds: float) -> Grey:
    """A spider's web before the lens: some bright blurred threads that move a little."""
    height, width = picture.shape
    rng = np.random.default_rng(5)
    threads = np.zeros((height, width), np.float32)
    for _ in range(14):
        ends = rng.uniform(0, 1, (2, 2)) * (width, height) + 0.004 * width * np.sin(seconds + 1)
        cv2.line(threads, ends[0].astype(int).tolist(), ends[1].astype(int).tolist(), 90.0, max(2, width // 120))
    return _grey(picture + cv2.GaussianBlur(threads, (0, 0), width * 0.008))


def swaying(picture: Grey, seconds: float) -> Grey:
    """A pole in the wind: some pixels to and fro, at two frequencies; for pictures cut by `viewed`."""
    sway = 0.006 * np.sin(2 * np.pi * 0.83 * seconds) + 0.003 * np.sin(2 * np.pi * 0.31 * seconds + 1)
    return viewed(picture, dx=float(sway), dy=float(sway) / 3)


def bus(picture: Grey, seconds: float) -> Grey:
    """A bus that stands before the camera from second 12 to 32: a plain side, windows, letters."""
    if not 12 <= seconds < 32:
        return picture
    height, width = picture.shape
    side = np.full((height, width), 150, np.uint8)
    for number in range(6):
        left = int(width * (0.02 + 0.165 * number))
        cv2.rectangle(side, (left, int(0.15 * height)), (left + int(0.14 * width), int(0.5 * height)), 60, -1)
    cv2.putText(side, "HUE CITY BUS", (width // 10, int(0.75 * height)), 0, width / 350, 220, max(1, width // 130))
    mixed = picture.copy()
    mixed[: int(0.94 * height)] = side[: int(0.94 * height)]
    return _grey(mixed + _noise(mixed.shape, seconds, 1.5))


def hunting(picture: Grey, seconds: float) -> Grey:
    """The autofocus hunts for 3 seconds in every 40."""
    at = seconds % 40 - 15
    return _grey(_blurred(picture, 0.03 * np.sin(np.pi * at / 3))) if 0.1 < at < 2.9 else picture


def stamped(picture: Grey, seconds: float) -> Grey:
    """What a camera writes over its pictures: a name on a bar, and a clock that ticks."""
    height, width = picture.shape
    bar = height // 16
    marked = picture.copy()
    marked[-bar:] = 70
    thick = max(1, width // 400)
    cv2.putText(marked, "Cau Truong Tien 01", (width // 60, height - bar // 4), 0, bar / 28, 235, thick)
    clock = f"2026-11-22 {int(seconds) // 3600:02d}:{int(seconds) // 60 % 60:02d}:{int(seconds) % 60:02d}"
    cv2.putText(marked, clock, (width // 60, bar), 0, bar / 28, 235, thick)
    return marked


def shaded(picture: Grey, seconds: float) -> Grey:
    """Clouds and the shadow of a house that wander over the scene, and the exposure that follows."""
    width = picture.shape[1]
    edge = (0.2 + seconds / 200) % 1.0
    shade = np.where(np.arange(width) / width < edge, 0.45, 1.1).astype(np.float32)[None]
    gain = 1.0 + 0.25 * np.sin(seconds / 9)
    return _grey(16 + (picture.astype(np.float32) - 16) * shade * gain)


def glared(picture: Grey, seconds: float) -> Grey:
    """The low sun shines into the lens: a bright veil around it."""
    height, width = picture.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    away = np.hypot(x / width - 0.6, y / height - 0.15)
    veil = 220 * np.exp(-away / 0.25) + 30
    return _grey(np.minimum(picture * 0.75 + veil, 235) + _noise(picture.shape, seconds, 1))


def dusk(picture: Grey, seconds: float) -> Grey:
    """Day turns to night within two minutes."""
    return _grey(picture * max(0.0, 1 - seconds / 120) + night(picture, seconds) * min(1.0, seconds / 120))


def resized(width: int, height: int) -> Change:
    """Another sub-stream of the same view, perhaps of other shape."""
    return lambda picture, _: cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)


def crowded(crowd: list[Grey]) -> Change:
    """A crowd that fills the lower three quarters: that of another clip, which moves."""

    def change(picture: Grey, seconds: float) -> Grey:
        height, width = picture.shape
        people = crowd[int(seconds * 5) % len(crowd)]
        people = cv2.resize(people[people.shape[0] // 2 :], (width, height * 3 // 4), interpolation=cv2.INTER_LINEAR)
        mixed = picture.copy()
        mixed[height - people.shape[0] :] = people
        return mixed

    return change


def replaced(other: list[Grey]) -> Change:
    """A camera turned to quite another place."""
    return lambda picture, seconds: cv2.resize(other[int(seconds * 5) % len(other)], picture.shape[::-1])


def still(picture: NDArray[np.floating] | Grey, sigma: float) -> Change:
    """An empty street where nothing moves but the noise of the sensor."""
    return lambda _, seconds: _grey(picture + _noise(picture.shape, seconds, sigma))


def by_night(change: Change) -> Change:
    """Both."""
    return lambda picture, seconds: night(change(picture, seconds), seconds)
