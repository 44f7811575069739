"""Several `edge listen` on one PostgreSQL: they share the work, and one that dies takes nothing along."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.centre.ledger import Series
from edge.centre.records import Records
from tests.integration.broker import Broker, Ear, content, wait_until
from tests.integration.listening import EPOCH, ROOT, Centre, Device, complete, left
from tests.integration.postgres import PASSWORD, Postgres
from tests.integration.postgres import running as running_postgres

LINE = re.compile(r"n1/gate flow l1 .* #(\d+)")


@pytest.fixture
def centres(tmp_path: Path, broker: Broker) -> Iterator[Callable[..., list[Centre]]]:
    """Makes instances of one centre on one store."""
    made: list[Centre] = []

    def make(number: int, *, store: str) -> list[Centre]:
        made.extend(Centre(tmp_path, broker, store=store, name=f"listen{n}", shared=True) for n in range(number))
        return made

    yield make
    for each in made:
        if each.process and each.process.poll() is None:
            each.end(signal.SIGKILL)


@pytest.fixture
def device(tmp_path: Path, broker: Broker) -> Iterator[Device]:
    device = Device(tmp_path, broker.port)
    yield device
    device.close()


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    """A cluster that a test may end, and that flushes to the disk."""
    with running_postgres() as cluster:
        yield cluster


def numbers(centre: Centre) -> set[int]:
    """What an instance says that it has stored."""
    return {int(each) for each in LINE.findall(centre.log)}


@pytest.mark.parametrize(
    ("place", "victim"),
    [("postgres", 0), ("postgres", 2), ("sqlite", 2)],
    ids=["postgres-leading", "postgres-other", "sqlite-other"],
    indirect=["place"],
)
def test_listen_one_of_three_killed_in_the_stream_loses_nothing(
    victim: int, centres: Callable[..., list[Centre]], device: Device, broker: Broker, place: Callable[[], str]
):
    instances = centres(3, store=place())
    for each in instances:
        each.start()
    with Ear(broker.port, "hue/1/centre/+/stored/+") as ear:
        device.count(300)
        wait_until(lambda: all(len(numbers(each)) >= 20 for each in instances), what="all of them take part")
        killed = instances[victim]
        device.count(200)
        before = len(numbers(killed))
        wait_until(lambda: len(numbers(killed)) > before, what="it is in the middle of it")
        killed.end(signal.SIGKILL)
        device.count(300)
        wait_until(complete(instances[1], 800), seconds=60, what=lambda: str(instances[1].seen(Series("n1", EPOCH))))
        ear.first("hue/1/centre/centre-1/stored/n1", epoch=EPOCH, seq=800, seconds=20)
    wait_until(lambda: left(device) == 0, what="the outbox is empty", seconds=20)
    with Ear(broker.port, "hue/1/centre/+/stored/+") as late:  # what stays on the broker is the last word
        late.first("hue/1/centre/centre-1/stored/n1", epoch=EPOCH, seq=800)
    records = Records(instances[1].store)
    rows = records.flow_rows()
    assert len({(row.rule, row.start) for row in rows}) == len(rows) == 800
    assert records.tally()["stored"] == 800
    assert records.lost() == []
    wait_until(lambda: records.present()["n1", "", "status"]["state"] == "online")
    records.close()
    assert all("Traceback" not in each.log for each in instances)


def test_listen_three_ask_for_a_gap_as_one_and_another_goes_on_asking(
    centres: Callable[..., list[Centre]], broker: Broker, postgres: Postgres
):
    instances = centres(3, store=postgres.new())
    for each in instances:
        each.start()

    def flow(seq: int) -> dict[str, object]:
        return {"v": 1, "seq": seq, "epoch": EPOCH, "camera": "gate", "rule": "l1", "coverage": 1, "total": [0, 0],
                "start": f"2026-11-22T23:{seq:02}:00Z", "seconds": 60}  # fmt: skip

    with Ear(broker.port, "hue/1/n2/cmd/resend") as ear:
        for seq in (1, 5):
            ear.say("hue/1/n2/gate/flow/l1", flow(seq))
        asked = ear.first("/cmd/resend", seconds=20)
        assert content(asked) == {"epoch": EPOCH, "from": 2, "to": 4}
        assert ear.quiet(2) == []
        leading = next(each for each in instances if "asked for the messages 2 to 4" in each.log)
        leading.end(signal.SIGKILL)
        ear.until(lambda heard: len(heard) >= 2, seconds=40)
        assert content(ear.heard[-1]) == {"epoch": EPOCH, "from": 2, "to": 4}
    assert sum("asked for the messages 2 to 4" in each.log for each in instances) == 2


@pytest.mark.parametrize("how", [signal.SIGQUIT, signal.SIGINT], ids=["crash", "restart"])
def test_listen_goes_on_when_its_server_comes_back(
    how: signal.Signals, centres: Callable[..., list[Centre]], device: Device, own_postgres: Postgres
):
    (centre,) = centres(1, store=own_postgres.new())
    centre.start()
    device.count(100)
    wait_until(lambda: len(numbers(centre)) > 10)
    own_postgres.end(how)
    device.count(100)
    wait_until(lambda: "the centre's database is away" in centre.log)
    own_postgres.start()
    device.count(100)
    wait_until(complete(centre, 300), seconds=60, what=lambda: centre.log[-2000:])
    wait_until(lambda: left(device) == 0, what="the outbox is empty", seconds=20)
    records = Records(centre.store)
    assert len(records.flow_rows()) == 300
    records.close()
    assert centre.end(signal.SIGTERM) == 0
    assert "Traceback" not in centre.log


def test_listen_waits_for_a_server_that_takes_no_writes_for_a_while(
    centres: Callable[..., list[Centre]], device: Device, own_postgres: Postgres
):
    (centre,) = centres(1, store=own_postgres.new())
    centre.start()
    device.count(10)
    wait_until(complete(centre, 10), seconds=30)
    for word in ("on", "off"):
        own_postgres.do("postgres", f"ALTER SYSTEM SET default_transaction_read_only = {word}")
        own_postgres.do("postgres", "SELECT pg_reload_conf()")
        if word == "on":
            device.count(20)
            wait_until(lambda: "cannot execute" in centre.log, seconds=30, what=lambda: centre.log)
    wait_until(complete(centre, 30), seconds=60, what=lambda: centre.log)
    wait_until(lambda: left(device) == 0, what="the outbox is empty", seconds=30)
    assert centre.end(signal.SIGTERM) == 0
    assert "Traceback" not in centre.log


def test_listen_begun_before_its_server_waits_and_says_so_once(
    centres: Callable[..., list[Centre]], device: Device, own_postgres: Postgres
):
    (centre,) = centres(1, store=own_postgres.new())
    own_postgres.end()
    centre.begin()
    wait_until(lambda: "the centre's database is away" in centre.log)
    device.count(20)
    own_postgres.start()
    wait_until(lambda: "connected with MQTT 5" in centre.log, seconds=20, what=lambda: centre.log)
    assert centre.log.count("is away") == 1
    device.count(1)  # from which it learns what it has missed
    wait_until(complete(centre, 21), seconds=30)


def test_listen_ends_while_its_server_is_away(centres: Callable[..., list[Centre]], own_postgres: Postgres):
    (centre,) = centres(1, store=own_postgres.new())
    own_postgres.end()
    centre.begin()
    wait_until(lambda: "the centre's database is away" in centre.log)
    assert centre.end(signal.SIGTERM) == 0
    assert centre.log.count("\n") == 1


def test_listen_with_a_wrong_password_says_so_in_one_line_without_it(
    centres: Callable[..., list[Centre]], postgres: Postgres, monkeypatch: pytest.MonkeyPatch
):
    store = postgres.new()
    monkeypatch.setenv("PGPASSWORD", "another-secret")
    (centre,) = centres(1, store=store)
    centre.begin()
    wait_until(lambda: "password authentication failed" in centre.log)
    assert f"{store}: the centre's database is away" in centre.log
    assert centre.log.count("\n") == 1
    assert "another-secret" not in centre.log


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("postgresql://edge:{secret}@127.0.0.1/x", "a password on the command line"),
        ("postgresql://edge@127.0.0.1/x?password={secret}", "a password on the command line"),
        ("postgresql://edge:{secret}@127.0.0.1:port:{secret}/x", "edge --store: "),
        ("postgresql://edge@127.0.0.1/x?colour={secret}", "no address of a database"),
    ],
)
def test_listen_address_that_cannot_be_used_is_refused_in_one_line_without_its_password(
    address: str, text: str, centres: Callable[..., list[Centre]], tmp_path: Path
):
    (centre,) = centres(1, store=address.format(secret="hunter2"))
    ended = subprocess.run(
        centre.argv, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        timeout=30, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout) == (1, "")
    assert text in ended.stderr
    assert "hunter2" not in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_listen_database_of_somebody_else_is_refused_in_one_line(
    centres: Callable[..., list[Centre]], postgres: Postgres, tmp_path: Path
):
    store = postgres.new()
    name = store.rpartition("/")[2]
    postgres.do(name, "CREATE TABLE flow (x int)")
    (centre,) = centres(1, store=store)
    centre.begin()
    assert centre.process
    assert centre.process.wait(timeout=20) == 1
    assert centre.log.startswith(f"{store}: the centre's database refuses")
    assert centre.log.count("\n") == 1
    assert postgres.do(name, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(1,)]
    assert PASSWORD not in centre.log
