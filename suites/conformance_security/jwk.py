"""Published keys (RFC 7517): their private members, and their public bytes in every encoding a mistake may use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from conformance_security.jws import decode

#: Members of RSA, EC, OKP and symmetric keys that must never be published (RFC 7518 6.2.2, 6.3.2, 6.4; RFC 8037 2).
PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})

_CURVES: Mapping[str, type[ec.EllipticCurve]] = {
    "P-256": ec.SECP256R1,
    "P-384": ec.SECP384R1,
    "P-521": ec.SECP521R1,
    "secp256k1": ec.SECP256K1,
}


def public_key(jwk: Mapping[str, Any]) -> rsa.RSAPublicKey | ec.EllipticCurvePublicKey | None:
    """Return the RSA or EC public key of a JWK, or None for another kind or a broken one."""
    try:
        if jwk.get("kty") == "RSA":
            return rsa.RSAPublicNumbers(_number(jwk["e"]), _number(jwk["n"])).public_key()
        if jwk.get("kty") == "EC" and jwk.get("crv") in _CURVES:
            curve = _CURVES[str(jwk["crv"])]()
            return ec.EllipticCurvePublicNumbers(_number(jwk["x"]), _number(jwk["y"]), curve).public_key()
    except (KeyError, ValueError):
        return None
    return None


def verification_secrets(jwk: Mapping[str, Any]) -> Iterator[bytes]:
    """Return the public key as the bytes that a confused verifier may take for an HMAC secret."""
    key = public_key(jwk)
    if key is None:
        return
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    yield pem
    yield pem.strip()
    yield key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if isinstance(key, rsa.RSAPublicKey):
        yield key.public_bytes(Encoding.PEM, PublicFormat.PKCS1)


def _number(text: object) -> int:
    return int.from_bytes(decode(str(text)), "big")
