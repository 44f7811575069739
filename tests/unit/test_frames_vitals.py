"""What is told of a stream by what came of it: nothing, data, damage, wrong times."""

from __future__ import annotations

from typing import Any, cast

import pytest

from edge.causes import TOLD
from edge.dataflow import Instant
from edge.errors import SourceError
from edge.frames.connection import Parcel
from edge.frames.patience import Patience
from edge.frames.stream import Hope, Look
from edge.frames.vitals import AILMENTS, WINDOW_SECONDS, Vitals

PICTURE = cast(Any, object())
GOOD = Look(((PICTURE, Instant(0, 0)),), 0)
SPOILT, NOTHING = Look((), 1), Look((), 0)


def shown(looks: list[tuple[float, Look]]) -> Vitals:
    vitals = Vitals(0.0, silence=10.0)
    for at, look in looks:
        vitals.note(look, at)
    return vitals


def test_vitals_of_a_stream_that_shows_pictures_are_good() -> None:
    vitals = shown([(n * 0.1, GOOD) for n in range(1000)])
    assert vitals.lost(100.0) is None
    assert vitals.ailment(shaky=False) == ""


@pytest.mark.parametrize(("look", "reason"), [(NOTHING, "nokey"), (SPOILT, "damaged")])
def test_vitals_tell_what_comes_instead_of_pictures(look: Look, reason: str) -> None:
    vitals = shown([(0.0, GOOD), *((n * 0.1, look) for n in range(1, 110))])
    assert vitals.lost(9.9) is None
    error = vitals.lost(11.0)
    assert error is not None
    assert error.reason == reason


def test_vitals_of_a_stream_that_stopped_are_a_timeout() -> None:
    error = shown([(0.0, GOOD), (1.0, SPOILT)]).lost(10.5)
    assert error is not None
    assert error.reason == "timeout"


def test_vitals_tell_damage_of_one_picture_in_five_until_it_is_over() -> None:
    vitals = shown([])
    for n in range(700):
        vitals.note(SPOILT if n % 5 == 0 and n < 300 else GOOD, n * 0.1)
        if n * 0.1 <= WINDOW_SECONDS:
            assert vitals.ailment(shaky=True) == "unsteady"
        if n == 300:
            assert vitals.ailment(shaky=True) == "damaged"
    assert vitals.ailment(shaky=False) == ""


def test_vitals_of_another_connection_begin_anew() -> None:
    vitals = shown([(n * 0.1, SPOILT if n % 3 else GOOD) for n in range(300)])
    assert vitals.ailment(shaky=False) == "damaged"
    vitals.hang_up()
    assert vitals.ailment(shaky=False) == ""
    error = vitals.lost(40.0)
    assert error is not None
    assert error.reason == "timeout"


def test_vitals_do_not_tell_damage_of_one_picture_in_fifty() -> None:
    vitals = shown([(n * 0.1, SPOILT if n % 50 == 0 else GOOD) for n in range(600)])
    assert vitals.ailment(shaky=False) == ""


def test_vitals_tell_wrong_times() -> None:
    vitals = shown([(0.0, Look(GOOD.good, 0, misdated=True))])
    assert vitals.ailment(shaky=True) == "clock"


def test_every_ailment_is_told() -> None:
    assert set(AILMENTS) < set(TOLD)


def fails(parcels: list[tuple[float, Parcel, bool]]) -> tuple[float, str]:
    """When and why a connection is given up."""
    hope = Hope(0.0, Patience())
    for at, parcel, good in parcels:
        try:
            hope.note(parcel, at, good=good)
        except SourceError as error:
            return at, error.reason
    return 0.0, ""


WHOLE, EMPTY, BROKEN = Parcel([PICTURE], None), Parcel([], None), Parcel(None, None)


@pytest.mark.parametrize("parcel", [EMPTY, BROKEN])
def test_hope_ends_soon_where_a_stream_that_played_cannot_be_decoded_any_more(parcel: Parcel) -> None:
    at, reason = fails([(0.0, WHOLE, True), *((n * 0.1, parcel, False) for n in range(1, 400))])
    assert reason == "changed"
    assert at < Patience().silence


@pytest.mark.parametrize(("parcel", "reason"), [(EMPTY, "nokey"), (BROKEN, "damaged"), (WHOLE, "damaged")])
def test_hope_lasts_longer_for_a_stream_that_has_not_begun(parcel: Parcel, reason: str) -> None:
    at, found = fails([(n * 0.1, parcel, False) for n in range(1, 400)])
    assert found == reason
    assert at == pytest.approx(Patience().key, abs=0.2)


def test_hope_bridges_a_pause_of_the_camera() -> None:
    assert fails([(0.0, WHOLE, True), (14.0, EMPTY, False), (14.1, WHOLE, True)]) == (0.0, "")
