"""Counting while the wall clock is not set, is set by hand, found again and lost: intervals never overlap, no crossing
is lost, and what has no right time says so."""

from __future__ import annotations

import random

import pytest
from clock_ import BEGIN, Machine, Site, none_overlap, told

from edge.dataflow import Alarm
from edge.store.flush import Bounds, Flusher
from edge.timeline import STEP_SECONDS

YEARS = -100_000_000.0
"""How far the clock of a machine without a battery is behind when it is started."""


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def spans(messages):
    return [(each["begin"] - BEGIN, each["end"] - BEGIN) for each in messages]


def flags(messages):
    return [tuple(each.get("flags", ())) for each in messages]


def test_intervals_counted_before_the_time_came_are_told_with_the_right_one(site):
    site.machine = Machine(1, wrong=YEARS + 7.3, synchronised_=False)
    site.start().count(200)
    assert site.messages() == site.messages("zone") == []
    site.machine.wrong, site.machine.synchronised_ = 0.0, True
    site.count(100)
    flows = site.messages()
    assert none_overlap(flows)
    assert none_overlap(site.messages("zone"))
    assert [each["seq"] for each in flows] == sorted(each["seq"] for each in flows)
    for each in flows:
        assert BEGIN - 60 <= each["begin"] < each["end"] <= site.machine.true + 1
    # counted until 200 s, then what began on the wall clock's minutes
    assert (flows[0]["begin"], flows[-1]["end"] % 60) == (pytest.approx(BEGIN, abs=60), 0)
    assert all("clock" not in each for each in flags(flows))
    assert [each["coverage"] for each in flows[1:]] == pytest.approx([1.0] * (len(flows) - 1), abs=0.05)
    assert told(flows) + site.pending() == site.crossings
    assert flows[-1]["total"][0] == told(flows)


def test_time_that_comes_without_a_step_cuts_nothing(site):
    site.machine = Machine(1, wrong=0.4, synchronised_=False)
    site.start().count(100)
    assert site.messages() == []
    site.machine.wrong, site.machine.synchronised_ = 0.0, True
    site.count(90)
    assert spans(site.messages()) == [(0, 60), (60, 120), (120, 180)]
    assert flags(site.messages()) == [()] * 3


@pytest.mark.parametrize("at", [30.0, 60.5, 61.9, 119.0, 130.0])
def test_worker_killed_while_the_time_is_unknown_loses_nothing_of_it(site, at):
    site.machine = Machine(1, wrong=YEARS, synchronised_=False)
    site.start().count(at)
    site.stop()
    site.machine.wait(2)
    site.start().count(100)
    site.kill()
    site.machine.wrong, site.machine.synchronised_ = 0.0, True  # while nobody looks
    site.start().count(130)
    flows = site.messages()
    assert none_overlap(flows)
    assert site.crossings - 1 <= told(flows) + site.pending() <= site.crossings, "at most the last second is lost"
    assert all("clock" not in each for each in flags(flows))
    assert all(BEGIN - 60 <= each["begin"] <= site.machine.true for each in flows)


def test_time_that_never_comes_is_waited_for_a_while_and_then_said(site):
    site.machine = Machine(1, wrong=YEARS, synchronised_=False, patience=300)
    site.start().count(299)
    assert site.messages() == []
    site.count(5)
    assert len(site.messages()) >= 4
    site.count(70)  # from here on nothing waits
    flows = site.messages()
    assert len(flows) >= 5
    assert all("clock" in each for each in flags(flows))
    assert all(each["end"] < BEGIN + YEARS + 500 for each in flows)
    assert none_overlap(flows)
    site.machine.wrong, site.machine.synchronised_ = 0.0, True
    site.count(130)
    after = site.messages()[len(flows) :]
    assert flags(after[1:]) == [()] * len(after[1:]), "what was held when the time came has it, what follows too"
    assert told(site.messages()) + site.pending() == site.crossings


def test_power_cut_before_the_time_came_leaves_intervals_that_say_so(site):
    site.machine = Machine(1, wrong=YEARS, synchronised_=False)
    site.start().count(150)
    flusher = Flusher(site.database, site.disk, Bounds(flush_seconds=0))
    flusher.step()
    flusher.abandon()
    site.kill()
    for file in site.database.parent.iterdir():
        file.unlink()
    site.machine = Machine(2, true=site.machine.true + 3600, wrong=YEARS, synchronised_=False)
    site.start().count(100)  # the same labels once more
    assert site.messages() == []
    site.machine.wrong, site.machine.synchronised_ = 0.0, True
    site.count(70)
    flows = site.messages()
    assert none_overlap(flows)
    assert told(flows) + site.pending() == site.crossings
    doubted = [each for each in flows if "clock" in each.get("flags", ())]
    assert all(each["end"] < BEGIN + YEARS + 300 for each in doubted)
    assert len(doubted) == 3
    assert all(each["begin"] > BEGIN + 3600 for each in flows if each not in doubted)


def test_machine_started_again_with_the_right_time_goes_on_with_its_intervals(site):
    site.start().count(80)
    site.stop()
    site.machine = Machine(2, true=site.machine.true + 20)
    site.start().count(90)
    assert spans(site.messages()) == [(0, 60), (60, 120), (120, 180)]
    assert flags(site.messages()) == [(), ("partial",), ()]


def test_machine_started_again_without_the_time_tells_at_once_what_it_had_before(site):
    site.start().count(90)
    site.stop()
    site.machine = Machine(2, true=site.machine.true + 20, wrong=-45.0, synchronised_=False)
    site.start()
    flows = site.messages()
    assert spans(flows) == [(0, 60), (60, 92)]
    assert "clock" not in flags(flows)[-1]
    site.count(100)
    site.machine.wrong, site.machine.synchronised_ = 0.0, True
    site.count(130)
    flows = site.messages()
    assert none_overlap(flows)
    assert flags(flows)[2:] == [()] * len(flows[2:])
    assert flows[2]["begin"] >= BEGIN + 110
    assert told(flows) + site.pending() == site.crossings


@pytest.mark.parametrize("step", [1800.0, 3600.0, -30.0, -600.0, -7200.0, -2e8, 2e8])
def test_clock_set_while_counting_overlaps_nothing_and_loses_nothing(site, step):
    site.start().count(430)
    site.machine.wrong = step
    site.count(200)
    flows = site.messages()
    assert none_overlap(flows)
    assert none_overlap(site.messages("zone"))
    assert told(flows) + site.pending() == site.crossings
    assert spans(flows)[:7] == [(60 * i, 60 * i + 60) for i in range(7)]
    assert flags(flows)[:7] == [()] * 7
    assert all("clock" in each for each in flags(flows)[7:9]), "both sides of the step"
    assert spans(flows)[7] == (420, 431) or spans(flows)[7] == (420, 430)


def killed(*_):
    raise KeyboardInterrupt


@pytest.mark.parametrize("step", [3600.0, -3600.0])
@pytest.mark.parametrize("due", [0.0, 1.1])
def test_clock_set_while_the_process_ends_leaves_no_crossing_for_later(site, step, due):
    """What is written last may be by the clock of before, seen by the one of after."""
    site.start().count(430)
    site.machine.wait(due)
    site.machine.wrong = step
    if due:
        site.recorder._settle = killed  # after the last that is written
        with pytest.raises(KeyboardInterrupt):
            site.recorder.tick(site.machine.now)
    else:
        site.recorder.stop(site.machine.now.utc)
    site.kill()
    site.start()
    assert told(site.messages()) == site.crossings
    assert (site.pending(), len(site.messages())) == (0, 8)


@pytest.mark.parametrize("step", [3600.0, -600.0])
def test_clock_set_and_set_back_overlaps_nothing_and_loses_nothing(site, step):
    site.start().count(200)
    site.machine.wrong = step
    site.count(400)
    site.machine.wrong = 0.0
    site.count(3700 - 600)  # until the labels come again that were used while it was wrong
    flows, zones = site.messages(), site.messages("zone")
    assert none_overlap(flows)
    assert none_overlap(zones)
    assert told(flows) + site.pending() == site.crossings
    assert flows[-1]["total"][0] == told(flows)
    assert "clock" not in flows[-1].get("flags", ())


def test_date_set_by_hand_is_mended_as_soon_as_the_time_service_does(site):
    """date -s takes the kernel's word back that the clock is right, until the service gives it again."""
    site.start().count(90)
    site.machine.wrong, site.machine.synchronised_ = 5400.0, False
    site.count(150)
    site.machine.wrong, site.machine.synchronised_ = 0.0, True
    site.count(130)
    flows = site.messages()
    assert none_overlap(flows)
    assert told(flows) + site.pending() == site.crossings
    assert all(each["end"] <= site.machine.true for each in flows)
    assert [i for i, each in enumerate(flags(flows)) if "clock" in each] == [1]


def test_slew_smear_and_leap_second_cut_nothing(site):
    """A slewed clock takes the steady one along, so only what is left of reading both shows; a leap second is a step,
    and too small a one."""
    site.start()
    for second in range(150):
        site.machine.wrong = 0.03 * (second % 3)
        site.count(1)
    site.machine.wrong = -1.0
    site.count(100)
    site.machine.wrong = STEP_SECONDS - 1.1
    site.count(60)
    flows = site.messages()
    assert spans(flows) == [(60 * i, 60 * i + 60) for i in range(5)]
    assert flags(flows) == [()] * 5
    assert told(flows) + site.pending() == site.crossings


def test_suspended_machine_is_a_pause_and_no_step(site):
    site.start().count(70)
    site.machine.suspend(200)
    site.count(60)
    assert spans(site.messages()) == [(60 * i, 60 * i + 60) for i in range(5)]
    assert all("clock" not in each for each in flags(site.messages()))
    assert flags(site.messages())[2:4] == [("nostream",), ("nostream",)]


def test_clock_that_nobody_looks_after_is_believed(site):
    site.machine.synchronised_ = None
    site.start().count(130)
    assert flags(site.messages()) == [(), ()]


def test_clock_once_right_stays_so_when_the_time_service_falls_silent(site):
    site.start().count(70)
    site.machine.synchronised_ = False
    site.count(60)
    site.kill()
    site.start().count(60)
    assert spans(site.messages()) == [(0, 60), (60, 120), (120, 180)]
    assert all("clock" not in each for each in flags(site.messages()))


def test_alarm_is_told_at_once_and_says_clock_until_it_ends(site):
    def change(state):
        now = site.machine.now
        return Alarm(now, "z1", "crowd_count", state, 1, 9.0, 5.0, 4.0, since=now.utc)

    site.machine = Machine(1, wrong=YEARS, synchronised_=False)
    site.start().count(2)
    site.recorder.alarm([change("raised")], {"z1": {"level": 1}})
    site.count(1)
    assert flags(site.messages("alarm")) == [("clock",)]
    site.kill()
    site.machine.wrong, site.machine.synchronised_ = 0.0, True
    site.start().count(1)
    site.recorder.alarm([change("cleared")], {})
    site.count(1)
    site.recorder.alarm([change("raised")], {"z1": {"level": 1}})
    site.count(1)
    assert flags(site.messages("alarm")) == [("clock",), ("clock",), ()], "since when it stood is of the wrong clock"


TOLERANCE = 5.0
"""Of labels that do not say `clock`, in seconds: a slip that is no step, whole seconds, a crossing known late."""


def act(site, dice, *, honest):
    """Something that befalls a device, and for how long it counts then. An `honest` clock that is wrong says so."""
    machine = site.machine
    what = dice.choice(["set", "mend", "mend", "lose", "kill", "kill", "pause", "suspend", "reboot", "slip"])
    if what == "set":
        far = [dice.uniform(-20, 20), dice.uniform(-900, 900), dice.uniform(-9e4, 9e4), 3e7, -3e7]
        machine.wrong += dice.choice(far)
        machine.synchronised_ = False if honest else dice.choice([True, False, None])
    elif what == "mend":
        machine.wrong, machine.synchronised_ = 0.0, True
    elif what == "lose":
        machine.synchronised_ = False
    elif what == "pause":
        machine.wait(dice.uniform(0, 400))
    elif what == "suspend":
        machine.suspend(dice.uniform(0, 400))
    elif what == "slip" and abs(machine.wrong) < STEP_SECONDS:
        machine.wrong = dice.uniform(-0.9, 0.9)
    elif what in ("kill", "reboot"):
        site.stop()
        if what == "reboot":
            site.machine = rebooted(machine, dice, honest=honest)
        else:
            machine.wait(dice.uniform(0, 200))
        site.start()
    site.count(dice.uniform(0.2, 100), every=dice.choice([0.4, 3.0, 20.0]))


def rebooted(machine, dice, *, honest):
    right = dice.random() < 0.5
    return Machine(
        machine.number + 1,
        true=machine.true + dice.uniform(1, 500),
        wrong=0.0 if right else dice.choice([YEARS, dice.uniform(-4000, 0), machine.wrong]),
        synchronised_=right or (False if honest else dice.choice([False, None])),
        patience=machine.patience,
    )


def befallen(folder, seed, *, honest):
    """A site after many things, with the right time in the end, and what it told of its line and of its zone."""
    dice = random.Random(seed)
    site = Site(folder, Machine(1, patience=dice.choice([60, 300, 900]))).start()
    for _ in range(25):
        act(site, dice, honest=honest)
    site.machine.wrong, site.machine.synchronised_ = 0.0, True
    site.count(70)
    return site, site.messages(), site.messages("zone")


@pytest.mark.parametrize("seed", range(6))
def test_whatever_befalls_the_clock_no_interval_overlaps_and_no_crossing_is_lost(tmp_path, seed):
    site, flows, zones = befallen(tmp_path, seed, honest=False)
    assert none_overlap(flows)
    assert none_overlap(zones)
    assert told(flows) + site.pending() == site.crossings
    assert flows[-1]["total"][0] == told(flows)
    assert [sum(each["total"]) for each in flows] == sorted(sum(each["total"]) for each in flows)
    entered = sum(each.get("entered", 0) for each in zones)
    assert site.visits - 40 <= entered <= site.visits, "the last interval is open"
    assert all(0 <= each["coverage"] <= 1 for each in (*flows, *zones))
    numbers = [each["seq"] for each in (*flows, *zones)]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("seed", range(6))
def test_interval_that_does_not_say_clock_has_what_was_then(tmp_path, seed):
    site, flows, _ = befallen(tmp_path, seed, honest=True)
    believed = [each for each in flows if "clock" not in each.get("flags", ())]
    assert len(believed) > 5
    for each in believed:
        begin, end, number = each["begin"], each["end"], told([each])
        least = sum(begin + TOLERANCE <= at < end - TOLERANCE for at in site.truth)
        most = sum(begin - TOLERANCE <= at < end + TOLERANCE for at in site.truth)
        assert least <= number <= most, each
