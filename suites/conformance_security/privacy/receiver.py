"""A small receiver of notices, and of whatever else comes, on a loopback address that the product may call."""

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


#: Decides on a request: the status of the answer, and its body.
Respond = Callable[[Received], tuple[int, bytes]]


@contextmanager
def receiving(address: str, respond: Respond | None = None) -> Iterator[list[Received]]:
    """Listen on "host:port" and give the list that requests are added to; without ``respond``, each is answered 204.

    Raises NotTested unless the host is a loopback address of this machine and the port is free.
    """
    host, _, port = address.rpartition(":")
    if not loopback(host):
        raise NotTested(f"callback host {address}: the harness can listen on loopback only", blame="CONFIG")
    kept: list[Received] = []
    try:
        server = _Server((host, int(port)), _handler(kept, respond))
    except (OSError, ValueError) as error:
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


def _handler(kept: list[Received], respond: Respond | None) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Keeps what it is sent, and answers."""

        timeout = _TIMEOUT_S

        def do_POST(self) -> None:
            """Take one request."""
            length = self.headers.get("Content-Length", "0")
            body = self.rfile.read(min(int(length), _BODY_MAX) if length.isdigit() else 0)
            received = Received(self.command, self.path, tuple(self.headers.items()), body)
            status, content = respond(received) if respond else (204, b"")
            if len(kept) < _KEPT_MAX:
                kept.append(received)
            self.send_response(status)
            if content:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST

        def log_message(self, format: str, *args: object) -> None:
            """Print nothing."""

    return Handler


def loopback(host: str) -> bool:
    """Tell whether a host is this machine to itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
