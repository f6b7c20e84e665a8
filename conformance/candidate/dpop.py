"""Proofs of possession (RFC 9449): the token request and every request after it show that the caller holds a key.

[auth]
scheme = "oauth2"
dpop = { key = { env = "DPOP_KEY" }, algorithm = "ES256" }   # ES256 | PS256 | EdDSA; no key: one is made
"""

from __future__ import annotations

import hashlib
import threading
import time
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from conformance.candidate.callers import Caller
from conformance.candidate.draft import Draft
from conformance.candidate.jws import encode, sign_jws
from conformance.candidate.secrets import Secrets
from conformance.errors import ConfigError
from conformance.sdk.answers import Exchange
from conformance.sdk.load import WireRequest

#: What ``dpop`` may say.
SETTINGS = frozenset({"key", "algorithm"})
HEADER = "DPoP"
#: The error that asks for a nonce (RFC 9449 8, 9).
_ASKS = "use_dpop_nonce"


class Proofs:
    """Adds proofs to drafts, and keeps the nonces that servers gave, by origin."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._nonces: dict[str, str] = {}
        self._keys: dict[str, str] = {}
        self._lock = threading.Lock()

    def add(self, draft: Draft, caller: Caller) -> None:
        """Add a fresh proof for the method, the address and, where there is one, the access token of a draft."""
        settings = caller.settings["dpop"]
        pem = self._key(caller, settings)
        claims: dict[str, Any] = {
            "htm": draft.method,
            "htu": urlunsplit((*urlsplit(draft.url)[:3], "", "")),
            "iat": int(time.time()),
            "jti": str(uuid.uuid4()),
        }
        if token := draft.header("Authorization").partition(" ")[2].strip():
            claims["ath"] = encode(hashlib.sha256(token.encode()).digest())
        if nonce := self._nonces.get(_origin(draft.url)):
            claims["nonce"] = nonce
        algorithm = str(settings.get("algorithm", "")) if isinstance(settings, Mapping) else ""
        try:
            header = {"typ": "dpop+jwt", "jwk": public_jwk(pem)}
            draft.set_header(HEADER, sign_jws(claims, pem, algorithm, header=header))
        except ValueError as error:
            raise ConfigError(
                f"the key cannot be used: {error}",
                where=f"{caller.where} dpop",
                remedy="Give a PKCS#8 PEM key that fits algorithm (ES256, EdDSA or PS256), or none.",
            ) from error

    def asked_again(self, request: WireRequest, exchange: Exchange) -> bool:
        """Keep the nonce of an answer, and tell whether the request must be made again with it."""
        given = exchange.header("DPoP-Nonce")
        if not given:
            return False
        held = self._nonces.get(_origin(request.url))
        self._nonces[_origin(request.url)] = given
        asks = _ASKS in exchange.header("WWW-Authenticate") or _ASKS.encode() in exchange.body[:4096]
        return exchange.status in (400, 401) and asks and given != held

    def _key(self, caller: Caller, settings: Any) -> str:
        reference = settings.get("key") if isinstance(settings, Mapping) else None
        if reference is not None:
            return self._secrets.reveal(reference, f"{caller.where} dpop key")
        with self._lock:
            if caller.name not in self._keys:
                self._keys[caller.name] = _made()
            return self._keys[caller.name]


def public_jwk(pem: str) -> dict[str, str]:
    """Return the public key of a PKCS#8 PEM key as a JWK (RFC 7517); raises ValueError for a kind that is not known."""
    key = serialization.load_pem_private_key(pem.encode("ascii"), password=None)
    match key:
        case ec.EllipticCurvePrivateKey() if isinstance(key.curve, ec.SECP256R1):
            point = key.public_key().public_numbers()
            return {"kty": "EC", "crv": "P-256", "x": _octets(point.x, 32), "y": _octets(point.y, 32)}
        case ed25519.Ed25519PrivateKey():
            raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
            return {"kty": "OKP", "crv": "Ed25519", "x": encode(raw)}
        case rsa.RSAPrivateKey():
            numbers = key.public_key().public_numbers()
            return {"kty": "RSA", "n": _octets(numbers.n), "e": _octets(numbers.e)}
        case _:
            raise ValueError(f"no JWK for a {type(key).__name__}")


def _made() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def _octets(number: int, width: int = 0) -> str:
    return encode(number.to_bytes(width or (number.bit_length() + 7) // 8, "big"))


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
