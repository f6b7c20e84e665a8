"""Listeners on this machine: a product that calls where it was told to call shows itself here."""

from __future__ import annotations

import selectors
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import create_server, socket, socketpair

from conformance.sdk import NotTested


@contextmanager
def listening() -> Iterator[tuple[int, list[str]]]:
    """Listen on a loopback port chosen by the system; give the port, and the list of addresses that connected."""
    hits: list[str] = []
    over, waker = socketpair()
    with create_server(("127.0.0.1", 0)) as server, over, waker:
        server.setblocking(False)
        thread = threading.Thread(target=_wait, args=(server, over, hits), daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1], hits
        finally:
            waker.send(b"!")
            thread.join(2)


def _wait(server: socket, over: socket, hits: list[str]) -> None:
    """Note and close every connection, until something comes through ``over``."""
    with selectors.DefaultSelector() as selector:
        for item in (server, over):
            selector.register(item, selectors.EVENT_READ)
        while True:
            ready = {key.fileobj for key, _ in selector.select()}
            if server in ready:
                _take(server, hits)
            if over in ready:
                return


def _take(server: socket, hits: list[str]) -> None:
    try:
        connection, address = server.accept()
    except BlockingIOError:  # nobody is there after all
        return
    except ConnectionAbortedError:
        hits.append("somebody who was gone at once")
        return
    hits.append(str(address))
    connection.close()


@contextmanager
def redirecting(address: str, location: str) -> Iterator[list[str]]:
    """Answer every request at "host:port" with 307 and a location; give the list of paths that were asked for.

    Raises NotTested when the address is not one of this machine, or taken.
    """
    calls: list[str] = []
    host, _, port = address.rpartition(":")
    try:
        server = ThreadingHTTPServer((host.strip("[]"), int(port)), _redirection(calls, location))
    except (OSError, ValueError) as error:
        raise NotTested(f"callback host {address} cannot be listened on: {error}", blame="CONFIG") from error
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield calls
    finally:
        server.shutdown()
        server.server_close()
        thread.join(2)


def _redirection(calls: list[str], location: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Sends everybody elsewhere."""

        timeout = 5

        def do_POST(self) -> None:
            """Answer one request, its body read to the end."""
            length = self.headers.get("Content-Length", "0")
            self.rfile.read(min(int(length), 1024 * 1024) if length.isdigit() else 0)
            self.send_response(307)
            self.send_header("Location", location)
            self.send_header("Content-Length", "0")
            self.end_headers()
            calls.append(self.path)

        do_GET = do_POST

        def log_message(self, format: str, *args: object) -> None:
            """Print nothing."""

    return Handler
