"""The broker kit as a city uses it: mosquitto with the shipped configuration, certificates from the shipped script."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from broker import wait_until

from edge import render
from edge.config.schema import Broker, Tls
from edge.dataflow import Crossing, Instant, Period, Stamp, Tally
from edge.mqtt.connection import Connection
from edge.mqtt.wire import Arrived, Connected, Event, Published
from edge.store.journal import Journal

ROOT = Path(__file__).resolve().parents[2]
KIT = ROOT / "configs" / "broker"
CERTIFICATES = ROOT / "scripts" / "certificates"
PROGRAM = "import sys\nfrom edge.cli import main\nsys.exit(main(sys.argv[1:]))"


def certificates(*words: object) -> subprocess.CompletedProcess[str]:
    """The script, run with these words."""
    return subprocess.run([CERTIFICATES, *map(str, words)], capture_output=True, text=True, check=False)


def made(*words: object) -> None:
    """The script, which must succeed."""
    done = certificates(*words)
    assert done.returncode == 0, done.stderr


def identity(pki: Path, kind: str, name: str, *, ca: Path | None = None) -> Tls:
    """The `tls` of somebody with a certificate of this authority."""
    return Tls(ca=ca or pki / "ca.pem", certificate=pki / kind / f"{name}.pem", key=pki / kind / f"{name}.key")


def configuration(folder: Path, pki: Path, *, server: str = "127.0.0.1", acl: Path = KIT / "acl") -> list[str]:
    """The shipped mosquitto.conf with only its paths changed, and its listener, which the broker of the test gives."""
    (folder / "lib").mkdir(parents=True, exist_ok=True)
    text = (KIT / "mosquitto.conf").read_text()
    places = {
        "/etc/mosquitto/edge/ca.pem": pki / "ca.pem",
        "/etc/mosquitto/edge/server.pem": pki / "server" / f"{server}.pem",
        "/etc/mosquitto/edge/server.key": pki / "server" / f"{server}.key",
        "/etc/mosquitto/edge/acl": acl,
        "/var/lib/mosquitto/": f"{folder}/lib/",
    }
    for shipped, ours in places.items():
        assert text.count(f" {shipped}\n") == 1, shipped
        text = text.replace(f" {shipped}\n", f" {ours}\n")
    assert text.count("\nlistener 8883\n") == 1
    return text.replace("\nlistener 8883\n", "\n").splitlines()


class Client:
    """Somebody at the broker through the real connection, whose every event is kept."""

    def __init__(self, port: int, tls: Tls, *, client_id: str = "anything") -> None:
        self.events: list[Event] = []
        self.connection = Connection(Broker(host="127.0.0.1", port=port, tls=tls), client_id=client_id)
        self.connection.start()
        self.until(Connected)

    def until(self, kind: type, *, number: int = 1) -> list[Event]:
        """So many events of a kind, as soon as they are there."""

        def enough() -> bool:
            event = self.connection.next_event(0.1)
            self.events += [event] if event else []
            return len(self.of(kind)) >= number

        wait_until(enough, what=lambda: f"{kind.__name__}: {self.events}")
        return self.of(kind)

    def of(self, kind: type) -> list[Event]:
        return [each for each in self.events if isinstance(each, kind)]

    def say(self, topic: str, body: bytes = b"x", *, retain: bool = False) -> bool:
        """Publishes; whether the broker took it."""
        before = len(self.of(Published))
        self.connection.publish(topic, body, retain=retain)
        [*_, answer] = self.until(Published, number=before + 1)
        assert isinstance(answer, Published)
        return answer.ok

    def hears(self) -> list[str]:
        """The topics that have arrived."""
        return [each.topic for each in self.of(Arrived)]

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.stop()


class Command:
    """`edge COMMAND` as a process with a configuration folder of its own."""

    def __init__(self, folder: Path, yaml: str, *words: str, program: str = PROGRAM) -> None:
        config = folder / "config"
        config.mkdir(parents=True, exist_ok=True)
        (config / "edge.yaml").write_text(yaml)
        self._log = folder / f"{words[0]}.log"
        environment = os.environ | {"EDGE_CONFIG": str(config), "EDGE_RUN": str(folder), "EDGE_STATE": f"{folder}/disk"}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", program, *words], cwd=ROOT, env=environment, stdout=log, stderr=log
            )

    @property
    def said(self) -> str:
        return self._log.read_text()

    def lines(self, text: str) -> list[str]:
        """The lines that it wrote with this text."""
        return [line for line in self.said.splitlines() if text in line]

    def says(self, text: str, *, seconds: float = 15) -> str:
        """The first line with this text, as soon as it is there."""
        wait_until(
            lambda: text in self.said or self._process.poll() is not None, what=lambda: self.said, seconds=seconds
        )
        assert self.lines(text), self.said
        return self.lines(text)[0]

    def __enter__(self) -> Command:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(timeout=20)
        finally:
            self._process.kill()
        assert "Traceback" not in self.said, self.said


def edge_yaml(port: int, tls: Tls, *, node: str = "hue-edge-01", root: str = "hue") -> str:
    """The file of a device at this broker."""
    parts = [f"{key}: {value}" for key, value in tls.model_dump().items() if value]
    broker = f"{{host: 127.0.0.1, port: {port}, tls: {{{', '.join(parts)}}}, keepalive_seconds: 5}}"
    return f"node: {node}\nroot: {root}\nbroker: {broker}\n"


def attempts(log: str) -> int:
    """How many connections a broker has seen, without the test's own look whether it listens."""
    return len(re.findall(r"New connection from|Client connection from .* failed", log)) - 1


def tell(database: Path, number: int) -> None:
    """Ends so many intervals of a line, as a worker does."""

    def body(period: Period, tally: Tally, stamp: Stamp) -> bytes:
        return render.flow(period, tally, stamp=stamp, camera="gate", facts={"classes": ["car"]}).to_bytes()

    journal = Journal(database, camera="gate")
    start = time.time() // 60 * 60 - 60 * number
    for slot in range(number):
        at = start + 60 * slot
        period = Period("l1", "flow", at, 60, analysed=60)
        journal.write([Crossing(Instant(at + 1, at + 1), "l1", 0, "car", slot)], [period], seen=at + 60)
        journal.finish(period, body, life=3600)
    journal.close()
