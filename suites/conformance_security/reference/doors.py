"""Further ways to the bank: through a proxy with an address of its own, and over plain HTTP, which leads to HTTPS."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from conformance.sdk import Host, Listener
from conformance_security.reference.relaying import relay

#: The endpoint name of the proxy, and the address from which it calls the bank: another client to it.
ELSEWHERE = "elsewhere"
_SOURCE = "127.0.0.2"
#: The endpoint name of the port for plain HTTP.
PLAIN = "plain"
#: Seconds until a client's first bytes must be there, and bytes read of them.
_FIRST_S, _FIRST_MAX = 10.0, 65536


async def serve_plainly(taken: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: Host) -> None:
    """Serve what came without TLS, as a proxy does that was never told to demand it."""
    inside = ssl.create_default_context(cafile=str(host.directory / "ca.pem"))
    await relay(taken, reader, writer, host.url(), secure=inside)


class Doors:
    """The part of the reference candidate that owns the listeners ``elsewhere`` and ``plain``."""

    schema = ""

    def routes(self, host: Host) -> Sequence[Any]:
        """Return none: doors are below HTTP."""
        return ()

    def listeners(self, host: Host) -> Sequence[Listener]:
        """Return the doors."""

        async def elsewhere(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.closing(writer), contextlib.suppress(ConnectionError):
                await relay(b"", reader, writer, host.url(), source=_SOURCE)

        async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.closing(writer), contextlib.suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(_FIRST_S):
                    taken = await reader.read(_FIRST_MAX)
                if host.faults.on("http.plain-served"):
                    await serve_plainly(taken, reader, writer, host)
                    return
                writer.write(_redirect(taken, host.url()))
                await writer.drain()

        return (
            Listener(ELSEWHERE, elsewhere, raw=True),
            Listener(PLAIN, plain, raw=True, tls=False),
        )

    def hooks(self, host: Host) -> Mapping[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]]:
        """Return none."""
        return {}

    def declared(self, host: Host) -> Mapping[str, Any]:
        """Say what is behind the doors."""
        return {"other_client": ELSEWHERE, "tls": {"plain": PLAIN}}

    def supports(self) -> Sequence[str]:
        """Return none."""
        return ()

    def start(self, host: Host) -> None:
        """Do nothing: connections start themselves."""

    def stop(self) -> None:
        """Do nothing."""


def _redirect(taken: bytes, url: str) -> bytes:
    """Return the answer that sends a client to the same place under HTTPS."""
    words = taken.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
    path = words[1] if len(words) == 3 and words[1].startswith("/") else "/"
    lines = ("HTTP/1.1 308 Permanent Redirect", f"Location: {url}{path}", "Content-Length: 0", "Connection: close")
    return "\r\n".join((*lines, "", "")).encode("latin-1")
