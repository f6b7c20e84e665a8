"""Forging of JSON Web Signatures (RFC 7515): tokens that no honest issuer would make.

Libraries refuse to produce them, rightly; a tester needs the few lines that do.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


def encode(data: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """Return the bytes of base64url text without padding; raises ValueError."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


@dataclass(frozen=True, slots=True)
class Token:
    """A compact JWS, taken apart. ``claims`` is its payload read as JSON."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    signature: bytes
    payload: str

    @classmethod
    def read(cls, text: str) -> Token | None:
        """Return the parts of a compact JWS, or None if ``text`` is not one (an opaque token)."""
        try:
            header, payload, signature = text.split(".")
            parts = (json.loads(decode(header)), json.loads(decode(payload)))
            return cls(parts[0], parts[1], decode(signature), payload) if all(map(_is_object, parts)) else None
        except ValueError:
            return None

    def unsigned(self, algorithm: str) -> str:
        """Return the same claims under ``algorithm`` ("none", "None" …) with an empty signature."""
        return f"{_part({**self.header, 'alg': algorithm})}.{self.payload}."

    def stripped(self) -> str:
        """Return the token as it is, but with an empty signature."""
        return f"{_part(self.header)}.{self.payload}."

    def under_hmac(self, secret: bytes) -> str:
        """Return the same claims signed with HS256 under ``secret``, whatever key that was meant to be."""
        signed = f"{_part({**self.header, 'alg': 'HS256'})}.{self.payload}"
        return f"{signed}.{encode(hmac.new(secret, signed.encode('ascii'), hashlib.sha256).digest())}"

    def resigned(self, header: Mapping[str, Any], sign: Callable[[bytes], bytes]) -> str:
        """Return the same claims under changed header members (None leaves one out), signed by ``sign``."""
        changed = {name: value for name, value in {**self.header, **header}.items() if value is not None}
        signed = f"{_part(changed)}.{self.payload}"
        return f"{signed}.{encode(sign(signed.encode('ascii')))}"

    def claiming(self, **claims: Any) -> str:
        """Return the token with changed claims under its old signature."""
        return f"{_part(self.header)}.{_part({**self.claims, **claims})}.{encode(self.signature)}"


def _part(value: Mapping[str, Any]) -> str:
    return encode(json.dumps(dict(value), separators=(",", ":")).encode())


def _is_object(value: object) -> bool:
    return isinstance(value, dict)
