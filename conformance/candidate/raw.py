"""Raw connections for probes below HTTP: in scope, bounded in time and size, recorded as one exchange."""

from __future__ import annotations

import socket
import ssl
import time
from functools import partial
from types import TracebackType

from conformance.candidate.curl import raw_line
from conformance.candidate.scope import Target
from conformance.candidate.session import Session
from conformance.candidate.transport import tls_context
from conformance.sdk.answers import Exchange
from conformance.sdk.drivers import Sighting, WireMessage

#: Bytes sent and received on one connection, at most.
SENT_MAX = 16 * 1024 * 1024
RECEIVED_MAX = 8 * 1024 * 1024


class RecordedSocket:
    """A TCP connection to an endpoint of the candidate, or one through verified TLS.

    ``timeout_s`` bounds each call; the sizes bound the whole. A reset raises ConnectionError: what it means is for
    the check to say. ``secure`` is the verifying context of a connection through TLS; None is plain TCP.
    ``identity``: paths of the client certificate and key in that context, or "", for the command that repeats it.
    """

    def __init__(
        self,
        session: Session,
        url: str,
        timeout_s: float,
        secure: ssl.SSLContext | None = None,
        identity: tuple[str, str] = ("", ""),
    ) -> None:
        self._session = session
        self._target = session.boundary.target(url)
        self._timeout = timeout_s
        self._secure = secure
        self._identity = identity
        self._net: dict[str, str] = {"peer": f"{self._target.address}:{self._target.port}"}
        self._sent: list[bytes] = []
        self._received: list[bytes] = []
        self._size = 0
        self._error = ""
        self._exchange: Exchange | None = None
        session.pace()
        self._started_us = time.time_ns() // 1000
        self._begin = time.perf_counter_ns()
        self._raw = self._connected()

    def send(self, data: bytes) -> None:
        """Send all of ``data``; raises TimeoutError or ConnectionError."""
        if sum(map(len, self._sent)) + len(data) > SENT_MAX:
            raise ValueError(f"more than {SENT_MAX} bytes on one connection")
        self._sent.append(data)
        try:
            self._raw.settimeout(self._timeout)
            self._raw.sendall(data)
        except OSError as error:
            self._error = self._error or f"send: {_named(error)}"
            raise

    def receive(self, size: int = 65536) -> bytes:
        """Return what arrives next, b"" at the end of the stream or beyond the size limit; raises TimeoutError."""
        if self._size >= RECEIVED_MAX:
            return b""
        try:
            self._raw.settimeout(self._timeout)
            data = self._raw.recv(min(size, RECEIVED_MAX - self._size))
        except OSError as error:
            self._error = self._error or f"receive: {_named(error)}"
            raise
        self._received.append(data)
        self._size += len(data)
        return data

    def close(self) -> Exchange:
        """Close, record, and return the exchange; calling it again returns the same one."""
        if self._exchange is None:
            self._raw.close()
            self._exchange = self._record()
        return self._exchange

    def __enter__(self) -> RecordedSocket:
        """Return the socket."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close and record."""
        self.close()

    def _connected(self) -> socket.socket:
        try:
            raw = connected(self._target, self._timeout, self._secure)
            if isinstance(raw, ssl.SSLSocket):
                self._net |= {"tls": raw.version() or "", "cipher": (raw.cipher() or ("",))[0]}
            return raw
        except OSError as error:
            self._error = f"connect: {_named(error)}"
            self._exchange = self._record()
            raise

    def _record(self) -> Exchange:
        elapsed = (time.perf_counter_ns() - self._begin) // 1000
        sent, received = b"".join(self._sent), b"".join(self._received)
        place = f"{self._target.host}:{self._target.port}"
        session = self._session
        through = (session.ca, *self._identity) if self._secure else None
        command = partial(raw_line, sent, (self._target.host, self._target.port), through, session.secrets)
        sighting = Sighting(
            kind="raw",
            request=WireMessage(f"{'TLS' if self._secure else 'TCP'} {place}", (), sent),
            response=WireMessage("", (), received) if received else None,
            started_us=self._started_us,
            elapsed_us=elapsed,
            error=self._error,
            command=command,
            net=self._net,
        )
        return Exchange(
            session.recorder.record(sighting),
            body=received,
            command=command,
            elapsed_us=elapsed,
            request_body=sent,
            url=f"tcp://{place}",
        )


def _named(error: OSError) -> str:
    return f"{type(error).__name__}: {error}"


def secure_context(session: Session, identity: tuple[str, str]) -> ssl.SSLContext:
    """Return a verifying context that speaks HTTP/1.1 only; ``identity``: client certificate and key, or ""."""
    context = tls_context(session.ca, *identity)
    context.set_alpn_protocols(["http/1.1"])
    return context


def connected(target: Target, timeout_s: float, secure: ssl.SSLContext | None) -> socket.socket:
    """Return a connected socket, through TLS where ``secure`` is given; raises OSError. Small writes go at once."""
    raw = socket.create_connection((target.address, target.port), timeout_s)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if secure is None:
        return raw
    try:
        return secure.wrap_socket(raw, server_hostname=target.host)
    except OSError:
        raw.close()
        raise
