"""The device in numbers for Prometheus, from the store and about this process: served on 127.0.0.1 only."""

from __future__ import annotations

import logging
import shutil
import socketserver
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from edge import __version__
from edge.clock import SystemClock
from edge.config.settings import Settings
from edge.errors import EdgeError
from edge.events import COUNTED, LIFE_SECONDS
from edge.link import NOTE
from edge.store.lock import holder
from edge.store.overview import LOSSES, Overview, overview
from edge.usage import usage

LOG = logging.getLogger("edge.metrics")
HOST = "127.0.0.1"
PATIENCE_SECONDS = 5.0
"""How long a reader may take; others wait for it, the publisher does not."""

_Labels = Mapping[str, str]


class Numbers(Collector):
    """Everything of one device, read anew each time; the only labels are ids of cameras and words of this code."""

    def __init__(self, settings: Settings, *, node: str) -> None:
        self._settings, self._node = settings, node

    def collect(self) -> Iterator[Metric]:
        """All families; where the store cannot be read, that and little else."""
        yield _gauge("info", "The device and its software.", [({"node": self._node, "version": __version__}, 1)])
        try:
            seen = overview(self._settings.database)
        except EdgeError as error:
            LOG.warning("%s", error)
            seen = None
        yield _gauge("store_readable", "1 where the journal can be read.", [({}, seen is not None)])
        if seen is None:
            return
        running = {name: holder(self._settings.memory, f"camera-{name}") is not None for name in _cameras(seen)}
        yield from _states(seen, running)
        yield from _analysis({name: each for name, each in seen.latest("health").items() if running[name]})
        yield from _outbox(seen)
        yield from _link(seen.notes.get(NOTE, {}))
        yield from _disk(seen, self._settings.state)
        yield from _clock()
        there = {f"camera-{name}" for name, runs in running.items() if runs}
        used = {name: note for name, note in seen.notes.items() if name in there}
        yield from _processes({"publisher": usage(), **used})


def _cameras(seen: Overview) -> set[str]:
    return {each.camera for each in seen.announcements}


def _states(seen: Overview, running: Mapping[str, bool]) -> Iterator[Metric]:
    states = seen.latest("status")
    up = [({"camera": name}, state["state"] in COUNTED and running[name]) for name, state in states.items()]
    since = [({"camera": name}, _seconds(state["since"])) for name, state in states.items()]
    words = [({"camera": name, "state": state["state"]}, 1) for name, state in states.items()]
    alive = [({"camera": name}, there) for name, there in sorted(running.items())]
    yield _gauge("camera_running", "1 where the camera's process runs.", alive)
    yield _gauge("camera_up", "1 where pictures come, can be trusted and are analysed.", up)
    yield _gauge("camera_state", "1 for the state that the camera is in.", words)
    yield _gauge("camera_state_since_timestamp_seconds", "When that state began.", since)


_HEALTH = {
    "rate_hz": ("camera_frames_per_second", "Pictures analysed a second, over the last minute.", 1.0),
    "age_p95_ms": ("camera_frame_age_p95_seconds", "From picture to result, 95th percentile.", 1e-3),
    "inference_ms": ("camera_analysis_median_seconds", "To analyse one picture, median.", 1e-3),
}
_COUNTED = {
    "reconnects": ("camera_reconnects", "Lost connections to the camera since its process began."),
    "damaged": ("camera_damaged_frames", "Damaged pictures, not analysed, since its process began."),
}


def _analysis(health: Mapping[str, Mapping[str, Any]]) -> Iterator[Metric]:
    at = [({"camera": name}, _seconds(each["at"])) for name, each in health.items()]
    yield _gauge("camera_health_timestamp_seconds", "When the camera's process last told how it does.", at)
    for key, (name, text, factor) in _HEALTH.items():
        yield _gauge(name, text, [({"camera": c}, each[key] * factor) for c, each in health.items() if key in each])
    for key, (name, text) in _COUNTED.items():
        yield _counter(name, text, [({"camera": c}, each[key]) for c, each in health.items() if key in each])


def _outbox(seen: Overview) -> Iterator[Metric]:
    waiting = [({"kind": kind}, seen.waiting[kind].number if kind in seen.waiting else 0) for kind in LIFE_SECONDS]
    oldest = max(0.0, time.time() - seen.oldest) if seen.oldest else 0.0
    yield _gauge("outbox_messages", "Messages that no broker has taken yet.", waiting)
    yield _gauge("outbox_oldest_seconds", "Age of the oldest of them; 0 where there is none.", [({}, oldest)])
    yield _gauge("outbox_unconfirmed_messages", "Messages taken by the broker and not yet stored by the centre.",
                 [({}, seen.unconfirmed)])  # fmt: skip
    yield _gauge("outbox_unheard_messages", "Messages that the broker took and had nobody to give to.",
                 [({}, seen.unheard)])  # fmt: skip
    yield _gauge("last_seq", "The number of the newest message.", [({}, seen.seq)])
    yield _gauge("confirmed_seq", "Up to which number the centre has stored; 0 where it has said nothing.",
                 [({}, seen.confirmed)])  # fmt: skip
    yield _gauge("intervals_held", "Finished intervals that wait until the clock is right.", [({}, seen.held)])
    lost = [({"reason": word}, seen.lost.get(word, 0)) for word in LOSSES.values()]
    yield _counter("messages_lost", "Messages that no broker ever took, by reason.", lost)


def _link(note: Mapping[str, Any]) -> Iterator[Metric]:
    yield _gauge("broker_connected", "1 where the broker is connected.", [({}, note.get("connected", 0))])
    yield _counter("broker_connections", "Connections that came about since the publisher began.",
                   [({}, note.get("connections", 0))])  # fmt: skip
    yield _gauge("broker_state_since_timestamp_seconds", "Since when it is connected, or not.",
                 [({}, note["since"])] if note else [])  # fmt: skip
    yield _gauge("centre_confirms", "1 where a centre has confirmed messages to this publisher.",
                 [({}, note.get("confirms", 0))])  # fmt: skip


def _disk(seen: Overview, folder: Path) -> Iterator[Metric]:
    age = float("nan") if seen.flushed_ago is None else seen.flushed_ago
    yield _gauge("store_flush_age_seconds", "Since the journal was last put on the disk.", [({}, age)])
    yield _gauge(
        "disk_writable", "1 where the last flush of the journal came to the disk.", [({}, not seen.disk_fails)]
    )
    yield _counter("store_flushes", "How often that was done since the log began.", [({}, seen.flushes)])
    yield _gauge("store_bytes", "Memory that journal and outbox take.", [({}, seen.memory_bytes)])
    try:
        log = sum(file.stat().st_size for file in folder.glob("journal-*.log"))
        free = shutil.disk_usage(folder).free
    except OSError:  # a file that goes meanwhile, a disk that is gone: edge_disk_writable says the latter
        return
    yield _gauge("log_bytes", "Size of the log on the disk.", [({}, log)])
    yield _gauge("disk_free_bytes", "Room left on that disk.", [({}, free)])


def _clock() -> Iterator[Metric]:
    right = SystemClock().synchronised()
    if right is not None:
        yield _gauge(
            "clock_synchronised", "1 where the clock is right; absent where nobody looks after it.", [({}, right)]
        )


_USAGE = {
    "memory_bytes": ("process_resident_memory_bytes", "Resident memory of a process."),
    "threads": ("process_threads", "Its threads."),
    "descriptors": ("process_open_fds", "Its open descriptors."),
}


def _processes(used: Mapping[str, Mapping[str, int]]) -> Iterator[Metric]:
    for key, (name, text) in _USAGE.items():
        yield _gauge(name, text, [({"process": process}, note[key]) for process, note in used.items()])


def _gauge(name: str, text: str, values: Iterable[tuple[_Labels, float]]) -> Metric:
    return _filled(GaugeMetricFamily, name, text, values)


def _counter(name: str, text: str, values: Iterable[tuple[_Labels, float]]) -> Metric:
    return _filled(CounterMetricFamily, name, text, values)


def _filled(
    kind: type[GaugeMetricFamily | CounterMetricFamily], name: str, text: str, values: Iterable[tuple[_Labels, float]]
) -> Metric:
    found = list(values)
    names = sorted(found[0][0]) if found else []
    family = kind(f"edge_{name}", text, labels=names)
    for labels, value in found:
        family.add_metric([labels[each] for each in names], float(value))
    return family


def _seconds(utc: str) -> float:
    return datetime.fromisoformat(utc).timestamp()


class _Page(BaseHTTPRequestHandler):
    """Answers GET with the numbers in the form that the reader asks for."""

    timeout = PATIENCE_SECONDS
    server: _Server

    def do_GET(self) -> None:
        encode, kind = choose_encoder(self.headers.get("Accept", ""))
        body = encode(self.server.registry)
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing: a reader comes every few seconds."""


class _Server(socketserver.TCPServer):
    """One reader at a time, so that many cannot take the publisher's threads."""

    allow_reuse_address = True

    def __init__(self, port: int, registry: CollectorRegistry) -> None:
        self.registry = registry
        super().__init__((HOST, port), _Page)

    def handle_error(self, *_: object) -> None:
        """A reader that goes away in the middle is no matter."""
        LOG.warning("a reader of the metrics was not answered: %r", sys.exception())


def serve(port: int, settings: Settings, *, node: str) -> int | None:
    """Answers on this port of 127.0.0.1 from now on (0: on a free one), in a thread of its own; returns the port, or
    None where it is taken, which is told and disturbs nothing else."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Numbers(settings, node=node))
    try:
        server = _Server(port, registry)
    except OSError as error:
        LOG.warning("metrics: port %d of %s cannot be had: %s; change metrics.port", port, HOST, error.strerror)
        return None
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return int(server.server_address[1])
