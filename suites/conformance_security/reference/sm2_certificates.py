"""X.509 certificates signed by SM2 with SM3, written in DER by hand: no library at hand can sign them.

The curve's arithmetic is that of ``gmalg``; the suite's oracle has its own.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from gmalg import SM2

#: The user identity that everyone uses who has agreed on no other (GB/T 35276).
_USER_ID = b"1234567812345678"
_ORDER = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
_LIFETIME = timedelta(days=365)

_SEQUENCE, _SET, _INTEGER, _BITS, _OCTETS, _OID, _BOOLEAN, _UTF8, _TIME = (
    0x30, 0x31, 0x02, 0x03, 0x04, 0x06, 0x01, 0x0C, 0x18,
)  # fmt: skip
_EC_KEY, _SM2_CURVE, _SM2_WITH_SM3 = "1.2.840.10045.2.1", "1.2.156.10197.1.301", "1.2.156.10197.1.501"
_COMMON_NAME, _BASIC, _USAGE = "2.5.4.3", "2.5.29.19", "2.5.29.15"

#: Bits of keyUsage (RFC 5280 4.2.1.3), as the one octet of the BIT STRING.
DIGITAL_SIGNATURE, NON_REPUDIATION, KEY_ENCIPHERMENT, DATA_ENCIPHERMENT, KEY_AGREEMENT, CERTIFICATE_SIGN = (
    0x80, 0x40, 0x20, 0x10, 0x08, 0x04,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Party:
    """Someone with an SM2 key."""

    name: str
    private: bytes

    @classmethod
    def of(cls, name: str, seed: bytes) -> Party:
        """Return a party whose key follows from 32 secret bytes."""
        wide = hashlib.sha512(name.encode() + seed).digest()
        return cls(name, (int.from_bytes(wide, "big") % (_ORDER - 2) + 1).to_bytes(32, "big"))

    @property
    def public(self) -> bytes:
        """The public point, uncompressed, 65 bytes."""
        return bytes(SM2().generate_pk(self.private))

    def sign(self, message: bytes) -> bytes:
        """Return an SM2 signature with SM3 in DER."""
        r, s = SM2(sk=self.private, uid=_USER_ID).sign(message)
        return _der(_SEQUENCE, _integer(int.from_bytes(r, "big")), _integer(int.from_bytes(s, "big")))


def certificate(subject: Party, issuer: Party, usage: int, now: datetime, *, authority: bool = False) -> bytes:
    """Return a certificate in DER, valid from a day before ``now`` for a year; ``usage`` are bits of keyUsage."""
    algorithm = _der(_SEQUENCE, _oid(_SM2_WITH_SM3))
    serial = int.from_bytes(hashlib.sha256(subject.public + issuer.private).digest()[:15], "big")
    validity = _der(_SEQUENCE, _time(now - timedelta(days=1)), _time(now + _LIFETIME))
    body = _der(
        _SEQUENCE,
        _der(0xA0, _integer(2)),
        _integer(serial),
        algorithm,
        _name(issuer.name),
        validity,
        _name(subject.name),
        _key(subject.public),
        _der(0xA3, _der(_SEQUENCE, *_extensions(usage, authority))),
    )
    return _der(_SEQUENCE, body, algorithm, _der(_BITS, b"\x00" + issuer.sign(body)))


def pem(der: bytes) -> bytes:
    """Return a certificate as PEM."""
    return b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(der) + b"-----END CERTIFICATE-----\n"


def _extensions(usage: int, authority: bool) -> list[bytes]:
    critical = _der(_BOOLEAN, b"\xff")
    basic = _der(_SEQUENCE, critical) if authority else _der(_SEQUENCE)
    unused = (usage & -usage).bit_length() - 1
    return [
        _der(_SEQUENCE, _oid(_BASIC), critical, _der(_OCTETS, basic)),
        _der(_SEQUENCE, _oid(_USAGE), critical, _der(_OCTETS, _der(_BITS, bytes([unused, usage])))),
    ]


def _name(common: str) -> bytes:
    return _der(_SEQUENCE, _der(_SET, _der(_SEQUENCE, _oid(_COMMON_NAME), _der(_UTF8, common.encode()))))


def _key(public: bytes) -> bytes:
    return _der(_SEQUENCE, _der(_SEQUENCE, _oid(_EC_KEY), _oid(_SM2_CURVE)), _der(_BITS, b"\x00" + public))


def _time(instant: datetime) -> bytes:
    # Before 2050 dates are UTCTime (RFC 5280 4.1.2.5).
    early = instant.year < 2050
    return _der(0x17 if early else _TIME, instant.strftime("%y%m%d%H%M%SZ" if early else "%Y%m%d%H%M%SZ").encode())


def _integer(value: int) -> bytes:
    return _der(_INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _oid(text: str) -> bytes:
    first, second, *others = map(int, text.split("."))
    return _der(_OID, bytes([first * 40 + second]) + b"".join(_base128(value) for value in others))


def _base128(value: int) -> bytes:
    digits = [value & 0x7F]
    while value := value >> 7:
        digits.append(value & 0x7F | 0x80)
    return bytes(reversed(digits))


def _der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content
