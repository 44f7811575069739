"""What a failed attempt is called after what was before, and that no camera sees many wrong logins."""

from __future__ import annotations

import re
from itertools import accumulate, pairwise

import pytest

from edge.causes import TOLD
from edge.errors import SourceError
from edge.frames.attempts import Attempts
from edge.frames.connection import MEANINGS, Source
from edge.frames.patience import BACKOFF_SECONDS, JITTER
from edge.frames.refusals import Refusals
from edge.frames.vitals import AILMENTS

CAMERA = Source("rtsp://10.0.0.1/1", ("edge", "secret"), "tcp")
HALF_AN_HOUR = 1800.0
LOCKS_AFTER = 5
"""Wrong logins within half an hour: the strictest camera known."""


def failures(attempts: Attempts, reason: str, count: int) -> list[tuple[str, float]]:
    """The names and waits of so many failures in a row."""
    got = [attempts.failed(SourceError("stream", "it fails", reason=reason)) for _ in range(count)]
    return [(error.reason, wait) for error, wait in got]


def test_attempts_with_a_login_that_never_worked_call_it_wrong_at_once() -> None:
    (first, soon), *others = failures(Attempts(Refusals(None, CAMERA)), "auth", 4)
    assert (first, *(name for name, _ in others)) == ("auth",) * 4
    assert 60 <= soon < 80 < 900 <= min(wait for _, wait in others)


def test_attempts_with_a_login_that_worked_call_the_camera_busy_twice() -> None:
    attempts = Attempts(Refusals(None, CAMERA))
    attempts.play()
    names = [name for name, _ in failures(attempts, "auth", 5)]
    assert names == ["busy", "busy", "auth", "auth", "auth"]


@pytest.mark.parametrize("played", [False, True])
def test_attempts_never_lock_an_account(played: bool) -> None:  # noqa: FBT001
    attempts = Attempts(Refusals(None, CAMERA))
    if played:
        attempts.play()
    tries = [0.0, *accumulate(wait for _, wait in failures(attempts, "auth", 100))]
    for begin in tries:
        assert sum(begin <= at < begin + HALF_AN_HOUR for at in tries) < LOCKS_AFTER
    assert max(after - before for before, after in pairwise(tries)) <= 900 * (1 + JITTER)


def test_attempts_on_a_camera_that_is_full_are_made_again_soon() -> None:
    attempts = Attempts(Refusals(None, CAMERA))
    attempts.play()
    (name, wait), *_, (last, longest) = failures(attempts, "declined", 20)
    assert (name, last) == ("busy", "busy")
    assert wait < 30
    assert longest <= 60 * (1 + JITTER)


def test_attempts_that_were_always_declined_say_so() -> None:
    assert failures(Attempts(Refusals(None, CAMERA)), "declined", 1)[0][0] == "declined"


def test_attempts_call_an_unknown_codec_a_change_only_where_it_played_just_before() -> None:
    attempts = Attempts(Refusals(None, CAMERA))
    assert failures(attempts, "codec", 1)[0][0] == "codec"
    attempts.play()
    (changed, soon), (codec, later) = failures(attempts, "codec", 2)
    assert (changed, codec) == ("changed", "codec")
    assert soon < 2 < 60 <= later


def test_attempts_are_shaky_after_three_lost_connections_until_one_is_steady() -> None:
    attempts = Attempts(Refusals(None, CAMERA))
    failures(attempts, "refused", 10)
    assert not attempts.shaky
    for _ in range(3):
        assert not attempts.shaky
        attempts.play()
        failures(attempts, "reset", 1)
    assert attempts.shaky
    attempts.steady()
    assert not attempts.shaky


def test_attempts_after_a_steady_stream_start_from_the_first_wait() -> None:
    attempts = Attempts(Refusals(None, CAMERA))
    attempts.play()
    failures(attempts, "auth", 5)
    attempts.play()
    attempts.steady()
    assert failures(attempts, "auth", 1)[0][0] == "busy"


@pytest.mark.parametrize("reason", ["auth", "declined"])
def test_attempts_on_a_camera_that_gave_before_say_what_it_answers_now_and_what_to_do(reason: str) -> None:
    attempts = Attempts(Refusals(None, CAMERA))
    attempts.play()
    told, _ = attempts.failed(SourceError("stream", "it fails", reason=reason, found="453 Not Enough Bandwidth"))
    assert re.fullmatch(
        r"stream: the camera refuses the \w+ that it \w+ before, found 453 Not Enough Bandwidth; "
        r"close what else watches this camera \(recorders, apps, browsers\), or .*(password|serve more).*",
        str(told),
    )


def test_every_cause_of_the_reader_is_told() -> None:
    reasons = {reason for _, reason, _, _ in MEANINGS} | set(BACKOFF_SECONDS) | set(AILMENTS)
    assert reasons <= set(TOLD)
