"""`edge listen --also …` against mosquitto: what was stored, told in other tongues to whoever reads them."""

from __future__ import annotations

import json
import queue
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from edge.centre.entities import UPSERT, ContextBroker
from edge.centre.tongues import homeassistant, ngsild, onvif
from edge.events import utc
from tests.integration.broker import OPEN, Broker, Ear, content, running, wait_until
from tests.integration.listening import ROOT, Centre
from tests.unit.tongues_ import CONTEXT, INFO, blind_flow, change, flow, stands, stands_not, status, zone
from tests.unit.tongues_ import queue as waiting

COUNTER = "hue-n1/onvif-ej/RuleEngine/CountAggregation/Counter/&le-loi-01/edge/l1-a"
STATE = "homeassistant/sensor/edge_hue_n1_le-loi-01/l1/state"
ALARM = "homeassistant/binary_sensor/edge_hue_n1_le-loi-01/z1/state"
RETAINED = {each for each in onvif.kept(INFO, CONTEXT) | homeassistant.kept(INFO, CONTEXT)
            if "binary_sensor" not in each or "/z1" in each}  # fmt: skip
"""With an alarm of the zone."""


@pytest.fixture
def start(tmp_path: Path, broker: Broker) -> Iterator[Callable[[str], Centre]]:
    centres: list[Centre] = []

    def begin(also: str) -> Centre:
        centres.append(Centre(tmp_path, broker))
        centres[-1].argv += ["--also", also]
        centres[-1].start()
        return centres[-1]

    yield begin
    for each in centres:
        if each.process and each.process.poll() is None:
            each.end(signal.SIGKILL)


def say(voice: Ear, *told: Any) -> None:
    """Says events as the device n1 does."""
    for event in told:
        kind = type(event).__name__
        if kind == "Info":
            voice.say("hue/1/n1/info", event.to_bytes(), retain=True)
        elif kind == "CameraStatus":
            voice.say(f"hue/1/n1/{event.camera}/status", event.to_bytes(), retain=True)
        elif kind == "AlarmNow":
            body = event.change.to_bytes() if event.change else b""
            voice.say(f"hue/1/n1/{event.camera}/alarm/{event.rule}/now", body, retain=True)
        else:
            kind = {"Flow": "flow", "ZoneCount": "zone", "QueueLength": "queue", "AlarmChange": "alarm"}[kind]
            voice.say(f"hue/1/n1/{event.camera}/{kind}/{event.rule}", event.to_bytes())


def everything(start: str = "2026-11-22T23:00:00Z") -> list[Any]:
    """What a device says until all of RETAINED stands."""
    raised = change(seq=4)
    return [INFO, status("ok"), flow(seq=1, start=start), zone(seq=2, start=start), waiting(seq=3, start=start), raised,
            stands()]  # fmt: skip


def retained(broker: Broker, expected: set[str]) -> dict[str, dict]:
    """What the broker gives a newcomer of the other tongues, as soon as all of the expected is there."""
    found: dict[str, dict] = {}

    def there() -> bool:
        with Ear(broker.port, "homeassistant/#", "+/onvif-ej/#", name="newcomer") as ear:
            heard = {each.topic: content(each) for each in ear.quiet(0.3) if each.retain}
        found.clear()
        found.update(heard)
        return found.keys() == expected

    wait_until(there, seconds=20, what=lambda: f"{found.keys() ^ expected}")
    return found


def test_bridge_tells_what_is_stored_and_a_newcomer_finds_it(start, broker):
    centre = start("onvif,homeassistant")
    with Ear(broker.port, "homeassistant/#", "+/onvif-ej/#") as ear:
        say(ear, *everything())
        told = ear.first(COUNTER)
        assert centre.records().flow_rows()[0].body["seq"] == 1  # stored before it was told
        assert content(told)["Data"]["Count"] == 90412
        assert content(ear.first(STATE))["b_motorcycle"] == 388
    stands = retained(broker, RETAINED)
    config = stands["homeassistant/sensor/edge_hue_n1_le-loi-01/l1_a_motorcycle/config"]
    assert config["state_topic"] == STATE
    assert config["name"] == "l1 vào trung tâm: motorcycle"
    assert centre.end(signal.SIGTERM) == 0
    assert "Traceback" not in centre.log


def test_bridge_tells_nothing_before_it_is_stored(start, broker, tmp_path):
    file = tmp_path / "entities.jsonl"
    centre = start(f"onvif,homeassistant,ngsi-ld={file}")
    busy = sqlite3.connect(centre.store, isolation_level=None)
    busy.execute("BEGIN IMMEDIATE")  # the centre waits for its turn
    with Ear(broker.port, "homeassistant/#", "+/onvif-ej/#", "hue/1/centre/#") as ear:
        say(ear, INFO, flow(seq=1))
        assert ear.quiet(2) == []
        assert file.read_bytes() == b""
        busy.execute("ROLLBACK")
        ear.first(STATE)
    busy.close()
    wait_until(lambda: len(file.read_text().splitlines()) == 14)


def test_bridge_gives_no_number_without_video_and_no_older_one_for_a_newer(start, broker):
    start("onvif,homeassistant")
    with Ear(broker.port, "homeassistant/#", "+/onvif-ej/#") as ear:
        say(ear, INFO, flow(seq=1), blind_flow().model_copy(update={"seq": 2, "start": "2026-11-22T23:05:00Z"}))
        blind = content(ear.first(STATE, start="2026-11-22T23:05:00Z"))
        assert (blind["coverage"], blind["a_motorcycle"], blind["a_total"]) == (0, None, None)
        say(ear, flow(seq=3, start="2026-11-22T22:00:00Z", late=True), flow(seq=4, start="2026-11-22T23:10:00Z"))
        assert content(ear.first(COUNTER, UtcTime="2026-11-22T23:15:00Z"))
        ear.first(STATE, start="2026-11-22T23:10:00Z")
        counters = [content(each)["UtcTime"][11:16] for each in ear.heard if each.topic == COUNTER]
        assert counters == ["23:05", "23:15"]
        wrong = flow(seq=5, start="2030-01-01T00:00:00Z", flags=["clock"])
        say(ear, wrong, flow(seq=6, start="2026-11-22T23:15:00Z"))
        ear.first(STATE, start="2026-11-22T23:15:00Z")
        states = [content(each)["start"][11:16] for each in ear.heard if each.topic == STATE]
        assert states == ["23:00", "23:05", "23:10", "23:15"]


def test_bridge_takes_back_what_a_rule_left_behind(start, broker):
    start("onvif,homeassistant")
    described = INFO.cameras["le-loi-01"]
    without = described.model_copy(update={"rules": {"z1": described.rules["z1"]}})
    changed = INFO.model_copy(update={"cameras": {"le-loi-01": without}})
    with Ear(broker.port, "hue/none") as voice:
        say(voice, *everything())
        retained(broker, RETAINED)
        say(voice, changed)
    left = retained(broker, onvif.kept(changed, CONTEXT) | homeassistant.kept(changed, CONTEXT))
    assert not [topic for topic in left if "/l1" in topic or "/q1" in topic]


def test_bridge_tells_a_broker_that_forgot_everything_and_after_its_own_death(start, broker):
    centre = start("onvif,homeassistant")
    recently = utc(time.time() - 900)
    with Ear(broker.port, "hue/none") as voice:
        say(voice, *everything(recently))
        before = retained(broker, RETAINED)
    broker.end(signal.SIGKILL)  # nothing is saved by this broker
    broker.start()
    assert retained(broker, RETAINED) == before
    centre.end(signal.SIGKILL)
    broker.end(signal.SIGKILL)
    broker.start()
    centre.start()
    assert retained(broker, RETAINED) == before


def test_bridge_tells_an_alarm_from_raised_to_cleared(start, broker, tmp_path):
    file = tmp_path / "entities.jsonl"
    centre = start(f"homeassistant,ngsi-ld={file}")
    cleared = change(seq=5, state="cleared", level=0, at="2026-11-22T23:09:00Z")
    with Ear(broker.port, "homeassistant/#") as ear:
        say(ear, INFO, change(seq=4), stands())
        assert content(ear.first(ALARM, state="ON"))["level"] == 2
        say(ear, stands(state="unknown", value=None))
        ear.first(ALARM, state=None)
        say(ear, cleared, stands_not())
        ear.first(ALARM, state="OFF")
        wait_until(lambda: len(file.read_text().splitlines()) == 2)
    expected = [entity for each in (change(seq=4), cleared) for entity in ngsild.entities(each, CONTEXT)]
    assert [json.loads(each) for each in file.read_text().splitlines()] == expected
    broker.end(signal.SIGKILL)
    centre.end(signal.SIGKILL)
    broker.start()
    centre.start()  # it knows that there was an alarm, and that none stands
    with Ear(broker.port, ALARM) as ear:
        ear.first(ALARM, state="OFF")


def test_bridge_writes_entities_of_every_interval_to_a_file(start, broker, tmp_path):
    file = tmp_path / "entities.jsonl"
    centre = start(f"ngsi-ld={file}")
    late = flow(seq=3, start="2026-11-22T22:00:00Z", late=True)
    blind = blind_flow().model_copy(update={"seq": 2, "start": "2026-11-22T23:05:00Z"})
    with Ear(broker.port, "hue/none") as voice:
        say(voice, INFO, flow(seq=1), blind, late, zone(seq=4))
        say(voice, flow(seq=1))  # a duplicate is told once
        expected = [
            each for event in (flow(seq=1), blind, late, zone(seq=4)) for each in ngsild.entities(event, CONTEXT)
        ]
        wait_until(lambda: len(file.read_text().splitlines()) >= len(expected))
        wait_until(lambda: centre.records().tally()["duplicates"] == 1)
    assert [json.loads(each) for each in file.read_text().splitlines()] == expected


class Answers:
    """A real HTTP server that answers posts as it is told and keeps what came."""

    def __init__(self, *statuses: int) -> None:
        self.posts: queue.SimpleQueue[tuple[int, list[dict]]] = queue.SimpleQueue()
        left = list(statuses)
        posts = self.posts

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.path == UPSERT
                assert self.headers["Content-Type"] == "application/ld+json"
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status = left.pop(0) if left else 204
                posts.put((status, body))  # before the answer: the next post has a thread of its own
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def answers() -> Iterator[Callable[..., Answers]]:
    made: list[Answers] = []

    def make(*statuses: int) -> Answers:
        made.append(Answers(*statuses))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_bridge_posts_entities_to_a_context_broker_that_was_busy(start, broker, answers):
    server = answers(503, 201)
    centre = start(f"ngsi-ld={server.url}")
    with Ear(broker.port, "hue/none") as voice:
        say(voice, INFO, flow(seq=1))
        posts = [server.posts.get(timeout=10) for _ in range(2)]
    assert [status for status, _ in posts] == [503, 201]
    assert posts[0][1] == posts[1][1] == ngsild.entities(flow(seq=1), CONTEXT)
    assert centre.end(signal.SIGTERM) == 0
    assert "14 entities later, HTTP 503" in centre.log


def test_context_broker_gets_each_id_once_a_post_in_order_and_nothing_older(answers):
    server = answers()
    context_broker = ContextBroker(f"{server.url}/")
    told = ["2026-11-22T23:00:00Z", "2030-01-01T00:00:00Z", "2026-11-22T23:05:00Z", "2026-11-22T22:00:00Z"]
    flags = [None, ["clock"], None, None]
    flows = [flow(start=start, flags=each) for start, each in zip(told, flags, strict=True)]
    context_broker.put([entity for each in flows for entity in ngsild.entities(each, CONTEXT)])
    posts = [server.posts.get(timeout=10)[1] for _ in range(3)]
    context_broker.close()
    found = [{each["dateObservedFrom"]["value"]["@value"] for each in post} for post in posts]
    assert found == [{start} for start in told[:3]]
    assert server.posts.empty()


def test_context_broker_that_finds_entities_unfit_gets_the_next_ones(answers, caplog):
    server = answers(400)
    context_broker = ContextBroker(server.url)
    context_broker.put(ngsild.entities(flow(), CONTEXT))
    assert server.posts.get(timeout=10)[0] == 400
    context_broker.put(ngsild.entities(zone(), CONTEXT))
    assert server.posts.get(timeout=10) == (204, ngsild.entities(zone(), CONTEXT))
    context_broker.close()
    assert "14 entities refused, HTTP 400" in caplog.text


def test_context_broker_that_is_not_there_is_told_of_at_the_end(answers, caplog):
    server = answers()
    server.close()
    context_broker = ContextBroker(server.url)
    context_broker.put(ngsild.entities(flow(), CONTEXT))
    wait_until(lambda: "no answer" in caplog.text)
    context_broker.close()
    assert "14 entities not sent; they are in the store" in caplog.text


def test_bridge_without_rights_says_where_it_may_not_write(tmp_path):
    rights = tmp_path / "acl"
    rights.write_text("topic readwrite hue/#\n")
    with running(tmp_path / "strict", OPEN, f"acl_file {rights}") as broker:
        centre = Centre(tmp_path, broker)
        centre.argv += ["--also", "homeassistant"]
        centre.start()
        with Ear(broker.port, "hue/1/centre/+/stored/+") as ear:
            say(ear, INFO, flow(seq=1))
            ear.first("/stored/n1", seq=1)  # the contract goes on
        wait_until(lambda: "the broker refuses it" in centre.log, what=lambda: centre.log)
        assert centre.end(signal.SIGTERM) == 0
        assert centre.log.count("the broker refuses it") == 1
        assert "Traceback" not in centre.log


def test_bridge_does_not_tell_what_is_dated_in_the_future(start, broker):
    centre = start("onvif,homeassistant,ngsi-ld=/dev/null")
    with Ear(broker.port, "hue/1/centre/+/stored/+", "homeassistant/#") as ear:
        endless = flow(seq=1).model_copy(update={"start": "9998-12-31T23:59:59Z"})
        say(ear, INFO, endless, flow(seq=2))
        ear.first(STATE, start="2026-11-22T23:00:00Z")
    assert centre.log.count("1 messages from the future") == 1
    assert centre.records().flow_rows()[-1].start == "9998-12-31T23:59:59Z"  # stored it is, for its total is right
    assert centre.end(signal.SIGTERM) == 0


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--also", "onvif,klingon"), "edge listen --also: no tongue, expected onvif, homeassistant or ngsi-ld=FILE"),
        (("--also", "ngsi-ld"), "edge listen --also: no tongue"),
        (("--also", "ngsi-ld=ftp://host"), "edge listen --also ngsi-ld: no address of a context broker"),
        (("--also", "ngsi-ld=http://user:secret@host"), "edge listen --also ngsi-ld: no address of a context broker"),
        (("--also", "ngsi-ld=/nowhere/entities"), "/nowhere/entities: cannot be written, found No such file"),
        (("--also", "onvif", "--shared"), "edge listen --also: one of several instances does not see every message"),
    ],
)
def test_bridge_with_wrong_options_says_so_in_one_line(tmp_path, broker, arguments, text):
    centre = Centre(tmp_path, broker)
    ended = subprocess.run(
        [*centre.argv, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(text)
    assert ended.stderr.count("\n") == 1
    assert "secret" not in ended.stderr
