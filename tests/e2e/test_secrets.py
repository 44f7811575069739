"""No password leaves the place where it is kept: the real thing at work, and everything it prints, stores and sends."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from urllib.parse import quote

import pytest
from broker import Ear, free_port, running, wait_until
from cameras import PASSWORD, USER, CameraProcess

from edge.check import check
from edge.config.settings import Settings
from edge.store.log import Damage, Log

SECRETS = {
    "camera": PASSWORD,
    "camera, wrong": "Fälsch/Gate#17",
    "camera, in its url": "url-Pässw0rd",
    "camera, in its path": "pfad-Wört77",
    "camera, in place of a secret's name": "St4tt-Name!",
    "camera, under an unknown key": "Schlüssel-42x",
    "camera, in a secret without a colon": "ohneKolon-9ü",
    "broker": "br0ker-Gehéim§",
    "broker, wrong": "br0ker-Fälsch&",
    "broker, in its host": "host-Pässw0rd",
}
LINES = "lines:\n  - {id: l1, points: [[0.5, 0.2], [0.5, 1]], every: 10, crossings: true}\n"


def forms(secret):
    """How a secret may look: as it is, percent-encoded, as JSON, in base64 at any place of it, in hexadecimal."""
    plain = secret.encode()
    yield from (
        plain,
        secret.encode("latin-1", errors="replace"),
        json.dumps(secret)[1:-1].encode(),
        plain.hex().encode(),
    )
    for safe in ("", "/", "/:@%"):
        yield quote(secret, safe=safe).encode()
        yield quote(secret, safe=safe).lower().encode()
    for before in range(3):
        whole = base64.b64encode(bytes(before) + plain)
        within = whole[(0, 2, 3)[before] : 4 * ((before + len(plain)) // 3)]
        yield from (within, within.replace(b"+", b"-").replace(b"/", b"_"))


FORMS = {name: set(forms(secret)) for name, secret in SECRETS.items()}


def found(content: bytes) -> list[str]:
    """The secrets that some bytes hold."""
    return [name for name, looks in FORMS.items() if any(look in content for look in looks)]


class Device:
    """A device's folders, and everything its commands have said."""

    def __init__(self, folder: Path, *, camera: int, broker: int, metrics: int) -> None:
        self.folder, self.said = folder, b""
        self._log = folder / "said.log"
        self._broker, self._metrics = broker, metrics
        (folder / "config" / "secrets").mkdir(parents=True)
        (folder / "config" / "cameras").mkdir()
        for name, text in {
            "gate": f"{USER}:{PASSWORD}", "wrong": f"{USER}:{SECRETS['camera, wrong']}",
            "colonless": SECRETS["camera, in a secret without a colon"],
        }.items():  # fmt: skip
            self.secret(name, text)
        host = f"127.0.0.1:{camera}"
        path = f"user=admin&password={SECRETS['camera, in its path']}"
        self._camera("right", f"url: rtsp://{host}/street, credentials: gate")
        self._camera("wrong", f"url: rtsp://{host}/street, credentials: wrong")
        self._camera("path", f"url: 'rtsp://{host}/{path}', credentials: gate")
        self._camera("url", f"url: 'rtsp://admin:{SECRETS['camera, in its url']}@{host}/street'")
        self._camera("list", f"url: ['rtsp://admin:{SECRETS['camera, in its url']}@{host}/street']")
        self._camera("broken", f"url: 'rtsp://admin:{SECRETS['camera, in its url']}@{host}/street")
        self._camera("name", f"url: rtsp://{host}/street, credentials: 'le-loi:{SECRETS[NAMED]}'")
        self._camera("key", f"url: rtsp://{host}/street, password: '{SECRETS['camera, under an unknown key']}'")
        self._camera("colonless", f"url: rtsp://{host}/street, credentials: colonless")

    def secret(self, name: str, text: str) -> None:
        file = self.folder / "config" / "secrets" / name
        file.write_text(f"{text}\n", encoding="utf-8")
        file.chmod(0o600)

    def _camera(self, name: str, source: str) -> None:
        text = f"source: {{{source}}}\nanalyse: {{rate: 1, model: nanodet-g}}\n{LINES}"
        (self.folder / "config" / "cameras" / f"{name}.yaml").write_text(text, encoding="utf-8")

    def edge_file(self, *, host: str = "127.0.0.1") -> None:
        (self.folder / "config" / "edge.yaml").write_text(
            f"node: node-1\nbroker: {{host: '{host}', port: {self._broker}, tls: false, credentials: broker}}\n"
            f"metrics: {{port: {self._metrics}}}\nstorage: {{flush_seconds: 1}}\n",
            encoding="utf-8",
        )

    @property
    def environment(self) -> dict[str, str]:
        own = {
            "EDGE_CONFIG": f"{self.folder}/config",
            "EDGE_STATE": f"{self.folder}/state",
            "EDGE_RUN": f"{self.folder}/run",
        }
        return {**os.environ, **own}

    def command(self, *words: str) -> int:
        """Runs one to its end; its words are kept."""
        command = [sys.executable, "-m", "edge", *words]
        done = subprocess.run(command, env=self.environment, capture_output=True, timeout=120, check=False)
        self.said += done.stdout + done.stderr
        return done.returncode

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "edge", *words], env=self.environment, stdout=log, stderr=log
            )

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def stored(self):
        """Every file below the state and the memory folder, and what is packed in the log."""
        for folder in ("state", "run"):
            for file in sorted((self.folder / folder).rglob("*")):
                if file.is_file():
                    yield f"{folder}/{file.name}", file.read_bytes()
        for record in Log(self.folder / "state").records(Damage()):
            yield "a record of the log", record.content


NAMED = "camera, in place of a secret's name"


def family(pid):
    """A process and its children, as /proc/*/cmdline and environ show them to everybody who may look."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
            if pid in (parent, int(folder.name)):
                yield int(folder.name), (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue


@pytest.fixture
def device(tmp_path, street):
    passwords = tmp_path / "passwords"
    command = ["mosquitto_passwd", "-b", "-c", passwords, "edge", SECRETS["broker"]]
    subprocess.run(command, check=True, capture_output=True)
    camera = CameraProcess(f"street={street}")
    with running(tmp_path / "broker", f"password_file {passwords}", "allow_anonymous true") as broker:
        device = Device(tmp_path / "device", camera=camera.port, broker=broker.port, metrics=free_port())
        device.broker_port, device.metrics_port = broker.port, device._metrics
        yield device
    camera.stop()


def test_search_finds_what_it_looks_for(tmp_path):
    for name, secret in SECRETS.items():
        encoded = (
            f"rtsp://x:{secret}@host", quote(secret, safe=""), json.dumps({"p": secret}), secret.encode().hex(),
            *(base64.b64encode(f"{before}{secret}:x".encode()).decode() for before in ("", "a", "us", "user:")),
        )  # fmt: skip
        for text in encoded:
            assert name in found(text.encode()), (name, text)
    assert found(b"rtsp://127.0.0.1/street edge le-loi node-1") == []


def test_no_fault_of_a_file_shows_a_password(tmp_path):
    device = Device(tmp_path, camera=554, broker=1883, metrics=9752)
    device.edge_file(host=f"edge:{SECRETS['broker, in its host']}@127.0.0.1")
    settings = Settings(config=tmp_path / "config", state=tmp_path / "state")
    faults = [str(fault) for fault in check(settings)]
    wrong = {"edge.yaml", *(f"{name}.yaml" for name in ("url", "list", "broken", "name", "key", "colonless"))}
    assert {next(each for each in wrong if f"/{each}:" in fault) for fault in faults} == wrong
    assert not [fault for fault in faults if found(fault.encode())]


@pytest.mark.long
def test_no_password_leaves_its_file(device):
    told: list[tuple[str, bytes]] = []
    device.edge_file(host=f"edge:{SECRETS['broker, in its host']}@127.0.0.1")
    device.secret("broker", f"edge:{SECRETS['broker, wrong']}")
    assert device.command("check") == 1
    assert device.command("publish") in (1, 2)
    device.edge_file()
    for words in (
        ["check"],
        ["--help"],
        ["run", "--help"],
        ["run", "--password", "x"],
        ["camera", "nobody"],
        ["status"],
    ):
        assert device.command(*words) == (0 if "--help" in words else 2 if "--password" in words else 1)

    with Ear(device.broker_port, "#") as ear:
        edge = device.start("run")
        centre = device.start("listen", "--store", str(device.folder / "state" / "centre.db"))
        try:
            wait_until(lambda: "the broker refuses" in device.log, what=lambda: device.log, seconds=60)
            wait_until(lambda: "wrong: auth" in device.log, what=lambda: device.log, seconds=90)
            device.secret("broker", f"edge:{SECRETS['broker']}")
            for pid, shown in family(edge.pid):
                told.append((f"process {pid}", shown))
                if b"publish" in shown:
                    os.kill(pid, signal.SIGABRT)  # as its supervisor does with one that hangs
            centre.kill()
            centre.wait()
            centre = device.start("listen", "--store", str(device.folder / "state" / "centre.db"))
            ear.first("/right/status", seconds=120, state="ok")
            ear.first("/wrong/status", seconds=60, state="auth")
            ear.first("/path/status", seconds=60, state="nostream")
            ear.first("/name/status", seconds=60, state="config")
            ear.first("/flow/l1", seconds=60)
            ear.first("/centre/centre-1/stored/node-1", seconds=60)
            address = f"http://127.0.0.1:{device.metrics_port}/metrics"
            with urllib.request.urlopen(address, timeout=30) as page:
                told.append(("metrics", page.read()))
            for words in (["status"], ["status", "--json"], ["status", "--lang", "vi"], ["models"]):
                device.command(*words)
            told += [(f"process {pid}", shown) for pid, shown in family(edge.pid)]
            for pid, shown in family(edge.pid):
                if b"camera\0right" in shown:
                    os.kill(pid, signal.SIGSEGV)
            wait_until(lambda: "killed by SIGSEGV" in device.log, what=lambda: device.log, seconds=60)
            told += [(message.topic, message.topic.encode() + message.payload) for message in ear.heard]
        finally:
            for process in (edge, centre):
                process.terminate()
                process.wait(60)
    told += [("what commands said", device.said), ("the log", device.log.encode()), *device.stored()]
    assert {"a record of the log", "run/edge.db", "metrics"} <= {name for name, _ in told}
    assert sum(name.startswith("process") for name, _ in told) >= 8
    leaks = [(name, found(content)) for name, content in told if found(content)]
    assert not leaks, [(name, which, _near(told, name, which)) for name, which in leaks]


def _near(told, name, which):
    """Where it is, for whoever mends it."""
    content = next(content for each, content in told if each == name and found(content))
    at = min(content.find(look) for look in FORMS[which[0]] if look in content)
    return content[max(0, at - 100) : at + 40]
