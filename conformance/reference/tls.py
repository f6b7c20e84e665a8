"""The bank's own certificate authority, its certificates, those of its clients, and the TLS of its ports.

Everything is made once in the bank's directory and forgotten where it is not needed: the authority's key is never
written down.
"""

from __future__ import annotations

import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from conformance.reference import inspected
from conformance.reference.issuing import CLIENT, SERVER, Authority, Order, pem, write_private

#: Forward secrecy and authenticated encryption only (RFC 9325, recommended suites of TLS 1.2).
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
#: What the certificates of this bank's servers name.
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")

CA_FILE = "ca.pem"
_SERVER_FILE = "server.pem"
#: Revoked client certificates.
_REVOKED_FILE = "clients.crl"
#: Somebody else's authority with its (empty) revocation list: nothing that it issued may be let in.
_STRANGERS_FILE = "strangers.pem"

#: Client certificates, each with its key in ``client-<name>.pem``: two that are good, and three that are not.
CLIENTS = ("first", "second", "revoked", "expired", "stranger")

#: X509_V_FLAG_NO_CHECK_TIME of OpenSSL, which the standard library does not name.
_NO_CHECK_TIME = 0x200000


def client_file(name: str) -> str:
    """Return the name of the file that holds a client's certificate and key, in the bank's directory."""
    return f"client-{name}.pem"


def make_certificates(directory: Path) -> Path:
    """Write root, server and client certificates unless they exist; return the root's path."""
    path = directory / CA_FILE
    wanted = (path, directory / _SERVER_FILE, directory / _REVOKED_FILE, directory / _STRANGERS_FILE)
    if all(item.exists() for item in wanted):
        return path
    root = Authority("Reference Bank Root")
    write_private(directory / _SERVER_FILE, root.issue(Order("localhost", SERVER, LOOPBACK_NAMES)).pem())
    make_client_certificates(directory, root)
    inspected.make_variants(directory / inspected.ENDPOINT, root, LOOPBACK_NAMES)
    path.write_bytes(pem(root.certificate))
    return path


def make_client_certificates(directory: Path, root: Authority) -> None:
    """Write a file for each of :data:`CLIENTS`, the list of the revoked, and the strangers' authority.

    The subject of each is ``CN=client-<name>``; all but the stranger's are issued by ``root``.
    """
    strangers = Authority("Somebody Else's Root")
    now = datetime.now(UTC)
    issued = {}
    for name in CLIENTS:
        order = Order(f"client-{name}", CLIENT)
        if name == "expired":
            order = replace(order, begins=now - timedelta(days=60), ends=now - timedelta(days=30))
        issued[name] = (strangers if name == "stranger" else root).issue(order)
        write_private(directory / client_file(name), issued[name].pem())
    (directory / _REVOKED_FILE).write_bytes(root.revocations([issued["revoked"].certificate]))
    (directory / _STRANGERS_FILE).write_bytes(pem(strangers.certificate) + strangers.revocations([]))


def server_context(directory: Path) -> ssl.SSLContext:
    """Return the context of all TLS ports: TLS 1.2 and 1.3, no compression, no renegotiation."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / _SERVER_FILE)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    harden(context)
    return context


def harden(context: ssl.SSLContext) -> None:
    """Allow what RFC 9325 recommends, nothing else."""
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)


def weaken(context: ssl.SSLContext) -> None:
    """Fault tls.legacy-protocol: speak TLS 1.0 and 1.1 again, as products do that never changed a default."""
    context.set_ciphers("ECDHE+AES:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED


class MutualTls:
    """The context of the port that asks for client certificates, with the faults it may have.

    A certificate is optional in TLS, because the routes decide who needs one; if there is one it must be of the
    bank's authority, within its validity and not on its revocation list, or the handshake fails.
    """

    def __init__(self, directory: Path) -> None:
        self.context = _asking(directory)
        # Authorities can be added to a context but not taken away: the credulous one is another context, which a
        # connection is moved to while the fault is on.
        self._credulous = _asking(directory)
        self._credulous.load_verify_locations(directory / _STRANGERS_FILE)

    def set(self, *, any_authority: bool, ignores_revocation: bool, ignores_expiry: bool) -> None:
        """Apply faults to connections made from now on."""
        flags = ssl.VerifyFlags.VERIFY_X509_TRUSTED_FIRST
        flags |= 0 if ignores_revocation else ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF
        flags |= _NO_CHECK_TIME if ignores_expiry else 0
        self.context.verify_flags = ssl.VerifyFlags(flags)
        # A name callback runs for every hello, also for those without a name.
        self.context.sni_callback = self._move if any_authority else None

    def _move(self, connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        connection.context = self._credulous


def _asking(directory: Path) -> ssl.SSLContext:
    context = server_context(directory)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(directory / CA_FILE)
    context.load_verify_locations(directory / _REVOKED_FILE)
    return context
