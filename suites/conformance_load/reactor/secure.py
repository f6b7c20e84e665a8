"""The same connection over TLS: OpenSSL works on two memory buffers, the reactor on the socket."""

from __future__ import annotations

import ssl
from typing import Any

from conformance_load.reactor.connection import BUSY, OPENING, OWN, RECEIVE, RECEIVE_MORE, Connection, Owner, said
from conformance_load.reactor.endpoint import Endpoint

#: No record holds more.
_RECORD_MAX = 16 * 1024
_IN = 1
_AGAIN = (BlockingIOError, InterruptedError)


class TlsConnection(Connection):
    """One connection to an endpoint with TLS; certificates are checked for the target's host, always."""

    __slots__ = ("_incoming", "_outgoing", "_plain", "_raw_send", "_tls")

    def _connected(self) -> None:
        context = self._endpoint.target.tls
        if context is None:
            raise ValueError("a TLS connection needs a TLS context")
        self._raw_send, self._receive = self._socket.send, self._socket.recv
        self._send = self._encrypt
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        try:
            self._tls: Any = context.wrap_bio(
                self._incoming, self._outgoing, server_hostname=self._endpoint.target.host
            )
        except ValueError as error:
            self._unopened("tls", f"{self._endpoint.target.host!r} is no name that a certificate could have: {error}")
            return
        self._plain: Any = self._tls.read
        self._reactor.change(self._file, _IN, self._shaking_hands)
        self._shake_hands()

    def _shaking_hands(self, _event: int) -> None:
        try:
            data = self._receive(RECEIVE_MORE)
        except _AGAIN:
            return
        except OSError as error:
            self._unopened("connection", said(error))
            return
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
        self._shake_hands()

    def _shake_hands(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush_handshake()
        except ssl.SSLError as error:
            self._flush_handshake()
            if self.state == OPENING:
                self._unopened("tls", tls_said(error))
        else:
            self._flush_handshake()
            if self.state == OPENING and self._socket is not None:
                self._reactor.change(self._file, _IN, self._readable)
                self._is_open()
                if self._incoming.pending:
                    self._decrypt()

    def _flush_handshake(self) -> None:
        """Send OpenSSL's own messages; they are small, and a socket this young takes them whole."""
        data = self._outgoing.read()
        if not data:
            return
        try:
            sent = self._raw_send(data)
        except OSError as error:
            self._later("connection", said(error), error.errno in OWN)
            return
        if sent != len(data):
            self._later("connection", "the socket does not take a handshake message")

    def _encrypt(self, request: bytes | memoryview) -> int:
        """Send encrypted; returns how much of ``request`` was taken, as a socket's ``send`` does.

        What was encrypted cannot be taken back: ciphertext that the socket does not take is kept as what is unsent.
        """
        self._tls.write(request)
        data = self._outgoing.read()
        try:
            sent = self._raw_send(data)
        except _AGAIN:
            sent = 0
        if sent != len(data):
            self._send = self._raw_send
            self._send_rest(memoryview(data)[sent:])
        return len(request)

    def _all_sent(self) -> None:
        self._send = self._encrypt
        super()._all_sent()

    def _readable(self, _event: int) -> None:
        try:
            data = self._receive(self._size)
        except _AGAIN:
            return
        except OSError as error:
            self._gone(said(error))
            return
        if data:
            self._incoming.write(data)
            self._decrypt()
        elif self.state >= BUSY:
            # Without TLS's own goodbye this may be somebody cutting an answer short.
            self.fail("connection", "closed by the server without the end that TLS demands")
        else:
            self._lost()

    def _decrypt(self) -> None:
        try:
            data = self._plain(RECEIVE)
        except ssl.SSLWantReadError:
            return
        except ssl.SSLError as error:
            self._ended_by_tls(error)
            return
        if self._incoming.pending or len(data) == RECEIVE:
            self._decrypt_rest(data)
        else:
            self._received(data)

    def _decrypt_rest(self, first: bytes) -> None:
        """Deliver several records as one piece, and then how TLS ended, if it did."""
        pieces = [first]
        ended: ssl.SSLError | None = None
        while ended is None:
            try:
                pieces.append(self._plain(_RECORD_MAX))
            except ssl.SSLWantReadError:
                break
            except ssl.SSLError as error:
                ended = error
        holder = self._socket
        self._received(b"".join(pieces))
        if ended is not None and self._socket is holder:
            self._ended_by_tls(ended)

    def _ended_by_tls(self, error: ssl.SSLError) -> None:
        if isinstance(error, ssl.SSLZeroReturnError):
            self._received(b"")
        elif self.state >= BUSY:
            self.fail("tls", tls_said(error))
        else:
            self._lost()


def connection_to(endpoint: Endpoint, owner: Owner) -> Connection:
    """Return a closed connection of the kind that an endpoint needs."""
    return Connection(endpoint, owner) if endpoint.target.tls is None else TlsConnection(endpoint, owner)


def tls_said(error: ssl.SSLError) -> str:
    """Return an error of TLS in a few words, with what is wrong with the certificate if that is it."""
    told = getattr(error, "verify_message", "") or error.reason or error.strerror or str(error)
    return f"{type(error).__name__}: {told}"
