"""Connections that keep a deadline: to a fixed address, verified under the candidate's name.

A read timeout alone does not bound an answer: a server that drips one byte a second never trips it. Here every
single read and write is given what is left until the request's deadline, in the handshake, the headers and the body.
"""

from __future__ import annotations

import io
import re
import socket
import ssl
import threading
import time
from typing import Any

import requests.adapters
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from conformance.candidate.scope import Target

#: A kept connection is not used again after this: servers close idle ones, and a request into that race is lost.
IDLE_S = 1.5

#: A target that may stand in a request line; any other is escaped.
_WIRE_TARGET = re.compile(r"/[!-~]*")

#: Kept connections per target; checks may send from many threads at once.
KEPT = 64


class Current(threading.local):
    """What the request of this thread needs to hand to its connection, and back."""

    deadline: float = 0.0
    #: Path and query as they are to go on the wire.
    target: str = ""
    net: dict[str, str] = {}


CURRENT = Current()


def remaining() -> float:
    """Return the seconds left to this thread's request; raises TimeoutError when there are none."""
    left = CURRENT.deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the deadline of the request has passed")
    return left


class _BoundedReader(io.RawIOBase):
    """Reads of a socket, each bounded by what is left."""

    def __init__(self, raw: socket.socket) -> None:
        self._raw = raw
        raw._io_refs += 1  # type: ignore[attr-defined]  # as socket.makefile does: close() waits for the reader

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._raw.settimeout(remaining())
        return self._raw.recv_into(buffer)

    def close(self) -> None:
        if not self.closed:
            self._raw._decref_socketios()  # type: ignore[attr-defined]
        super().close()


class BoundedSocket:
    """A connected socket as :mod:`http.client` uses it, with every operation bounded by this thread's deadline."""

    def __init__(self, raw: socket.socket) -> None:
        self._raw = raw

    def sendall(self, data: Any) -> None:
        """Send all of ``data``."""
        self._raw.settimeout(remaining())
        self._raw.sendall(data)

    def makefile(self, mode: str = "rb", *_: Any, **__: Any) -> io.BufferedReader:
        """Return a reader."""
        return io.BufferedReader(_BoundedReader(self._raw), 65536)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)


class _Bounded:
    """What both kinds of connection add: bounded sockets, an age, and facts about the connection."""

    sock: Any
    timeout: Any
    used: float = 0.0
    net: dict[str, str] = {}

    def connect(self) -> None:
        self.timeout = remaining()
        super().connect()  # type: ignore[misc]
        self.net = _facts(self.sock)
        self.sock = BoundedSocket(self.sock)

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> None:
        self.used = time.monotonic()
        # The libraries above write escapes anew and join slashes: the request would not be the one that is recorded.
        url = CURRENT.target if _WIRE_TARGET.fullmatch(CURRENT.target) else url
        super().request(method, url, *args, **kwargs)  # type: ignore[misc]
        CURRENT.net = self.net

    @property
    def is_connected(self) -> bool:
        fresh = time.monotonic() - self.used < IDLE_S
        return fresh and bool(super().is_connected)  # type: ignore[misc]


class _PlainConnection(_Bounded, HTTPConnection):
    pass


class _SecureConnection(_Bounded, HTTPSConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class Adapter(requests.adapters.HTTPAdapter):
    """One caller's connections: its client certificate, kept connections by target, never a retry."""

    def __init__(self, ca: str = "", client_cert: str = "", client_key: str = "") -> None:
        super().__init__(max_retries=0, pool_maxsize=KEPT)
        self._files = (ca, client_cert, client_key)
        self._context: ssl.SSLContext | None = None
        self._pools: dict[Target, HTTPConnectionPool] = {}
        self._lock = threading.Lock()
        self._aim = threading.local()

    def aim(self, target: Target) -> None:
        """Set where this thread's next request connects to."""
        self._aim.target = target

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> Any:
        """Return the pool of the aimed target, whatever the URL's name may resolve to by now."""
        target: Target = self._aim.target
        pool = self._pools.get(target)
        if pool is None:
            with self._lock:
                pool = self._pools.setdefault(target, self._pool(target))
        return pool

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """Leave the pool as it is: verification is fixed in its context and cannot be turned off."""

    def close(self) -> None:
        """Close kept connections."""
        for pool in self._pools.values():
            pool.close()
        self._pools.clear()
        super().close()

    def _pool(self, target: Target) -> HTTPConnectionPool:
        if target.scheme == "http":
            return _PlainPool(target.address, target.port, maxsize=KEPT)
        if self._context is None:
            self._context = tls_context(*self._files)
        return _SecurePool(
            target.address,
            target.port,
            maxsize=KEPT,
            ssl_context=self._context,
            cert_reqs="CERT_REQUIRED",
            server_hostname=target.host,
        )


def tls_context(ca: str = "", client_cert: str = "", client_key: str = "") -> ssl.SSLContext:
    """Return a verifying context: the given root (or the system's), and a client certificate if there is one."""
    context = ssl.create_default_context(cafile=ca or None)
    if client_cert:
        context.load_cert_chain(client_cert, client_key or None)
    return context


def _facts(raw: Any) -> dict[str, str]:
    address = raw.getpeername()
    facts = {"peer": f"{address[0]}:{address[1]}"}
    if isinstance(raw, ssl.SSLSocket):
        cipher = raw.cipher()
        facts["tls"] = raw.version() or ""
        facts["cipher"] = cipher[0] if cipher else ""
    return facts


#: Base of everything urllib3 raises, for callers that classify.
TransportError = urllib3.exceptions.HTTPError
