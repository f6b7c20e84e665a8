"""Keys for message signatures: the algorithms of RFC 9421 3.3 and of JSON web signatures, and SM2."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from conformance.candidate import sm2
from conformance.candidate.jws import fixed_width
from conformance.errors import ConfigError

#: Algorithms of HTTP message signatures (RFC 9421 3.3); sm2-sm3 is ours: SM2 with SM3, r ‖ s.
ALGORITHMS = (
    "ed25519", "ecdsa-p256-sha256", "ecdsa-p384-sha384", "rsa-pss-sha512", "rsa-v1_5-sha256", "hmac-sha256", "sm2-sm3",
)  # fmt: skip

#: Algorithms of detached JSON web signatures (RFC 7518 3.1, RFC 8037 3.1), and SM2 with SM3 in the same place.
JWS_ALGORITHMS = ("ES256", "PS256", "EdDSA", "RS256", "SM2-SM3")

#: Names that stand for one and the same computation.
_SAME = {
    "EdDSA": "ed25519",
    "ES256": "ecdsa-p256-sha256",
    "RS256": "rsa-v1_5-sha256",
    "SM2-SM3": "sm2-sm3",
}

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
        return Signer(algorithm, _signer(_SAME.get(algorithm, algorithm), text))
    except (ValueError, TypeError, binascii.Error) as error:
        raise ConfigError(
            f"the key does not fit {algorithm}: {error}",
            where=where,
            remedy=f"Give a PKCS#8 PEM key; algorithms: {', '.join((*ALGORITHMS, *JWS_ALGORITHMS))}.",
        ) from error


def verifier(public: Any, algorithm: str = "") -> Callable[[bytes, bytes], bool]:
    """Return ``verify(data, signature)`` for a public key: of cryptography, bytes for HMAC, or an SM2 point ``(x, y)``.

    An RSA key needs ``algorithm``; without it, rsa-pss-sha512 is meant.
    """
    match public:
        case bytes():
            return lambda data, value: hmac.compare_digest(hmac.digest(public, data, "sha256"), value)
        case ed25519.Ed25519PublicKey():
            return lambda data, value: _holds(lambda: public.verify(value, data))
        case ec.EllipticCurvePublicKey():
            return lambda data, value: _ecdsa_holds(public, data, value)
        case rsa.RSAPublicKey():
            scheme, digest = _rsa_scheme(_SAME.get(algorithm, algorithm) or "rsa-pss-sha512")
            return lambda data, value: _holds(lambda: public.verify(value, data, scheme, digest))
        case (int(), int()):
            return lambda data, value: sm2.verify(public, data, value)
        case _:
            raise TypeError(f"no verifier for a {type(public).__name__}")


def _signer(algorithm: str, text: str) -> Callable[[bytes], bytes]:
    if algorithm == "sm2-sm3":
        return _sm2_signer(text)
    if algorithm == "hmac-sha256":
        secret = base64.b64decode(text, validate=True)
        return lambda data: hmac.digest(secret, data, "sha256")
    return _pem_signer(algorithm, text)


def _pem_signer(algorithm: str, text: str) -> Callable[[bytes], bytes]:
    key = serialization.load_pem_private_key(text.encode("ascii"), password=None)
    match algorithm, key:
        case "ed25519", ed25519.Ed25519PrivateKey():
            return key.sign
        case "ecdsa-p256-sha256", ec.EllipticCurvePrivateKey() if isinstance(key.curve, ec.SECP256R1):
            return lambda data: fixed_width(key.sign(data, ec.ECDSA(hashes.SHA256())))
        case "ecdsa-p384-sha384", ec.EllipticCurvePrivateKey() if isinstance(key.curve, ec.SECP384R1):
            return lambda data: fixed_width(key.sign(data, ec.ECDSA(hashes.SHA384())), 48)
        case (("rsa-pss-sha512" | "rsa-v1_5-sha256" | "PS256"), rsa.RSAPrivateKey()):
            scheme, digest = _rsa_scheme(algorithm)
            return lambda data: key.sign(data, scheme, digest)
        case _:
            raise ValueError(f"a {type(key).__name__} is not a key for it")


def _rsa_scheme(algorithm: str) -> tuple[padding.AsymmetricPadding, hashes.HashAlgorithm]:
    """Return padding and hash; the salt of PSS is as long as the hash (RFC 9421 3.3.1, RFC 7518 3.5)."""
    if algorithm == "rsa-v1_5-sha256":
        return padding.PKCS1v15(), hashes.SHA256()
    digest = hashes.SHA256() if algorithm == "PS256" else hashes.SHA512()
    return padding.PSS(padding.MGF1(digest), digest.digest_size), digest


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


def _ecdsa_holds(public: ec.EllipticCurvePublicKey, data: bytes, value: bytes) -> bool:
    """Verify r ‖ s, each as wide as the curve; the hash follows from the curve (RFC 9421 3.3.4, 3.3.5)."""
    width = (public.curve.key_size + 7) // 8
    if len(value) != 2 * width:
        return False
    der = encode_dss_signature(int.from_bytes(value[:width], "big"), int.from_bytes(value[width:], "big"))
    digest = hashes.SHA256() if width == 32 else hashes.SHA384()
    return _holds(lambda: public.verify(der, data, ec.ECDSA(digest)))
