"""Intervals: on the wall clock, never overlapping, honest about what was analysed."""

from __future__ import annotations

import pytest

from edge import render
from edge.config.schema import Camera
from edge.dataflow import Instant, Sample, Stamp
from edge.measurements.periods import GRACE_SECONDS, Periods, rules_of

CAMERA = Camera.model_validate(
    {
        "lines": [{"id": "l1", "points": [[0.1, 0.5], [0.9, 0.5]], "every": 60}],
        "zones": [{"id": "z1", "points": [[0, 0], [1, 0], [1, 1]], "every": 30}],
    }
)
QUEUE = Camera.model_validate(
    {
        "lines": [{"id": "l1", "points": [[0.1, 0.5], [0.9, 0.5]]}],
        "queues": [{"id": "q1", "stop_line": "l1", "lane": [[0.1, 0.5], [0.9, 0.5], [0.9, 0.9]], "every": 60}],
    }
)


def periods(camera=CAMERA, *, kept=(), now=1200.0, rate=5.0):
    new = Periods(rules_of(camera), rate=rate)
    return new, new.resume(kept, now=Instant(now, now))


def moment(t):
    return Instant(t, t)


def watch(under_test, begin, end, *, rate=5.0, people=2):
    """Pictures at `rate` from begin to end; what is due is gathered as a worker would."""
    due, n = [], round((end - begin) * rate)
    for i in range(n):
        t = begin + (i + 1) / rate
        under_test.observe(Instant(t, t), [Sample(Instant(t, t), "z1", {"pedestrian": people})])
        due += under_test.due(Instant(t, t))
    return due


def test_interval_watched_in_full_is_covered_in_full():
    under_test, _ = periods()
    due = watch(under_test, 1200, 1265)
    assert [(p.rule, p.start, p.seconds) for p in due] == [("z1", 1200, 30), ("l1", 1200, 60), ("z1", 1230, 30)]
    for period in due:
        assert period.coverage == pytest.approx(1.0, abs=0.01)
        assert period.flags == frozenset()


def test_interval_waits_for_late_crossings():
    under_test, _ = periods()
    assert watch(under_test, 1200, 1230 + GRACE_SECONDS - 0.3) == []
    assert len(under_test.due(moment(1230 + GRACE_SECONDS))) == 1


def test_interval_begun_in_the_middle_says_partial():
    under_test, _ = periods(now=1215.0)
    due = watch(under_test, 1215, 1263)
    line = next(p for p in due if p.rule == "l1")
    assert (line.start, line.seconds) == (1200, 60)
    assert line.coverage == pytest.approx(0.75, abs=0.01)
    assert line.flags == {"partial"}


def test_interval_without_video_is_told_with_coverage_zero():
    under_test, _ = periods()
    under_test.flag("nostream")
    due = under_test.due(moment(1300.0))
    assert [(p.rule, p.start) for p in due] == [("z1", 1200), ("l1", 1200), ("z1", 1230), ("z1", 1260)]
    assert all(p.analysed == 0 and "nostream" in p.flags for p in due)


def test_pause_that_tracks_cannot_bridge_is_not_covered():
    under_test, _ = periods()
    watch(under_test, 1200, 1210)
    due = watch(under_test, 1220, 1263)
    line = next(p for p in due if p.rule == "l1")
    assert line.coverage == pytest.approx(50.2 / 60, abs=0.01)


def test_few_pictures_say_slow():
    under_test, _ = periods()
    due = watch(under_test, 1200, 1263, rate=1.5)
    assert "slow" in next(p for p in due if p.rule == "l1").flags


def test_zone_mean_is_over_the_analysed_time():
    under_test, _ = periods()
    due = watch(under_test, 1200, 1215, people=4)
    due += watch(under_test, 1215, 1233, people=2)
    numbers = dict(next(p for p in due if p.rule == "z1").numbers)
    assert numbers["pedestrian.sum"] / 30 == pytest.approx(3.0, abs=0.05)
    assert (numbers["pedestrian.max"], numbers["pedestrian.last"]) == (4, 2)


def test_interval_open_at_a_crash_goes_on():
    first, _ = periods()
    watch(first, 1200, 1220)
    kept = [(p, 1220.0) for p in first.open()]
    second, told = periods(kept=kept, now=1222.0)
    assert told == []
    due = watch(second, 1222, 1263)
    line = next(p for p in due if p.rule == "l1")
    assert line.coverage == pytest.approx(58.2 / 60, abs=0.01)
    assert sorted((p.rule, p.start) for p in due) == [("l1", 1200), ("z1", 1200), ("z1", 1230)]


def test_intervals_missed_by_a_process_that_was_away_are_told():
    first, _ = periods()
    watch(first, 1200, 1220)
    second, _ = periods(kept=[(p, 1220.0) for p in first.open()], now=1390.0)
    due = second.due(moment(1390.0))
    assert [p.start for p in due if p.rule == "l1"] == [1200, 1260, 1320]
    assert [p.start for p in due if p.rule == "z1"] == [1200, 1230, 1260, 1290, 1320, 1350]
    assert [p.coverage for p in due if p.rule == "l1"] == pytest.approx([20 / 60, 0, 0], abs=0.01)
    assert sorted((p.rule, p.start) for p in second.open()) == [("l1", 1380), ("z1", 1380)]


def test_interval_awaiting_its_grace_at_a_crash_is_told_once():
    first, _ = periods()
    watch(first, 1200, 1231)
    second, _ = periods(kept=[(p, 1231.0) for p in first.open()], now=1231.5)
    due = watch(second, 1231.5, 1266)
    assert sorted((p.rule, p.start) for p in due) == [("l1", 1200), ("z1", 1200), ("z1", 1230)]


def test_changed_rule_ends_its_interval_early_and_never_overlaps():
    first, _ = periods()
    watch(first, 1200, 1220)
    changed = CAMERA.model_copy(
        update={"lines": (CAMERA.lines[0].model_copy(update={"points": ((0.1, 0.6), (0.9, 0.6))}),)}
    )
    second, told = periods(changed, kept=[(p, 1220.0) for p in first.open()], now=1221.0)
    assert [(p.rule, p.start, p.seconds) for p in told] == [("l1", 1200, 20)]
    assert told[0].flags == {"config"}
    due = watch(second, 1221, 1263)
    assert [(p.start, p.seconds) for p in due if p.rule == "l1"] == [(1220, 40)]


def test_rule_that_is_gone_is_told_and_not_gone_on_with():
    first, _ = periods()
    watch(first, 1200, 1220)
    without = CAMERA.model_copy(update={"zones": ()})
    second, told = periods(without, kept=[(p, 1220.0) for p in first.open()], now=1221.0)
    assert [(p.rule, p.flags) for p in told] == [("z1", {"config"})]
    assert [p.rule for p in second.open()] == ["l1"]


def test_cut_ends_everything_where_it_is_and_begin_goes_on_at_another_time():
    under_test, _ = periods()
    watch(under_test, 1200, 1231)  # an interval of z1 waits for late crossings
    over = under_test.cut(moment(1231.5), flag="clock")
    assert [(p.rule, p.start, p.seconds, p.flags) for p in over] == [
        ("z1", 1200, 30, frozenset()), ("l1", 1200, 32, {"clock"}), ("z1", 1230, 2, {"clock", "partial"}),
    ]  # fmt: skip
    under_test.begin(moment(5010.7))
    assert sorted((p.rule, p.start, p.seconds) for p in under_test.open()) == [("l1", 5010, 30), ("z1", 5010, 30)]


def test_what_happened_before_the_interval_begins_is_counted_in_it():
    under_test, _ = periods()
    at = Instant(1199.0, 1199.0)  # a clock that was set back by less than a step
    under_test.observe(at, [Sample(at, "z1", {"pedestrian": 5}, {"entered": 2})])
    (zone,) = (p for p in under_test.open() if p.rule == "z1")
    assert dict(zone.numbers) == {"entered": 2}
    assert zone.analysed == 0


def test_interval_kept_from_a_clock_that_was_far_ahead_is_told_at_once():
    first, _ = periods(now=360_000.0)
    watch(first, 360_000, 360_020)
    second, told = periods(kept=[(p, 360_020.0) for p in first.open()], now=1200.0)
    assert {(p.rule, p.start, p.seconds) for p in told} == {("l1", 360_000, 20), ("z1", 360_000, 20)}
    assert all("clock" in p.flags for p in told)
    assert {p.start for p in second.open()} == {1200}


def test_picture_after_the_end_is_no_last_value_of_the_interval():
    under_test, _ = periods()
    watch(under_test, 1200, 1229.9, people=1)
    at = Instant(1230.1, 1230.1)
    under_test.observe(at, [Sample(at, "z1", {"pedestrian": 9})])
    (zone,) = (p for p in under_test.due(moment(1232.5)) if p.rule == "z1")
    assert (dict(zone.numbers)["pedestrian.last"], dict(zone.numbers)["pedestrian.max"]) == (1, 1)


def test_interval_that_has_no_picture_of_its_own_is_told_by_the_next_one():
    """A start just before a full minute: the first picture comes after it, and was there for some of that minute."""
    under_test = Periods(rules_of(QUEUE), rate=5.0)
    under_test.resume((), now=Instant(1259.96, 1259.96))
    at = Instant(1260.05, 1260.05)
    under_test.observe(at, [Sample(at, "q1", {"vehicles": 3, "metres": 20.0})])
    first = next(p for p in under_test.due(moment(1265)) if p.rule == "q1")
    assert 0 < first.coverage < 0.01
    told = render.queue(first, stamp=Stamp("0000abcd", 1), camera="c")
    assert (told.vehicles.mean, told.vehicles.max, told.metres.max) == (3, 3, 20)
