"""Why there is no connection to the broker: the cause gives the pause before the next attempt, the line what to do."""

from __future__ import annotations

import random
import socket
import ssl
from dataclasses import dataclass
from enum import Enum

STEADY_SECONDS = 60.0
"""A connection that stood this long makes its loss a new fault instead of one more."""
FIGHT_SECONDS, FIGHT_ROUNDS = 10.0, 3
"""So many connections in a row that were accepted and stood no longer than this: somebody else has our id."""


class Cause(Enum):
    """Kinds of faults with the pauses that they deserve: the first and the longest, in seconds.

    A refused password may lock an account at the broker, so it waits minutes; a dead link is tried again soon.
    """

    UNREACHABLE = (1.0, 30.0, "unreachable")
    DROPPED = (1.0, 30.0, "dropped")
    SILENT = (1.0, 30.0, "silent")
    VERSION = (0.1, 30.0, "version")
    BUSY = (10.0, 300.0, "busy")
    CERTIFICATE = (10.0, 300.0, "certificate")
    REFUSED = (10.0, 300.0, "refused")
    TAKEN_OVER = (60.0, 900.0, "taken over")
    IDENTITY = (60.0, 900.0, "identity")


@dataclass(frozen=True, slots=True)
class Fault:
    """Why an attempt failed or a connection ended, and what a person can do."""

    cause: Cause
    what: str
    do: str

    def __str__(self) -> str:
        return f"{self.what}; {self.do}"


class BackOff:
    """The pause before the next attempt: doubled while one cause lasts, begun anew with another."""

    def __init__(self) -> None:
        self._cause: Cause | None = None
        self._times = 0

    @property
    def attempts(self) -> int:
        """How many attempts have failed in a row for the present cause."""
        return self._times

    def pause(self, fault: Fault, *, stood: float) -> float:
        """Seconds to wait after this fault of a connection that `stood` so many seconds (0 = none came about).

        Up to half is added by chance, so that a hundred devices do not come back in one moment.
        """
        if fault.cause is not self._cause or stood >= STEADY_SECONDS:
            self._times = 0
        self._cause = fault.cause
        self._times += 1
        first, most, _ = fault.cause.value
        return min(first * 2.0 ** min(self._times - 1, 16), most) * random.uniform(1, 1.5)  # noqa: S311 - spreads load


class Fights:
    """Finds two devices with one id behind a broker that does not say that a connection was taken over.

    mosquitto 2.0 simply closes the older one, and the two would throw each other out every second.
    """

    def __init__(self, client_id: str) -> None:
        self._client_id = client_id
        self._rounds = 0

    def judge(self, fault: Fault, *, stood: float) -> Fault:
        """The fault, or the suspicion where connections keep ending as soon as they have come about."""
        short = fault.cause is Cause.DROPPED and 0 < stood < FIGHT_SECONDS
        self._rounds = self._rounds + 1 if short else 0
        return taken_over(self._client_id) if self._rounds >= FIGHT_ROUNDS else fault


def taken_over(client_id: str) -> Fault:
    """The fault of two devices with one id."""
    do = f"look for another device with the id {client_id} and give every device its own node in edge.yaml"
    return Fault(Cause.TAKEN_OVER, "somebody else takes this connection over", do)


def of_error(error: OSError | UnicodeError, *, seconds: float) -> Fault:
    """The fault behind an exception of connecting with a time limit of so many `seconds`."""
    if isinstance(error, ssl.SSLCertVerificationError):
        what = f"the broker's certificate is not trusted: {error.verify_message}"
        return Fault(Cause.CERTIFICATE, what, "check broker.tls.ca, broker.host and this device's clock")
    if isinstance(error, ssl.SSLError):
        what = f"TLS failed: {error.strerror or error}"
        return Fault(Cause.CERTIFICATE, what, "check that broker.port speaks TLS, and broker.tls.certificate")
    if isinstance(error, socket.gaierror | UnicodeError):
        return Fault(Cause.UNREACHABLE, "its name cannot be resolved", "check broker.host and this device's DNS")
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return Fault(Cause.UNREACHABLE, "it hung up before TLS was agreed", "check that broker.port speaks TLS")
    if isinstance(error, ConnectionRefusedError):
        return Fault(Cause.UNREACHABLE, "nobody listens there", "start the broker or check broker.port")
    if isinstance(error, TimeoutError):
        return Fault(Cause.UNREACHABLE, f"no answer within {seconds:g} s", "check the network and its firewall")
    what = f"cannot be reached: {error.strerror or type(error).__name__}"
    return Fault(Cause.UNREACHABLE, what, "check the network and broker.host")


_CREDENTIALS = "check the secret named by broker.credentials and the broker's list of users"
_CONNACK = {
    132: (Cause.VERSION, "trying the other version of MQTT"),
    133: (Cause.IDENTITY, "check node in edge.yaml against the broker's rules"),
    134: (Cause.IDENTITY, _CREDENTIALS),
    135: (Cause.IDENTITY, _CREDENTIALS),
    136: (Cause.BUSY, "look at the broker"),
    137: (Cause.BUSY, "look at the broker's load"),
    138: (Cause.IDENTITY, "ask who runs the broker"),
    140: (Cause.IDENTITY, _CREDENTIALS),
    151: (Cause.BUSY, "look at the broker's quota"),
    156: (Cause.REFUSED, "put the broker's new address into edge.yaml"),
    157: (Cause.REFUSED, "put the broker's new address into edge.yaml"),
    159: (Cause.BUSY, "look at the broker's limits"),
}


def of_connack(code: int, name: str) -> Fault:
    """The fault behind a refusing answer to CONNECT (codes of MQTT 5; those of 3.1.1 are translated before)."""
    cause, do = _CONNACK.get(code, (Cause.REFUSED, "look at the broker's log"))
    return Fault(cause, f"the broker refuses the connection: {name}", do)


def of_end(code: int, name: str, *, client_id: str) -> Fault:
    """The fault behind the end of a connection that had been accepted."""
    if code == 142:
        return taken_over(client_id)
    if code in (135, 152):
        return Fault(Cause.IDENTITY, f"the broker ended the connection: {name}", "ask who runs the broker")
    if code in (137, 139, 150, 151):
        return Fault(Cause.BUSY, f"the broker ended the connection: {name}", "look at the broker")
    if code == 141:
        return Fault(Cause.DROPPED, "the link went dead", "check the network")
    return Fault(Cause.DROPPED, "the connection was lost", "check the network and the broker's log")


SILENT = Fault(
    Cause.SILENT,
    "the broker closed the connection without a word",
    "check that broker.port is the right one, and with TLS whether the broker wants broker.tls.certificate",
)
MUTE = Fault(Cause.SILENT, "the broker does not answer", "check that broker.port is that of an MQTT broker")
