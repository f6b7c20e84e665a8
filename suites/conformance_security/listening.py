"""A listener on this machine: a product that calls where it was told to call shows itself here."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socket import create_server


@contextmanager
def listening() -> Iterator[tuple[int, list[str]]]:
    """Listen on a loopback port chosen by the system; give the port, and the list of addresses that connected."""
    hits: list[str] = []
    with create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        over = threading.Event()

        def wait() -> None:
            while not over.is_set():
                try:
                    connection, address = server.accept()
                except TimeoutError:
                    continue
                hits.append(str(address))
                connection.close()

        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1], hits
        finally:
            over.set()
            thread.join(2)
