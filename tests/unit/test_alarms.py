"""Alarms: raised when a limit has held, cleared when a lower one has, never silently."""

from __future__ import annotations

import json
import random

import pytest

from edge.config.rules import Limits
from edge.config.schema import Camera
from edge.dataflow import Instant, Sample
from edge.measurements.alarms import LOST_SECONDS, AlarmMachine, Alarms

LIMITS = Limits(levels=((2.0, 1.5), (3.0, 2.5), (4.0, 3.5)), on_seconds=20, off_seconds=60)
BOOT = 1_000_000.0
"""What the wall clock was when the steady one was 0."""


def instant(seconds):
    return Instant(seconds, BOOT + seconds)


def machine(limits=LIMITS):
    return AlarmMachine("z", "crowd_density", limits)


def play(alarm, *stretches, start=0.0, step=0.2):
    """Feeds (seconds, value) stretches; returns the changes and where time stands."""
    changes, now = [], start
    for seconds, value in stretches:
        end = now + seconds
        while now < end - 1e-9:
            changes += alarm.update(instant(now), value)
            now = round(now + step, 6)
    return changes, now


def states(changes):
    return [(c.state, c.level) for c in changes]


def test_alarm_is_raised_when_the_limit_has_held_and_says_since_when():
    changes, _ = play(machine(), (10, 1.0), (25, 3.12))
    (raised,) = changes
    assert (raised.state, raised.level, raised.value) == ("raised", 2, 3.12)
    assert (raised.limit, raised.clears_below) == (3.0, 2.5)
    assert raised.at.seconds == pytest.approx(30.0)
    assert raised.since == pytest.approx(BOOT + 10)


def test_alarm_is_not_raised_by_what_does_not_hold():
    changes, _ = play(machine(), (19, 5.0), (0.2, 1.9), (19, 5.0), (30, 1.9))
    assert changes == []


def test_alarm_escalates_at_once_and_goes_down_step_by_step():
    alarm = machine()
    changes, now = play(alarm, (20.2, 2.2), (1, 4.4), (100, 3.0), (100, 1.0))
    assert states(changes) == [("raised", 1), ("changed", 3), ("changed", 2), ("cleared", 0)]
    assert changes[1].at.seconds == pytest.approx(20.2)
    assert changes[2].at.seconds == pytest.approx(21.2 + 60)
    assert (changes[3].at.seconds, changes[3].clears_below) == (pytest.approx(121.2 + 60, abs=0.3), 2.5)
    assert len({c.since for c in changes}) == 1
    assert play(alarm, (100, 1.0), start=now)[0] == []


def test_alarm_flicker_about_a_limit_raises_once():
    rng = random.Random(5)
    alarm, changes = machine(), []
    changes += play(alarm, (20.2, 2.1))[0]
    for step in range(5000):
        changes += alarm.update(instant(21 + step * 0.2), rng.choice([1.4, 1.6, 1.9, 2.1]))
    assert states(changes) == [("raised", 1)]


def test_alarm_of_a_lost_camera_is_unknown_never_cleared():
    alarm = machine()
    changes, now = play(alarm, (21, 2.5), (300, None), (30, 1.0), (40, 1.0))
    assert states(changes) == [("raised", 1), ("unknown", 1), ("changed", 1), ("cleared", 0)]
    assert changes[1].at.seconds == pytest.approx(21 + LOST_SECONDS, abs=0.5)
    assert changes[2].value == 1.0
    assert changes[3].at.seconds == pytest.approx(321 + 60)
    assert now > 380


def test_alarm_bears_a_short_loss():
    changes, _ = play(machine(), (21, 2.5), (4, None), (10, 2.5))
    assert states(changes) == [("raised", 1)]


def test_alarm_off_delay_does_not_run_while_nothing_is_seen():
    changes, _ = play(machine(), (21, 2.5), (50, 1.0), (30, None), (50, 1.0))
    assert states(changes) == [("raised", 1), ("unknown", 1), ("changed", 1)]


def test_alarm_on_delay_does_not_run_while_nothing_is_seen():
    alarm = machine()
    assert alarm.update(instant(0), 2.5) == []
    assert alarm.update(instant(100), 2.5) == []
    assert states(play(alarm, (21, 2.5), start=100.2)[0]) == [("raised", 1)]


def test_alarm_of_a_camera_that_was_never_seen_says_nothing():
    assert play(machine(), (100, None))[0] == []


def test_alarm_goes_on_after_a_restart():
    before = machine()
    (raised,), _ = play(before, (20.2, 2.2))
    kept = json.loads(json.dumps(before.state()))
    after = machine()
    assert after.resume(kept, instant(3.0))
    changes, _ = play(after, (1, 4.4), (61, 1.0), start=4.0)
    assert states(changes) == [("changed", 3), ("cleared", 0)]
    assert {c.since for c in changes} == {raised.since}
    assert after.state() is None


def test_alarm_restart_with_fewer_levels_or_another_kind():
    before = machine()
    play(before, (21, 5.0))
    lower = machine(Limits(levels=((2.0, 1.5),)))
    assert lower.resume(before.state(), instant(0))
    assert states(lower.update(instant(0.2), 5.0)) == []
    assert lower.state()["level"] == 1
    assert not AlarmMachine("z", "crowd_count", LIMITS).resume(before.state(), instant(0))


def test_alarm_restart_while_unknown_tells_the_present_state():
    before = machine()
    play(before, (21, 2.5), (10, None))
    after = machine()
    after.resume(before.state(), instant(0))
    assert states(play(after, (10, None))[0]) == []
    assert states(after.update(instant(12), 2.5)) == [("changed", 1)]


def camera(**rules):
    return Camera.model_validate(rules)


SQUARE = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.9]]


CALIBRATION = {"points": [[[0, 1], [0, 0]], [[1, 1], [10, 0]], [[1, 0.5], [10, 10]], [[0, 0.5], [0, 10]]]}


def zone(**more):
    return {"id": "z", "points": SQUARE, **more}


def pictures(alarms, rule, values, *, name, start=0.0, added=False):
    changes = []
    for i, value in enumerate(values):
        what = {"present": {}, "added": {name: value}} if added else {"present": {name: value}}
        changes += alarms.update([Sample(at=instant(start + i * 0.2), rule=rule, **what)])
    return changes


def test_alarms_of_density_know_the_area():
    alarms = Alarms(camera(zones=[zone(area_m2=20, alarms={"crowd_density": "default"})]))
    (raised,) = pictures(alarms, "z", [50.0] * 110, name="pedestrian")
    assert (raised.kind, raised.level, raised.value) == ("crowd_density", 1, 2.5)
    known = camera(zones=[zone(alarms={"crowd_density": "default"})], calibration=CALIBRATION)
    told = Alarms(known, areas={"z": 10.0})
    assert pictures(told, "z", [50.0] * 110, name="pedestrian")[0].level == 3


def test_alarms_of_a_count_that_flickers_about_its_limit_are_raised_once_and_stand():
    rng = random.Random(1)
    limits = {"levels": [[10, 8]], "on_seconds": 20, "off_seconds": 60}
    alarms = Alarms(camera(zones=[zone(alarms={"crowd_count": limits})]))
    people = [10.5 + rng.choice([-2, -1, 0, 1, 2]) for _ in range(3000)]
    assert states(pictures(alarms, "z", people, name="pedestrian")) == [("raised", 1)]


@pytest.mark.parametrize(
    ("rules", "name", "values", "limit"),
    [
        ({"zones": [zone(alarms={"congestion": "default"})]}, "congestion", [3.0] * 152, 3),
        ({"zones": [zone(alarms={"stopped_vehicle": "default"})]}, "stopped", [59.0, 61.0], 60),
        (
            {
                "lines": [{"id": "l1", "points": [[0, 0.5], [1, 0.5]]}],
                "queues": [{"id": "z", "stop_line": "l1", "lane": SQUARE, "alarms": {"queue": {"levels": [[5, 3]]}}}],
            },
            "vehicles",
            [6.0] * 102,
            5,
        ),
    ],
)
def test_alarms_look_at_the_value_of_their_kind(rules, name, values, limit):
    alarms = Alarms(camera(**rules))
    (raised,) = pictures(alarms, "z", values, name=name)
    assert (raised.state, raised.limit) == ("raised", limit)


def riders_told(levels):
    """The alarm of one forbidden way, with that camera's levels, that clears after 10 s without a rider."""
    limits = {"levels": levels, "off_seconds": 10}
    line = {"id": "l1", "points": [[0, 0.5], [1, 0.5]], "forbidden": 1, "alarms": {"wrong_way": limits}}
    return Alarms(camera(lines=[line]))


def ride(alarms, riders, *, start=0.0):
    return pictures(alarms, "l1", riders, name="wrong_way", start=start, added=True)


def test_alarms_of_wrong_way_come_at_once_and_stand_until_it_was_quiet():
    changes = ride(riders_told([[1, 1], [3, 1]]), [0.0] * 5 + [1.0] + [0.0] * 40 + [1.0, 1.0] + [0.0] * 100)
    assert states(changes) == [("raised", 1), ("changed", 2), ("cleared", 0)]
    assert [c.at.seconds for c in changes] == [pytest.approx(t, abs=0.01) for t in (1.0, 9.4, 19.6)]


@pytest.mark.parametrize(("quiet", "changes"), [(40, [("raised", 1)]), (60, [])])
def test_alarm_of_many_wrong_way_riders_counts_those_between_whom_it_was_not_quiet(quiet, changes):
    assert states(ride(riders_told([[2, 1]]), [1.0] + [0.0] * quiet + [1.0])) == changes


def test_alarm_of_wrong_way_tells_its_riders_as_long_as_it_stands():
    alarms = riders_told([[1, 1], [3, 1]])
    ride(alarms, [2.0, 0.0, 0.0])
    told = [*alarms.lost(instant(20)), *ride(alarms, [0.0] * 5 + [1.0] + [0.0] * 60, start=21)]
    assert [(c.state, c.level, c.value) for c in told] == [
        ("unknown", 1, 2), ("changed", 1, 2), ("changed", 2, 3), ("cleared", 0, 0)
    ]  # fmt: skip


def test_alarm_of_wrong_way_that_stands_over_a_restart_counts_on():
    before, after = riders_told([[1, 1], [3, 1]]), riders_told([[1, 1], [3, 1]])
    ride(before, [2.0])
    after.resume(json.loads(json.dumps(before.state())), instant(3))
    told = ride(after, [0.0] * 5 + [1.0] + [0.0] * 60, start=4)
    assert [(c.state, c.level, c.value) for c in told] == [("changed", 2, 3), ("cleared", 0, 0)]


def test_alarms_of_a_lost_camera_and_after_a_restart():
    asked = camera(zones=[zone(alarms={"crowd_count": {"levels": [[10, 8]], "on_seconds": 0}})])
    alarms = Alarms(asked)
    pictures(alarms, "z", [12.0], name="pedestrian")
    assert alarms.lost(instant(2)) == []
    assert states(alarms.lost(instant(8))) == [("unknown", 1)]
    assert alarms.lost(instant(9)) == []
    kept = json.loads(json.dumps(alarms.state()))
    again = Alarms(asked)
    assert again.resume({**kept, "gone": kept["z"]}, instant(1)) == ["gone"]
    assert states(pictures(again, "z", [12.0], name="pedestrian", start=2)) == [("changed", 1)]


def test_alarms_pass_over_rules_without_one():
    beyond = zone(id="y", alarms={"crowd_density": "default"})  # of which the calibration tells no area
    alarms = Alarms(camera(zones=[zone(), beyond], calibration=CALIBRATION))
    assert pictures(alarms, "z", [900.0] * 200, name="pedestrian") == []
    assert alarms.state() == {}
