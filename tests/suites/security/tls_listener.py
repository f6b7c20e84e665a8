"""A real TLS stack on a loopback port, for one connection."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_connection(context: ssl.SSLContext) -> Iterator[int]:
    """Serve one handshake and give the port; a handshake that fails closes the connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            connection.settimeout(5)
            try:
                context.wrap_socket(connection, server_side=True)
            except (OSError, ValueError):
                connection.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(5)
