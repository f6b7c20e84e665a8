"""Listeners on this machine: a product that calls where it was told to call shows itself here."""

from __future__ import annotations

import selectors
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socket import create_server, socket, socketpair


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
