"""Signatures by the names that candidate files use: what the harness signs itself, and what it verifies."""

from __future__ import annotations

from dataclasses import dataclass

import gmalg
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from conformance.sdk import NotTested

SM2_ID = b"1234567812345678"
SM2_ORDER = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493
ALGORITHMS = ("sm2-sm3", "ed25519", "ecdsa-p256-sha256")


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A key that the harness made; the private half never leaves it. Both are hexadecimal."""

    algorithm: str
    public: str
    private: str

    def sign(self, message: bytes) -> bytes:
        """Return the signature over ``message``: r ‖ s for SM2 and ECDSA."""
        secret = bytes.fromhex(self.private)
        if self.algorithm == "sm2-sm3":
            r, s = gmalg.SM2(secret, SM2_ID, bytes.fromhex(self.public)).sign(message)
            # The library drops leading zeros.
            return bytes(r).rjust(32, b"\0") + bytes(s).rjust(32, b"\0")
        if self.algorithm == "ed25519":
            return ed25519.Ed25519PrivateKey.from_private_bytes(secret).sign(message)
        key = ec.derive_private_key(int.from_bytes(secret), ec.SECP256R1())
        r_, s_ = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
        return r_.to_bytes(32) + s_.to_bytes(32)


def new_key(algorithm: str) -> KeyPair:
    """Make a key pair; raises NotTested for an algorithm this suite does not know."""
    if algorithm == "sm2-sm3":
        private, public = gmalg.SM2().generate_keypair()
        return KeyPair(algorithm, bytes(public).hex(), bytes(private).rjust(32, b"\0").hex())
    if algorithm == "ed25519":
        edwards = ed25519.Ed25519PrivateKey.generate()
        return KeyPair(algorithm, edwards.public_key().public_bytes_raw().hex(), edwards.private_bytes_raw().hex())
    if algorithm == "ecdsa-p256-sha256":
        key = ec.generate_private_key(ec.SECP256R1())
        point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return KeyPair(algorithm, point.hex(), key.private_numbers().private_value.to_bytes(32).hex())
    raise NotTested(f"signature algorithm {algorithm!r} is not one of {', '.join(ALGORITHMS)}", blame="CONFIG")


def verifies(algorithm: str, public: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether a signature is valid; raises NotTested for an algorithm this suite does not know."""
    match algorithm:
        case "sm2-sm3":
            return _sm2(public, message, signature)
        case "ed25519":
            return _ed25519(public, message, signature)
        case "ecdsa-p256-sha256":
            return _p256(public, message, signature)
    raise NotTested(f"signature algorithm {algorithm!r} is not one of {', '.join(ALGORITHMS)}", blame="CONFIG")


def sm2_nonce_point(public: bytes, message: bytes, signature: bytes) -> int:
    """Return the x coordinate of k·G behind an SM2 signature: equal values mean the nonce k was used twice.

    From r = e + x (mod n) with e the digest of identity and message (GB/T 32918.2-2016 6.1). Two signatures made with
    one k reveal the private key.
    """
    identity = _sm2_identity(public)
    digest = gmalg.SM3()
    digest.update(identity + message)
    e = int.from_bytes(bytes(digest.value()))
    return (int.from_bytes(signature[:32]) - e) % SM2_ORDER


def _sm2_identity(public: bytes) -> bytes:
    curve = (
        "FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFC"
        "28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93"
        "32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7"
        "BC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0"
    )
    digest = gmalg.SM3()
    digest.update((len(SM2_ID) * 8).to_bytes(2) + SM2_ID + bytes.fromhex(curve) + public[1:])
    return bytes(digest.value())


def _sm2(public: bytes, message: bytes, signature: bytes) -> bool:
    if len(public) != 65 or len(signature) != 64:
        return False
    try:
        return bool(gmalg.SM2(uid=SM2_ID, pk=public).verify(message, signature[:32], signature[32:]))
    except (ValueError, gmalg.errors.PointNotOnCurveError, gmalg.errors.InvalidPCError):
        return False


def _ed25519(public: bytes, message: bytes, signature: bytes) -> bool:
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _p256(public: bytes, message: bytes, signature: bytes) -> bool:
    if len(signature) != 64:
        return False
    r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public)
        key.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True
