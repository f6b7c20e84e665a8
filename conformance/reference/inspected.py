"""A port for those who look at certificates: sound, or with whichever single thing wrong a fault asks for.

The standard library's servers can neither staple an OCSP response nor change their certificate from one connection
to the next, so this port speaks TLS through pyOpenSSL. Nothing is served behind the handshake.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import ocsp
from OpenSSL import SSL

from conformance.reference.issuing import (
    CLIENT,
    SERVER,
    Authority,
    Holder,
    Order,
    self_signed,
    write_private,
)
from conformance.sdk.reference import FaultBoard

#: The name of the port among the endpoints of the candidate file.
ENDPOINT = "certificates"
#: What is served while no fault is on.
SOUND = "sound"
#: Faults of this port are named "certificate.<variant>".
PREFIX = "certificate."

#: Seconds that a client may take between two of its messages.
_PATIENCE_S = 5.0
_READ = 65536

_DAY = timedelta(days=1)

#: Object identifiers in DER: ecdsa-with-SHA256 and ecdsa-with-SHA1 (RFC 5758, RFC 3279).
_ECDSA_SHA256 = bytes.fromhex("06082a8648ce3d040302")
_ECDSA_SHA1 = bytes.fromhex("06072a8648ce3d0401")


@dataclass(frozen=True, slots=True)
class Variant:
    """What the port serves: a certificate with what goes along with it, and the response stapled to it."""

    holder: Holder
    staple: bytes


def make_variants(directory: Path, root: Authority, names: tuple[str, ...]) -> None:
    """Write every variant into a directory: certificates that name ``names``, issued below ``root``."""
    directory.mkdir(exist_ok=True)
    for name, variant in _variants(root, names).items():
        write_private(directory / f"{name}.pem", variant.holder.pem())
        (directory / f"{name}.ocsp").write_bytes(variant.staple)


def _variants(root: Authority, names: tuple[str, ...]) -> dict[str, Variant]:
    issuer = Authority("Reference Bank Issuing", path_length=0, parent=root)
    impostor = Authority("Reference Bank Issuing")
    sound, now = Order("localhost", SERVER, names), datetime.now(UTC)

    def good(order: Order = sound, key: rsa.RSAPrivateKey | None = None) -> Variant:
        holder = issuer.issue(order, key)
        return Variant(holder, _response(issuer, holder.certificate))

    first = good()
    certificate = first.holder.certificate
    return {
        SOUND: first,
        "self-signed": Variant(self_signed(sound), b""),
        "intermediate-missing": replace(first, holder=replace(first.holder, above=())),
        "other-host": good(replace(sound, names=("other.example",))),
        "common-name-only": good(Order(names[0], SERVER)),
        "expired": good(replace(sound, begins=now - 90 * _DAY, ends=now - _DAY)),
        "future": good(replace(sound, begins=now + _DAY)),
        "nearly-expired": good(replace(sound, begins=now - 335 * _DAY, ends=now + 20 * _DAY)),
        "client-purpose": good(replace(sound, purpose=CLIENT)),
        "rsa-1024": good(key=rsa.generate_private_key(65537, 1024)),  # noqa: S505 - the fault
        "sha1": Variant(_signed_with_sha1(first.holder, issuer), b""),
        "staple-revoked": replace(first, staple=_response(issuer, certificate, revoked=True)),
        "staple-stale": replace(first, staple=_response(issuer, certificate, age=10 * _DAY)),
        "staple-forged": replace(first, staple=_response(issuer, certificate, signer=impostor)),
    }


def _response(
    issuer: Authority,
    certificate: x509.Certificate,
    *,
    revoked: bool = False,
    age: timedelta = timedelta(hours=1),
    signer: Authority | None = None,
) -> bytes:
    """Return an OCSP response of an issuer that is good for a week from its ``age`` ago on."""
    begins = datetime.now(UTC) - age
    responder = signer or issuer
    builder = ocsp.OCSPResponseBuilder().add_response(
        certificate,
        issuer.certificate,
        hashes.SHA1(),  # noqa: S303 - identifies the issuer, as every responder does; nothing rests on its strength
        ocsp.OCSPCertStatus.REVOKED if revoked else ocsp.OCSPCertStatus.GOOD,
        begins,
        begins + 7 * _DAY,
        begins if revoked else None,
        x509.ReasonFlags.key_compromise if revoked else None,
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.NAME, responder.certificate)
    return builder.sign(responder.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def _signed_with_sha1(holder: Holder, issuer: Authority) -> Holder:
    """Return the same certificate under a SHA-1 signature, put together by hand: no library makes one any more."""
    modern, old = _sequence(_ECDSA_SHA256), _sequence(_ECDSA_SHA1)
    body = _unwrapped(holder.certificate.tbs_certificate_bytes)
    signed = _sequence(body.replace(modern, old, 1))
    signature = issuer.key.sign(signed, ec.ECDSA(hashes.SHA1()))  # noqa: S303 - the fault
    bits = b"\x03" + _length(len(signature) + 1) + b"\x00" + signature
    return replace(holder, certificate=x509.load_der_x509_certificate(_sequence(signed + old + bits)))


def _sequence(content: bytes) -> bytes:
    return b"\x30" + _length(len(content)) + content


def _length(size: int) -> bytes:
    return bytes([size]) if size < 0x80 else b"\x82" + size.to_bytes(2, "big") if size > 0xFF else bytes([0x81, size])


def _unwrapped(der: bytes) -> bytes:
    """Return what a DER sequence holds."""
    return der[2 + (der[1] & 0x7F if der[1] & 0x80 else 0) :]


class InspectedPort:
    """Serves the handshake of the variant whose fault is on."""

    def __init__(self, directory: Path, faults: FaultBoard) -> None:
        self._directory = directory
        self._faults = faults
        self._contexts: dict[str, SSL.Context] = {}

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        connection = SSL.Connection(self._context(self._variant()), None)
        connection.set_accept_state()
        try:
            await _converse(connection, reader, writer)
        except (SSL.Error, OSError, TimeoutError):
            writer.transport.abort()  # whoever does not like the certificate hangs up; nothing is wrong with us
        finally:
            writer.close()

    def _variant(self) -> str:
        on = (path.stem for path in sorted(self._directory.glob("*.pem")) if self._faults.on(PREFIX + path.stem))
        return next(on, SOUND)

    def _context(self, variant: str) -> SSL.Context:
        if variant not in self._contexts:
            path = self._directory / f"{variant}.pem"
            self._contexts[variant] = _context(path, path.with_suffix(".ocsp").read_bytes())
        return self._contexts[variant]


def _context(path: Path, staple: bytes) -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    # Certificates that are too weak for the library's own defaults must be servable: that is what is looked for.
    context.set_cipher_list(b"ECDHE+AESGCM:ECDHE+CHACHA20:@SECLEVEL=0")
    context.use_certificate_chain_file(str(path))
    context.use_privatekey_file(str(path))
    context.set_ocsp_server_callback(lambda connection, data: staple)
    return context


async def _converse(connection: SSL.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Shake hands, then listen until the other side has gone."""
    shaken = False
    while data := await asyncio.wait_for(reader.read(_READ), _PATIENCE_S):
        if shaken:
            continue
        connection.bio_write(data)
        try:
            connection.do_handshake()
            shaken = True
        except SSL.WantReadError:
            pass
        finally:
            _flush(connection, writer)
        await writer.drain()


def _flush(connection: SSL.Connection, writer: asyncio.StreamWriter) -> None:
    try:
        while data := connection.bio_read(_READ):
            writer.write(data)
    except SSL.WantReadError:
        return
