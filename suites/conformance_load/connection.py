"""One keep-alive connection of the load client: bytes out, one response back, nothing retried behind our back.

It uses cooperative sockets whether or not the process was patched, and the standard library's response parser. A
faster client can take its place: it only has to answer :class:`Client`'s four calls.
"""

from __future__ import annotations

import http.client
import ssl
import time
from typing import Any, Protocol

import gevent.socket

from conformance.sdk import BrokenKind
from conformance_load.flow import Reply, Target

#: After this idle time a connection is made anew: a server may close idle ones at any moment.
IDLE_S_MAX = 3.0


class Client(Protocol):
    """What a slot needs of its connection."""

    def ready(self) -> str:
        """Make sure that the connection is open; return "" or why it cannot be opened."""
        ...

    def exchange(self, request: bytes) -> Reply:
        """Send one request and read its response; never raises for the product's behaviour."""
        ...

    def send_and_cut(self, request: bytes) -> None:
        """Send one request and drop the connection without reading."""
        ...

    def close(self) -> None:
        """Close; harmless when done twice."""
        ...


class Connection:
    """A :class:`Client` over one socket."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._socket: Any = None
        self._used = 0.0

    def ready(self) -> str:
        """Open or reopen the connection when there is none or it idled for too long."""
        if self._socket is not None and time.monotonic() - self._used < IDLE_S_MAX:
            return ""
        self.close()
        try:
            self._socket = self._open()
        except OSError as error:
            return f"{type(error).__name__}: {error}"
        self._used = time.monotonic()
        return ""

    def exchange(self, request: bytes) -> Reply:
        """Send and read; a connection that cannot be used again is closed."""
        try:
            self._socket.sendall(request)
            return self._read()
        except TimeoutError as error:
            return self._broken("timeout", error)
        except ssl.SSLError as error:
            return self._broken("tls", error)
        except (http.client.IncompleteRead, OSError) as error:
            return self._broken("connection", error)
        except http.client.RemoteDisconnected as error:
            return self._broken("connection", error)
        except (http.client.HTTPException, ValueError) as error:
            return self._broken("unparseable", error)

    def send_and_cut(self, request: bytes) -> None:
        """Send and drop the connection, as a phone in a tunnel does; an error while sending is the same cut."""
        try:
            self._socket.sendall(request)
        except OSError as error:
            self._broken("connection", error)
        finally:
            self.close()

    def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _open(self) -> Any:
        target = self._target
        plain = gevent.socket.create_connection(target.address, timeout=target.timeout_s)
        plain.setsockopt(gevent.socket.IPPROTO_TCP, gevent.socket.TCP_NODELAY, 1)
        if target.tls is None:
            return plain
        try:
            return target.tls.wrap_socket(plain, server_hostname=target.host)
        except BaseException:
            plain.close()
            raise

    def _read(self) -> Reply:
        response = http.client.HTTPResponse(self._socket, method="POST")
        try:
            response.begin()
            body = response.read(self._target.body_max + 1) if response.length is None else self._sized(response)
            if len(body) > self._target.body_max:
                return self._broken("too-large", ValueError(f"more than {self._target.body_max} bytes"))
            reply = Reply(response.status, dict(response.getheaders()), body)
            if response.will_close:
                self.close()
            self._used = time.monotonic()
            return reply
        finally:
            response.close()

    def _sized(self, response: http.client.HTTPResponse) -> bytes:
        if (response.length or 0) > self._target.body_max:
            return b"\0" * (self._target.body_max + 1)
        return response.read()

    def _broken(self, kind: BrokenKind, error: Exception) -> Reply:
        self.close()
        return Reply(broken=kind, detail=f"{type(error).__name__}: {error}"[:300])
