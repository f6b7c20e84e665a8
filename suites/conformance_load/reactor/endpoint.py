"""Where a set of connections goes, resolved once, with what they share: deadlines, and counts of what went wrong."""

from __future__ import annotations

import ssl
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gevent.socket

from conformance.errors import ConfigError
from conformance_load.flow import Target, now_ns
from conformance_load.reactor.head import REMEMBERED_MAX, Head
from conformance_load.reactor.loop import Reactor

if TYPE_CHECKING:
    from conformance_load.reactor.connection import Connection

#: Deadlines are looked at this often, in parts of the timeout, and within these bounds in nanoseconds.
_LOOKS_PER_TIMEOUT = 20
_LOOK_NS = (5_000_000, 250_000_000)


@dataclass(frozen=True, slots=True)
class Address:
    """One address of a host: socket family and what ``connect`` takes."""

    family: int
    place: tuple[Any, ...]


class Heads:
    """Heads that were read before; only plain ones, whose body follows whole.

    The one that came last is kept apart with the size of its whole response: mostly it comes again.
    """

    __slots__ = ("_by_bytes", "last", "raw", "size")

    def __init__(self) -> None:
        self._by_bytes: dict[bytes, Head] = {}
        #: A head wherever ``size`` fits.
        self.last: Any = None
        self.raw = b""
        self.size = -1

    def keep(self, head: Head) -> None:
        """Remember a head, and that it came last."""
        if len(self._by_bytes) >= REMEMBERED_MAX:
            self._by_bytes.clear()
        self._by_bytes[head.raw] = head
        self.last, self.raw, self.size = head, head.raw, len(head.raw) + (head.length or 0)

    def find(self, data: bytes) -> Head | None:
        """Return the head of ``data`` if it was read before and all of its body, and nothing else, follows."""
        head = self._by_bytes.get(data[: data.find(b"\r\n\r\n") + 4])
        if head is None or len(data) != len(head.raw) + (head.length or 0):
            return None
        self.keep(head)
        return head


class Endpoint:
    """One target. Connections register here while they are open or opening."""

    def __init__(self, reactor: Reactor, target: Target) -> None:
        """Prepare, without resolving yet; raises ConfigError for a TLS context that would trust anybody."""
        _require_verifying(target.tls)
        self.reactor = reactor
        self.target = target
        self.timeout_ns = int(target.timeout_s * 1_000_000_000)
        self.addresses: list[Address] = []
        #: Why the host has no address, or "".
        self.unresolved = ""
        #: Answers that nobody asked for: their connections were closed, and no request was credited with them.
        self.surplus = 0
        #: What failed for want of a port, a descriptor or an address on our own side: how often, and the last reason.
        self.own_failures = 0
        self.own_failure = ""
        self.heads = Heads()
        self._connections: weakref.WeakSet[Connection] = weakref.WeakSet()
        self._look_ns = min(max(self.timeout_ns // _LOOKS_PER_TIMEOUT, _LOOK_NS[0]), _LOOK_NS[1])
        self._looking = False

    def resolve(self) -> Endpoint:
        """Look the host up, cooperatively; to be called outside of the reactor. What failed is in ``unresolved``."""
        if self.addresses:
            return self
        try:
            host, port = self.target.address
            found = gevent.socket.getaddrinfo(host, port, 0, gevent.socket.SOCK_STREAM)
            self.addresses = [Address(int(item[0]), item[4]) for item in found]
            self.unresolved = ""
        except (OSError, UnicodeError) as error:
            self.unresolved = f"{self.target.address[0]} has no address: {error}"
        return self

    def watch(self, connection: Connection) -> None:
        """Look at the deadline of a connection from now on."""
        self._connections.add(connection)
        if not self._looking:
            self._looking = True
            self._look_again()

    def forget(self, connection: Connection) -> None:
        """Look no longer."""
        self._connections.discard(connection)

    def _look_again(self) -> None:
        self.reactor.call_at(now_ns() + self._look_ns, self._look)

    def _look(self) -> None:
        now = now_ns()
        for connection in list(self._connections):
            if connection.waits and connection.deadline_ns <= now:
                connection.expire()
        if self._connections:
            self._look_again()
        else:
            self._looking = False


def _require_verifying(context: ssl.SSLContext | None) -> None:
    if context is not None and not (context.check_hostname and context.verify_mode == ssl.CERT_REQUIRED):
        raise ConfigError(
            "the TLS context does not check the server's certificate and its name",
            where="load target",
            remedy="Give the authority that signed the certificate to ssl.create_default_context(cafile=...).",
        )
