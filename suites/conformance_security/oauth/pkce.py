"""Proof key for code exchange (RFC 7636)."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from conformance_security.jws import encode


@dataclass(frozen=True, slots=True)
class Pkce:
    """A verifier, which only its maker knows, and the challenge made of it by SHA-256."""

    verifier: str

    @classmethod
    def made(cls) -> Pkce:
        """Return one with 256 bits of entropy."""
        return cls(secrets.token_urlsafe(32))

    @property
    def challenge(self) -> str:
        """The challenge of method S256 (RFC 7636 4.2)."""
        return encode(hashlib.sha256(self.verifier.encode("ascii")).digest())
