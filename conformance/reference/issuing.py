"""A small certificate authority: issues what the bank and its clients use, and what a fault makes of it."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

#: How long generated certificates are valid; longer than any run, shorter than what clients refuse.
LIFETIME = timedelta(days=365)
#: Certificates begin this long ago, so that a clock a little behind still accepts them.
_BEFORE = timedelta(hours=1)

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

SERVER = ExtendedKeyUsageOID.SERVER_AUTH
CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH
RESPONDER = ExtendedKeyUsageOID.OCSP_SIGNING


@dataclass(frozen=True, slots=True)
class Holder:
    """A certificate, its private key, and what is sent along with it (intermediates, never the root)."""

    certificate: x509.Certificate
    key: PrivateKey
    above: tuple[x509.Certificate, ...] = ()

    def pem(self) -> bytes:
        """Return key, certificate and intermediates in one file's bytes."""
        certificates = (self.certificate, *self.above)
        return private_pem(self.key) + b"".join(pem(item) for item in certificates)


@dataclass(frozen=True, slots=True)
class Order:
    """What a certificate is to say. ``begins`` and ``ends`` default to now and a year; "" names go nowhere."""

    subject: str
    purpose: x509.ObjectIdentifier
    names: Sequence[str] = ()
    begins: datetime | None = None
    ends: datetime | None = None


def new_key() -> ec.EllipticCurvePrivateKey:
    """Return a new P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


class Authority:
    """Issues certificates and revocation lists under one name."""

    def __init__(self, name: str, *, path_length: int = 1, parent: Authority | None = None) -> None:
        self.key = new_key()
        signer = parent.key if parent else self.key
        issuer: x509.Name = parent.certificate.subject if parent else _name(name)
        builder = _builder(_name(name), issuer, self.key, None, None)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
        builder = builder.add_extension(_key_of(signer), critical=False)
        self.certificate: x509.Certificate = builder.sign(signer, hashes.SHA256())
        #: What has to be sent with certificates of this authority.
        self.above = (self.certificate,) if parent else ()

    def issue(self, order: Order, key: PrivateKey | None = None) -> Holder:
        """Return a new certificate for a key, by default a new one."""
        key = key or new_key()
        builder = _end_entity(order, self.certificate.subject, key).add_extension(_key_of(self.key), critical=False)
        return Holder(builder.sign(self.key, hashes.SHA256()), key, self.above)

    def revocations(self, revoked: Sequence[x509.Certificate]) -> bytes:
        """Return a revocation list as PEM."""
        now = datetime.now(UTC)
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
        builder = builder.last_update(now - _BEFORE).next_update(now + LIFETIME)
        builder = builder.add_extension(_key_of(self.key), critical=False)
        for certificate in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(certificate.serial_number)
            builder = builder.add_revoked_certificate(entry.revocation_date(now - _BEFORE).build())
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def self_signed(order: Order) -> Holder:
    """Return a certificate that nobody else vouches for."""
    key = new_key()
    return Holder(_end_entity(order, _name(order.subject), key).sign(key, hashes.SHA256()), key)


def pem(certificate: x509.Certificate) -> bytes:
    """Return a certificate as PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def private_pem(key: PrivateKey) -> bytes:
    """Return a private key as unencrypted PKCS #8."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner can read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def _end_entity(order: Order, issuer: x509.Name, key: PrivateKey) -> x509.CertificateBuilder:
    builder = _builder(_name(order.subject), issuer, key, order.begins, order.ends)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([order.purpose]), critical=False)
    if order.names:
        builder = builder.add_extension(x509.SubjectAlternativeName(list(map(_general, order.names))), critical=False)
    return builder


def _builder(
    subject: x509.Name, issuer: x509.Name, key: PrivateKey, begins: datetime | None, ends: datetime | None
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins or now - _BEFORE)
        .not_valid_after(ends or now + LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_of(signer: PrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
