"""TLS towards the broker: verified, with the reason kept for which the broker ended it."""

from __future__ import annotations

import ssl

from edge.config.schema import Tls
from edge.errors import EdgeError


class KeepingSocket(ssl.SSLSocket):
    """A TLS socket that keeps why the other side ended TLS, of which paho tells only that the connection is lost.

    In TLS 1.3 a broker judges our certificate after the handshake, so its alert comes while we read.
    """

    ended_by: ssl.SSLError | None = None

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """Reads as SSLSocket does."""
        try:
            return super().recv(buflen, flags)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            self.ended_by = error
            raise


def context(tls: Tls) -> ssl.SSLContext:
    """Verified TLS as the file wants it. EdgeError where a certificate file cannot be used."""
    files = [str(each) for each in (tls.ca, tls.certificate, tls.key) if each]
    try:
        made = ssl.create_default_context(cafile=tls.ca)
        if tls.certificate:
            made.load_cert_chain(tls.certificate, tls.key, password="")  # an encrypted key must not ask a terminal
    except OSError as error:
        do = "give certificates in PEM, a key without password, and let this user read them"
        raise EdgeError(
            "broker.tls", f"{', '.join(files)}: not usable", found=error.strerror or str(error), do=do
        ) from None
    made.sslsocket_class = KeepingSocket
    return made
