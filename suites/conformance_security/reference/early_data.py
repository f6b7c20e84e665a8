"""Fault tls.early-data: a TLS 1.3 terminator that takes requests before the handshake is done and passes them on.

As proxies do that switched 0-RTT on and tell nobody behind them: the bank answers as if the request were fresh.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from OpenSSL import SSL
from OpenSSL._util import ffi, lib

_READ = 65536
#: Bytes of early data that tickets allow.
_EARLY_MAX = 16384
#: What SSL_read_early_data returns.
_EARLY_MORE, _EARLY_OVER = 1, 2


class EarlyTerminator:
    """Ends TLS in front of the bank, with one context, so that its tickets can be redeemed."""

    def __init__(self, directory: Path) -> None:
        self._context = SSL.Context(SSL.TLS_SERVER_METHOD)
        self._context.use_certificate_chain_file(str(directory / "server.pem"))
        self._context.use_privatekey_file(str(directory / "server.pem"))
        self._context.set_session_id(b"front")
        # pyOpenSSL has bound the functions, but gives them no method.
        lib.SSL_CTX_set_max_early_data(self._context._context, _EARLY_MAX)
        self._inside = ssl.create_default_context(cafile=str(directory / "ca.pem"))

    async def serve(
        self, taken: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, behind: str
    ) -> None:
        """Serve one connection whose first bytes are ``taken``; ``behind`` is the bank's URL."""
        place = urlsplit(behind)
        inner_reader, inner_writer = await asyncio.open_connection(
            place.hostname, place.port, ssl=self._inside, server_hostname=place.hostname
        )
        outside = _Outside(self._context, writer)
        with contextlib.closing(inner_writer):
            answering = asyncio.create_task(_answer(outside, inner_reader))
            asking = asyncio.create_task(_ask(outside, taken, reader, inner_writer))
            try:
                await asyncio.wait((answering, asking), return_when=asyncio.FIRST_COMPLETED)
            finally:
                answering.cancel()
                asking.cancel()


class _Outside:
    """The TLS connection with the client, through memory."""

    def __init__(self, context: SSL.Context, writer: asyncio.StreamWriter) -> None:
        self._connection = SSL.Connection(context, None)
        self._connection.set_accept_state()
        self._writer = writer
        self._early = True
        self.shaken = asyncio.Event()
        self.ended = False

    def decrypt(self, data: bytes) -> bytes:
        """Take what the client sent and return what it says, early data included."""
        self._connection.bio_write(data)
        plain = self._early_data() if self._early else b""
        try:
            if not self._early:
                self._connection.do_handshake()
                self.shaken.set()
                while True:
                    plain += self._connection.recv(_READ)
        except SSL.WantReadError:
            pass
        except SSL.Error:  # an alert, or the end: nothing more comes that can be read
            self.ended = True
        finally:
            self._flush()
        return plain

    def say(self, data: bytes) -> None:
        """Send an answer to the client."""
        self._connection.sendall(data)
        self._flush()

    def _early_data(self) -> bytes:
        plain = b""
        buffer, count = ffi.new("char[]", _READ), ffi.new("size_t *")
        while True:
            state = lib.SSL_read_early_data(self._connection._ssl, buffer, _READ, count)
            if state == _EARLY_OVER:
                self._early = False
                return plain
            if state != _EARLY_MORE:  # more bytes are needed, or they are wrong: then nothing will come of them
                lib.ERR_clear_error()
                return plain
            plain += bytes(ffi.buffer(buffer, count[0]))

    def _flush(self) -> None:
        with contextlib.suppress(SSL.WantReadError):
            while data := self._connection.bio_read(_READ):
                self._writer.write(data)


async def _ask(outside: _Outside, taken: bytes, reader: asyncio.StreamReader, inner: asyncio.StreamWriter) -> None:
    """Pass what the client says to the bank until the client ends."""
    while taken and not outside.ended:
        inner.write(outside.decrypt(taken))
        await inner.drain()
        taken = await reader.read(_READ)


async def _answer(outside: _Outside, inner: asyncio.StreamReader) -> None:
    """Pass what the bank answers to the client, once the client has proved that it is there."""
    while data := await inner.read(_READ):
        await outside.shaken.wait()
        outside.say(data)
