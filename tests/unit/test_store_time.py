"""What the store makes of clocks that are set: no label is told twice, no message lives longer or shorter by it."""

from __future__ import annotations

import json
import random
import shutil

import pytest

from edge.dataflow import Crossing, Instant, Period
from edge.store.database import Database
from edge.store.flush import Bounds, Flusher
from edge.store.journal import Journal
from edge.store.spans import SPANS, Spans
from edge.store.trim import trim

START = 1_795_000_020.0
YEAR = 31_536_000.0


@pytest.mark.parametrize(
    ("taken", "wanted", "free"),
    [
        ((), (0, 60), (0, 60)),
        (((0, 60),), (60, 120), (60, 120)),
        (((0, 62),), (60, 120), (62, 120)),
        (((100, 160),), (60, 120), (60, 100)),
        (((0, 60),), (10, 50), (60, 61)),
        (((0, 60), (60.5, 70)), (10, 50), (70, 71)),
        (((0, 60), (61, 70)), (10, 50), (60, 61)),
        (((10, 20),), (5, 60), (20, 60)),
        (((10, 20), (30, 40)), (9.5, 40), (20, 30)),
    ],
)
def test_interval_gets_the_longest_part_that_is_free(taken, wanted, free):
    assert Spans(taken).free(*wanted) == free


@pytest.mark.parametrize("seed", range(20))
def test_spans_never_overlap_and_are_few(seed):
    dice, spans, given = random.Random(seed), Spans(), []
    for _ in range(300):
        start = float(dice.randrange(2000))
        place = spans.free(start, start + dice.choice([1, 10, 60]))
        assert place[1] - place[0] >= 1
        assert all(place[1] <= begin or end <= place[0] for begin, end in given)
        given.append(place)
        spans = spans.add(*place)
        assert len(spans.taken) <= SPANS


@pytest.mark.parametrize("wrong", [-1e8, 1e8])
def test_clock_that_is_wrong_after_many_outages_has_room_there_and_back(wrong):
    """What is forgotten is that nothing was told in some outage, not where the clock is, or was and comes back to."""
    spans = Spans(tuple((START + day * 86_400, START + day * 86_400 + 36_000) for day in range(SPANS)))
    for begin in (START + wrong, START + wrong + 60):
        assert spans.free(begin, begin + 60) == (begin, begin + 60)
        spans = spans.add(begin, begin + 60)
    last = START + (SPANS - 1) * 86_400 + 36_000
    assert spans.free(last, last + 60) == (last, last + 60)
    assert spans.free(START, START + 60)[0] >= START + 36_000
    assert len(spans.taken) == SPANS


def render(period, tally, stamp):
    body = {"start": period.start, "seconds": period.seconds, "flags": sorted(period.flags), "total": tally.totals}
    return json.dumps({**body, "seq": stamp.seq, "count": tally.counts}).encode()


def bodies(path):
    database = Database(path)
    found = [json.loads(row[0]) for row in database.rows("SELECT body FROM outbox ORDER BY seq")]
    database.close()
    return found


def test_interval_whose_time_is_told_goes_to_the_next_free_second_and_says_clock(tmp_path):
    journal = Journal(tmp_path / "edge.db", camera="cam")
    for rule in ("l1", "l2", "l1", "l1"):
        journal.finish(Period(rule, "flow", START, 60), render, life=600)
    journal.close()
    told = [(each["start"] - START, each["seconds"], each["flags"]) for each in bodies(tmp_path / "edge.db")]
    assert told == [(0, 60, []), (0, 60, []), (60, 1, ["clock"]), (61, 1, ["clock"])]


@pytest.mark.parametrize(
    ("begin", "end", "placed", "flags"),
    [(-60, 60, (-60, 60), ["clock"]), (-60, 2, (-60, 60), []), (58, 120, (60, 60), []), (50, 120, (60, 60), ["clock"])],
)
def test_interval_of_which_a_part_is_told_says_clock_from_some_seconds_on(tmp_path, begin, end, placed, flags):
    """Its counts are of more time than it says."""
    journal = Journal(tmp_path / "edge.db", camera="cam")
    journal.finish(Period("l1", "flow", START, 60), render, life=600)
    journal.finish(Period("l1", "flow", START + begin, end - begin), render, life=600)
    journal.close()
    second = bodies(tmp_path / "edge.db")[1]
    assert ((second["start"] - START, second["seconds"]), second["flags"]) == (placed, flags)


def test_what_is_held_and_what_was_told_survive_a_power_cut(tmp_path):
    path, disk = tmp_path / "run" / "edge.db", tmp_path / "disk"
    journal = Journal(path, camera="cam", disk=disk)
    journal.finish(Period("l1", "flow", START, 60), render, life=600)
    crossings = [Crossing(Instant(0, START + 70), "l1", 1, "bus", 1)]
    held = Period("l1", "flow", START + 60, 60, 30.5, frozenset({"slow"}), (("frames", 9.0),), "{}")
    journal.write(crossings, [held], seen=START + 120, era='{"a": 1}')
    journal.hold(held, boot="b", offset=12.25)
    flusher = Flusher(path, disk, Bounds(flush_seconds=0), clock=lambda: START + 120)
    flusher.step()
    flusher.abandon()
    journal.close()
    shutil.rmtree(path.parent)
    again = Journal(path, camera="cam", disk=disk)
    (kept,) = again.held()
    assert (kept.period, kept.boot, kept.offset, kept.counts) == (held, "b", 12.25, {"bus": (0, 1)})
    assert again.era() == '{"a": 1}'
    assert again.open_periods() == []
    again.release(kept, render, life=600)
    again.finish(Period("l1", "flow", START, 60), render, life=600)
    again.close()
    first, second, third = bodies(path)
    assert (first["start"], first["count"], first["total"]) == (START, {}, [0, 0])
    assert (second["start"], second["count"], second["total"]) == (START + 60, {"bus": [0, 1]}, [0, 1])
    assert (third["start"], third["flags"]) == (START + 120, ["clock"])


def test_clock_set_forward_moves_the_life_of_older_messages_only(tmp_path):
    path = tmp_path / "edge.db"
    journal = Journal(path, camera="cam")
    database = Database(path)

    def trimmed(now):
        with database.transaction() as db:
            trim(db, now=now, most_bytes=1 << 30)

    trimmed(START)  # the clock is a year behind
    journal.finish(Period("l1", "flow", START - 60, 60), render, life=3600)
    journal.finish(Period("l1", "flow", START + YEAR - 600, 60), render, life=3600)  # it is right now
    trimmed(START + YEAR)
    made = [row[0] for row in database.rows("SELECT made FROM outbox ORDER BY seq")]
    assert made == [pytest.approx(START + YEAR, abs=5), START + YEAR - 540]
    database.close()
    journal.close()
