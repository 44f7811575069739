"""What a centre finds wrong is one line that a person can read, whatever was sent."""

from __future__ import annotations

import pytest

from edge.centre.arrivals import Rejected
from edge.centre.complaints import Complaints
from edge.centre.store import Written


def test_line_stays_a_line_whatever_the_topics_are(caplog: pytest.LogCaptureFixture):
    complaints = Complaints()
    rejected = [Rejected("hue/1/" + "a" * 60_000, b"{}", reason=f"{number}: " + "x" * 60_000) for number in range(9)]
    complaints.add(Written(rejected=rejected))
    complaints.say()
    [line] = caplog.messages
    assert line.startswith("9 messages rejected: ")
    assert line.endswith("and 4 other causes")
    assert len(line) < 2500
