"""Keys of signed messages: private ones to forge with, and public ones to verify what a product signed.

Own code, apart from the signing that the harness does as a client: a mistake there must not hide here.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from conformance_security import sm2
from conformance_security.jwk import public_key
from conformance_security.jws import decode

#: Names of the algorithms: as HTTP message signatures (RFC 9421 3.3) say, and as JSON web signatures (RFC 7518) do.
JWS_NAMES: Mapping[str, str] = {
    "ed25519": "EdDSA",
    "ecdsa-p256-sha256": "ES256",
    "ecdsa-p384-sha384": "ES384",
    "rsa-v1_5-sha256": "RS256",
    "sm2-sm3": "SM2-SM3",
}
_KEYED = "keyed-"
_HTTP_NAMES = {jws: http for http, jws in JWS_NAMES.items()}


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key: ``secret`` is PKCS #8 PEM, for SM2 also 32 bytes in hex or base64, for HMAC base64.

    ``algorithm`` may be of either naming; without it, it follows from the key. ``keyed-`` and a hash is HMAC by that
    hash under the text itself, as callers of ``scheme = "hmac"`` use it. ``user`` is the SM2 user identity.
    """

    keyid: str
    secret: str
    algorithm: str = ""
    user: bytes = sm2.DEFAULT_USER

    @property
    def name(self) -> str:
        """The algorithm as RFC 9421 names it; PS256 has no such name."""
        return _HTTP_NAMES.get(self.algorithm, self.algorithm) or _name_of(self._key())

    @property
    def jws_name(self) -> str:
        """The algorithm as JSON web signatures name it."""
        return "PS256" if self.name == "rsa-pss-sha512" else JWS_NAMES.get(self.name, self.name)

    @property
    def is_sm2(self) -> bool:
        """Tell whether this is an SM2 key."""
        return self.name == "sm2-sm3"

    @property
    def scalar(self) -> int:
        """The private scalar of an SM2 key; raises ValueError."""
        return int.from_bytes(_scalar(self.secret.strip()), "big")

    def sign(self, message: bytes) -> bytes:
        """Return the signature; raises ValueError for a key that does not fit its algorithm."""
        if self.is_sm2:
            return sm2.raw(sm2.sign(self.scalar, message, self.user))
        if self.name == "hmac-sha256":
            return hmac.digest(base64.b64decode(self.secret), message, "sha256")
        if self.name.startswith(_KEYED):
            return hmac.new(self.secret.encode(), message, self.name.removeprefix(_KEYED)).digest()
        return _signature(self._key(), self.name, message)

    def _key(self) -> Any:
        return serialization.load_pem_private_key(self.secret.encode(), None)


def verifies(public: Any, algorithm: str, message: bytes, signature: bytes) -> bool:
    """Tell whether a signature is good: by a public key, bytes for HMAC, or an SM2 point ``(x, y)``."""
    try:
        match public:
            case bytes():
                return hmac.compare_digest(hmac.digest(public, message, "sha256"), signature)
            case (int(), int()):
                r, s = signature[:32], signature[32:]
                numbers = (int.from_bytes(r, "big"), int.from_bytes(s, "big"))
                return len(signature) == 64 and sm2.verify(public, message, numbers)
            case ed25519.Ed25519PublicKey():
                public.verify(signature, message)
            case ec.EllipticCurvePublicKey():
                public.verify(_der(signature, public.curve), message, ec.ECDSA(_ec_hash(public.curve)))
            case rsa.RSAPublicKey():
                public.verify(signature, message, *_rsa_scheme(_HTTP_NAMES.get(algorithm, algorithm)))
            case _:
                return False
    except (InvalidSignature, ValueError):
        return False
    return True


def public_of_jwk(jwk: Mapping[str, Any]) -> Any:
    """Return the public key of a JWK: RSA, EC, Ed25519 or SM2 (curve SM2); None for another kind or a broken one."""
    try:
        if jwk.get("kty") == "OKP" and jwk.get("crv") == "Ed25519":
            return ed25519.Ed25519PublicKey.from_public_bytes(decode(str(jwk["x"])))
        if jwk.get("kty") == "EC" and jwk.get("crv") in ("SM2", "sm2p256v1"):
            return tuple(int.from_bytes(decode(str(jwk[name])), "big") for name in ("x", "y"))
    except (KeyError, ValueError):
        return None
    return public_key(jwk)


def _signature(key: Any, name: str, message: bytes) -> bytes:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(message)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        width = (key.curve.key_size + 7) // 8
        r, s = decode_dss_signature(key.sign(message, ec.ECDSA(_ec_hash(key.curve))))
        return r.to_bytes(width, "big") + s.to_bytes(width, "big")
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(message, *_rsa_scheme(name))
    raise ValueError(f"a {type(key).__name__} signs nothing")


def _name_of(key: Any) -> str:
    match key:
        case ed25519.Ed25519PrivateKey():
            return "ed25519"
        case ec.EllipticCurvePrivateKey():
            return "ecdsa-p256-sha256" if key.curve.key_size == 256 else "ecdsa-p384-sha384"
        case _:
            return "rsa-pss-sha512"


def _ec_hash(curve: ec.EllipticCurve) -> hashes.HashAlgorithm:
    return hashes.SHA256() if curve.key_size == 256 else hashes.SHA384()


def _rsa_scheme(name: str) -> tuple[padding.AsymmetricPadding, hashes.HashAlgorithm]:
    if name == "rsa-v1_5-sha256":
        return padding.PKCS1v15(), hashes.SHA256()
    digest = hashes.SHA256() if name == "PS256" else hashes.SHA512()
    return padding.PSS(padding.MGF1(digest), digest.digest_size), digest


def _der(signature: bytes, curve: ec.EllipticCurve) -> bytes:
    width = (curve.key_size + 7) // 8
    if len(signature) != 2 * width:
        raise ValueError("a signature of another width")
    return encode_dss_signature(int.from_bytes(signature[:width], "big"), int.from_bytes(signature[width:], "big"))


def _scalar(text: str) -> bytes:
    if text.startswith("-----BEGIN"):
        content = base64.b64decode("".join(line for line in text.splitlines() if not line.startswith("-----")))
        at = content.find(b"\x02\x01\x01\x04\x20")
        if at < 0:
            raise ValueError("the PEM holds no SM2 key")
        return content[at + 5 : at + 37]
    number = bytes.fromhex(text) if len(text) == 64 else base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if len(number) != 32:
        raise ValueError(f"{len(number)} bytes, expected 32")
    return number
