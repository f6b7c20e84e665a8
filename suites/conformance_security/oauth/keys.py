"""Signing keys of clients and of DPoP proofs: made, or read from PEM or JWK, with their public JWK and thumbprint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from conformance_security.jws import decode, encode

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey

#: Members of a public key that its thumbprint covers, by key type (RFC 7638 3.2, RFC 8037 2).
_REQUIRED: Mapping[str, tuple[str, ...]] = {
    "EC": ("crv", "kty", "x", "y"),
    "OKP": ("crv", "kty", "x"),
    "RSA": ("e", "kty", "n"),
}


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key with the algorithm it signs by (ES256, EdDSA or PS256) and the id it is published under."""

    private: PrivateKey
    algorithm: str
    kid: str = ""

    @classmethod
    def made(cls) -> SigningKey:
        """Return a new P-256 key for ES256: every authorization server of the profile takes one."""
        return cls(ec.generate_private_key(ec.SECP256R1()), "ES256")

    @classmethod
    def made_rsa(cls, bits: int, algorithm: str) -> SigningKey:
        """Return an RSA key of any size, under any algorithm: what servers of the profile must refuse."""
        return cls(_rsa_key(bits), algorithm)

    @classmethod
    def read(cls, text: str, algorithm: str = "", kid: str = "") -> SigningKey:
        """Read a private key in PEM or as a JWK.

        Raises ValueError for a kind that the profile does not know, and for an algorithm of another kind of key.
        """
        if text.lstrip().startswith("{"):
            jwk = json.loads(text)
            private = _private_of_jwk(jwk)
            kid = kid or str(jwk.get("kid", ""))
        else:
            private = _known(serialization.load_pem_private_key(text.encode("ascii"), None))
        own = _algorithm_of(private)
        if algorithm not in ("", own) and (own, algorithm) != ("PS256", "RS256"):
            raise ValueError(f"it is a key for {own}, and algorithm says {algorithm}")
        return cls(private, algorithm or own, kid)

    def outdated(self) -> SigningKey | None:
        """Return the same RSA key under RS256, which the profile refuses; None for a key of another kind."""
        return SigningKey(self.private, "RS256", self.kid) if isinstance(self.private, rsa.RSAPrivateKey) else None

    def sign(self, message: bytes) -> bytes:
        """Return the signature of ``message`` in the form that JWS wants (RFC 7518 3.4, 3.5; RFC 8037 3.1)."""
        key = self.private
        if isinstance(key, ed25519.Ed25519PrivateKey):
            return key.sign(message)
        if isinstance(key, ec.EllipticCurvePrivateKey):
            r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")
        digest = hashes.SHA256()
        if self.algorithm == "RS256":
            return key.sign(message, padding.PKCS1v15(), digest)
        return key.sign(message, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)

    def public_jwk(self) -> dict[str, str]:
        """Return the public key as a JWK with its required members only."""
        key = self.private
        if isinstance(key, ed25519.Ed25519PrivateKey):
            return {"kty": "OKP", "crv": "Ed25519", "x": encode(key.public_key().public_bytes_raw())}
        if isinstance(key, ec.EllipticCurvePrivateKey):
            point = key.public_key().public_numbers()
            return {"kty": "EC", "crv": "P-256", "x": _octets(point.x, 32), "y": _octets(point.y, 32)}
        numbers = key.public_key().public_numbers()
        return {"kty": "RSA", "n": _octets(numbers.n), "e": _octets(numbers.e)}

    def private_jwk(self) -> dict[str, str]:
        """Return the key with its private member, as no proof may ever carry it (RFC 9449 4.3)."""
        key = self.private
        if isinstance(key, ec.EllipticCurvePrivateKey):
            return {**self.public_jwk(), "d": _octets(key.private_numbers().private_value, 32)}
        if isinstance(key, ed25519.Ed25519PrivateKey):
            return {**self.public_jwk(), "d": encode(key.private_bytes_raw())}
        return {**self.public_jwk(), "d": _octets(key.private_numbers().d)}

    def thumbprint(self) -> str:
        """Return the SHA-256 thumbprint of the public key (RFC 7638)."""
        return thumbprint(self.public_jwk())


@cache
def _rsa_key(bits: int) -> rsa.RSAPrivateKey:
    """Make a key once: it takes long, and nothing is kept secret by it."""
    return rsa.generate_private_key(65537, bits)


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """Return the SHA-256 thumbprint of a public JWK (RFC 7638); raises KeyError for an unknown or broken one."""
    members = {name: jwk[name] for name in _REQUIRED[jwk["kty"]]}
    canonical = json.dumps(members, sort_keys=True, separators=(",", ":"))
    return encode(hashlib.sha256(canonical.encode("utf-8")).digest())


def _known(key: object) -> PrivateKey:
    if isinstance(key, ec.EllipticCurvePrivateKey) and not isinstance(key.curve, ec.SECP256R1):
        raise ValueError(f"an EC key on {key.curve.name}; the profile's curve is P-256")
    if isinstance(key, ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey):
        return key
    raise ValueError(f"a {type(key).__name__}; the profile knows P-256, Ed25519 and RSA keys")


def _algorithm_of(key: PrivateKey) -> str:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "EdDSA"
    return "ES256" if isinstance(key, ec.EllipticCurvePrivateKey) else "PS256"


def _private_of_jwk(jwk: Mapping[str, Any]) -> PrivateKey:
    try:
        if jwk["kty"] == "EC":
            return _known(ec.derive_private_key(_number(jwk["d"]), _curve(jwk["crv"])))
        if jwk["kty"] == "OKP":
            return ed25519.Ed25519PrivateKey.from_private_bytes(decode(str(jwk["d"])))
        return _rsa_of_jwk(jwk)
    except KeyError as error:
        raise ValueError(f"the JWK lacks {error}") from error


def _rsa_of_jwk(jwk: Mapping[str, Any]) -> rsa.RSAPrivateKey:
    n, e, d = (_number(jwk[name]) for name in ("n", "e", "d"))
    p, q = rsa.rsa_recover_prime_factors(n, e, d)
    crt = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
    return rsa.RSAPrivateNumbers(p, q, d, *crt, rsa.RSAPublicNumbers(e, n)).private_key()


def _curve(name: object) -> ec.EllipticCurve:
    if name != "P-256":
        raise ValueError(f"an EC key on {name}; the profile's curve is P-256")
    return ec.SECP256R1()


def _number(text: object) -> int:
    return int.from_bytes(decode(str(text)), "big")


def _octets(number: int, length: int = 0) -> str:
    return encode(number.to_bytes(length or (number.bit_length() + 7) // 8, "big"))
