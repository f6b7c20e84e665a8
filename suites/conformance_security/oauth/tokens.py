"""The three signed things that a client sends: DPoP proofs, client assertions and request objects.

Each is a :class:`Jwt` as an honest client makes it, of which any member of header or payload can be replaced or left
out before it is signed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from conformance_security.jws import encode
from conformance_security.oauth.keys import SigningKey

#: Life of a client assertion in seconds.
ASSERTION_LIFE_S = 60
#: Life of a request object in seconds; the profile allows an hour.
REQUEST_LIFE_S = 300


@dataclass(frozen=True, slots=True)
class Jwt:
    """A JSON Web Token before it is signed, and the key that an honest client would sign it with."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    key: SigningKey

    def claiming(self, **claims: Any) -> Jwt:
        """Replace or add claims."""
        return replace(self, claims={**self.claims, **claims})

    def without(self, *names: str) -> Jwt:
        """Leave claims out."""
        return replace(self, claims={name: value for name, value in self.claims.items() if name not in names})

    def heading(self, **members: Any) -> Jwt:
        """Replace or add members of the header."""
        return replace(self, header={**self.header, **members})

    def beheaded(self, *names: str) -> Jwt:
        """Leave members of the header out."""
        return replace(self, header={name: value for name, value in self.header.items() if name not in names})

    def by(self, key: SigningKey) -> Jwt:
        """Have it signed by another key, with the header as it is."""
        return replace(self, key=key)

    def text(self) -> str:
        """Return the compact form, signed; nothing is signed under the algorithm "none"."""
        signed = f"{_part(self.header)}.{_part(self.claims)}"
        if str(self.header.get("alg", "")).lower() == "none":
            return f"{signed}."
        return f"{signed}.{encode(self.key.sign(signed.encode('ascii')))}"

    def under_hmac(self, secret: bytes) -> str:
        """Return the compact form under HS256, keyed with ``secret``."""
        signed = f"{_part({**self.header, 'alg': 'HS256'})}.{_part(self.claims)}"
        return f"{signed}.{encode(hmac.new(secret, signed.encode('ascii'), hashlib.sha256).digest())}"


def dpop_proof(key: SigningKey, method: str, url: str, *, now: int, token: str = "", nonce: str = "") -> Jwt:
    """Return the proof for one request (RFC 9449 4.2). ``token``: the access token that goes with it, if any."""
    claims: dict[str, Any] = {"jti": secrets.token_urlsafe(16), "htm": method, "htu": bare(url), "iat": now}
    if token:
        claims["ath"] = token_hash(token)
    if nonce:
        claims["nonce"] = nonce
    return Jwt({"typ": "dpop+jwt", "alg": key.algorithm, "jwk": key.public_jwk()}, claims, key)


def client_assertion(key: SigningKey, client_id: str, audience: str, *, now: int) -> Jwt:
    """Return what a client proves itself with (RFC 7523 3, FAPI 2.0 5.3.3.1): one audience, one minute, once."""
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "jti": secrets.token_urlsafe(16),
        "iat": now,
        "exp": now + ASSERTION_LIFE_S,
    }
    return Jwt(_header(key), claims, key)


def request_object(key: SigningKey, client_id: str, audience: str, parameters: Mapping[str, Any], *, now: int) -> Jwt:
    """Return a signed authorization request (RFC 9101 4) with the bounds that the message signing profile asks for."""
    bounds = {"iss": client_id, "aud": audience, "iat": now, "nbf": now, "exp": now + REQUEST_LIFE_S}
    once = {"jti": secrets.token_urlsafe(16), "client_id": client_id}
    return Jwt({**_header(key), "typ": "oauth-authz-req+jwt"}, {**parameters, **bounds, **once}, key)


def claiming(**claims: Any) -> Callable[[Jwt], Jwt]:
    """Return the change that replaces claims."""
    return lambda made: made.claiming(**claims)


def under_hmac(secret: bytes) -> Callable[[Jwt], str]:
    """Return the change that signs under HS256 with ``secret``."""
    return lambda made: made.under_hmac(secret)


def token_hash(token: str) -> str:
    """Return the hash of an access token as proofs carry it in ``ath`` (RFC 9449 4.2)."""
    return encode(hashlib.sha256(token.encode("ascii")).digest())


def bare(url: str) -> str:
    """Return a URL without query and fragment, as ``htu`` names it (RFC 9449 4.2)."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))


def _header(key: SigningKey) -> dict[str, Any]:
    return {"typ": "JWT", "alg": key.algorithm} | ({"kid": key.kid} if key.kid else {})


def _part(value: Mapping[str, Any]) -> str:
    return encode(json.dumps(dict(value), separators=(",", ":")).encode("utf-8"))
