"""Where the checks of transport knock: the listener that the candidate file names, else the base URL."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from conformance.sdk import Candidate, Inconclusive, NotTested, RawSocket
from conformance_security.declared import declared
from conformance_security.tls.flight import Flight, Receive, Reply, read_flight, read_reply
from conformance_security.tls.ssl2 import read_ssl2, ssl2_hello

T = TypeVar("T")

#: Seconds that a server may take to answer a hello, and for its whole flight.
PATIENCE_S = 5.0
_FLIGHT_S = 8.0


@dataclass(frozen=True, slots=True)
class TlsTarget:
    """A TLS listener of the candidate. ``host`` is the name it is known by, "" never."""

    candidate: Candidate
    host: str
    port: int

    def ask(self, hello: bytes) -> Reply:
        """Send a hello on a connection of its own and read the first message of the answer."""
        return self._converse(hello, read_reply)

    def ask_ssl2(self) -> Reply:
        """Send a hello of SSL 2.0 on a connection of its own and read the first message of the answer."""
        return self._converse(ssl2_hello(), read_ssl2)

    def flight(self, hello: bytes) -> Flight:
        """Send a hello on a connection of its own and read the whole plaintext flight."""
        return self._converse(hello, read_flight)

    def connect(self) -> RawSocket:
        """Open a recorded connection; inconclusive when nobody listens."""
        try:
            return self.candidate.socket(PATIENCE_S)
        except OSError as error:
            raise Inconclusive(f"no connection to {self.host}:{self.port}: {error}", blame="PRODUCT") from error

    def _converse(self, hello: bytes, read: Callable[[Receive], T]) -> T:
        connection = self.connect()
        limit = time.monotonic() + _FLIGHT_S

        def receive() -> bytes:
            if time.monotonic() > limit:
                raise TimeoutError("the flight drips")
            return connection.receive()

        try:
            connection.send(hello)
            return read(receive)
        except ConnectionError:
            return read(lambda: b"")
        finally:
            connection.close()


def tls_settings(candidate: Candidate) -> Mapping[str, Any]:
    """Return ``[declared.security.tls]``."""
    section = declared(candidate, "tls", {})
    return section if isinstance(section, Mapping) else {}


def tls_target(candidate: Candidate, endpoint: str | None = None) -> TlsTarget:
    """Return the listener to probe: ``endpoint``, else the one declared, else the base URL's; raises NotTested."""
    name = str(tls_settings(candidate).get("endpoint", "")) if endpoint is None else endpoint
    url = candidate.file.endpoints[name] if name in candidate.endpoints else candidate.file.base_url
    seen = candidate.at(name)
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        where = f"[endpoints] {name}" if name else "base_url"
        raise NotTested(f"{where} is not an https URL; point it at the product's TLS listener", blame="CONFIG")
    return TlsTarget(seen, parts.hostname, parts.port or 443)
