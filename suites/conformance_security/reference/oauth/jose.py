"""JSON Web Tokens as this server reads and writes them: compact form, three algorithms (FAPI 2.0 5.4.1), no others.

Written apart from the suite's own JOSE code: a bug shared by the two would hide itself.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

#: What clients and proofs may be signed with.
ALGORITHMS = ("ES256", "PS256", "EdDSA")
#: Characters of a token at most; the largest honest ones have two thousand.
LENGTH_MAX = 16 * 1024
#: Bits of an RSA key at least (FAPI 2.0 5.4.1).
_RSA_BITS_MIN = 2048
#: Members that only a private or symmetric JWK has (RFC 7518 6).
PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})

_THUMBPRINT_MEMBERS = {"EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x"), "RSA": ("e", "kty", "n")}

PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey
Claims = Mapping[str, Any]


class Unreadable(ValueError):
    """The text is not a token, or the key is not one of ours."""


@dataclass(frozen=True, slots=True)
class Jwt:
    """A token taken apart; nothing about it is trusted yet."""

    header: Claims
    claims: Claims
    signed: bytes
    signature: bytes

    @property
    def algorithm(self) -> str:
        """The algorithm that its header names."""
        return str(self.header.get("alg", ""))

    def moment(self, name: str) -> float | None:
        """Return a NumericDate claim, or None where there is none; raises Unreadable for anything else."""
        found = self.claims.get(name)
        if found is None:
            return None
        if isinstance(found, bool) or not isinstance(found, int | float):
            raise Unreadable(f"{name} is not a number")
        return float(found)


def parse(text: str) -> Jwt:
    """Take a token apart; raises Unreadable."""
    if len(text) > LENGTH_MAX or text.count(".") != 2:
        raise Unreadable("not a compact JWS")
    head, body, signature = text.split(".")
    try:
        header, claims = _object(head), _object(body)
        jwt = Jwt(header, claims, f"{head}.{body}".encode("ascii"), unb64(signature))
    except (ValueError, RecursionError) as error:
        raise Unreadable("not a compact JWS of two JSON objects") from error
    if "crit" in header or "b64" in header:
        raise Unreadable("an extension that is not understood")
    return jwt


def valid(jwt: Jwt, key: PublicKey) -> bool:
    """Tell whether the signature is the key's; the algorithm must be the one that this kind of key is for."""
    try:
        return _verified(jwt, key)
    except InvalidSignature:
        return False


def _verified(jwt: Jwt, key: PublicKey) -> bool:
    if isinstance(key, ed25519.Ed25519PublicKey) and jwt.algorithm == "EdDSA":
        key.verify(jwt.signature, jwt.signed)
        return True
    if isinstance(key, ec.EllipticCurvePublicKey) and jwt.algorithm == "ES256" and len(jwt.signature) == 64:
        r, s = int.from_bytes(jwt.signature[:32], "big"), int.from_bytes(jwt.signature[32:], "big")
        key.verify(encode_dss_signature(r, s), jwt.signed, ec.ECDSA(hashes.SHA256()))
        return True
    if isinstance(key, rsa.RSAPublicKey) and jwt.algorithm == "PS256":
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256().digest_size)
        key.verify(jwt.signature, jwt.signed, pss, hashes.SHA256())
        return True
    if isinstance(key, rsa.RSAPublicKey) and jwt.algorithm == "RS256":
        # Not one of ALGORITHMS: only who has let it in gets here.
        key.verify(jwt.signature, jwt.signed, padding.PKCS1v15(), hashes.SHA256())
        return True
    return False


def sign(key: ec.EllipticCurvePrivateKey, header: Claims, claims: Claims) -> str:
    """Return a token signed with ES256."""
    signed = f"{_text({'alg': 'ES256', **header})}.{_text(claims)}"
    r, s = decode_dss_signature(key.sign(signed.encode("ascii"), ec.ECDSA(hashes.SHA256())))
    return f"{signed}.{b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def public_key(jwk: object) -> PublicKey:
    """Return the key of a public JWK; raises Unreadable for a private, weak, broken or unknown one."""
    if not isinstance(jwk, Mapping) or PRIVATE_MEMBERS & set(jwk):
        raise Unreadable("not a public key")
    try:
        return _key(jwk)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise Unreadable("not a key of ours") from error


def _key(jwk: Claims) -> PublicKey:
    if jwk["kty"] == "EC" and jwk["crv"] == "P-256":
        return ec.EllipticCurvePublicNumbers(_number(jwk["x"]), _number(jwk["y"]), ec.SECP256R1()).public_key()
    if jwk["kty"] == "OKP" and jwk["crv"] == "Ed25519":
        return ed25519.Ed25519PublicKey.from_public_bytes(unb64(jwk["x"]))
    if jwk["kty"] == "RSA" and (n := _number(jwk["n"])).bit_length() >= _RSA_BITS_MIN:
        return rsa.RSAPublicNumbers(_number(jwk["e"]), n).public_key()
    raise Unreadable("a kind of key that is not taken")


def thumbprint(jwk: Claims) -> str:
    """Return the SHA-256 thumbprint of a key (RFC 7638)."""
    members = {name: jwk[name] for name in _THUMBPRINT_MEMBERS[str(jwk["kty"])]}
    return digest(json.dumps(members, separators=(",", ":"), sort_keys=True).encode())


def ec_jwk(key: ec.EllipticCurvePublicKey, kid: str) -> dict[str, str]:
    """Return a P-256 key as it is published."""
    point = key.public_numbers()
    x, y = b64(point.x.to_bytes(32, "big")), b64(point.y.to_bytes(32, "big"))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y, "use": "sig", "alg": "ES256", "kid": kid}


def digest(data: bytes) -> str:
    """Return SHA-256 in base64url: thumbprints, ``ath``, S256 challenges, and how secrets are stored."""
    return b64(hashlib.sha256(data).digest())


def b64(data: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    """Return the bytes of strict base64url without padding; raises ValueError."""
    if not text.isascii() or any(character in text for character in "+/=\n\r "):
        raise ValueError("not base64url")
    return base64.b64decode(text.encode() + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _object(part: str) -> dict[str, Any]:
    value = json.loads(unb64(part), object_pairs_hook=_unique, parse_constant=_no_constant)
    if not isinstance(value, dict):
        raise Unreadable("not a JSON object")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise Unreadable("a name is repeated")
    return value


def _no_constant(name: str) -> Any:
    raise Unreadable(f"{name} is not JSON")


def _text(value: Claims) -> str:
    return b64(json.dumps(dict(value), separators=(",", ":")).encode())


def _number(text: Any) -> int:
    return int.from_bytes(unb64(str(text)), "big")
