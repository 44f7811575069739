"""Messages that the broker takes while nobody subscribes: kept, tried seldom, and all there once somebody does."""

from __future__ import annotations

import logging
import signal
import sqlite3
import time
from contextlib import closing

from broker import Ear, wait_until
from test_publisher import EVERYTHING, LIFE, TOPICS, publishing, tell

from edge.store.outbox import Outbox
from edge.store.trim import trim


def asked(broker) -> int:
    """How many numbered messages the broker was given."""
    return sum("Received PUBLISH" in line and "/cam/flow/" in line for line in broker.log.splitlines())


def test_unheard_messages_count_as_taken_by_nobody_and_arrive_in_order(broker, database, journal, caplog):
    caplog.set_level(logging.INFO)
    with publishing(database, broker.port) as outbox:
        epoch = tell(journal, 200)[0].epoch
        wait_until(lambda: asked(broker) >= 200, what="each was tried once", seconds=30)
        wait_until(lambda: outbox.unheard_topics() == {("flow", "cam", "r1")})
        assert outbox.unconfirmed(limit=1) == 0, "nothing counts as taken"
        with Ear(broker.port, *EVERYTHING) as centre:
            assert centre.numbers(200, seconds=30) == list(range(1, 201))
            wait_until(lambda: outbox.unconfirmed(limit=999) == 200, what="all are taken now")
            assert outbox.unheard_topics() == set()
            assert asked(broker) <= 200 + 200 + 3, "once to nobody, a few trials, once to the centre"
            assert outbox.send_again(epoch, first=1, last=200) == 200
    assert len([each for each in caplog.records if "nobody subscribes" in each.getMessage()]) == 1


def test_unheard_backlog_is_not_sent_again_and_again(broker, database, journal, caplog, monkeypatch):
    monkeypatch.setattr("edge.unheard.FIRST_SECONDS", 0.1)
    monkeypatch.setattr("edge.unheard.LONGEST_SECONDS", 0.4)
    with publishing(database, broker.port) as outbox:
        tell(journal, 300)
        wait_until(lambda: asked(broker) >= 300 + 6, what="six trials, the oldest of a kind each", seconds=30)
        assert asked(broker) < 300 + 60
        tell(journal, 5)
        wait_until(lambda: len(outbox.waiting(limit=999, now=time.time())) <= 1, seconds=30)
        assert asked(broker) < 305 + 120
    assert len([each for each in caplog.records if "nobody subscribes" in each.getMessage()]) == 1


def test_unheard_messages_of_a_restarted_broker_reach_the_centre_that_comes_later(broker, database, journal):
    with Ear(broker.port, *EVERYTHING, name="before") as before, publishing(database, broker.port) as outbox:
        tell(journal, 10)
        before.numbers(10)
        broker.end(signal.SIGKILL)
        before.close()
        broker.start()
        with Ear(broker.port, TOPICS.status, name="states") as states:
            states.first("/status", state="online", seconds=30)
            tell(journal, 20)
            wait_until(lambda: outbox.unheard_topics(), what="nobody is there", seconds=30)
            with Ear(broker.port, *EVERYTHING) as centre:
                numbers = centre.numbers(20, seconds=30)
    assert numbers == sorted(numbers)
    assert set(range(11, 31)) <= set(numbers)


def test_unheard_messages_of_one_topic_hold_up_no_other(broker, database, journal):
    """A site that reads flow only: its zones wait, its flow goes, and a process that starts anew forgets nothing."""
    with Ear(broker.port, "hue/1/+/+/flow/+") as flow:
        with publishing(database, broker.port) as outbox:
            tell(journal, 10, kind="zone")
            tell(journal, 10, kind="flow")
            assert flow.numbers(10) == list(range(11, 21))
            wait_until(lambda: outbox.unheard_topics() == {("zone", "cam", "r1")})
            wait_until(lambda: outbox.unconfirmed(limit=99) == 10, what="the flow counts as taken")
        tell(journal, 3, kind="flow")
        with publishing(database, broker.port) as outbox, Ear(broker.port, "hue/1/+/+/zone/+", name="zone") as zone:
            tell(journal, 1, kind="zone")
            assert sorted(set(zone.numbers(11, seconds=30))) == [*range(1, 11), 24]
            assert flow.numbers(13) == list(range(11, 24))


def test_unheard_wakes_up_with_the_centre_however_long_it_was_away(broker, database, journal, monkeypatch):
    monkeypatch.setattr("edge.unheard.LONGEST_SECONDS", 3600.0)
    monkeypatch.setattr("edge.unheard.FIRST_SECONDS", 0.5)
    with publishing(database, broker.port):
        epoch = tell(journal, 30)[0].epoch
        wait_until(lambda: asked(broker) >= 30 + 4, what="the pauses have grown", seconds=30)
        with Ear(broker.port, *EVERYTHING) as centre:
            centre.say(TOPICS.stored("main"), {"epoch": epoch, "seq": 0}, retain=True)
            assert set(centre.numbers(30, seconds=30)) == set(range(1, 31))


def test_unheard_messages_whose_life_ends_are_no_gap(database, journal):
    """The broker took them: a centre that never was there asks for what it misses."""
    outbox = Outbox(database)
    unheard, waiting = tell(journal, 3), tell(journal, 2)
    outbox.unheard(unheard)
    with closing(sqlite3.connect(database)) as db, db:
        trim(db, now=time.time() + 2 * LIFE, most_bytes=1 << 30)
    [lost] = outbox.lost(limit=9)
    assert (lost.first, lost.last) == (waiting[0].seq, waiting[-1].seq)
    outbox.close()
