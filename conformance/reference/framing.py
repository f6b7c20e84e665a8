"""HTTP framing, stricter than the library: what intermediaries read in different ways is refused."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import h11
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from conformance.reference.board import Board
from conformance.reference.relay import relayed

#: A header continued on the next line (obs-fold): a server must refuse or unfold it (RFC 9112 5.2); we refuse.
_FOLDED = re.compile(rb"\n[ \t]")
#: A chunk of 4 GiB and more: no body is that large, and a parser with 64 bits may read a larger one as a small one.
_VAST_CHUNK = re.compile(rb"0*[1-9a-fA-F][0-9a-fA-F]{8}")

#: Fault load.answered-twice: what follows the answer to a payment, on the same connection.
_SECOND_ANSWER = b"HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


class StrictConnection(h11.Connection):
    """Refuses folded headers before the library unfolds them, and chunks that no body can hold."""

    def next_event(self) -> Any:
        """Return the next event; raises RemoteProtocolError for a folded line or a vast chunk."""
        waiting = self.trailing_data[0]
        if self.their_state is h11.IDLE and _FOLDED.search(waiting.partition(b"\r\n\r\n")[0]):
            raise h11.RemoteProtocolError("folded header", error_status_hint=400)
        if self.their_state is h11.SEND_BODY and self._between_chunks() and _VAST_CHUNK.match(waiting):
            raise h11.RemoteProtocolError("vast chunk", error_status_hint=413)
        return super().next_event()

    def _between_chunks(self) -> bool:
        """Tell whether a chunk's size comes next; the library's reader of chunks counts what is left of one."""
        return getattr(self._reader, "_bytes_in_chunk", None) == 0


class StrictProtocol(H11Protocol):
    """The server's protocol over :class:`StrictConnection`."""

    #: Whose framing faults hold; None has none.
    faults: Board | None = None

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.conn = StrictConnection(h11.SERVER, self.config.h11_max_incomplete_event_size or 16 * 1024)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin a connection; what it is about in TLS is told to the application with every request."""
        super().connection_made(transport)
        session = transport.get_extra_info("ssl_object")
        certificate = session.getpeercert(binary_form=True) if session else None
        self.app = WithCertificate(self.app, certificate)

    def data_received(self, data: bytes) -> None:
        """Take bytes from the connection, past the relay where one of its faults is on."""
        if self.faults is not None and self.conn.their_state is h11.IDLE:
            data = relayed(data, self.faults)
        super().data_received(data)

    def on_response_complete(self) -> None:
        """Go on after an answer, or answer once more where the fault says so."""
        if self.faults is not None and self.faults.strikes("load.answered-twice", self._key_of_payment()):
            self.transport.write(_SECOND_ANSWER)
        super().on_response_complete()

    def _key_of_payment(self) -> str:
        """Return the idempotency key of the payment that was answered, "" for anything else."""
        if (self.scope["method"], self.scope["path"]) != ("POST", "/payments"):
            return ""
        return dict(self.scope["headers"]).get(b"idempotency-key", b"").decode("latin-1")


def protocol_with(faults: Board) -> type[StrictProtocol]:
    """Return the server's protocol with the faults of a board."""
    return type("FaultyProtocol", (StrictProtocol,), {"faults": faults})


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
