"""Finds the road users of a picture with the net that a card describes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edge.dataflow import Detections, Frame
from edge.detections.card import Card, load_weights
from edge.detections.decode import Candidates, calibrated
from edge.detections.golden import check_golden, read_golden
from edge.detections.letterbox import Letterbox, empty_blobs, fitted
from edge.detections.net import Net
from edge.detections.suppress import with_riders, without_duplicates, without_riders
from edge.detections.tiles import WHOLE, Tile, merged, tiles
from edge.geometry import Point, bottom_centres, in_picture, inside


@dataclass(frozen=True, slots=True)
class _Look:
    """A part of the picture, how it is fitted into the input of a net, and the net for that size."""

    tile: Tile
    letterbox: Letterbox
    net: Net


class Detector:
    """One net at work: made once, keeps nothing from one picture to the next, same picture same boxes."""

    def __init__(
        self,
        card: Card,
        *,
        path: Sequence[Path],
        mask: Sequence[Sequence[Point]] = (),
        tiled: tuple[int, int] = (1, 1),
        threads: int = 1,
    ) -> None:
        """Load and verify: a ModelError where weights are missing, have another hash, do not fit the card, or do not
        find what its golden picture shows. `mask`: polygons in fractions, where nothing is seen; `tiled`: columns and
        rows of tiles that are looked at besides the whole."""
        cv2.setNumThreads(threads)
        self.card = card
        self._threads = threads
        self._weights = load_weights(card, path=path)
        self._nets: dict[tuple[int, int], Net] = {}
        if card.golden is not None:
            frame = read_golden(card.golden, card=card, path=path)
            look = self._prepared(WHOLE, (frame.width, frame.height), ())
            check_golden(self._found(frame, look), card.golden, card=card)
        else:
            self._net(card).answer(empty_blobs(card.input))
        self._tiles = tiles(*tiled)
        self.hide(mask)

    def hide(self, mask: Sequence[Sequence[Point]]) -> None:
        """From now on nothing is seen in these polygons, which may reach out of the picture."""
        self._mask = tuple(tuple(polygon) for polygon in mask)
        self._size = (0, 0)

    def detect(self, frame: Frame) -> Detections:
        """The road users in the picture, best first; those whose bottom centre is masked are left out."""
        if (frame.width, frame.height) != self._size:
            self._size = (frame.width, frame.height)
            self._looks = [self._prepared(tile, self._size, self._mask) for tile in self._tiles]
        if len(self._looks) == 1:
            found = self._found(frame, self._looks[0])
        else:
            found = merged([(look.tile, self._found(look.tile.cut(frame), look)) for look in self._looks])
        hidden, points = np.zeros(len(found.boxes), np.bool_), in_picture(bottom_centres(found.boxes))
        for polygon in self._mask:
            hidden |= inside(points, polygon)
        order = np.argsort(-found.scores, kind="stable")
        rows = order[~hidden[order]]
        return Detections(
            at=frame.at,
            aspect=frame.width / frame.height,
            boxes=found.boxes[rows],
            scores=found.scores[rows],
            classes=found.classes[rows],
        )

    def _prepared(self, tile: Tile, size: tuple[int, int], mask: Sequence[Sequence[Point]]) -> _Look:
        """How to look at this part of pictures of this size, width and height."""
        width, height = (tile.right - tile.left) * size[0], (tile.bottom - tile.top) * size[1]
        form = fitted(self.card.input, width=width, height=height)
        letterbox = Letterbox(form, mask=[tile.from_picture(polygon) for polygon in mask])
        return _Look(tile, letterbox, self._net(self.card.model_copy(update={"input": form})))

    def _net(self, card: Card) -> Net:
        """The net for the input of this card, made once for each size."""
        size = (card.input.width, card.input.height)
        if size not in self._nets:
            self._nets[size] = Net(self._weights, card, threads=self._threads)
        return self._nets[size]

    def _found(self, frame: Frame, look: _Look) -> Candidates:
        """One look through the net: boxes in fractions of the picture, those wholly on its border left out."""
        blobs, place = look.letterbox.fill(frame)
        found = look.net.answer(blobs)
        found = without_duplicates(found, overlap=self.card.thresholds.iou)
        found = without_riders(found) if self.card.riders_included else with_riders(found)
        found = calibrated(found, self.card)
        boxes = place.to_picture(found.boxes)
        seen = (boxes[:, 2:] > boxes[:, :2]).all(axis=1) & np.isfinite(boxes).all(axis=1)
        return Candidates(boxes[seen], found.scores[seen], found.classes[seen])
