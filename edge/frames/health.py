"""Whether a camera's picture can be trusted: frozen, dark, over-exposed, blind, or of another view than installed."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge.dataflow import Frame, Instant
from edge.frames.glance import PLACES, Glance, Spell, contrast, glance, spell
from edge.frames.reference import Reference
from edge.frames.view import Shift, View, compare

LOOK_SECONDS = 1.0
"""How often a picture is looked at."""
SPELL_SECONDS = 10.0
"""How many seconds of looks are judged together."""
FEWEST_LOOKS = 5
GAP_SECONDS = 10.0
"""After a pause so long nothing is concluded from what was before."""
TELLING = 4
"""Spells in a row with a fault until it is told: 40 to 50 seconds, and nothing that lasts 20 is ever told."""
CLEARING = 2
"""Spells in a row without one until it is over."""

FROZEN_SECONDS = 40.0
"""How long nothing new must come: twice the longest pause of key frames seen in cameras, because a still scene is
repeated exactly until its next key frame, and never after."""
GROUP_SECONDS = 25
"""How far back a picture is known again, at a look a second: a little over the longest group of pictures measured
(20 s). A recording that is played in a loop longer than this is not frozen."""
FROZEN_PLACES = (0.5, 0.25)
"""The share of the places in which nothing new must come, to be frozen and to stay so: the rest may hold a clock that
ticks, whose changes spread some way through each key frame."""
STIRRING = (18.0, 232.0)
"""Only between these mean levels does the noise of the sensor show; what is black or white is still by itself."""
DARK_LEVEL = 32.0
"""Nine of ten pixels are below: measured 20 to 24 without light, 37 and more in lit streets by night."""
CLIPPED_SHARE = 0.5
"""Measured 0.76 and more over-exposed, at most 0.1 else."""
LIT = (28.0, 225.0)
"""Only places with a mean level between these are judged by their detail."""
DETAILED = 4.0
"""Places of the reference with at least so much mean squared gradient have detail that can be lost."""
FEWEST_PLACES = 5
LOST = 0.25
"""A place has lost its contrast below this share of the reference's."""
LOST_PLACES = 0.5
BLURRED = (0.5, 0.5)
SOFT = (0.6, 0.4)
"""Out of focus: fine by coarse detail, and fine detail, below these shares of the reference's; either pair will do.
A crowd before the view is not as sharp as it, but has as much fine detail (0.67 and more)."""
SMEARED = 0.75
"""A strange view less sharp than this is the known one seen through drops (measured 0.55 to 0.85), not another one."""
BLANK = 1.3
"""Without a reference a picture counts as covered where nine of ten places have less gradient, in grey levels."""

NOTED = 0.010
FORGOTTEN = 0.007
"""A view that moved by so much of the picture is told, and as unmoved below that."""
STEP = 0.005
"""By so much the shift must change to be told anew: lines follow the camera, not the measurement."""
FAR = 0.10
"""Where a corner moved further, lines no longer fit what they were drawn on."""

Word = Literal["ok", "frozen", "dark", "bright", "blind", "shifted", "moved"]
Flag = Literal["nostream", "dark", "blind", "moved"]
FLAGS: dict[Word, Flag] = {
    "frozen": "nostream", "dark": "dark", "bright": "blind", "blind": "blind", "moved": "moved",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PictureState:
    """How the picture is and `since` when, with the `reason` for people where it is not `ok`. `shift` is how the view
    moved since the installation, wherever it is known and worth following; `blur` runs from 0, as sharp as then, to
    1; None where it cannot be told."""

    state: Word
    since: Instant
    reason: str = ""
    shift: Shift | None = None
    blur: float | None = None

    @property
    def flag(self) -> Flag | None:
        """The flag of the intervals counted meanwhile; a small shift, whose lines follow, has none."""
        return FLAGS.get(self.state)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one spell of looks gives; `view` None where it was not compared."""

    state: Word
    began: Instant
    reason: str = ""
    view: View | None = None
    blur: float | None = None


class PictureHealth:
    """Watches the pictures of one camera, with the view of its installation if there is one, from the state on that was
    told before, if one was."""

    def __init__(self, known: Reference | None, told: PictureState | None = None) -> None:
        self._known = known
        self._looks: list[Glance] = []
        self._verdicts: deque[Verdict] = deque(maxlen=TELLING)
        self._still = _Stillness(frozen=told is not None and told.state == "frozen")
        self._told = told
        self._last = float("-inf")

    def look(self, frame: Frame) -> PictureState:
        """How the picture is, this one included; to be called with each picture that is analysed."""
        seconds = frame.at.seconds
        told = self._told or PictureState("ok", frame.at)
        if 0 <= seconds - self._last < LOOK_SECONDS - 0.05:
            return told
        if not 0 <= seconds - self._last < GAP_SECONDS:
            self._looks, self._still = [], _Stillness(frozen=told.state == "frozen")
            self._verdicts.clear()
        self._last = seconds
        seen = glance(frame)
        self._looks.append(seen)
        began = self._looks[0].at.seconds
        if seconds - began >= SPELL_SECONDS - LOOK_SECONDS and len(self._looks) >= FEWEST_LOOKS:
            self._verdicts.append(judge(spell(self._looks), self._known, aspect=frame.width / frame.height))
            self._looks = []
            told = self._concluded(told, frame.at)
        self._told = self._thawed(told, self._still.since(seen), frame.at)
        return self._told

    def _thawed(self, told: PictureState, since: Instant | None, at: Instant) -> PictureState:
        """The state with what is known of stillness: the one fault that is told, and over, at once."""
        if since is not None and told.state not in ("frozen", "dark", "bright"):
            return replace(told, state="frozen", since=since, reason="the camera repeats one picture; restart it")
        if since is None and told.state == "frozen":
            self._verdicts.clear()
            return replace(told, state="ok", since=at, reason="")
        return told

    def _concluded(self, told: PictureState, at: Instant) -> PictureState:
        """The state that the last spells give together."""
        recent = list(self._verdicts)
        told = replace(told, blur=recent[-1].blur, shift=_followed(told.shift, recent))
        if told.state == "frozen":
            return told
        faulty = [v for v in recent if v.state != "ok"]
        if len(faulty) == TELLING:
            word, _ = Counter(v.state for v in reversed(recent)).most_common(1)[0]
            first, latest = faulty[0], next(v for v in reversed(recent) if v.state == word)
            if told.state == word:
                return told
            return replace(told, state=word, since=first.began, reason=latest.reason)
        clear = [_over(told.state, v) for v in recent[-CLEARING:]] == [True] * CLEARING
        if told.state not in ("ok", "shifted") and not clear:
            return told
        word = "shifted" if told.shift else "ok"
        reason = f"the view moved {_words(told.shift)}; lines and zones follow it" if told.shift else ""
        return replace(told, state=word, since=told.since if told.state == word else at, reason=reason)


def judge(now: Spell, known: Reference | None, *, aspect: float) -> Verdict:
    """What one spell of looks gives."""
    if now.level90 < DARK_LEVEL:
        return Verdict("dark", now.began, "the picture is dark; check the light, and that nothing covers the lens")
    if now.clipped > CLIPPED_SHARE:
        return Verdict("bright", now.began, "the picture is over-exposed; check the camera's exposure")
    if known is None:
        blank = float(np.percentile(np.sqrt(now.middle), 90)) < BLANK
        return Verdict("blind", now.began, COVERED) if blank else Verdict("ok", now.began)
    lost, sharp, fine = detail(known, now)
    blur = None if np.isnan(sharp) else round(float(np.clip(1 - sharp, 0, 1)), 2)
    if (sharp < BLURRED[0] and fine < BLURRED[1]) or (sharp < SOFT[0] and fine < SOFT[1]):
        return Verdict("blind", now.began, "the picture is out of focus; focus the camera, clean the lens", None, blur)
    if lost > LOST_PLACES:
        return Verdict("blind", now.began, COVERED, None, blur)
    view = compare(known, now, aspect=aspect)
    if view.kind == "hidden" or (view.kind == "elsewhere" and sharp < SMEARED):
        return Verdict("blind", now.began, HIDDEN, view, blur)
    if view.kind == "elsewhere":
        return Verdict(
            "moved", now.began, "the camera looks elsewhere; turn it back, or draw its lines anew", view, blur
        )
    if view.shift is not None and view.shift.farthest > FAR:
        words = f"the view moved {_words(view.shift)}; turn the camera back, or draw its lines anew"
        return Verdict("moved", now.began, words, view, blur)
    return Verdict("ok", now.began, "", view, blur)


HIDDEN = "most of the view is hidden by drops, dirt or some thing; look at the lens"
COVERED = "the picture has lost its detail to fog, rain, dirt or a cover; look at the lens"


def detail(known: Reference, now: Spell) -> tuple[float, float, float]:
    """How the detail of lit places is against the reference: the share that lost its contrast, the middle one's
    sharpness (fine by coarse, which fog leaves alone), and its fine detail; no numbers where too few are lit."""
    lit = (now.level > LIT[0]) & (now.level < LIT[1]) & (known.middle > DETAILED)
    if lit[1:-1].sum() >= FEWEST_PLACES:  # names and clocks that cameras write stay sharp
        lit[[0, -1]] = False
    if lit.sum() < FEWEST_PLACES:
        return 0.0, float("nan"), float("nan")
    lost = now.contrast[lit] < LOST * contrast(known.middle, known.level)[lit]
    fine = np.sqrt(now.fine[lit] / known.fine[lit])
    coarse = np.sqrt((now.coarse[lit] + 0.05) / (known.coarse[lit] + 0.05))
    return float(lost.mean()), float(np.median(fine / coarse)), float(np.median(fine))


def _over(fault: Word, verdict: Verdict) -> bool:
    """Whether a spell has nothing of a fault. A camera that was moved is back where its view is known again, not where
    rain or the night hide it."""
    if fault == "moved" and (verdict.view is None or verdict.view.kind != "same"):
        return False
    return verdict.state == "ok"


def _followed(told: Shift | None, verdicts: list[Verdict]) -> Shift | None:
    """The shift that lines should follow: the middle one of the last spells, once all of them agree on it."""
    shifts = [v.view.shift for v in verdicts if v.view and v.view.shift]
    if len(shifts) < TELLING:
        return told
    middle = sorted(shifts, key=lambda s: sum(s.distance(other) for other in shifts))[0]
    if max(s.distance(middle) for s in shifts) > NOTED:
        return told
    far = middle.farthest
    if far < (NOTED if told is None else FORGOTTEN):
        return None
    return told if told is not None and told.distance(middle) < STEP else middle


def _words(shift: Shift) -> str:
    parts = [f"{abs(shift.dx):.0%} to the {'right' if shift.dx > 0 else 'left'}"] * (abs(shift.dx) >= 0.005)
    parts += [f"{abs(shift.dy):.0%} {'down' if shift.dy > 0 else 'up'}"] * (abs(shift.dy) >= 0.005)
    parts += [f"{abs(shift.roll):.1f} degrees {'' if shift.roll > 0 else 'anti-'}clockwise"] * (abs(shift.roll) >= 0.3)
    parts += [f"to {shift.scale:.0%} of its size"] * (abs(shift.scale - 1) >= 0.01)
    return ", ".join(parts) or f"by {shift.farthest:.1%}"


class _Stillness:
    """Since when no new picture came. A frozen camera sends the same pictures again, be it one or the few of a group
    of pictures; a still scene, encoded anew from one key frame to the next, never gives the same twice. What was
    `frozen` before stays so until something new comes."""

    def __init__(self, *, frozen: bool) -> None:
        self._prints: deque[NDArray[np.uint64]] = deque(maxlen=GROUP_SECONDS)
        self._renewed: NDArray[np.float64] | None = None
        self._frozen = frozen

    def since(self, seen: Glance) -> Instant | None:
        """Since when the picture is frozen, or None. Places that are black or white say nothing."""
        at = seen.at.seconds
        known = np.zeros(PLACES, bool)
        if self._renewed is None:
            self._renewed = np.full(PLACES, at - FROZEN_SECONDS if self._frozen else at)
            known[:] = True
        for prints in self._prints:
            known |= prints == seen.prints
        self._renewed[~known] = at
        self._prints.append(seen.prints)
        judged = (seen.level > STIRRING[0]) & (seen.level < STIRRING[1])
        still = judged & (at - self._renewed >= FROZEN_SECONDS)
        enough = FROZEN_PLACES[self._frozen] * max(int(judged.sum()), judged.size // 2)
        self._frozen = bool(still.sum() > enough) and seen.level90 >= DARK_LEVEL
        if not self._frozen:
            return None
        seconds = float(np.median(self._renewed[still]))
        return Instant(seconds, seen.at.utc - (at - seconds))
