"""Points of the picture -> metres on the ground, by a plane homography."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge.errors import EdgeError

Floats = NDArray[np.float64]
Pair = tuple[tuple[float, float], tuple[float, float]]

RESIDUAL = (0.5, 0.03)
"""How far the points may be off, root mean square: metres, or share of the extent of the ground where that is more."""
NARROW = 0.01
"""Points that lie along a line of the picture, or of the ground, to within this share of their extent tell no plane."""
EXTENT = (2.0, 500.0)
"""Metres from end to end of what is measured: in less a car has no place; at more than about 400 m no camera tells
metres (`COARSE`), not from a mast of 50 m and with a view of 20 degrees. Degrees and centimetres are beyond."""
CONDITION = 5e-3
"""Below this ratio of the smallest needed singular value to the largest, three of four points are on one line."""
FINE = 1e-3
"""The step in the picture, as a fraction, that may be `COARSE` metres on the ground; farther off nothing is told."""
COARSE = 1.0


class Ground:
    """The plane of the road. EdgeError, in one line, where the points cannot be right. Either handedness of the metres
    will do (VN-2000 counts north first), for only distances are told."""

    def __init__(self, points: Sequence[Pair]) -> None:
        picture, ground = (np.array([pair[side] for pair in points], dtype=np.float64) for side in (0, 1))
        _check_spread(picture, "in the picture")
        _check_spread(ground, "on the ground")
        _check_extent(ground)
        self._matrix, condition = _homography(picture, ground)
        if condition < CONDITION:
            raise EdgeError(
                "calibration",
                "the points tell no plane",
                expected="four points of which no three are on one line",
                found="all but one nearly on one line",
                do="add a point beside that line",
            )
        self.residual_m = _residual(self._matrix, picture, ground)
        limit = max(RESIDUAL[0], RESIDUAL[1] * float(np.hypot(*np.ptp(ground, axis=0))))
        if self.residual_m > limit:
            raise _misfit(picture, ground, self.residual_m, limit)

    def metres(self, points: NDArray[np.floating]) -> Floats:
        """Fractions of the picture (n, 2) -> metres (n, 2), which mean nothing where not `in_front`."""
        seen = _homogeneous(points) @ self._matrix.T
        return np.asarray(seen[:, :2] / _off_zero(seen[:, 2:]))

    def jacobian(self, points: NDArray[np.floating]) -> Floats:
        """Metres on the ground a fraction of the picture, at each of the points: (n, 2) -> (n, 2, 2)."""
        depth = _off_zero(_homogeneous(points) @ self._matrix[2])[:, None, None]
        place = self.metres(points)[:, :, None]
        return np.asarray((self._matrix[:2, :2] - place * self._matrix[2, :2]) / depth)

    def in_front(self, points: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Which of the points (n, 2) are on the ground before the camera, and near enough that metres can be told."""
        below = _homogeneous(points) @ self._matrix[2] > 0
        return np.asarray(below & (np.linalg.norm(self.jacobian(points), axis=(1, 2)) * FINE < COARSE))

    def spread(self, points: NDArray[np.floating], sigma: NDArray[np.floating] | float) -> Floats:
        """The standard deviation in metres, both ways together, of points (n, 2) whose own in fractions is `sigma`,
        one for all or (n, 2) for x and y; to first order."""
        scaled = self.jacobian(points) * np.broadcast_to(sigma, points.shape)[:, None, :]
        return np.asarray(np.linalg.norm(scaled, axis=(1, 2)))


def _homography(picture: Floats, ground: Floats) -> tuple[Floats, float]:
    """The matrix (3, 3) that takes the picture to the ground, positive before the camera, and its condition, 0 to 1:
    normalised direct linear transformation (Hartley and Zisserman, Multiple View Geometry, 2nd ed., algorithm 4.2)."""
    to_unit, from_unit = _normalising(picture), np.linalg.inv(_normalising(ground))
    p = _homogeneous(picture) @ to_unit.T
    g = _homogeneous(ground) @ np.linalg.inv(from_unit).T
    zero = np.zeros_like(p)
    rows = np.concatenate([np.hstack([p, zero, -g[:, :1] * p]), np.hstack([zero, p, -g[:, 1:2] * p])])
    _, values, axes = np.linalg.svd(rows)
    matrix = from_unit @ axes[-1].reshape(3, 3) @ to_unit
    depths = _homogeneous(picture) @ matrix[2]
    return np.asarray(matrix * np.sign(depths.sum()) / np.abs(depths).max()), float(values[7] / values[0])


def _residual(matrix: Floats, picture: Floats, ground: Floats) -> float:
    """How far the points are off, root mean square in metres; infinite where one would be behind the horizon."""
    seen = _homogeneous(picture) @ matrix.T
    if seen[:, 2].min() <= 1e-6 * seen[:, 2].max():
        return float("inf")
    return float(np.sqrt(np.mean(np.sum((seen[:, :2] / seen[:, 2:] - ground) ** 2, axis=1))))


def _misfit(picture: Floats, ground: Floats, residual: float, limit: float) -> EdgeError:
    """What is wrong with points that do not fit: the one without which the others fit best, if they then do."""
    what, do = "the points do not fit one plane", "measure them again, or look whether two are exchanged"
    found = f"{residual:.2g} m" if np.isfinite(residual) else "a horizon that runs between them"
    if len(picture) > 5:
        rests = [np.delete(np.arange(len(picture)), i) for i in range(len(picture))]
        without = [
            _residual(_homography(picture[rest], ground[rest])[0], picture[rest], ground[rest]) for rest in rests
        ]
        if min(without) <= limit:
            worst = int(np.argmin(without))
            do = f"measure point {worst + 1} again, without it there would be {without[worst]:.2g} m"
    return EdgeError("calibration", what, expected=f"a residual of at most {limit:.2g} m", found=found, do=do)


def _normalising(points: Floats) -> Floats:
    """The similarity (3, 3) that puts the points' middle at 0 and their mean distance from it at the root of 2."""
    middle = points.mean(axis=0)
    scale = np.sqrt(2) / np.hypot(*(points - middle).T).mean()
    return np.array([[scale, 0, -scale * middle[0]], [0, scale, -scale * middle[1]], [0, 0, 1]])


def _check_spread(points: Floats, where: str) -> None:
    """Refuses points that are one, or lie on a line."""
    values = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    if values[1] <= NARROW * values[0] or len(np.unique(points, axis=0)) < len(points):
        raise EdgeError(
            "calibration",
            f"the points are on one line {where}, or twice the same",
            expected="points well spread to both sides",
            found=" ".join(f"({x:g} {y:g})" for x, y in points[:6]),
            do="choose points at the corners of what is measured",
        )


def _check_extent(ground: Floats) -> None:
    """Refuses places that are in no metres."""
    across = float(np.hypot(*np.ptp(ground, axis=0)))
    if not EXTENT[0] <= across <= EXTENT[1]:
        low, high = EXTENT
        raise EdgeError(
            "calibration",
            f"the places are too {'near together' if across < low else 'far apart'} for metres on the ground",
            expected=f"{low:g} to {high:g} m between the outermost",
            found=f"{across:.2g}" if across < low else f"{across:.0f}",
            do="measure in metres from one corner, such as [0, 0] and [3.5, 12], not in degrees, feet or centimetres",
        )


def _homogeneous(points: NDArray[np.floating]) -> Floats:
    return np.column_stack([points, np.ones(len(points))])


def _off_zero(depth: Floats) -> Floats:
    """Depths that can be divided by; on the horizon itself the metres are huge."""
    return np.where(np.abs(depth) < 1e-12, 1e-12, depth)
