"""Nothing is lost, whatever is killed or cut: shows 1 and 2 of the delivery without loss."""

from __future__ import annotations

import signal
from collections import Counter
from copy import deepcopy
from dataclasses import replace

import pytest
from broker import wait_until
from chaos_ import CAMERA, NODE, Chaos, prove
from chaos_camera import counting, now
from chaos_plan import EVERY, LINKS, Round, plan
from chaos_truth import faults, received, singles, unix

from edge.config.settings import Settings
from edge.dataflow import CLASSES, Crossing, Instant
from edge.events import utc

TO_DEVICE, TO_CENTRE = LINKS
SHORT = [
    Round(1, TO_DEVICE, "down dead, forgotten", 1.2, 1.2),
    Round(2, "camera", "killed", 0.5, 1.0),
    Round(3, "publisher", "killed", 0.5, 1.0),
    Round(4, "broker", "saves", 0.0, 0.5),
    Round(5, TO_CENTRE, "drop", 1.0, 1.0),
    Round(6, "centre", "killed", 1.0, 1.0),
    Round(7, "broker", "killed", 0.5, 1.5),
    Round(8, "camera", "killed", 0.5, 1.0),
    Round(9, TO_DEVICE, "reset", 0.0, 0.5),
]
MANY = 2000
SUBSCRIBED = "Sending SUBACK to centre-centre-1"


@pytest.fixture(scope="module")
def proof(tmp_path_factory):
    """Every kind of fault once or twice, all of it found at the centre."""
    chaos = Chaos(tmp_path_factory.mktemp("chaos"), seed=1)
    try:
        yield prove(chaos, SHORT, seconds=120)
    finally:
        chaos.close()


def test_chaos_few_rounds_lose_nothing(proof):
    print(proof.figures)
    assert len(proof.truth.killed) == 2
    assert proof.figures["missing at the centre"] <= proof.figures["at risk in the last second before a kill"]


@pytest.mark.long
def test_chaos_two_hundred_rounds_lose_nothing(tmp_path):
    chaos = Chaos(tmp_path, seed=1)
    try:
        figures = prove(chaos, plan(200, seed=1), seconds=600).figures
    finally:
        chaos.close()
    print(figures)
    assert figures["duplicates removed"], "no fault made one"


def test_chaos_plan_is_the_same_for_a_seed():
    assert plan(50, seed=3) == plan(50, seed=3)
    kinds = [{(each.target, each.fault) for each in plan(number, seed=number)} for number in (200, 1000)]
    assert kinds[0] == kinds[1]


def lose_one(stored):
    del stored.bodies["cross"][0]


def tell_one_twice(stored):
    stored.bodies["cross"].append(stored.bodies["cross"][0] | {"seq": 10**6})


def number_two_alike(stored):
    stored.bodies["flow"][0]["seq"] = stored.bodies["flow"][1]["seq"]


def flow_of(stored, fits):
    """A flow of l2 of which a class's pair is fit, and its counts."""
    counts = [each["count"] for each in stored.intervals("l2") if "count" in each]
    return next((each, kind) for each in counts for kind, pair in each.items() if fits(*pair))


def swap_directions(stored):
    counts, kind = flow_of(stored, lambda a, b: a != b)
    counts[kind].reverse()


def leave_out_an_interval(stored):
    last = stored.intervals("z1")[-1]
    last["start"] = utc(unix(last["start"]) + EVERY)


def begin_too_late(stored):
    stored.bodies["zone"].pop(0)


def forget_a_total(stored):
    stored.intervals("l2")[-1]["total"][0] -= 1


def count_one_more(stored):
    for each in ("count", "total"):
        flow = stored.intervals("l2")[-1]
        pair = flow["count"]["car"] if each == "count" else flow["total"]
        pair[1] += 1


def count_it_as_another_class(stored):
    counts, kind = flow_of(stored, lambda a, _: a > 0)
    counts[kind][0] -= 1
    counts[next(other for other in counts if other != kind)][0] += 1


def cover_too_much(stored):
    interval = min(stored.intervals("z1"), key=lambda each: each["coverage"])
    interval["coverage"] = min(1.0, interval["coverage"] + 0.3)


def cover_too_little(stored):
    max(stored.intervals("z1"), key=lambda each: each["coverage"])["coverage"] /= 2


def hide_the_flags(stored):
    del min(stored.intervals("l1"), key=lambda each: each["coverage"])["flags"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lose_one, "l1: "),
        (tell_one_twice, "told twice"),
        (number_two_alike, "numbers in two messages"),
        (swap_directions, "truly"),
        (leave_out_an_interval, "followed by"),
        (begin_too_late, "begins"),
        (forget_a_total, "all intervals so far"),
        (count_one_more, "truly"),
        (count_it_as_another_class, "truly"),
        (cover_too_much, "covered"),
        (cover_too_little, "covered"),
        (hide_the_flags, "with flags"),
    ],
)
def test_chaos_check_sees_every_difference(proof, change, told):
    changed = deepcopy(proof.stored)
    change(changed)
    assert any(told in each for each in faults(changed, proof.truth))


def test_chaos_check_sees_what_was_lost_without_a_kill(proof):
    """One more crossing in the truth, more than a second before any kill, is missing at the centre."""
    for line in ("l1", "l2"):
        one = next(each for each in proof.truth.crossings if each.line == line and not proof.truth.at_risk(each))
        # of l2 only sums are compared: one more than may be missing there
        surplus = [one] * (1 + sum(each.line == line and proof.truth.at_risk(each) for each in proof.truth.crossings))
        truth = replace(proof.truth, crossings=[*proof.truth.crossings, *surplus])
        assert faults(proof.stored, truth)


@pytest.fixture
def street(tmp_path, monkeypatch):
    """A device without a camera's process: what counts is written here, by what the returned function is told."""
    chaos = Chaos(tmp_path, "max_queued_messages 0")
    for name, value in chaos.device.items():
        monkeypatch.setenv(name, value)
    told: list[Crossing] = []
    with counting(CAMERA, Settings()) as (kept, _):

        def cross(number: int) -> Counter:
            """So many crossings of l1 more; all so far as the centre must have them."""
            at = now()
            for each in range(number):
                when = Instant(at.seconds - each / 1000, round(at.utc - each / 1000, 3))
                told.append(Crossing(when, "l1", each % 2, CLASSES[each % 6], each))
            kept.record(at, told[-number:], ())
            kept.write(at.utc)
            return Counter((round(each.at.utc, 3), (each.kind, each.direction)) for each in told)

        yield chaos, cross
        chaos.close()


@pytest.mark.parametrize("more", [1, pytest.param(0, marks=pytest.mark.long)], ids=["life_goes_on", "silence"])
def test_chaos_broker_dies_with_what_it_acknowledged(street, more):
    """Show 1. Without another message only the confirmation that stands still tells, which takes a minute or two."""
    chaos, cross = street
    chaos.start("broker", "centre", "publisher")
    wait_until(lambda: chaos.broker.log.count(SUBSCRIBED) == 1, what=chaos.told, seconds=60)
    cross(10)
    confirmed = f"Sending PUBLISH to hue-{NODE} (d0, q1, r0, "
    wait_until(lambda: confirmed in chaos.broker.log and received(chaos.store) == 10, what=chaos.told, seconds=60)
    chaos.processes["centre"].end(signal.SIGTERM)
    expected = cross(MANY)
    wait_until(lambda: taken(chaos) >= 10 + MANY, what=chaos.told, seconds=60)
    chaos.broker.end(signal.SIGKILL)
    assert not (chaos.folder / "broker" / "mosquitto.db").exists(), "it has saved"
    chaos.start("broker", "centre")
    wait_until(lambda: chaos.broker.log.count(SUBSCRIBED) == 2, what=chaos.told, seconds=60)
    assert received(chaos.store) == 10
    expected = cross(more) if more else expected
    wait_until(lambda: received(chaos.store) == 10 + MANY + more, what=chaos.told, seconds=300)
    assert singles(chaos.store) == expected
    assert taken(chaos) >= 10 + 2 * MANY + more


def taken(chaos) -> int:
    """How many single crossings the broker has received and acknowledged."""
    log = chaos.broker.log
    came = [line for line in log.splitlines() if f"Received PUBLISH from hue-{NODE} (" in line and ", q1, " in line]
    all_taken = len(came) == log.count(f"Sending PUBACK to hue-{NODE} ")
    return sum("/cross/l1'" in line for line in came) if all_taken else 0
