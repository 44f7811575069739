"""The numbers for Prometheus, from a real publisher, read as Prometheus reads them."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from broker import Ear, free_port, running, wait_until
from prometheus_client.parser import text_string_to_metric_families as parsed
from ruamel.yaml import YAML

from edge import events, render
from edge.config.settings import Settings
from edge.dataflow import Period
from edge.link import Link
from edge.metrics import Numbers
from edge.mqtt.topics import of_all_nodes
from edge.store.journal import Journal
from edge.store.lock import sole
from edge.store.outbox import Outbox
from edge.usage import usage

ROOT = Path(__file__).resolve().parents[2]
NOW = "2026-11-23T00:00:00Z"


def scraped(port, *, accept="text/plain"):
    request = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read().decode()


def numbers(port):
    """Every sample by its name and labels."""
    found = {}
    for family in parsed(scraped(port)):
        assert family.name.startswith("edge_"), family.name
        assert family.documentation, family.name
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


@contextmanager
def publishing(folder, broker_port, metrics_port):
    config = folder / "config"
    config.mkdir()
    (config / "edge.yaml").write_text(
        f"node: node-1\nbroker: {{host: 127.0.0.1, port: {broker_port}, tls: false}}\n"
        f"metrics: {{port: {metrics_port}}}\n"
    )
    environment = {**os.environ, "EDGE_CONFIG": str(config), "EDGE_STATE": str(folder), "EDGE_RUN": str(folder / "run")}
    with (folder / "publish.log").open("w") as log:
        process = subprocess.Popen([sys.executable, "-m", "edge", "publish"], env=environment, stdout=log, stderr=log)
    try:
        yield process, lambda: (folder / "publish.log").read_text()
    finally:
        process.terminate()
        process.wait(timeout=60)
        assert "Traceback" not in (folder / "publish.log").read_text()


@pytest.fixture
def journal(tmp_path):
    journal = Journal(tmp_path / "run" / "edge.db", camera="cam", disk=tmp_path)
    status = events.CameraStatus(camera="cam", state="ok", since=NOW)
    health = events.Health(camera="cam", at=NOW, rate_hz=4.9, age_p95_ms=250, reconnects=3)
    journal.announce("status", status.to_bytes())
    journal.announce("health", health.to_bytes())
    yield journal
    journal.close()


def test_metrics_of_a_device_that_cannot_reach_its_broker(tmp_path, journal):
    journal.finish(Period("l1", "flow", 1e12, 60), lambda *_: b"{}", life=60)
    port, nobody = free_port(), free_port()
    with publishing(tmp_path, nobody, port) as (process, said), sole(tmp_path / "run", "camera-cam"):
        wait_until(lambda: answers(port), what=said, seconds=60)
        wait_until(lambda: "edge_broker_state_since_timestamp_seconds" in numbers(port), what=said, seconds=60)
        seen = numbers(port)
        assert seen["edge_info{node=node-1,version=0.1.0}"] == 1
        assert (seen["edge_broker_connected"], seen["edge_centre_confirms"]) == (0, 0)
        assert (seen["edge_outbox_messages{kind=flow}"], seen["edge_outbox_messages{kind=alarm}"]) == (1, 0)
        assert (seen["edge_last_seq"], seen["edge_confirmed_seq"]) == (1, 0)
        assert (seen["edge_camera_up{camera=cam}"], seen["edge_camera_running{camera=cam}"]) == (1, 1)
        assert seen["edge_camera_state{camera=cam,state=ok}"] == 1
        assert seen["edge_camera_frames_per_second{camera=cam}"] == 4.9
        assert seen["edge_camera_frame_age_p95_seconds{camera=cam}"] == 0.25
        assert seen["edge_camera_reconnects_total{camera=cam}"] == 3
        assert seen["edge_messages_lost_total{reason=expired}"] == 0
        resident = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        assert seen["edge_process_resident_memory_bytes{process=publisher}"] == pytest.approx(resident, rel=0.2)
        assert seen["edge_store_readable"] == seen["edge_disk_writable"] == 1
        assert str(nobody) not in scraped(port)
        assert "# EOF" in scraped(port, accept="application/openmetrics-text; version=1.0.0")


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_metrics_camera_that_does_not_run_is_not_up_and_has_no_rate(tmp_path, journal):
    port = free_port()
    with publishing(tmp_path, free_port(), port) as (_, said):
        wait_until(lambda: answers(port), what=said, seconds=60)
        seen = numbers(port)
        assert (seen["edge_camera_up{camera=cam}"], seen["edge_camera_running{camera=cam}"]) == (0, 0)
        assert not [name for name in seen if name.startswith("edge_camera_frames")]


@pytest.mark.parametrize(("state", "up"), [("shifted", 1), ("config", 1), ("moved", 0), ("nostream", 0)])
def test_metrics_camera_is_up_where_its_counts_are_good(tmp_path, state, up):
    settings = Settings(config=tmp_path / "config", state=tmp_path, run=tmp_path / "run")
    camera = Journal(settings.database, camera="publisher", disk=tmp_path)  # an id like any other
    camera.announce("status", events.CameraStatus(camera="publisher", state=state, since=NOW).to_bytes())
    camera.note(**usage())
    outbox = Outbox(settings.database, disk=tmp_path)
    Link(outbox, broker="b:1883").note(confirms=False)
    with sole(settings.memory, "camera-publisher"):
        families = {each.name: each.samples for each in Numbers(settings, node="node-1").collect()}
    assert [each.value for each in families["edge_camera_up"]] == [up]
    processes = [each.labels["process"] for each in families["edge_process_threads"]]
    assert processes == ["publisher", "camera-publisher"]
    camera.close()
    outbox.close()


def flow(period, tally, stamp):
    return render.flow(period, tally, stamp=stamp, camera="cam", facts={"classes": ("car",)}).to_bytes()


def test_metrics_reader_that_is_stuck_does_not_disturb_publishing(tmp_path, journal):
    port = free_port()
    with running(tmp_path / "broker") as broker, publishing(tmp_path, broker.port, port) as (_, said):
        wait_until(lambda: answers(port), what=said, seconds=60)
        readers = [socket.create_connection(("127.0.0.1", port), timeout=30) for _ in range(4)]
        with Ear(broker.port, *of_all_nodes("hue")) as ear:
            readers[0].sendall(b"GET /metrics HTTP/1.1\r\n")  # and no more
            empty = Period("l1", "flow", time.time() - 60, 60, flags=frozenset(["nostream"]))
            journal.finish(empty, flow, life=3600)
            ear.first("/flow/l1", seconds=60)
        for reader in readers:
            reader.close()
        wait_until(lambda: numbers(port)["edge_broker_connected"] == 1, what=said, seconds=60)
        assert numbers(port)["edge_broker_connections_total"] == 1


def test_metrics_port_that_is_taken_stops_nothing_else(tmp_path, journal):
    with (
        running(tmp_path / "broker") as broker,
        socket.create_server(("127.0.0.1", 0)) as taken,
        publishing(tmp_path, broker.port, taken.getsockname()[1]) as (_, said),
        Ear(broker.port, "#") as ear,
    ):
        ear.first("/node-1/status", seconds=60, state="online")
        assert "change metrics.port" in said()


def test_metrics_in_the_documentation_are_there(tmp_path, journal):
    """Each name in the alert rules and the panels is one that is served, and the rules are YAML of their form."""
    text = (ROOT / "docs" / "operator.md").read_text(encoding="utf-8")
    rules = next(block for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if "groups:" in block)
    alerts = YAML(typ="safe").load(rules)["groups"][0]["rules"]
    assert len(alerts) >= 5
    assert all({"alert", "expr", "for", "annotations"} <= alert.keys() for alert in alerts)
    port = free_port()
    with publishing(tmp_path, free_port(), port) as (_, said):
        wait_until(lambda: answers(port), what=said, seconds=60)
        page = scraped(port)
    served = set(re.findall(r"^# TYPE (\S+)", page, re.MULTILINE)) | {"edge_clock_synchronised"}
    named = set(re.findall(r"\bedge_[a-z0-9_]+", text))
    assert named
    assert named <= served, named - served
    assert served - named == set(), "every number is documented"
