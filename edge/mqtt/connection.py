"""A connection to the broker that mends itself, as events for the single loop of its owner.

The network thread only puts events on a queue. The owner sees them in order, so what it publishes always belongs to
the connection that it knows of. paho is used in edge.mqtt.session, the types are in edge.mqtt.wire.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from edge.config.schema import Broker
from edge.errors import EdgeError
from edge.mqtt import certificate, faults, tls
from edge.mqtt.faults import BackOff, Cause, Fault, Fights
from edge.mqtt.session import Session, Terms
from edge.mqtt.version import Attempt, Version
from edge.mqtt.wire import Arrived, Connected, Disconnected, Event, Properties, Refused, Will

LOG = logging.getLogger("edge.mqtt")
SAY_SECONDS = 10.0
"""A fault that repeats is logged at most this often."""


@dataclass(frozen=True, slots=True)
class _Queued:
    session: Session
    event: Event
    mid: int


class Connection:
    """A connection that is kept up from start() to stop(): MQTT 5 or 3.1.1, TLS, pauses by cause, one retry owner.

    With `session_seconds` the broker keeps subscriptions and messages for so long while we are away; with 0 every
    connection begins anew. EdgeError where a certificate file cannot be used.
    """

    def __init__(
        self,
        broker: Broker,
        *,
        client_id: str,
        credentials: tuple[str, str] | None = None,
        will: Will | None = None,
        session_seconds: int = 0,
    ) -> None:
        self._name = f"{broker.host}:{broker.port}"
        context = tls.context(broker.tls) if broker.tls else None
        self._terms = Terms(broker, client_id, credentials, context, will, session_seconds)
        own = broker.tls.certificate if broker.tls else None
        self._watch = certificate.Watch(own) if own else None
        self._queue: queue.SimpleQueue[_Queued] = queue.SimpleQueue()
        self._live: Session | None = None
        self._unanswered: _Queued | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep_up, name="mqtt", daemon=True)

    @property
    def name(self) -> str:
        """The broker for people, host:port."""
        return self._name

    @property
    def identity(self) -> str:
        """Who we are for the broker: the name in our certificate, or our user, or else our client id."""
        own = self._terms.broker.tls.certificate if self._terms.broker.tls else None
        user = self._terms.credentials[0] if self._terms.credentials else ""
        return (certificate.name_in(own) if own else "") or user or self._terms.client_id

    @property
    def connected(self) -> bool:
        """Whether the events that the owner has seen leave it connected."""
        return self._live is not None

    def start(self) -> None:
        """Begins to connect; events follow."""
        self._thread.start()

    def stop(self) -> None:
        """Sends what was published before and says goodbye, so that the broker publishes no Will; waits up to 3 s."""
        self._stopping.set()
        if self._live is not None:
            self._live.end()
        if self._thread.is_alive():
            self._thread.join(timeout=3)

    def next_event(self, timeout: float) -> Event | None:
        """The next event, or None after `timeout` seconds without one."""
        if self._unanswered is not None:
            self._unanswered.session.acknowledge(self._unanswered.mid)
            self._unanswered = None
        if self._watch:
            self._watch.look(connected=self.connected)
        try:
            queued = self._queue.get(timeout=timeout) if timeout > 0 else self._queue.get_nowait()
        except queue.Empty:
            if self._thread.ident and not self._thread.is_alive() and not self._stopping.is_set():
                raise EdgeError(self._name, "the network thread has died", do="start again; please report it") from None
            return None
        if isinstance(queued.event, Connected):
            self._live = queued.session
        elif isinstance(queued.event, Disconnected):
            self._live = None
        elif isinstance(queued.event, Arrived) and queued.mid:
            self._unanswered = queued
        return queued.event

    def publish(
        self, topic: str, body: bytes, *, qos: int = 1, retain: bool = False, properties: Properties | None = None
    ) -> int:
        """Sends a message and returns the number under which Published will tell of it; only while `connected`."""
        return self._accepted().publish(topic, body, qos=qos, retain=retain, properties=properties)

    def subscribe(self, filters: Sequence[str], *, qos: int = 1) -> None:
        """Subscribes to all of them, once after each Connected; what the broker refuses is logged."""
        self._accepted().subscribe(tuple(filters), qos=qos)

    def _accepted(self) -> Session:
        if self._live is None:
            raise RuntimeError("not connected: wait for the event Connected")
        return self._live

    def _put(self, session: Session, event: Event, mid: int) -> None:
        if isinstance(event, Connected):
            LOG.info("broker %s: connected with MQTT %s", self._name, event.protocol)
        self._queue.put(_Queued(session, event, mid))

    def _keep_up(self) -> None:
        """The network thread: one connection after another, with a pause by cause between them."""
        back_off, fights = BackOff(), Fights(self._terms.client_id)
        version, complaint = Version(), _Complaint(self._name)
        while not self._stopping.is_set():
            fault, stood = self._attempt(fights, version.next)
            if self._stopping.is_set():
                return
            if version.learn(fault, stood=stood):
                continue
            pause = back_off.pause(fault, stood=stood)
            complaint.say(fault, f"attempt {back_off.attempts}, next in {pause:.0f} s")
            self._stopping.wait(pause)

    def _attempt(self, fights: Fights, attempt: Attempt) -> tuple[Fault, float]:
        """One connection from its attempt to its end; with a renewed certificate where there is one now."""
        unusable = self._read_certificates()
        session = Session(self._terms, attempt, put=self._put)
        fault, stood = (unusable, 0.0) if unusable else session.run(self._stopping)
        fault = fights.judge(fault, stood=stood)
        self._put(session, Disconnected(str(fault)) if stood else Refused(str(fault)), 0)
        return fault, stood

    def _read_certificates(self) -> Fault | None:
        wanted = self._terms.broker.tls
        try:
            self._terms = replace(self._terms, tls=tls.context(wanted) if wanted else None)
        except EdgeError as error:
            return Fault(faults.Cause.CERTIFICATE, str(error), "it is read again before each attempt")
        return None


class _Complaint:
    """Faults told to a person: at once when it is another one, otherwise at most every SAY_SECONDS."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._said: tuple[Cause, str] | None = None
        self._at = 0.0

    def say(self, fault: Fault, when: str) -> None:
        """One line: where, what, what to do, and when the next attempt comes."""
        now = time.monotonic()
        if (fault.cause, fault.what) != self._said or now - self._at >= SAY_SECONDS:
            LOG.warning("broker %s: %s (%s)", self._name, fault, when, extra={"cause": fault.cause.value[2]})
            self._said, self._at = (fault.cause, fault.what), now
