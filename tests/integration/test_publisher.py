"""The publisher against a real broker: nothing is lost, whatever breaks."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest
from broker import Broker, Ear, content, free_port, running, seqs, wait_until
from front import Front

from edge import confirmations, events, render
from edge.config.schema import Broker as BrokerConfig
from edge.dataflow import Period, Stamp
from edge.mqtt.connection import Connection
from edge.mqtt.topics import Topics, of_all_nodes
from edge.publisher import LATE_RATE, Publisher
from edge.standing import Standing
from edge.store.flush import Bounds, Flusher
from edge.store.journal import Journal
from edge.store.outbox import Outbox

TOPICS = Topics("hue", "node-1")
ANSWERS = "hue/1/node-1/answers"
EVERYTHING = of_all_nodes("hue")
LIFE = 3600.0
SINCE = events.utc(time.time())
INFO = events.Info(node="node-1", software="0", config="0", cameras={}).to_bytes()
HEALTH = events.Health(camera="cam", at=SINCE, rate_hz=5).to_bytes()
PROGRAM = "import sys\nfrom edge.cli import main\nsys.exit(main(['publish']))"


def status(state: str) -> bytes:
    """The camera's status as a worker writes it."""
    return events.CameraStatus(camera="cam", state=state, since=SINCE).to_bytes()


def tell(journal: Journal, number: int, *, kind: str = "flow", ago: float = 0.0) -> list[Stamp]:
    """Ends so many intervals, `ago` seconds in the past, as a worker does."""
    end = time.time() - ago

    def body(period, tally, stamp):
        line = {"stamp": stamp, "camera": "cam", "facts": {"classes": ("car",)}}
        zone = {"stamp": stamp, "camera": "cam", "area_m2": None}
        return (render.flow(period, tally, **line) if kind == "flow" else render.zone(period, **zone)).to_bytes()

    period = Period(rule="r1", kind=kind, start=end - 60, seconds=60, analysed=60, numbers=(("pedestrian.sum", 90.0),))
    return [journal.finish(period, body, life=LIFE) for _ in range(number)]


@contextmanager
def publishing(database, port, *, standstill=30.0, node="node-1"):
    """A publisher's loop in this process."""
    topics = Topics("hue", node)
    connection = Connection(BrokerConfig(host="127.0.0.1", port=port, tls=False), client_id=f"hue-{node}")
    outbox, watched = Outbox(database), Outbox(database)
    flusher = Flusher(database, database.parent / "disk", Bounds(flush_seconds=1))
    standing = Standing(outbox, topics, info=lambda: INFO, fault=lambda: flusher.fault)
    publisher = Publisher(outbox, connection, topics=topics, standing=standing, standstill_seconds=standstill)
    stop = threading.Event()

    def loop():
        while not stop.is_set():
            publisher.step()
        publisher.close(seconds=2)

    flusher.start()
    connection.start()
    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield watched
    finally:
        stop.set()
        thread.join(timeout=10)
        flusher.close()
        watched.close()
        outbox.close()


class Process:
    """`edge publish` as a real process with a configuration folder of its own."""

    def __init__(self, folder, broker: str, *, program: str = PROGRAM, secret: str = "") -> None:
        config = folder / "config"
        (config / "secrets").mkdir(parents=True, exist_ok=True)
        (config / "edge.yaml").write_text(f"node: node-1\nbroker: {{host: 127.0.0.1, {broker}}}\n")
        if secret:
            (config / "secrets" / "broker").write_text(secret)
        self._log = folder / "publish.log"
        environment = os.environ | {"EDGE_CONFIG": str(config), "EDGE_RUN": str(folder), "EDGE_STATE": f"{folder}/disk"}
        with self._log.open("ab") as log:
            self.running = subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=log, stderr=log)

    @property
    def said(self) -> str:
        return self._log.read_text()

    def says(self, text: str, *, seconds: float = 10) -> str:
        wait_until(
            lambda: text in self.said or self.running.poll() is not None, what=lambda: self.said, seconds=seconds
        )
        line = next((line for line in self.said.splitlines() if text in line), None)
        assert line, self.said
        return line

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.running.send_signal(number)
        return self.running.wait(timeout=10)

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        if self.running.poll() is None:
            self.running.kill()
            self.running.wait(timeout=10)
        assert "Traceback" not in self.said, self.said


def test_publisher_connected_tells_device_cameras_and_messages(broker, database, journal):
    journal.announce("status", status("ok"))
    journal.announce("health", HEALTH)
    with Ear(broker.port, *EVERYTHING) as live, publishing(database, broker.port):
        tell(journal, 3)
        assert live.numbers(3) == [1, 2, 3]
        flow = live.first("/cam/flow/r1")
        assert "late" not in content(flow)
        assert LIFE - 70 < flow.properties.MessageExpiryInterval <= LIFE
        assert live.first("/cam/health").properties.MessageExpiryInterval <= 180
        with Ear(broker.port, *EVERYTHING, name="afterwards") as later:
            later.until(lambda heard: len(heard) == 3)
            retained = {each.topic: content(each) for each in later.heard if each.retain}
        assert retained[TOPICS.status]["state"] == "online"
        assert retained[TOPICS.info] == json.loads(INFO)
        assert retained["hue/1/node-1/cam/status"]["state"] == "ok"
        journal.announce("status", status("frozen"))
        live.first("/cam/status", state="frozen")


def test_publisher_confirmed_lets_go_of_what_is_stored(broker, database, journal):
    with Ear(broker.port, *EVERYTHING) as centre, publishing(database, broker.port) as outbox:
        stamps = tell(journal, 5)
        centre.numbers(5)
        assert outbox.send_again(stamps[0].epoch, first=1, last=5) == 5
        for bad in (b"\xff{", b'{"epoch":"1"}', b"7", b'{"epoch":"%s","seq":99}' % stamps[0].epoch.encode()):
            centre.say(TOPICS.stored("bad"), bad)
        centre.say(TOPICS.stored("main"), {"epoch": "00000000", "seq": 5})
        centre.say(TOPICS.stored("main"), {"epoch": stamps[0].epoch, "seq": 3}, retain=True)
        wait_until(lambda: outbox.send_again(stamps[0].epoch, first=1, last=5) == 2)
        gap = content(centre.first("/gap"))
        assert (gap["from"], gap["to"]) == (1, 3)


def test_publisher_backlog_is_late_bounded_and_yields_to_fresh(broker, database, journal):
    tell(journal, 200, ago=300)
    [fresh] = tell(journal, 1)
    began = time.monotonic()
    with Ear(broker.port, *EVERYTHING) as ear, publishing(database, broker.port):
        order = ear.numbers(201)
        seconds = time.monotonic() - began
        late = {content(each)["seq"]: content(each).get("late") for each in ear.heard if "/flow/" in each.topic}
    assert order[0] == fresh.seq
    assert order[1:] == list(range(1, 201))
    assert late.pop(fresh.seq) is None
    assert set(late.values()) == {True}
    assert seconds > (200 - 64) / LATE_RATE


def test_publisher_confirmation_standing_still_sends_again(broker, database, journal):
    with Ear(broker.port, *EVERYTHING) as centre, publishing(database, broker.port, standstill=0.5):
        epoch = tell(journal, 5)[0].epoch
        assert centre.numbers(5) == [1, 2, 3, 4, 5]
        assert not seqs(centre.quiet(1)), "no centre has confirmed: nothing is sent again"
        centre.say(TOPICS.stored("main"), {"epoch": epoch, "seq": 2}, retain=True)
        centre.until(lambda heard: len(seqs(heard)) >= 8)
        assert seqs(centre.heard)[5:8] == [3, 4, 5]
        centre.say(TOPICS.stored("main"), {"epoch": epoch, "seq": 5}, retain=True)
        centre.quiet(0.3)
        assert not seqs(centre.quiet(1.5))


def test_publisher_resend_answers_with_messages_and_gap(broker, database, journal):
    with Ear(broker.port, *EVERYTHING, ANSWERS) as centre, publishing(database, broker.port):
        epoch = tell(journal, 6)[0].epoch
        centre.numbers(6)
        centre.say(TOPICS.stored("main"), {"epoch": epoch, "seq": 3})
        centre.say(TOPICS.command("resend"), {"epoch": epoch, "from": 2, "to": 5}, answer_on=ANSWERS)
        answer = centre.first("/answers")
        assert content(answer) == {"ok": True, "again": 2}
        assert answer.properties.CorrelationData == b"42"
        gap = content(centre.first("/gap"))
        assert (gap["epoch"], gap["from"], gap["to"]) == (epoch, 2, 3)
        centre.until(lambda heard: len(seqs(heard)) == 8)
        assert seqs(centre.heard)[6:] == [4, 5]


@pytest.mark.parametrize(
    ("verb", "body", "error"),
    [
        ("resend", b"\xff\x00", "not understood"),
        ("resend", b'{"epoch":"0000000g","from":1,"to":2}', "not understood"),
        ("resend", b'{"epoch":"EPOCH","from":9,"to":18446744073709551615}', "no such messages"),
        ("resend", b'{"epoch":"EPOCH","from":2,"to":1}', "no such messages"),
        ("resend", b'{"epoch":"ffffffff","from":1,"to":18446744073709551615}', "no such messages"),
        ("resend", b'{"epoch":"ffffffff","from":9,"to":3}', "no such messages"),
        ("reload", b"", "not supported"),
        ("explode", b"[[[[", "no such command"),
    ],
)
def test_publisher_bad_command_is_answered(broker, database, journal, verb, body, error):
    with Ear(broker.port, *EVERYTHING, ANSWERS) as centre, publishing(database, broker.port):
        epoch = tell(journal, 3)[0].epoch
        centre.numbers(3)
        centre.say(TOPICS.command(verb), body.replace(b"EPOCH", epoch.encode()), answer_on=ANSWERS)
        answer = content(centre.first("/answers"))
        assert answer["ok"] is False
        assert error in answer["error"]
        tell(journal, 1)
        centre.numbers(4)


def test_publisher_rebirth_tells_its_states_again(broker, database, journal):
    journal.announce("status", status("ok"))
    with Ear(broker.port, *EVERYTHING) as centre, publishing(database, broker.port):
        centre.first("/cam/status")
        centre.say(TOPICS.command("rebirth"), b"")
        centre.until(lambda heard: len(heard) >= 6)
        assert [each.topic for each in centre.heard[:3]] == [each.topic for each in centre.heard[3:6]]


def test_publisher_life_ended_tells_the_gap(broker, database, journal):
    epoch = tell(journal, 3, ago=2 * LIFE)[0].epoch
    with Ear(broker.port, *EVERYTHING) as centre, publishing(database, broker.port) as outbox:
        gap = content(centre.first("/gap"))
        assert (gap["epoch"], gap["from"], gap["to"]) == (epoch, 1, 3)
        assert not seqs(centre.heard)
        assert outbox.send_again(epoch, first=1, last=3) == 0


def test_publisher_broker_killed_loses_nothing(tmp_path, database, journal):
    """A PUBACK is not durable: the broker dies before it has saved, and the standing confirmation brings all back."""
    store = f"persistence_location {tmp_path}/broker/"
    with running(tmp_path / "broker", "allow_anonymous true", "persistence true", store, "autosave_interval 3600",
                 "max_queued_messages 0") as broker:  # fmt: skip
        epoch = Outbox(database).last.epoch
        Ear(broker.port, *EVERYTHING, name="centre", keep=True).close()
        with Ear(broker.port, "hue/1/node-1/#", name="helper") as other:
            other.say(TOPICS.stored("main"), {"epoch": epoch, "seq": 0}, retain=True)
            with publishing(database, broker.port, standstill=2) as outbox:
                tell(journal, 500)
                other.numbers(500)
                wait_until(lambda: not outbox.waiting(limit=1, now=time.time()), what="every message has its PUBACK")
                broker.end(signal.SIGKILL)
                other.close()
                broker.start()
                with Ear(broker.port, *EVERYTHING, name="centre", keep=True) as centre:
                    centre.say(TOPICS.stored("main"), {"epoch": epoch, "seq": 0}, retain=True)
                    assert set(centre.numbers(500, seconds=30)) == set(range(1, 501))
                    centre.say(TOPICS.stored("main"), {"epoch": epoch, "seq": 500}, retain=True)
                    wait_until(lambda: outbox.send_again(epoch, first=1, last=500) == 0)


def test_publisher_broker_away_at_start_is_found_later(tmp_path, database, journal, caplog):
    caplog.set_level(logging.INFO)
    broker = Broker(tmp_path / "broker")
    with publishing(database, broker.port):
        tell(journal, 10)
        wait_until(lambda: "nobody listens there" in caplog.text, what="the refused connection is told")
        broker.start()
        try:
            with Ear(broker.port, *EVERYTHING) as ear:
                ear.first("/status", state="online", seconds=15)
                assert "connected with MQTT 5" in caplog.text
                assert len([each for each in caplog.records if "nobody listens" in each.getMessage()]) == 1
        finally:
            broker.end()


class OldBroker(Front):
    """A broker that speaks 3.1.1 only, in the three manners that there are, before a real one: it refuses MQTT 5 with
    an answer of MQTT 5 or of 3.1.1, or hangs up."""

    def __init__(self, behind: int, refusal: bytes) -> None:
        self._refusal = refusal
        self.versions: list[int] = []
        super().__init__(behind)

    def _lets_in(self, client: socket.socket) -> bytes | None:
        first = client.recv(4096)
        self.versions.append(first[first.index(b"MQTT") + 4])
        if self.versions[-1] != 5:
            return first
        client.sendall(self._refusal)
        return None


@pytest.mark.parametrize("refusal", [b"\x20\x03\x00\x84\x00", b"\x20\x02\x00\x01", b""], ids=["v5", "v3", "hangs-up"])
def test_publisher_old_broker_gets_3_1_1(broker, database, journal, refusal):
    with Ear(broker.port, *EVERYTHING) as centre, OldBroker(broker.port, refusal) as old:
        with publishing(database, old.port, standstill=0.5) as outbox:
            stamps = tell(journal, 5)
            assert centre.numbers(5) == [1, 2, 3, 4, 5]
            assert old.versions == ([5, 4] if refusal else [5, 4, 5, 4]), "where it hangs up 3.1.1 is asked for first"
            centre.say(TOPICS.stored("main"), {"epoch": stamps[0].epoch, "seq": 4}, retain=True)
            wait_until(lambda: outbox.send_again(stamps[0].epoch, first=1, last=5) == 1)
            centre.first("/status", state="online")
        centre.first("/status", state="stopped")


def test_publisher_without_rights_keeps_what_is_refused(tmp_path, database, journal, caplog):
    rules = tmp_path / "rules"
    rights = ("topic readwrite hue/1/node-1/#", "topic read hue/1/centre/#", "topic deny hue/1/node-1/cam/flow/#")
    rules.write_text("\n".join(rights) + "\n")
    with (
        running(tmp_path / "broker", "allow_anonymous true", f"acl_file {rules}") as broker,
        Ear(broker.port, *EVERYTHING) as centre,
        publishing(database, broker.port) as outbox,
    ):
        tell(journal, 3, kind="flow")
        tell(journal, 2, kind="zone")
        assert centre.numbers(2) == [4, 5]
        assert not seqs(centre.quiet(0.5))
        waiting = outbox.waiting(limit=9, now=time.time())
    assert [each.stamp.seq for each in waiting] == [1, 2, 3]
    [line] = [each.getMessage() for each in caplog.records if "refuses" in each.getMessage()]
    assert "hue/1/node-1/cam/flow/r1" in line
    assert "Not authorized" in line


def test_publisher_rival_with_its_id_is_left_alone(broker, tmp_path, caplog):
    first, second = tmp_path / "1" / "edge.db", tmp_path / "2" / "edge.db"
    with publishing(first, broker.port), publishing(second, broker.port):
        rest = r"another device uses the same id, hue-node-1.*next in ([89]|[1-4]\d) s"
        wait_until(lambda: re.search(rest, caplog.text), what=lambda: caplog.text, seconds=60)


def test_publish_process_killed_shows_offline_by_its_will(broker, tmp_path):
    quick = "import edge.publish\nedge.publish.WILL_DELAY_SECONDS = 1\n" + PROGRAM
    with Ear(broker.port, TOPICS.status) as ear:
        with Process(tmp_path, f"port: {broker.port}, tls: false", program=quick) as first:
            ear.first("/status", state="online")
            first.end(signal.SIGKILL)
            ear.first("/status", state="offline")
        with Ear(broker.port, TOPICS.status, name="later") as later:
            assert later.first("/status", state="offline").retain


def test_publish_process_killed_and_back_soon_never_looks_offline(broker, tmp_path):
    quick = "import edge.publish\nedge.publish.WILL_DELAY_SECONDS = 4\n" + PROGRAM
    arguments = {"program": quick}
    with Ear(broker.port, TOPICS.status) as ear:
        with Process(tmp_path, f"port: {broker.port}, tls: false", **arguments) as first:
            ear.first("/status", state="online")
            first.end(signal.SIGKILL)
        with Process(tmp_path, f"port: {broker.port}, tls: false", **arguments):
            ear.until(lambda heard: len(heard) == 2)
            ear.quiet(4.5)
            assert [content(each)["state"] for each in ear.heard] == ["online", "online"]


def test_publish_process_killed_while_sending_loses_nothing(broker, tmp_path, database, journal):
    with Ear(broker.port, *EVERYTHING) as ear:
        for round_ in range(1, 4):
            tell(journal, 400)
            with Process(tmp_path, f"port: {broker.port}, tls: false") as process:
                ear.numbers(400 * (round_ - 1) + 50)
                process.end(signal.SIGKILL)
        with Process(tmp_path, f"port: {broker.port}, tls: false"):
            assert set(ear.numbers(1200)) == set(range(1, 1201))


def test_publish_process_stopped_says_so_and_flushes(broker, tmp_path, database, journal):
    with Ear(broker.port, *EVERYTHING) as ear, Process(tmp_path, f"port: {broker.port}, tls: false") as process:
        ear.first("/status", state="online")
        tell(journal, 150)
        assert process.end(signal.SIGTERM) == 0
        ear.first("/status", state="stopped")
        assert ear.numbers(150) == list(range(1, 151))
        assert content(ear.heard[-1])["state"] == "stopped"
        assert not ear.quiet(0.5), "no Will after a goodbye"


def test_publish_process_wrong_password_waits_and_tells_once(tmp_path):
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "edge", "right"], check=True, capture_output=True)
    with running(tmp_path / "broker", f"password_file {passwords}", "allow_anonymous false") as broker:
        config = f"port: {broker.port}, tls: false, credentials: broker"
        with Process(tmp_path, config, secret="edge:wr0ng-s3cret") as process:
            line = process.says("the broker refuses the connection")
            assert f"127.0.0.1:{broker.port}" in line
            assert "broker.credentials" in line
            assert int(re.search(r"next in (\d+) s", line)[1]) >= 60
            time.sleep(2)  # an attempt that must not come cannot be awaited
            assert broker.log.count("New client connected") + broker.log.count("not authorised") == 1, broker.log
            assert process.end(signal.SIGTERM) == 0
            assert "wr0ng-s3cret" not in process.said
        with Process(tmp_path, config, secret="edge:right") as process:
            process.says("connected with MQTT 5")


def openssl(folder, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def authority(folder, name: str) -> None:
    """A certificate authority of its own, good for a day."""
    openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
            "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem")  # fmt: skip


def certificate(folder, name: str, *, ca: str, address: str) -> None:
    """A certificate for an address, signed by an authority."""
    (folder / f"{name}.ext").write_text(f"subjectAltName=IP:{address}\n")
    openssl(folder, "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")  # fmt: skip
    openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.pem", "-CAkey", f"{ca}.key", "-CAcreateserial",
            "-days", "1", "-extfile", f"{name}.ext", "-out", f"{name}.pem")  # fmt: skip


def test_publish_process_tls_is_verified(tmp_path):
    authority(tmp_path, "city")
    authority(tmp_path, "stranger")
    certificate(tmp_path, "server", ca="city", address="127.0.0.1")
    certificate(tmp_path, "elsewhere", ca="city", address="192.0.2.1")
    certificate(tmp_path, "node", ca="city", address="127.0.0.1")

    def serving(name: str):
        lines = ("allow_anonymous true", f"cafile {tmp_path}/city.pem", f"certfile {tmp_path}/{name}.pem",
                 f"keyfile {tmp_path}/{name}.key", "require_certificate true")  # fmt: skip
        return running(tmp_path / "broker" / name, *lines)

    own = f"certificate: {tmp_path}/node.pem, key: {tmp_path}/node.key"
    with serving("server") as broker:
        with Process(tmp_path / "good", f"port: {broker.port}, tls: {{ca: {tmp_path}/city.pem, {own}}}") as process:
            process.says("connected with MQTT 5")
        with Process(tmp_path / "ca", f"port: {broker.port}, tls: {{ca: {tmp_path}/stranger.pem, {own}}}") as process:
            assert "certificate" in process.says("not trusted")
        with Process(tmp_path / "system", f"port: {broker.port}") as process:
            assert "certificate" in process.says("not trusted")
        with Process(tmp_path / "nobody", f"port: {broker.port}, tls: {{ca: {tmp_path}/city.pem}}") as process:
            process.says("broker.tls.certificate")
    with (
        serving("elsewhere") as broker,
        Process(tmp_path / "name", f"port: {broker.port}, tls: {{ca: {tmp_path}/city.pem, {own}}}") as process,
    ):
        assert "IP address mismatch" in process.says("not trusted")


def test_publish_process_tls_at_a_plain_port_is_told(broker, tmp_path):
    with Process(tmp_path, f"port: {broker.port}") as process:
        assert "check that broker.port speaks TLS" in process.says(f"127.0.0.1:{broker.port}")


def test_publish_process_silent_server_is_told(tmp_path):
    """Something listens that is no broker: it takes the connection and says nothing."""
    quick = "import edge.mqtt.session\nedge.mqtt.session.CONNECT_SECONDS = 0.5\n" + PROGRAM
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with Process(tmp_path, f"port: {port}, tls: false", program=quick) as process:
            assert "does not answer" in process.says(f"127.0.0.1:{port}")


def test_publish_process_with_unusable_certificate_says_so(tmp_path):
    (tmp_path / "ca.pem").write_text("nothing")
    with Process(tmp_path, f"port: {free_port()}, tls: {{ca: {tmp_path}/ca.pem}}") as process:
        assert process.running.wait(timeout=10) == 2
        [line] = process.said.splitlines()
        assert "ca.pem" in line


def test_publish_process_bad_camera_file_does_not_stop_it(broker, tmp_path):
    with Ear(broker.port, *EVERYTHING) as ear:
        (tmp_path / "config" / "cameras").mkdir(parents=True)
        (tmp_path / "config" / "cameras" / "good.yaml").write_text(
            "name: Cầu Trường Tiền\nlines: [{id: l1, points: [[0.1, 0.5], [0.9, 0.5]]}]\n"
        )
        (tmp_path / "config" / "cameras" / "bad.yaml").write_text("lines: 7\n")
        with Process(tmp_path, f"port: {broker.port}, tls: false") as process:
            info = events.Info.model_validate_json(ear.first("/info").payload)
            process.says("bad.yaml")
    assert list(info.cameras) == ["good"]
    assert info.cameras["good"].name == "Cầu Trường Tiền"
    assert json.loads(info.to_bytes())["node"] == "node-1"


def test_publisher_goes_no_further_ahead_than_the_centre_follows(broker, database, journal, monkeypatch):
    monkeypatch.setattr(confirmations, "UNCONFIRMED_MOST", 100)
    epoch = tell(journal, 500, ago=300)[0].epoch
    with Ear(broker.port, *EVERYTHING) as centre, publishing(database, broker.port):
        centre.say(TOPICS.stored("main"), {"epoch": epoch, "seq": 0})
        centre.numbers(100)
        reached = 0
        while reached < 500:
            assert len(seqs(centre.quiet(0.3))) < 2 * 64 + 100
            reached = max(seqs(centre.heard))
            centre.say(TOPICS.stored("main"), {"epoch": epoch, "seq": reached})
            centre.until(lambda heard: max(seqs(heard)) > reached or reached == 500)  # noqa: B023 - within the loop
        assert sorted(set(seqs(centre.heard))) == list(range(1, 501))


def test_publisher_tells_of_a_disk_that_cannot_be_written(broker, tmp_path, database, journal):
    (tmp_path / "disk").write_text("a file where the folder should be")
    with Ear(broker.port, *EVERYTHING) as centre, publishing(database, broker.port):
        told = content(centre.until(lambda heard: any(b"reason" in each.payload for each in heard))[-1])
        assert told["state"] == "online"
        assert "the disk cannot be written; counting and sending go on" in told["reason"]
        tell(journal, 3)
        assert centre.numbers(3) == [1, 2, 3], "messages go out all the same"
        (tmp_path / "disk").unlink()
        centre.heard.clear()
        assert "reason" not in content(centre.first("/node-1/status", state="online"))
    assert list((tmp_path / "disk").glob("journal-*.log"))
