"""Compact JWS (RFC 7515) with the algorithms that financial profiles use: ES256, EdDSA, PS256."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

ALGORITHMS = ("ES256", "EdDSA", "PS256")


class KeyMismatch(ValueError):
    """A key that does not fit the algorithm."""


def sign_jws(
    claims: Mapping[str, Any],
    pem: str,
    algorithm: str = "",
    kid: str = "",
    header: Mapping[str, Any] | None = None,
) -> str:
    """Return a signed token. ``pem`` is a PKCS#8 private key; without ``algorithm`` it follows from the key.

    ``header`` holds further members of the header, or replaces ``typ``.
    """
    key = serialization.load_pem_private_key(pem.encode("ascii"), password=None)
    chosen = algorithm or algorithm_of(key)
    head = {"alg": chosen, "typ": "JWT"} | ({"kid": kid} if kid else {}) | dict(header or {})
    signed = f"{_segment(head)}.{_segment(claims)}"
    return f"{signed}.{encode(_signature(key, chosen, signed.encode('ascii')))}"


def algorithm_of(key: Any) -> str:
    """Return the algorithm that a private key is for."""
    match key:
        case ed25519.Ed25519PrivateKey():
            return "EdDSA"
        case ec.EllipticCurvePrivateKey():
            return "ES256"
        case rsa.RSAPrivateKey():
            return "PS256"
        case _:
            raise KeyMismatch(f"no algorithm for a {type(key).__name__}")


def encode(data: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _segment(value: Mapping[str, Any]) -> str:
    return encode(json.dumps(value, separators=(",", ":")).encode())


def _signature(key: Any, algorithm: str, data: bytes) -> bytes:
    match algorithm, key:
        case "EdDSA", ed25519.Ed25519PrivateKey():
            return bytes(key.sign(data))
        case "ES256", ec.EllipticCurvePrivateKey() if isinstance(key.curve, ec.SECP256R1):
            return fixed_width(key.sign(data, ec.ECDSA(hashes.SHA256())))
        case "PS256", rsa.RSAPrivateKey():
            scheme = padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256().digest_size)
            return bytes(key.sign(data, scheme, hashes.SHA256()))
        case _:
            raise KeyMismatch(f"a {type(key).__name__} cannot sign {algorithm}; known: {', '.join(ALGORITHMS)}")


def fixed_width(signature: bytes, width: int = 32) -> bytes:
    """Return a DER ECDSA signature as ``r ‖ s`` of fixed width."""
    r, s = decode_dss_signature(signature)
    return r.to_bytes(width, "big") + s.to_bytes(width, "big")
