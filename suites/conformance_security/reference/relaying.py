"""Passing the bytes of a connection on to the bank."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from urllib.parse import urlsplit


async def relay(
    taken: bytes,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    url: str,
    *,
    secure: ssl.SSLContext | None = None,
    source: str = "",
) -> None:
    """Pass on a connection that began with ``taken``: through TLS with ``secure``, from the address ``source``."""
    behind = urlsplit(url)
    inner_reader, inner_writer = await asyncio.open_connection(
        behind.hostname,
        behind.port,
        ssl=secure,
        server_hostname=behind.hostname if secure else None,
        local_addr=(source, 0) if source else None,
    )
    with contextlib.closing(inner_writer):
        inner_writer.write(taken)
        forth = asyncio.create_task(_pump(reader, inner_writer))
        try:
            await _pump(inner_reader, writer)
        finally:
            forth.cancel()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Pass bytes on until the source ends; then end the sink too."""
    with contextlib.suppress(ConnectionError):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
        if sink.can_write_eof():
            sink.write_eof()
