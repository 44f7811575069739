"""The broker kit: what the contract allows works over TLS with certificates, everything else is refused and told."""

from __future__ import annotations

import re
import shutil
import ssl
import time
from contextlib import ExitStack

import pytest
from broker import running, wait_until
from kit import KIT, PROGRAM, ROOT, Client, Command, attempts, configuration, edge_yaml, identity, made, tell

from edge.centre.records import Records
from edge.config.load import load_edge
from edge.mqtt.topics import Topics, of_all_nodes_shared
from edge.mqtt.wire import Arrived, Disconnected
from edge.store.outbox import Outbox

FIRST, SECOND = Topics("hue", "hue-edge-01"), Topics("hue", "hue-edge-02")
DOCS = (ROOT / "docs" / "broker.md").read_text()
SOON = "import edge.publisher\nedge.publisher.HOLD_SECONDS = 1\n" + PROGRAM
OFTEN = "import edge.mqtt.faults as f\nf.BackOff.pause = lambda *_, **__: 0.3\n" + PROGRAM


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    """An authority with a broker, two devices and a centre, all made by the script."""
    folder = tmp_path_factory.mktemp("pki")
    made("ca", folder)
    made("server", folder, "127.0.0.1", "localhost")
    for node in ("hue-edge-01", "hue-edge-02"):
        made("node", folder, node)
    made("centre", folder, "centre-1")
    return folder


@pytest.fixture
def broker(tmp_path, pki):
    with running(tmp_path / "broker", *configuration(tmp_path / "broker", pki)) as broker:
        yield broker


@pytest.fixture
def node(pki):
    return identity(pki, "node", "hue-edge-01")


@pytest.fixture
def centre(pki):
    return identity(pki, "centre", "centre.centre-1")


def test_kit_device_and_centre_work_end_to_end(tmp_path, broker, node, centre):
    tell(tmp_path / "edge.db", 30)
    store = tmp_path / "centre.db"
    words = ("listen", "--store", str(store))
    with (
        Command(tmp_path / "centre", edge_yaml(broker.port, centre, node="n1"), *words) as listening,
        Command(tmp_path, edge_yaml(broker.port, node), "publish") as publishing,
    ):
        publishing.says("connected with MQTT 5")
        listening.says("connected with MQTT 5")
        outbox = Outbox(tmp_path / "edge.db")
        epoch = outbox.last.epoch
        wait_until(lambda: outbox.send_again(epoch, first=1, last=30) == 0, what=lambda: listening.said)
        outbox.close()
    records = Records(store)
    assert sum(a + b for a, b in records.volumes(since="").values()) == 30
    records.close()
    assert not re.search(r"Denied|Error", broker.log), broker.log


def test_kit_device_writes_below_its_own_level_only(broker, node):
    with Client(broker.port, node) as device:
        for topic in (FIRST.status, FIRST.info, FIRST.gap, FIRST.data("flow", camera="gate", rule="l1"),
                      FIRST.camera("gate", kind="health"), "hue/1/hue-edge-01/answers/7"):  # fmt: skip
            assert device.say(topic), topic
        for topic in (SECOND.status, SECOND.command("resend"), FIRST.stored("centre-1"), "hue/1/centre", "hue/1",
                      "hue", "hue/1/hue-edge-011/status", "hue/2/hue-edge-01/status", "hui/1/hue-edge-01/status",
                      "hue/1/hue-edge-01x", "other", "$SYS/broker/x"):  # fmt: skip
            assert not device.say(topic), topic


def test_kit_device_reads_its_commands_and_confirmations_only(broker, pki, node, centre):
    with (
        Client(broker.port, node) as device,
        Client(broker.port, identity(pki, "node", "hue-edge-02")) as other,
        Client(broker.port, centre) as ops,
    ):
        device.connection.subscribe(("#", "hue/1/#", "hue/1/+/cmd/+", "hue/1/centre/+/stored/+", "$SYS/#"))
        wait_until(lambda: "Sending SUBACK to hue-edge-01" in broker.log)
        assert other.say(SECOND.status, retain=True)
        assert device.say(FIRST.status)
        for topic in (
            SECOND.command("resend"),
            SECOND.stored("centre-1"),
            FIRST.stored("centre-1"),
            FIRST.command("resend"),
        ):
            assert ops.say(topic), topic
        wait_until(lambda: device.until(Arrived) and FIRST.command("resend") in device.hears())
        assert set(device.hears()) == {FIRST.stored("centre-1"), FIRST.command("resend")}


def test_kit_centre_reads_all_confirms_and_commands(broker, node, centre):
    with Client(broker.port, centre) as ops, Client(broker.port, node) as device:
        shared, states = of_all_nodes_shared("hue", group="centre-1")
        ops.connection.subscribe((*shared, *states))
        wait_until(lambda: "Sending SUBACK to centre.centre-1" in broker.log)
        said = (FIRST.status, FIRST.data("flow", camera="gate", rule="l1"))
        assert [device.say(topic) for topic in said] == [True, True]
        ops.until(Arrived, number=2)
        assert set(ops.hears()) == set(said)
        assert ops.say(FIRST.stored("centre-1"), retain=True)
        assert ops.say(SECOND.command("rebirth"))
        for topic in (FIRST.status, FIRST.data("flow", camera="gate", rule="l1"), FIRST.stored("other"), "hue/1/ops"):
            assert not ops.say(topic), topic


def test_kit_client_id_of_another_throws_nobody_off(broker, pki, node):
    with Client(broker.port, node, client_id="hue-hue-edge-01") as device:
        for name in ("hue-edge-01", "hue-hue-edge-01"):
            with Client(broker.port, identity(pki, "node", "hue-edge-02"), client_id=name) as thief:
                assert thief.say(SECOND.status)
        assert device.say(FIRST.status)
        assert not device.of(Disconnected)


def test_kit_restart_keeps_retained_and_reload_takes_new_server_certificate(tmp_path, pki, node, centre):
    own = tmp_path / "pki"
    shutil.copytree(pki, own)
    with running(tmp_path / "broker", *configuration(tmp_path / "broker", own)) as broker:
        with Client(broker.port, node) as device:
            assert device.say(FIRST.status, retain=True)
        broker.end()
        broker.start()
        with Client(broker.port, centre) as ops:
            ops.connection.subscribe((FIRST.status,))
            ops.until(Arrived)
        before = ssl.get_server_certificate(("127.0.0.1", broker.port))
        for ending in ("pem", "key"):
            (own / "server" / f"127.0.0.1.{ending}").rename(own / f"old.{ending}")
        made("server", own, "127.0.0.1")
        broker.reload()
        wait_until(lambda: ssl.get_server_certificate(("127.0.0.1", broker.port)) != before)
        with Client(broker.port, node) as device:
            assert device.say(FIRST.status)


def test_kit_two_authorities_side_by_side_let_both_in(tmp_path, pki, node):
    own, new = tmp_path / "pki", tmp_path / "new"
    shutil.copytree(pki, own)
    made("ca", new)
    made("node", new, "hue-edge-02")
    (own / "ca.pem").write_text((pki / "ca.pem").read_text() + (new / "ca.pem").read_text())
    with (
        running(tmp_path / "broker", *configuration(tmp_path / "broker", own)) as broker,
        Client(broker.port, node) as old,
        Client(broker.port, identity(new, "node", "hue-edge-02", ca=own / "ca.pem")) as renewed,
    ):
        assert old.say(FIRST.status)
        assert renewed.say(SECOND.status)


def test_kit_docs_sample_is_a_configuration_for_the_shipped_rights(tmp_path):
    file = tmp_path / "edge.yaml"
    file.write_text(DOCS.split("```yaml\n")[1].split("```")[0])
    edge = load_edge(file)
    assert edge.node == "hue-edge-01"
    assert f"user centre.{edge.centre}\n" in (KIT / "acl").read_text()
    assert f"topic write {Topics(edge.root, '+', edge.centre).stored(edge.centre)}\n" in (KIT / "acl").read_text()


def refused(tmp_path, broker, tls, text):
    """The one line of a device that is not let in: it has this text, and no attempt follows within some seconds."""
    assert text in DOCS
    with Command(tmp_path / "device", edge_yaml(broker.port, tls), "publish") as device:
        line = device.says(text)
        wait_until(lambda: attempts(broker.log))  # the broker's log may come after the device's
        time.sleep(3)  # an attempt that must not come cannot be awaited
        assert attempts(broker.log) == 1, broker.log
        assert device.lines("127.0.0.1") == [line]
        assert int(re.search(r"next in (\d+) s", line)[1]) >= 10
    return line


def test_kit_expired_certificate_is_told(tmp_path, broker, pki):
    made("node", pki, "hue-edge-03", "--days", 0)
    line = refused(tmp_path, broker, identity(pki, "node", "hue-edge-03"), "certificate expired")
    assert "put a new one at broker.tls.certificate" in line


def test_kit_certificate_of_a_stranger_is_told(tmp_path, broker, pki):
    made("ca", tmp_path / "stranger")
    made("node", tmp_path / "stranger", "hue-edge-01")
    tls = identity(tmp_path / "stranger", "node", "hue-edge-01", ca=pki / "ca.pem")
    assert "signed by the authority that the broker trusts" in refused(tmp_path, broker, tls, "does not know")


def test_kit_no_certificate_is_told(tmp_path, broker, node):
    tls = node.model_copy(update={"certificate": None, "key": None})
    assert "broker.tls.certificate" in refused(tmp_path, broker, tls, "wants a certificate of this device")


def test_kit_broker_of_a_stranger_is_told(tmp_path, broker, node):
    made("ca", tmp_path / "stranger")
    tls = node.model_copy(update={"ca": tmp_path / "stranger" / "ca.pem"})
    assert "broker.tls.ca" in refused(tmp_path, broker, tls, "not trusted")


@pytest.mark.parametrize(
    ("names", "text", "do"),
    [(("192.0.2.1", "elsewhere"), "mismatch", "broker.host"), (("127.0.0.1", "--days", 0), "has expired", "renew")],
    ids=["host", "expired"],
)
def test_kit_wrong_server_certificate_is_told(tmp_path, pki, node, names, text, do):
    own = tmp_path / "pki"
    own.mkdir()
    for file in ("ca.pem", "ca.key"):
        shutil.copy(pki / file, own / file)
    made("server", own, *names)
    with running(tmp_path / "broker", *configuration(tmp_path / "broker", own, server=names[0])) as broker:
        assert do in refused(tmp_path, broker, node, text)


@pytest.mark.parametrize(
    ("told", "who"),
    [({"node": "hue-edge-02"}, "hue/1/hue-edge-02/status"), ({"root": "hui"}, "hui/1/hue-edge-01/status")],
    ids=["node", "root"],
)
def test_kit_wrong_topic_is_told_in_one_line(tmp_path, broker, node, told, who):
    tell(tmp_path / "edge.db", 30)
    with Command(tmp_path, edge_yaml(broker.port, node, **told), "publish") as device:
        line = device.says("refuses")
        assert f"{who}: the broker refuses it to hue-edge-01: Not authorized" in line
        assert "correct node, root and the certificate" in line
        time.sleep(3)  # what must not come cannot be awaited
        assert device.lines("refuses") == [line]
        assert broker.log.count("Denied PUBLISH") <= 2 + 30
        assert attempts(broker.log) == 1


def test_kit_device_without_rights_tells_once_and_goes_on_when_it_has_them(tmp_path, pki, node, centre):
    rules = tmp_path / "acl"
    locked = (KIT / "acl").read_text().replace("# user hue-edge-07\n# topic deny", "user hue-edge-01\ntopic deny")
    rules.write_text(locked)
    tell(tmp_path / "edge.db", 30)
    lines = configuration(tmp_path / "broker", pki, acl=rules)
    with (
        running(tmp_path / "broker", *lines) as broker,
        Client(broker.port, centre) as ops,
        Command(tmp_path, edge_yaml(broker.port, node), "publish", program=SOON) as device,
    ):
        ops.connection.subscribe(("hue/1/hue-edge-01/+", "hue/1/hue-edge-01/gate/#"))
        line = device.says("the broker refuses it to hue-edge-01: Not authorized")
        assert ops.say(FIRST.command("rebirth"))
        wait_until(lambda: broker.log.count("Denied PUBLISH") >= 3 * 32, what="three rounds")
        assert device.lines("refuses") == [line]
        assert not device.lines("command"), "it reads nothing either"
        assert not ops.hears()
        rules.write_text((KIT / "acl").read_text())
        broker.reload()
        ops.until(Arrived, number=32)
        assert {FIRST.status, FIRST.info} < set(ops.hears())
        assert attempts(broker.log) == 2, "a device and a centre"


def test_kit_two_devices_with_one_certificate_both_say_so_and_come_to_rest(tmp_path, broker, node):
    text = "another device uses the same id, hue-hue-edge-01"  # mosquitto 2.0.11 does not say that it took one over
    with ExitStack() as stack:
        both = [stack.enter_context(Command(tmp_path / name, edge_yaml(broker.port, node), "publish")) for name in "ab"]
        for device in both:
            device.says(text, seconds=60)
        pause = rf"{text}.*next in (1[6-9]|[2-4]\d) s"
        wait_until(lambda: all(re.search(pause, device.said) for device in both), what=lambda: both[0].said, seconds=90)
        assert attempts(broker.log) <= 2 * 8, broker.log
        for device in both:
            assert 3 <= len(device.lines("next in")) <= 8, "one line an attempt at most"


def test_kit_renewed_certificate_is_used_without_restart(tmp_path, broker, pki):
    own = tmp_path / "pki"
    shutil.copytree(pki, own)
    made("node", own, "hue-edge-04", "--days", 0)
    tls = identity(own, "node", "hue-edge-04")
    with Command(tmp_path, edge_yaml(broker.port, tls, node="hue-edge-04"), "publish", program=OFTEN) as device:
        device.says("certificate expired")
        for ending in ("pem", "key"):
            (own / "node" / f"hue-edge-04.{ending}").rename(own / f"old.{ending}")
        device.says("not usable")
        made("node", own, "hue-edge-04")
        device.says("connected with MQTT 5")
