"""Reading what a server shows of itself: its certificates as sent, and the OCSP response stapled to them.

A handshake that verifies nothing, so that a bad certificate can be read and judged instead of ending the
conversation. It ends where a real client's would begin: not one byte of application data follows, nobody's
credentials are used, and whatever the certificate says, the connection is closed. Requests go through the
candidate's own session alone, which always verifies.

TLS 1.3 encrypts its certificates, so this takes a library (pyOpenSSL, over the recorded socket). It is asked for
everything it can still speak, at no security level: what is too weak is for the checks to say.
"""

from __future__ import annotations

import ipaddress
import time
from dataclasses import dataclass, field

from cryptography import x509
from OpenSSL import SSL

from conformance.sdk import Inconclusive, RawSocket
from conformance_security.tls.target import TlsTarget

#: Every suite the library has, including those it would not offer by itself.
_SUITES = b"ALL:COMPLEMENTOFALL:@SECLEVEL=0"
#: SSL_OP_LEGACY_SERVER_CONNECT: servers without renegotiation_info are read as well.
_LEGACY_SERVERS = 0x4
#: Seconds for the whole handshake.
_HANDSHAKE_S = 8.0
_CHUNK = 65536


@dataclass(frozen=True, slots=True)
class Shown:
    """What a server showed: its certificates in the order sent, leaf first, and its staple in DER or b""."""

    chain: tuple[x509.Certificate, ...]
    staple: bytes

    @property
    def leaf(self) -> x509.Certificate:
        """The server's own certificate."""
        return self.chain[0]


@dataclass(slots=True)
class _Notebook:
    """Filled in by the library while it shakes hands."""

    chain: tuple[x509.Certificate, ...] = ()
    staple: bytes = b""
    errors: list[str] = field(default_factory=list)


def inspect(target: TlsTarget) -> Shown:
    """Shake hands once and return what the server showed; raises Inconclusive when there is no certificate to see."""
    socket = target.connect()
    notebook = _Notebook()
    try:
        _shake(_connection(target.host, notebook), socket)
    except (SSL.Error, OSError, ValueError) as error:
        # A server that wants a client certificate ends the handshake after it has shown its own.
        notebook.errors.append(f"{type(error).__name__}: {error}".rstrip(": "))
    finally:
        socket.close()
    if not notebook.chain:
        why = "; ".join(notebook.errors) or "the handshake ended without one"
        raise Inconclusive(f"{target.host}:{target.port} showed no certificate: {why}", blame="PRODUCT")
    return Shown(notebook.chain, notebook.staple)


def _connection(host: str, notebook: _Notebook) -> SSL.Connection:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(0)
    context.set_cipher_list(_SUITES)
    context.set_options(_LEGACY_SERVERS)

    def seen(connection: SSL.Connection, staple: bytes, data: object) -> bool:
        """Called when the server has shown everything, whether it stapled or not, and before it is answered."""
        notebook.staple = staple
        notebook.chain = tuple(connection.get_peer_cert_chain(as_cryptography=True) or ())
        return True

    context.set_ocsp_client_callback(seen)
    connection = SSL.Connection(context, None)
    connection.request_ocsp()
    if not _is_address(host):
        connection.set_tlsext_host_name(host.encode("idna"))
    connection.set_connect_state()
    return connection


def _shake(connection: SSL.Connection, socket: RawSocket) -> None:
    limit = time.monotonic() + _HANDSHAKE_S
    while True:
        try:
            connection.do_handshake()
        except SSL.WantReadError:
            _flush(connection, socket)
        else:
            _flush(connection, socket)
            return
        if time.monotonic() > limit:
            raise TimeoutError(f"the handshake was not over after {_HANDSHAKE_S:g} s")
        data = socket.receive(_CHUNK)
        if not data:
            raise ConnectionError("the server closed the connection during the handshake")
        connection.bio_write(data)


def _flush(connection: SSL.Connection, socket: RawSocket) -> None:
    try:
        while data := connection.bio_read(_CHUNK):
            socket.send(data)
    except SSL.WantReadError:
        return


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
