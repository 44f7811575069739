"""The watch over one camera's picture: its health, and the view of the installation, taken where it is not known."""

from __future__ import annotations

import logging

from edge.dataflow import Frame
from edge.errors import EdgeError
from edge.frames.health import PictureHealth, PictureState
from edge.frames.reference import Reference
from edge.frames.survey import Survey

LOG = logging.getLogger("edge.frames")
SURVEY_SECONDS = 180.0
"""Of healthy pictures in a row that it takes to know a view."""
DAYLIGHT = 120.0
"""Nine of ten pixels are below by night, with headlights and infrared too (measured 38 to 114), but not by day (126 to
212, in one clip of twelve 93). A view that was taken by night knows less of the place, and some of that wrong."""
PATIENCE_SECONDS = 24 * 3600.0
"""How long daylight is waited for; then the place has none."""


class PictureWatch:
    """Looks at the pictures of a camera whose view is `known`, or from the first minutes of healthy pictures on;
    `told` is the state that the last process ended with."""

    def __init__(
        self,
        known: Reference | None = None,
        *,
        told: PictureState | None = None,
        survey_seconds: float = SURVEY_SECONDS,
    ) -> None:
        self.reference, self.state = known, told
        self._health = PictureHealth(known, told)
        self._seconds = survey_seconds
        self._survey = None if known else Survey(seconds=survey_seconds)
        self._began: float | None = None

    def look(self, frame: Frame) -> PictureState:
        """How the picture is, this one included; to be called with each picture."""
        self.state = self._health.look(frame)
        if self._survey:
            self._surveyed(self._survey, frame)
        return self.state

    def _surveyed(self, survey: Survey, frame: Frame) -> None:
        """Goes on with the survey; it begins again where it is over without a view, or the picture is at fault."""
        now = frame.at.seconds
        self._began = now if self._began is None else self._began
        if self.state and self.state.state != "ok":
            self._survey = Survey(seconds=self._seconds)
        elif survey.look(frame):
            patient = now - self._began < PATIENCE_SECONDS
            taken = (survey.light >= DAYLIGHT or not patient) and self._took(survey)
            self._survey = None if taken else Survey(seconds=self._seconds)

    def _took(self, survey: Survey) -> bool:
        """Takes the view that was surveyed for the reference, if it is one."""
        try:
            self.reference = survey.reference(where="the camera's view")
        except EdgeError as error:
            LOG.warning("%s; tried again", error)
            return False
        self._health = PictureHealth(self.reference, self.state)
        moves = "" if self.reference.knows_moves else "; it has too few edges to tell when the camera is moved"
        LOG.info("the camera's view is known from now on%s", moves)
        return True
