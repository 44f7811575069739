"""One connection to the broker, from the attempt to its end; it runs in the network thread and decides nothing."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ssl import SSLContext
from threading import Event as Flag

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties as PahoProperties
from paho.mqtt.reasoncodes import ReasonCode

from edge.config.schema import Broker
from edge.mqtt import faults
from edge.mqtt.faults import Fault
from edge.mqtt.tls import KeepingSocket
from edge.mqtt.version import Attempt
from edge.mqtt.wire import Arrived, Connected, Event, Outcome, Properties, Published, Will

LOG = logging.getLogger("edge.mqtt")
CONNECT_SECONDS = 10.0
"""How long the network, TLS and the broker's answer may take, each."""
RECEIVE_MAXIMUM = 256
"""How many messages the broker may send ahead of the owner."""
NO_LIMIT = 65535

_OUTCOMES = {
    16: Outcome.NOBODY,
    135: Outcome.NOT_AUTHORISED,
    144: Outcome.NOT_AUTHORISED,  # a topic name that the broker does not accept
    151: Outcome.QUOTA,
    153: Outcome.BAD_FORMAT,
}


@dataclass(frozen=True, slots=True)
class Terms:
    """How to connect: the same for every attempt."""

    broker: Broker
    client_id: str
    credentials: tuple[str, str] | None
    tls: SSLContext | None
    will: Will | None
    session_seconds: int


class Session:
    """One connection in one version of MQTT; `put` takes its events and the packet number to acknowledge, or 0."""

    def __init__(self, terms: Terms, attempt: Attempt, *, put: Callable[[Session, Event, int], None]) -> None:
        self._terms, self._five, self._probe, self._put = terms, attempt.five, attempt is Attempt.PROBE, put
        self._client = self._new_client()
        self._fault: Fault | None = None
        self._since: float | None = None
        self._socket: object = None
        self._asked: deque[Sequence[str]] = deque()

    def run(self, stopping: Flag) -> tuple[Fault, float]:
        """Connects and serves to the end; returns why it ended and how many seconds it stood (0 = not accepted)."""
        try:
            return self._serve(stopping)
        finally:
            self._unbind()

    def _serve(self, stopping: Flag) -> tuple[Fault, float]:
        try:
            self._connect()
        except (OSError, UnicodeError) as error:
            return faults.of_error(error, seconds=CONNECT_SECONDS, tls=bool(self._terms.tls)), 0.0
        deadline = time.monotonic() + CONNECT_SECONDS
        while self._client.loop(0.5) == MQTTErrorCode.MQTT_ERR_SUCCESS:
            if stopping.is_set():
                self._client.disconnect()
            elif self._since is None and time.monotonic() > deadline:
                self._fault = faults.MUTE
                self._client.disconnect()
        stood = time.monotonic() - self._since if self._since else 0.0
        return self._fault or self._tls_fault() or faults.SILENT, stood

    def _unbind(self) -> None:
        """Breaks the circle of client and callbacks: its two descriptors go with the session, and need not wait for a
        collection of garbage, which a process that does little has once in hours."""
        client = self._client
        client.on_socket_open = client.on_connect = client.on_disconnect = None
        client.on_message = client.on_publish = client.on_subscribe = None

    def _tls_fault(self) -> Fault | None:
        ended_by = self._socket.ended_by if isinstance(self._socket, KeepingSocket) else None
        return faults.of_tls(ended_by) if ended_by else None

    def publish(self, topic: str, body: bytes, *, qos: int, retain: bool, properties: Properties | None) -> int:
        """Queues a message for the network; returns its number."""
        more = _packed(properties) if properties and self._five else None
        return self._client.publish(topic, body, qos=qos, retain=retain, properties=more).mid

    def subscribe(self, filters: Sequence[str], *, qos: int) -> None:
        """Asks for every message that fits one of the filters."""
        self._asked.append(filters)
        self._client.subscribe([(each, qos) for each in filters])

    def acknowledge(self, mid: int) -> None:
        """Tells the broker that a message of QoS 1 has arrived."""
        self._client.ack(mid, qos=1)

    def end(self) -> None:
        """Says goodbye after everything that was queued."""
        self._client.disconnect()

    def _new_client(self) -> paho.Client:
        terms = self._terms
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=terms.client_id,
            clean_session=None if self._five else terms.session_seconds == 0,
            protocol=MQTTProtocolVersion.MQTTv5 if self._five else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.connect_timeout = CONNECT_SECONDS
        client.max_inflight_messages = 0  # the owner keeps to the broker's window and paho need not search its list
        # With this callback paho leaves writing to the network thread, whoever publishes.
        client.on_socket_register_write = lambda *_: None
        client.on_socket_open = self._on_socket_open
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        if not self._probe:
            client.on_message, client.on_publish = self._on_message, self._on_publish
            client.on_subscribe = self._on_subscribe
        if terms.credentials:
            client.username_pw_set(*terms.credentials)
        if terms.tls:
            client.tls_set_context(terms.tls)
        if terms.will and not self._probe:
            client.will_set(terms.will.topic, terms.will.body, 1, terms.will.retain, self._will_properties(terms.will))
        return client

    def _will_properties(self, will: Will) -> PahoProperties | None:
        if not self._five:
            return None
        packed = _properties(PacketTypes.WILLMESSAGE)
        packed.WillDelayInterval = will.delay_seconds
        return packed

    def _connect(self) -> None:
        broker, seconds = self._terms.broker, self._terms.session_seconds
        if not self._five:
            self._client.connect(broker.host, broker.port, broker.keepalive_seconds)
            return
        packed = _properties(PacketTypes.CONNECT)
        # The end of a session publishes its Will, so the session outlives the delay and a clean start must not end it.
        will = self._terms.will
        expiry = max(seconds, will.delay_seconds if will else 0)
        packed.SessionExpiryInterval = expiry
        packed.ReceiveMaximum = RECEIVE_MAXIMUM
        self._client.connect(
            broker.host, broker.port, broker.keepalive_seconds, clean_start=expiry == 0, properties=packed
        )

    def _on_socket_open(self, _: paho.Client, __: object, socket: object) -> None:
        self._socket = socket

    def _on_connect(
        self, _: paho.Client, __: object, flags: paho.ConnectFlags, code: ReasonCode, properties: PahoProperties | None
    ) -> None:
        if code.is_failure:
            self._fault = faults.of_connack(code.value, str(code))
            return
        if self._probe:
            self._fault = faults.ANSWERS_OLD
            self._client.disconnect()
            return
        self._since = time.monotonic()
        window = getattr(properties, "ReceiveMaximum", NO_LIMIT)
        self._put(self, Connected("5" if self._five else "3.1.1", flags.session_present, window), 0)

    def _on_disconnect(
        self, _: paho.Client, __: object, ____: paho.DisconnectFlags, code: ReasonCode, ___: PahoProperties | None
    ) -> None:
        if self._since is not None and self._fault is None:
            self._fault = faults.of_end(code.value, str(code), client_id=self._terms.client_id)

    def _on_publish(self, _: paho.Client, __: object, mid: int, code: ReasonCode, ___: PahoProperties) -> None:
        outcome = _OUTCOMES.get(code.value, Outcome.FAILED if code.is_failure else Outcome.TAKEN)
        self._put(self, Published(mid, outcome, str(code)), 0)

    @property
    def _broker(self) -> str:
        return f"{self._terms.broker.host}:{self._terms.broker.port}"

    def _on_message(self, _: paho.Client, __: object, message: paho.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:  # MQTT 5, 1.5.4; raised further it would end the process
            LOG.warning("broker %s: it sent a message under a topic that is no text; it is left out", self._broker)
            return
        more = message.properties
        properties = Properties(
            response_topic=getattr(more, "ResponseTopic", None), correlation=getattr(more, "CorrelationData", None)
        )
        arrived = Arrived(topic, bytes(message.payload), bool(message.retain), properties)
        self._put(self, arrived, message.mid if message.qos else 0)

    def _on_subscribe(self, _: paho.Client, __: object, ___: int, codes: list[ReasonCode], ____: object) -> None:
        asked = self._asked.popleft() if self._asked else ()
        refused = [each for each, code in zip(asked, codes, strict=False) if code.is_failure]
        if refused:
            do = "allow it in the broker's list of rights"
            LOG.warning("broker %s: it refuses the subscription to %s; %s", self._broker, ", ".join(refused), do)


def _packed(properties: Properties) -> PahoProperties:
    packed = _properties(PacketTypes.PUBLISH)
    if properties.expiry_seconds is not None:
        packed.MessageExpiryInterval = properties.expiry_seconds
    if properties.response_topic is not None:
        packed.ResponseTopic = properties.response_topic
    if properties.correlation is not None:
        packed.CorrelationData = properties.correlation
    return packed


def _properties(packet: int) -> PahoProperties:
    return PahoProperties(packet)  # type: ignore[no-untyped-call]  # paho has no types here
