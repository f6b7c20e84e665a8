"""The key schedule and record protection of TLS 1.3, for each of its common suites (RFC 8446 5 and 7)."""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from conformance_security.tls.wire import Malformed, vector

_NONCE_SIZE = 12
_PROTECTED = 23


@dataclass(frozen=True, slots=True)
class Suite:
    """A cipher suite: its code point, the hash of its key schedule, and the cipher of its records."""

    code: int
    hash_name: str
    key_size: int
    cipher: Callable[[bytes], AESGCM | ChaCha20Poly1305]

    @property
    def hash_size(self) -> int:
        """Bytes of a hash, and so of every secret."""
        return hashlib.new(self.hash_name).digest_size

    def extract(self, salt: bytes, secret: bytes) -> bytes:
        """Return HKDF-Extract; empty values stand for as many zeros as a hash has bytes."""
        zeros = bytes(self.hash_size)
        return hmac.digest(salt or zeros, secret or zeros, self.hash_name)

    def expand(self, secret: bytes, label: str, context: bytes, size: int = 0) -> bytes:
        """Return HKDF-Expand-Label for at most one block; ``size`` is that of the hash where none is given."""
        size = size or self.hash_size
        info = struct.pack(">H", size) + vector(b"tls13 " + label.encode(), 1) + vector(context, 1)
        return hmac.digest(secret, info + b"\x01", self.hash_name)[:size]

    def derive(self, secret: bytes, label: str, transcript: bytes = b"") -> bytes:
        """Return Derive-Secret over the messages of ``transcript``, or over none."""
        return self.expand(secret, label, hashlib.new(self.hash_name, transcript).digest())

    def finished(self, secret: bytes, transcript: bytes) -> bytes:
        """Return the verify_data of a Finished message, and the binder of a pre-shared key."""
        digest = hashlib.new(self.hash_name, transcript).digest()
        return hmac.digest(self.expand(secret, "finished", b""), digest, self.hash_name)

    def protection(self, secret: bytes) -> Protection:
        """Return the protection of records under a traffic secret."""
        return Protection(self, secret)


#: TLS_AES_128_GCM_SHA256, which every implementation has (RFC 8446 9.1), and those that many prefer.
AES_128 = Suite(0x1301, "sha256", 16, AESGCM)
AES_256 = Suite(0x1302, "sha384", 32, AESGCM)
CHACHA20 = Suite(0x1303, "sha256", 32, ChaCha20Poly1305)
SUITES = {suite.code: suite for suite in (AES_128, AES_256, CHACHA20)}


class Protection:
    """One direction's record protection under one traffic secret."""

    def __init__(self, suite: Suite, secret: bytes) -> None:
        self._aead = suite.cipher(suite.expand(secret, "key", b"", suite.key_size))
        self._mask = suite.expand(secret, "iv", b"", _NONCE_SIZE)
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
