"""Which detection belongs to which track, for the greatest gain in total."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


def best_pairs(gain: Floats) -> tuple[Indices, Indices]:
    """The one-to-one pairs of rows and columns with the greatest sum of gains: (n, m) -> rows (k,), columns (k,).

    Rows rise; pairs that gain nothing (0 or less) stay apart. Exact, by shortest augmenting paths: D. F. Crouse, "On
    implementing 2D rectangular assignment algorithms", IEEE TAES 2016, with "alone" as one more choice of each row.
    """
    rows, columns = gain.shape
    partner = np.full(rows, -1)
    owner = np.full(columns, -1)
    if gain.size == 0:
        return partner[:0], owner[:0]
    cost = -np.maximum(gain, 0)
    favourite = cost.argmin(axis=1)
    row_price, column_price = cost[np.arange(rows), favourite], np.zeros(columns)
    waiting: list[int] = []
    for row in np.flatnonzero(row_price < 0).tolist():
        if owner[favourite[row]] < 0:
            partner[row], owner[favourite[row]] = favourite[row], row
        else:
            waiting.append(row)
    for row in waiting:
        _place(row, cost, (row_price, column_price), (partner, owner))
    taken = np.flatnonzero(partner >= 0)
    taken = taken[gain[taken, partner[taken]] > 0]
    return taken, partner[taken]


def _place(start: int, cost: Floats, prices: tuple[Floats, Floats], pairs: tuple[Indices, Indices]) -> None:
    """Give one more row its place along the cheapest chain of changes; the prices stay those of an optimum."""
    (row_price, column_price), (partner, owner) = prices, pairs
    distance = np.full(cost.shape[1], np.inf)
    came_from = np.full(cost.shape[1], -1)
    settled = np.zeros(cost.shape[1], dtype=bool)
    reached = {start: 0.0}
    row, length, alone, alone_length = start, 0.0, start, np.inf
    while True:
        if length - row_price[row] < alone_length:
            alone, alone_length = row, length - row_price[row]
        through = length + cost[row] - row_price[row] - column_price
        shorter = ~settled & (through < distance)
        distance[shorter], came_from[shorter] = through[shorter], row
        column = int(np.where(settled, np.inf, distance).argmin())
        if settled[column] or distance[column] >= alone_length:
            end, length = -1, float(alone_length)
            break
        length = float(distance[column])
        if owner[column] < 0:
            end = column
            break
        settled[column] = True
        row = int(owner[column])
        reached[row] = length
    for known, at in reached.items():
        row_price[known] += length - at
    column_price[settled] -= length - distance[settled]
    if end < 0:
        end, partner[alone] = int(partner[alone]), -1
        if alone == start:
            return
    while True:
        row = int(came_from[end])
        owner[end] = row
        end, partner[row] = int(partner[row]), end
        if row == start:
            return
