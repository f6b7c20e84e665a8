"""Keys for message signatures: Ed25519, ECDSA on P-256, and SM2."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from conformance.candidate import sm2
from conformance.candidate.jws import fixed_width
from conformance.errors import ConfigError

ALGORITHMS = ("ed25519", "ecdsa-p256-sha256", "sm2-sm3")

#: The object identifier of the SM2 curve (1.2.156.10197.1.301), as it stands in a PKCS#8 key.
_SM2_CURVE = bytes.fromhex("06082a811ccf5501822d")


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key ready to sign."""

    algorithm: str
    sign: Callable[[bytes], bytes]


@lru_cache(maxsize=64)
def load_signer(algorithm: str, text: str, where: str) -> Signer:
    """Return the signer for a key; raises ConfigError saying what does not fit."""
    try:
        return Signer(algorithm, _sm2_signer(text) if algorithm == "sm2-sm3" else _pem_signer(algorithm, text))
    except (ValueError, TypeError, binascii.Error) as error:
        raise ConfigError(
            f"the key does not fit {algorithm}: {error}",
            where=where,
            remedy=f"Give a PKCS#8 PEM key; algorithms: {', '.join(ALGORITHMS)}.",
        ) from error


def verifier(public: Any) -> Callable[[bytes, bytes], bool]:
    """Return ``verify(data, signature)`` for a public key: of cryptography, or an SM2 point ``(x, y)``."""
    match public:
        case ed25519.Ed25519PublicKey():
            return lambda data, value: _holds(lambda: public.verify(value, data))
        case ec.EllipticCurvePublicKey():
            return lambda data, value: (
                len(value) == 64 and _holds(lambda: public.verify(_der(value), data, ec.ECDSA(hashes.SHA256())))
            )
        case (int(), int()):
            return lambda data, value: sm2.verify(public, data, value)
        case _:
            raise TypeError(f"no verifier for a {type(public).__name__}")


def _pem_signer(algorithm: str, text: str) -> Callable[[bytes], bytes]:
    key = serialization.load_pem_private_key(text.encode("ascii"), password=None)
    match algorithm, key:
        case "ed25519", ed25519.Ed25519PrivateKey():
            return key.sign
        case "ecdsa-p256-sha256", ec.EllipticCurvePrivateKey() if isinstance(key.curve, ec.SECP256R1):
            return lambda data: fixed_width(key.sign(data, ec.ECDSA(hashes.SHA256())))
        case _:
            raise ValueError(f"a {type(key).__name__} is not a key for it")


def _sm2_signer(text: str) -> Callable[[bytes], bytes]:
    scalar = int.from_bytes(_sm2_scalar(text.strip()), "big")
    sm2.public_of(scalar)
    return lambda data: sm2.sign(scalar, data)


def _sm2_scalar(text: str) -> bytes:
    """Return the 32 bytes of an SM2 key, given as hex, as base64, or as PEM (which OpenSSL writes for SM2 too)."""
    if text.startswith("-----BEGIN"):
        der = base64.b64decode("".join(line for line in text.splitlines() if not line.startswith("-----")))
        at = der.find(b"\x02\x01\x01\x04\x20")
        if at < 0 or _SM2_CURVE not in der:
            raise ValueError("the PEM holds no SM2 key")
        return der[at + 5 : at + 37]
    raw = bytes.fromhex(text) if len(text) == 64 else base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if len(raw) != 32:
        raise ValueError(f"{len(raw)} bytes, expected 32")
    return raw


def _holds(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except (InvalidSignature, ValueError):
        return False
    return True


def _der(value: bytes) -> bytes:
    return encode_dss_signature(int.from_bytes(value[:32], "big"), int.from_bytes(value[32:], "big"))
