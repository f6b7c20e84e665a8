"""Secrets and keys of the demo bank, all derived from one seed that lives only in the environment.

A restarted process therefore has the same credentials without anything having been written to disk.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from gmalg import SM2

#: Order of the group of P-256 (SEC 2): private keys lie below it.
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
#: Order of the group of the SM2 curve (GB/T 32918.5).
SM2_ORDER = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
#: The default user identity of GB/T 35276 for SM2 signatures.
SM2_USER_ID = b"1234567812345678"


@dataclass(frozen=True, slots=True)
class Seed:
    """32 secret bytes from which everything else follows."""

    secret: bytes

    def derive(self, name: str) -> bytes:
        """Return 32 bytes that belong to ``name`` alone."""
        return hmac.new(self.secret, name.encode(), hashlib.sha256).digest()

    def password(self, name: str) -> str:
        """Return a printable secret for ``name``."""
        return b64(self.derive(name))

    def p256(self, name: str) -> ec.EllipticCurvePrivateKey:
        """Return a P-256 private key for ``name``."""
        return ec.derive_private_key(self._scalar(name, _P256_ORDER), ec.SECP256R1())

    def ed25519(self, name: str) -> ed25519.Ed25519PrivateKey:
        """Return an Ed25519 private key for ``name``."""
        return ed25519.Ed25519PrivateKey.from_private_bytes(self.derive(name))

    def sm2(self, name: str) -> bytes:
        """Return an SM2 private scalar (32 bytes, big endian) for ``name``."""
        return self._scalar(name, SM2_ORDER - 1).to_bytes(32, "big")

    def _scalar(self, name: str, order: int) -> int:
        wide = self.derive(name + "/high") + self.derive(name + "/low")
        return int.from_bytes(wide, "big") % (order - 1) + 1


def b64(data: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    """Return the bytes of strict base64url without padding; raises ValueError."""
    if not text.isascii() or any(c in text for c in "+/=\n\r "):
        raise ValueError("not base64url")
    return base64.b64decode(text.encode() + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)


def pem(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> str:
    """Return a private key as unencrypted PKCS #8, for an environment variable."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def public_pem(key: ec.EllipticCurvePublicKey) -> bytes:
    """Return a public key as PEM."""
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def sm2_public(private: bytes) -> bytes:
    """Return the uncompressed public point (65 bytes) of an SM2 private scalar."""
    return bytes(SM2(uid=SM2_USER_ID).generate_pk(private))


def ec_jwk(key: ec.EllipticCurvePrivateKey, kid: str, *, private: bool = False) -> dict[str, str]:
    """Return a P-256 key as a JSON Web Key (RFC 7517); with ``private`` its secret member too."""
    numbers = key.private_numbers()
    point = numbers.public_numbers
    jwk = {"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": kid}
    jwk |= {"x": b64(point.x.to_bytes(32, "big")), "y": b64(point.y.to_bytes(32, "big"))}
    if private:
        jwk["d"] = b64(numbers.private_value.to_bytes(32, "big"))
    return jwk
