"""HTTP framing, stricter than the library: what intermediaries read in different ways is refused."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import h11
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

#: A header continued on the next line (obs-fold): a server must refuse or unfold it (RFC 9112 5.2); we refuse.
_FOLDED = re.compile(rb"\n[ \t]")


class StrictConnection(h11.Connection):
    """Refuses folded headers before the library unfolds them."""

    def next_event(self) -> Any:
        """Return the next event; raises RemoteProtocolError for a head with a folded line."""
        if self.their_state is h11.IDLE:
            head = self.trailing_data[0].partition(b"\r\n\r\n")[0]
            if _FOLDED.search(head):
                raise h11.RemoteProtocolError("folded header", error_status_hint=400)
        return super().next_event()


class StrictProtocol(H11Protocol):
    """The server's protocol over :class:`StrictConnection`."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.conn = StrictConnection(h11.SERVER, self.config.h11_max_incomplete_event_size or 16 * 1024)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin a connection; what it is about in TLS is told to the application with every request."""
        super().connection_made(transport)
        session = transport.get_extra_info("ssl_object")
        certificate = session.getpeercert(binary_form=True) if session else None
        self.app = WithCertificate(self.app, certificate)


class WithCertificate:
    """Tells an application the client certificate that its connection was made with: ``client_certificate``.

    The value in the scope is DER, of a certificate that TLS has verified, or None.
    """

    def __init__(self, app: ASGIApp, certificate: bytes | None) -> None:
        self._app = app
        self._certificate = certificate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        scope["client_certificate"] = self._certificate
        await self._app(scope, receive, send)
