"""The view of a camera at its installation, taken from some minutes of its pictures."""

from __future__ import annotations

import numpy as np

from edge.dataflow import Frame
from edge.errors import EdgeError
from edge.frames.glance import Glance, Spell, glance, spell
from edge.frames.health import LOOK_SECONDS, NOTED, SPELL_SECONDS, judge
from edge.frames.reference import Reference, reference
from edge.frames.view import compare


class Survey:
    """Takes the reference of a camera at its installation, from some minutes of pictures."""

    def __init__(self, *, seconds: float) -> None:
        self._wanted = seconds
        self._looks: list[Glance] = []
        self._spells: list[Spell] = []
        self._last, self._aspect = float("-inf"), 16 / 9

    def look(self, frame: Frame) -> bool:
        """Whether there are pictures enough, this one included."""
        self._aspect = frame.width / frame.height
        if frame.at.seconds - self._last >= LOOK_SECONDS - 0.05:
            self._last = frame.at.seconds
            self._looks.append(glance(frame))
            if len(self._looks) * LOOK_SECONDS >= SPELL_SECONDS:
                self._spells.append(spell(self._looks))
                self._looks = []
        return len(self._spells) * SPELL_SECONDS >= self._wanted

    @property
    def light(self) -> float:
        """The level that nine of ten pixels are below, so far."""
        return float(np.median([each.level90 for each in self._spells]))

    def reference(self, *, where: str) -> Reference:
        """The view that the pictures have in common; `where` names the camera in errors.

        Raises:
            EdgeError: there were too few pictures, the picture is dark, over-exposed or blank, or the view moved.
        """
        if len(self._spells) * SPELL_SECONDS < self._wanted:
            found = f"{len(self._spells) * SPELL_SECONDS:.0f} s"
            raise EdgeError(where, "too few pictures for a reference", expected=f"{self._wanted:.0f} s", found=found)
        faults = [v for v in (judge(s, None, aspect=1.0) for s in self._spells) if v.state != "ok"]
        if 2 * len(faults) > len(self._spells):
            raise EdgeError(where, f"no reference can be taken, {faults[-1].reason}")
        view = compare(reference(self._spells[:1]), self._spells[-1], aspect=self._aspect)
        if view.kind == "elsewhere" or (view.shift and view.shift.farthest > NOTED):
            raise EdgeError(where, "no reference can be taken, the camera was moved meanwhile")
        return reference(self._spells)
