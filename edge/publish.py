"""`edge publish`: the publisher's process. It has the broker's secrets, no camera's, and sees no frame."""

from __future__ import annotations

import logging
import signal
import threading
import time
from functools import partial

from edge import clock, events, notify
from edge.config.load import camera_files, camera_id, load_camera, load_edge
from edge.config.schema import Camera, Edge
from edge.config.settings import Settings
from edge.detections.card import find_card
from edge.errors import EdgeError
from edge.mqtt.connection import Connection
from edge.mqtt.topics import Topics
from edge.mqtt.wire import Will
from edge.publisher import Publisher
from edge.recorder import retire
from edge.silence import Silence
from edge.standing import Standing
from edge.store.database import UnwritableError
from edge.store.flush import Bounds, Flusher
from edge.store.journal import Journal
from edge.store.lock import sole
from edge.store.outbox import Outbox

LOG = logging.getLogger("edge.publish")
WILL_DELAY_SECONDS = 20
ALIVE_SECONDS = 1.0
STATUS_SECONDS = 10.0
UNWRITABLE_SECONDS = 5.0


def publish(settings: Settings) -> int:
    """Sends the outbox to the broker until SIGTERM or SIGINT, 0; 2 where `edge.yaml`, its secret or its certificates
    are wrong."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        edge = load_edge(settings.config / "edge.yaml")
        topics = Topics(edge.root, edge.node, edge.centre)
        connection = _connection(edge, topics, settings)
    except EdgeError as error:
        LOG.error("%s", error)
        _flush_once(settings)
        return 2
    with sole(settings.memory, "publisher"):
        gone = _retire_gone(settings)
        outbox = Outbox(settings.database, disk=settings.state)
        flusher = _flusher(edge, settings)
        _serve_metrics(edge, settings)
        connection.start()
        info = partial(_info, edge, settings)
        silence = Silence(outbox, partial(_cameras, settings))
        fault = partial(_fault, flusher, silence)
        standing = Standing(outbox, topics, info=info, gone=gone, fault=fault)
        publisher = Publisher(outbox, connection, topics=topics, standing=standing)
        _loop(publisher, stop)
        flusher.halt()  # first, for only what is on the disk is sent
        publisher.close()
        outbox.close()
        flusher.close()
    return 0


def _fault(flusher: Flusher, silence: Silence) -> str:
    """What is wrong with the device itself."""
    return "; ".join(filter(None, (flusher.fault, clock.fault(), silence.fault())))


def _cameras(settings: Settings) -> set[str]:
    """Those that have a file."""
    return {file.stem for file in camera_files(settings.config)}


def _serve_metrics(edge: Edge, settings: Settings) -> None:
    if edge.metrics.port:
        from edge.metrics import serve  # only here: its library takes memory

        serve(edge.metrics.port, settings, node=edge.node)


def _flush_once(settings: Settings) -> None:
    """What is counted goes to the disk and is bounded even where nothing can be sent."""
    with sole(settings.memory, "publisher"):
        Flusher(settings.database, settings.state, Bounds()).close()


def _flusher(edge: Edge, settings: Settings) -> Flusher:
    bounds = Bounds(edge.storage.flush_seconds, edge.storage.outbox_mb << 20)
    flusher = Flusher(settings.database, settings.state, bounds)
    flusher.start()
    return flusher


def _retire_gone(settings: Settings) -> tuple[str, ...]:
    """Tells what cameras without a file had still open; returns which they are."""
    outbox = Outbox(settings.database, disk=settings.state)
    there = _cameras(settings)
    there |= {note.name for note in (settings.config / "faults").glob("[!.]*")}  # new ones whose file is wrong
    gone = tuple(sorted(outbox.cameras() - there))
    for name in gone:
        journal = Journal(settings.database, camera=name, disk=settings.state)
        retire(journal, name=name)
        journal.close()
        LOG.info("camera %s has no file any more: its last intervals are told", name)
    outbox.close()
    return gone


def _connection(edge: Edge, topics: Topics, settings: Settings) -> Connection:
    name = edge.broker.credentials
    offline = events.NodeStatus(state="offline").to_bytes()
    return Connection(
        edge.broker,
        client_id=f"{edge.root}-{edge.node}",
        credentials=settings.credentials(name) if name else None,
        will=Will(topics.status, offline, retain=True, delay_seconds=WILL_DELAY_SECONDS),
    )


def _loop(publisher: Publisher, stop: threading.Event) -> None:
    """Signs of life come from this loop only, so that one that hangs is noticed."""
    notify.ready()
    alive = told = 0.0
    while not stop.is_set():
        try:
            publisher.step()
        except UnwritableError as error:  # what is noted here can be learnt again: from the broker, from the centre
            LOG.error("%s", error)
            stop.wait(UNWRITABLE_SECONDS)
        now = time.monotonic()
        if now - alive >= ALIVE_SECONDS:
            notify.watchdog()
            alive = now
        if now - told >= STATUS_SECONDS:
            notify.status(publisher.state)
            told = now
    notify.stopping()


def _info(edge: Edge, settings: Settings) -> bytes:
    """What the centre needs to read the rest. A camera or a model with a fault is left out and told."""
    cameras: dict[str, Camera] = {}
    models: dict[str, str] = {}
    for file in camera_files(settings.config):
        try:
            name, camera = camera_id(file), load_camera(file)
            models[camera.analyse.model] = find_card(camera.analyse.model, path=settings.models).sha256
            cameras[name] = camera
        except EdgeError as error:
            LOG.warning("not in info: %s", error)
    return events.info(edge, cameras=cameras, models=models).to_bytes()
