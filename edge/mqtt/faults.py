"""Why there is no connection to the broker: the cause gives the pause before the next attempt, the line what to do."""

from __future__ import annotations

import random
import socket
import ssl
from dataclasses import dataclass
from enum import Enum

STEADY_SECONDS = 60.0
"""A connection that stood this long makes its loss a new fault instead of one more."""
FIGHT_SECONDS = 1800.0
"""The same where it was taken over: longer than the longest pause of a rival, so that both wait ever longer."""
FIGHT_ROUNDS = 3
"""So many losses in a row of connections that were not steady: perhaps somebody else has our id."""


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
        steady = FIGHT_SECONDS if fault.cause is Cause.TAKEN_OVER else STEADY_SECONDS
        if fault.cause is not self._cause or stood >= steady:
            self._times = 0
        self._cause = fault.cause
        self._times += 1
        first, most, _ = fault.cause.value
        return min(first * 2.0 ** min(self._times - 1, 16), most) * random.uniform(1, 1.5)  # noqa: S311 - spreads load


class Fights:
    """Thinks of a second device with our id where connections keep being lost soon after they came about.

    Only MQTT 5 has a word for that, and mosquitto 2.0.11 does not say it; a bad link looks the same. So this is a hint
    for people, and the pauses stay those of a bad link, which suffice: two devices come to rest at one change in 15 s.
    """

    def __init__(self, client_id: str) -> None:
        self._client_id = client_id
        self._rounds = 0

    def judge(self, fault: Fault, *, stood: float) -> Fault:
        """The fault of a connection that `stood` so many seconds, with the hint where it is due."""
        if fault.cause is Cause.SILENT:
            return fault  # an old broker hangs up on each MQTT 5 between two connections in 3.1.1
        lost_soon = fault.cause is Cause.DROPPED and 0 < stood < STEADY_SECONDS
        self._rounds = self._rounds + 1 if lost_soon else 0
        if self._rounds < FIGHT_ROUNDS:
            return fault
        do = f"check the network and the broker's log, or another device uses the same id, {self._client_id}"
        return Fault(Cause.DROPPED, "the connection is lost again and again, soon after it came about", do)


def taken_over(client_id: str) -> Fault:
    """The fault of two devices with one id."""
    do = f"look for another device with the id {client_id} and give every device its own node and its own certificate"
    return Fault(Cause.TAKEN_OVER, "somebody else takes this connection over", do)


def of_error(error: OSError | UnicodeError, *, seconds: float, tls: bool) -> Fault:
    """The fault behind an exception of connecting, with or without `tls`, with a time limit of so many `seconds`."""
    if isinstance(error, ssl.SSLError):
        return of_tls(error)
    if isinstance(error, socket.gaierror | UnicodeError):
        return Fault(Cause.UNREACHABLE, "its name cannot be resolved", "check broker.host and this device's DNS")
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        if not tls:
            return SILENT  # whether it is seen before or after our CONNECT is left to chance
        return Fault(Cause.UNREACHABLE, "it hung up before TLS was agreed", "check that broker.port speaks TLS")
    if isinstance(error, ConnectionRefusedError):
        return Fault(Cause.UNREACHABLE, "nobody listens there", "start the broker or check broker.port")
    if isinstance(error, TimeoutError):
        return Fault(Cause.UNREACHABLE, f"no answer within {seconds:g} s", "check the network and its firewall")
    what = f"cannot be reached: {error.strerror or type(error).__name__}"
    return Fault(Cause.UNREACHABLE, what, "check the network and broker.host")


_TRUST = {
    9: "check this device's clock",
    10: "renew the broker's certificate, or check this device's clock",
    62: "put a name into broker.host that the broker's certificate has, or have a certificate made for this one",
    64: "put a name into broker.host that the broker's certificate has, or have a certificate made for this one",
}
"""What to do about OpenSSL's verification results (X509_V_ERR_…): not yet valid, expired, host and address mismatch."""
_ALERTS = {
    "CERTIFICATE_REQUIRED": (
        "the broker wants a certificate of this device",
        "give broker.tls.certificate and broker.tls.key",
    ),
    "CERTIFICATE_EXPIRED": (
        "the broker finds this device's certificate expired",
        "put a new one at broker.tls.certificate and broker.tls.key, or check the broker's clock",
    ),
    "CERTIFICATE_REVOKED": (
        "this device's certificate was called back",
        "put a new one at broker.tls.certificate and broker.tls.key, or ask who runs the broker",
    ),
    "UNKNOWN_CA": (
        "the broker does not know the authority that signed this device's certificate",
        "have broker.tls.certificate signed by the authority that the broker trusts",
    ),
}
"""What a broker's TLS alert means; other alerts about certificates are told by their names."""


def of_tls(error: ssl.SSLError) -> Fault:
    """The fault behind a TLS handshake that failed on this side, or that the broker ended with an alert."""
    if isinstance(error, ssl.SSLCertVerificationError):
        what = f"the broker's certificate is not trusted: {error.verify_message}"
        do = _TRUST.get(error.verify_code, "put the authority that signed the broker's certificate into broker.tls.ca")
        return Fault(Cause.CERTIFICATE, what, do)
    alert = (getattr(error, "reason", None) or "").partition("ALERT_")[2]
    if alert in _ALERTS:
        return Fault(Cause.CERTIFICATE, *_ALERTS[alert])
    if "CERTIFICATE" in alert:
        what = f"the broker refuses this device's certificate: {alert.replace('_', ' ').lower()}"
        return Fault(Cause.CERTIFICATE, what, "check broker.tls.certificate, and ask who runs the broker")
    what = f"TLS failed: {error.strerror or error}"
    return Fault(Cause.CERTIFICATE, what, "check that broker.port speaks TLS, and broker.tls.certificate")


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
    "check that the broker runs and that broker.port is its own, and with TLS whether it wants broker.tls.certificate",
)
ANSWERS_OLD = Fault(Cause.VERSION, "it hangs up on MQTT 5 and answers to 3.1.1", "trying 5 once more, then 3.1.1")
MUTE = Fault(Cause.SILENT, "the broker does not answer", "check that broker.port is that of an MQTT broker")
