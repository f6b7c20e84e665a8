"""The key schedule and record protection of TLS 1.3 with AES-128-GCM and SHA-256 (RFC 8446 5 and 7)."""

from __future__ import annotations

import hashlib
import hmac
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from conformance_security.tls.wire import Malformed, vector

#: TLS_AES_128_GCM_SHA256, which every implementation has (RFC 8446 9.1).
SUITE = 0x1301
_HASH_SIZE, _KEY_SIZE, _NONCE_SIZE = 32, 16, 12
_PROTECTED = 23
_EMPTY = hashlib.sha256().digest()


def extract(salt: bytes, secret: bytes) -> bytes:
    """Return HKDF-Extract; empty values stand for as many zeros as a hash has bytes."""
    zeros = bytes(_HASH_SIZE)
    return hmac.new(salt or zeros, secret or zeros, hashlib.sha256).digest()


def expand(secret: bytes, label: str, context: bytes, size: int = _HASH_SIZE) -> bytes:
    """Return HKDF-Expand-Label for at most one block."""
    info = struct.pack(">H", size) + vector(b"tls13 " + label.encode(), 1) + vector(context, 1)
    return hmac.new(secret, info + b"\x01", hashlib.sha256).digest()[:size]


def derive(secret: bytes, label: str, transcript: bytes | None = None) -> bytes:
    """Return Derive-Secret over the messages of ``transcript``, or over none."""
    return expand(secret, label, _EMPTY if transcript is None else hashlib.sha256(transcript).digest())


def finished(secret: bytes, transcript: bytes) -> bytes:
    """Return the verify_data of a Finished message, and the binder of a pre-shared key."""
    return hmac.new(expand(secret, "finished", b""), hashlib.sha256(transcript).digest(), hashlib.sha256).digest()


class Protection:
    """One direction's record protection under one traffic secret."""

    def __init__(self, secret: bytes) -> None:
        self._aead = AESGCM(expand(secret, "key", b"", _KEY_SIZE))
        self._mask = expand(secret, "iv", b"", _NONCE_SIZE)
        self._count = 0

    def seal(self, kind: int, content: bytes) -> bytes:
        """Return a protected record of the inner type ``kind``."""
        inner = content + bytes([kind])
        head = struct.pack(">BHH", _PROTECTED, 0x0303, len(inner) + 16)
        return head + self._aead.encrypt(self._nonce(), inner, head)

    def open(self, head: bytes, body: bytes) -> tuple[int, bytes]:
        """Return the inner type and the content of a protected record; raises Malformed."""
        try:
            inner = self._aead.decrypt(self._nonce(), body, head).rstrip(b"\x00")
        except (InvalidTag, ValueError) as error:
            raise Malformed("a record that does not decrypt") from error
        if not inner:
            raise Malformed("a record of nothing")
        return inner[-1], inner[:-1]

    def _nonce(self) -> bytes:
        number = self._count.to_bytes(_NONCE_SIZE, "big")
        self._count += 1
        return bytes(one ^ other for one, other in zip(self._mask, number, strict=True))
