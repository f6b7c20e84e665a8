"""Further ways to the bank: through a proxy with an address of its own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from conformance.sdk import Host, Listener
from conformance_security.reference.relaying import relay

#: The endpoint name of the proxy, and the address from which it calls the bank: another client to it.
ELSEWHERE = "elsewhere"
_SOURCE = "127.0.0.2"


class Doors:
    """The part of the reference candidate that owns the listener ``elsewhere``."""

    schema = ""

    def routes(self, host: Host) -> Sequence[Any]:
        """Return none: doors are below HTTP."""
        return ()

    def listeners(self, host: Host) -> Sequence[Listener]:
        """Return the doors."""

        async def elsewhere(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.closing(writer), contextlib.suppress(ConnectionError):
                await relay(b"", reader, writer, host.url(), source=_SOURCE)

        return (Listener(ELSEWHERE, elsewhere, raw=True),)

    def hooks(self, host: Host) -> Mapping[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]]:
        """Return none."""
        return {}

    def declared(self, host: Host) -> Mapping[str, Any]:
        """Say what is behind the doors."""
        return {"other_client": ELSEWHERE}

    def supports(self) -> Sequence[str]:
        """Return none."""
        return ()

    def start(self, host: Host) -> None:
        """Do nothing: connections start themselves."""

    def stop(self) -> None:
        """Do nothing."""
