"""A small server of our own that the product may call: it keeps what comes, and answers as a check wants it."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from conformance.sdk import NotTested

#: Bytes read of one notice.
_BODY_MAX = 1024 * 1024
#: Notices kept.
_KEPT_MAX = 500
#: Seconds that a sender may take over one request.
_TIMEOUT_S = 5


@dataclass(frozen=True, slots=True)
class Received:
    """One request that reached the receiver. ``target`` is path and query."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """How a request is answered."""

    status: int = 204
    body: bytes = b""
    location: str = ""


#: Decides on a request.
Respond = Callable[[Received], Reply]


@contextmanager
def receiving(address: str, respond: Respond | None = None) -> Iterator[list[Received]]:
    """Listen on "host:port" and give the list that requests are added to; without ``respond``, each is answered 204.

    Raises NotTested unless the host is a loopback address of this machine and the port is free.
    """
    if not loopback(address.rpartition(":")[0]):
        raise NotTested(f"callback host {address}: the harness can listen on loopback only", blame="CONFIG")
    with _serving(address, respond or (lambda _: Reply())) as kept:
        yield kept


@contextmanager
def redirecting(address: str, location: str) -> Iterator[list[Received]]:
    """Answer every request at "host:port" with 307 and a location; give the list that requests are added to.

    Raises NotTested when the address is not one of this machine, or taken.
    """
    with _serving(address, lambda _: Reply(307, location=location)) as kept:
        yield kept


def loopback(host: str) -> bool:
    """Tell whether a host is this machine to itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


# -- the server -----------------------------------------------------------------------------------------------------


@contextmanager
def _serving(address: str, respond: Respond) -> Iterator[list[Received]]:
    kept: list[Received] = []
    host, _, port = address.rpartition(":")
    try:
        server = _Server((host.strip("[]"), int(port)), _handler(kept, respond))
    except (OSError, ValueError, OverflowError) as error:
        raise NotTested(f"callback host {address} cannot be listened on: {error}", blame="CONFIG") from error
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
        thread.join(_TIMEOUT_S)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False


def _handler(kept: list[Received], respond: Respond) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Keeps what it is sent, and answers."""

        timeout = _TIMEOUT_S

        def do_POST(self) -> None:
            """Take one request; it is kept before it is answered, so that whoever was answered is in the list."""
            length = self.headers.get("Content-Length", "0")
            body = self.rfile.read(min(int(length), _BODY_MAX) if length.isdigit() else 0)
            received = Received(self.command, self.path, tuple(self.headers.items()), body)
            reply = respond(received)
            if len(kept) < _KEPT_MAX:
                kept.append(received)
            self._answer(reply)

        do_GET = do_POST

        def _answer(self, reply: Reply) -> None:
            self.send_response(reply.status)
            if reply.location:
                self.send_header("Location", reply.location)
            if reply.status != 204:
                self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, format: str, *args: object) -> None:
            """Print nothing."""

    return Handler
