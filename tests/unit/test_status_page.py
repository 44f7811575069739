"""`edge status`: the page on a terminal, and what is red, yellow or green on it."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from typing import get_args

import pytest
from rich.cells import cell_len
from rich.console import Console

from edge.causes import TOLD
from edge.frames.health import Word
from edge.link import LinkState
from edge.status.facts import CameraFacts, Facts
from edge.status.page import show
from edge.status.words import CAUSES, STATES, advice


def test_every_state_and_cause_has_words_in_both_languages():
    assert CAUSES.keys() == TOLD.keys()
    assert {*get_args(Word), "nostream", "auth", "config"} <= STATES.keys()
    for each in (*CAUSES.values(), *STATES.values()):
        assert each.what.en and each.what.vi
        assert bool(each.do.en) == bool(each.do.vi)
        assert cell_len(each.what.en) <= 26
        assert cell_len(each.what.vi) <= 26
    assert advice("strange", "").what.en == "strange"


def page(told, *, width, spoken="vi"):
    console = Console(file=io.StringIO(), force_terminal=True, width=width, color_system="truecolor")
    show(told, spoken, console)
    return console.file.getvalue()


NOW = 1_795_420_000.0
CAMERAS = tuple(
    CameraFacts(f"camera-{i}", "Cầu Trường Tiền, nhìn về chợ Đông Ba", state, NOW - 9 * i**5, "", 4.9, 0.3)
    for i, state in enumerate([*STATES, "strange"])
)
FULL = Facts(
    "hue-01", NOW, CAMERAS, publishing=True,
    link=LinkState("mqtt:8883", connected=False, since=NOW - 50, reason="x" * 60),
    waiting=1412, oldest=NOW - 4000, lost=(("expired", 5), ("no_room", 7)), flushed_ago=12.0, disk_fails=True,
    free_bytes=1 << 34, clock=False, systemd=True,
)  # fmt: skip

WELL = replace(
    FULL, cameras=(), link=LinkState("mqtt:8883", connected=True, since=NOW - 90_000, confirms=True),
    oldest=None, lost=(), disk_fails=False, clock=True,
)  # fmt: skip


@pytest.mark.parametrize("spoken", ["vi", "en"])
@pytest.mark.parametrize("width", [80, 100, 140, 200])
def test_page_keeps_to_the_terminal_and_tells_all(width, spoken):
    text = page(FULL, width=width, spoken=spoken)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert all(cell_len(line) <= width for line in plain.splitlines())
    for camera in CAMERAS:
        said = advice(camera.state, "")
        assert any(camera.id in line and said.what[spoken] in line for line in plain.splitlines()), camera.id
    flat = " ".join(plain.split())
    for each in STATES.values():
        assert " ".join(each.do[spoken].split()).format(camera="camera-").split("@")[0] in flat
    assert "\x1b[31m" in text and "\x1b[33m" in text and "\x1b[32m" in text


def test_page_of_a_wide_terminal_has_one_line_for_each_thing():
    told = replace(FULL, cameras=CAMERAS[:3], link=LinkState("mqtt:8883", connected=True, since=NOW, confirms=True))
    assert len(page(told, width=240).splitlines()) == 1 + 3 + 4


@pytest.mark.parametrize(
    ("oldest", "since", "held_up"),
    [(3 * 3600, 3600, True), (3 * 3600, 60, False), (60, 3600, False), (None, 3600, False)],
)
@pytest.mark.parametrize("confirms", [True, False])
def test_status_of_messages_that_do_not_go_although_the_broker_is_there(oldest, since, held_up, confirms):
    link = LinkState("mqtt:8883", connected=True, since=NOW - since, confirms=confirms)
    told = replace(WELL, link=link, oldest=oldest and NOW - oldest)
    assert told.well is not held_up
    assert ("messages are held up" in page(told, width=80, spoken="en")) is held_up


@pytest.mark.parametrize(("ago", "since", "told"), [(3600, 7200, True), (3600, 60, False), (60, 7200, False)])
def test_status_of_a_centre_that_confirms_no_more(ago, since, told):
    link = LinkState("mqtt:8883", connected=True, since=NOW - since, confirms=True)
    seen = replace(WELL, link=link, unconfirmed_since=NOW - ago)
    assert seen.well
    assert ("centre confirms no more" in page(seen, width=80, spoken="en")) is told
    link = replace(link, confirms=False)
    assert "no centre confirms yet" in page(replace(seen, link=link), width=80, spoken="en")


def test_status_of_a_disk_that_hangs():
    told = replace(WELL, flushed_ago=7200.0)
    assert not told.well
    assert "not written for 2 h" in page(told, width=80, spoken="en")


def test_camera_that_is_full_may_have_a_new_password():
    told = advice("nostream", TOLD["busy"])
    assert all("password" in text for text in (told.what.en, told.do.en, TOLD["busy"]))
    assert all("mật khẩu" in text for text in (told.what.vi, told.do.vi))


@pytest.mark.parametrize(
    ("clock", "told"),
    [
        (None, ["no time service", "on a device, install one: apt install chrony"]),
        (False, ["not synchronised", "timedatectl; check the way to its time server"]),
        (True, ["synchronised"]),
    ],
)
def test_status_of_a_clock_says_what_to_do(clock, told):
    (line,) = (
        line for line in page(replace(WELL, clock=clock), width=200, spoken="en").splitlines() if "clock" in line
    )
    assert all(each in line for each in told)
    assert ("→" in line) is (clock is not True)
    assert replace(WELL, clock=clock).well is (clock is not False)
