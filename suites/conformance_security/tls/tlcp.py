"""TLCP (GB/T 38636): its two certificates, the chain behind each, and the proof in its ServerKeyExchange."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from conformance_security import sm2
from conformance_security.tls.wire import Malformed, Reader, vector

_SEQUENCE, _INTEGER, _BITS = 0x30, 0x02, 0x03
#: sm2-with-SM3 (GB/T 33560).
_SM2_WITH_SM3 = "1.2.156.10197.1.501"
#: Certificates between leaf and root, at most.
_DEPTH_MAX = 8


#: What the library says of bytes that are no certificate, or not a sane one.
_UNREADABLE = (ValueError, TypeError, x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType)


@dataclass(frozen=True, slots=True)
class SmCertificate:
    """A certificate with an SM2 key. ``usage``: names of keyUsage as in RFC 5280; ``r`` and ``s``: its signature."""

    subject: str
    issuer: str
    public: sm2.Affine
    usage: frozenset[str]
    authority: bool
    begins: datetime
    ends: datetime
    signed: bytes
    r: int
    s: int

    @classmethod
    def of(cls, der: bytes) -> SmCertificate:
        """Read a certificate in DER; raises Malformed with what is wrong."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what the library merely finds odd is not our subject
                return cls._read(der)
        except _UNREADABLE as error:
            raise Malformed(str(error)) from error

    @classmethod
    def _read(cls, der: bytes) -> SmCertificate:
        read = x509.load_der_x509_certificate(der)
        if read.signature_algorithm_oid.dotted_string != _SM2_WITH_SM3:
            raise Malformed(f"it is signed by {read.signature_algorithm_oid.dotted_string}, not by SM2 with SM3")
        return cls(
            read.subject.rfc4514_string(),
            read.issuer.rfc4514_string(),
            _public(read.tbs_certificate_bytes),
            _usage(read),
            _authority(read),
            read.not_valid_before_utc,
            read.not_valid_after_utc,
            read.tbs_certificate_bytes,
            *_signature(der),
        )

    @classmethod
    def of_pem(cls, pem: bytes) -> SmCertificate:
        """Read a certificate in PEM; raises Malformed."""
        try:
            return cls.of(x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER))
        except ValueError as error:
            raise Malformed(str(error)) from error

    def signed_by(self, issuer: SmCertificate) -> bool:
        """Tell whether the key of ``issuer`` made this certificate's signature."""
        return sm2.verify(issuer.public, self.signed, (self.r, self.s))


def chain_problem(leaf: SmCertificate, others: Sequence[SmCertificate], root: SmCertificate, now: datetime) -> str:
    """Return why no chain leads from ``leaf`` to ``root``, or "" if one does."""
    current = leaf
    for _ in range(_DEPTH_MAX):
        if not current.begins <= now <= current.ends:
            return f"{current.subject} is valid from {current.begins:%Y-%m-%d} to {current.ends:%Y-%m-%d} only"
        known = (root, *(item for item in others if item is not current))
        named = [item for item in known if item.authority and item.subject == current.issuer]
        if not named:
            return f"the issuer of {current.subject}, {current.issuer}, was not sent and is not the root"
        found = next((item for item in named if current.signed_by(item)), None)
        if found is None:
            return f"the signature of {current.subject} does not verify with the key of {current.issuer}"
        if found is root:
            return ""
        current = found
    return f"no root within {_DEPTH_MAX} steps"


def proof_holds(body: bytes, client: bytes, server: bytes, signing: SmCertificate, encrypting: bytes) -> bool:
    """Tell whether a ServerKeyExchange of ECC is signed over both randoms and the encryption certificate (DER)."""
    try:
        r, s = signature_of(Reader(body).vector(2))
    except Malformed:
        return False
    return sm2.verify(signing.public, client + server + vector(encrypting, 3), (r, s))


def signature_of(der: bytes) -> tuple[int, int]:
    """Return r and s of a signature in DER, without trailing bytes; raises Malformed."""
    outer = Reader(der)
    inner = Reader(_element(outer, _SEQUENCE))
    r, s = (int.from_bytes(_element(inner, _INTEGER), "big", signed=True) for _ in range(2))
    if not (outer.done and inner.done):
        raise Malformed("bytes behind the signature")
    return r, s


def _signature(der: bytes) -> tuple[int, int]:
    """Return r and s of a certificate's own signature, its third member."""
    outer = Reader(_element(Reader(der), _SEQUENCE))
    _any_element(outer)
    _any_element(outer)
    bits = _element(outer, _BITS)
    if bits[:1] != b"\x00":
        raise Malformed("its signature is no whole number of octets")
    return signature_of(bits[1:])


def _public(tbs: bytes) -> sm2.Affine:
    """Return the point in subjectPublicKeyInfo, the seventh member of a certificate's body."""
    body = Reader(_element(Reader(tbs), _SEQUENCE))
    for _ in range(6):  # version, serial number, algorithm, issuer, validity, subject
        _any_element(body)
    info = Reader(_element(body, _SEQUENCE))
    _any_element(info)
    bits = _element(info, _BITS)
    if len(bits) != 66 or bits[:2] != b"\x00\x04":
        raise Malformed("its key is no uncompressed point of a 256-bit curve")
    point = int.from_bytes(bits[2:34], "big"), int.from_bytes(bits[34:], "big")
    if not sm2.on_curve(point):
        raise Malformed("its key is no point of the SM2 curve")
    return point


def _usage(certificate: x509.Certificate) -> frozenset[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return frozenset()
    bits = {
        "digitalSignature": found.digital_signature,
        "nonRepudiation": found.content_commitment,
        "keyEncipherment": found.key_encipherment,
        "dataEncipherment": found.data_encipherment,
        "keyAgreement": found.key_agreement,
        "keyCertSign": found.key_cert_sign,
    }
    return frozenset(name for name, held in bits.items() if held)


def _authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _element(reader: Reader, tag: int) -> bytes:
    found, content = _any_element(reader)
    if found != tag:
        raise Malformed(f"tag 0x{found:02x} where 0x{tag:02x} belongs")
    return content


def _any_element(reader: Reader) -> tuple[int, bytes]:
    tag, size = reader.number(1), reader.number(1)
    if size & 0x80:
        if not 1 <= size & 0x7F <= 4:
            raise Malformed("a length that DER does not have")
        size = reader.number(size & 0x7F)
    return tag, reader.take(size)
