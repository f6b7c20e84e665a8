"""Signing keys: Ed25519 (the default) and ECDSA on P-256 with SHA-256, its signatures as 64 bytes r‖s.

A key is identified by the SHA-256 of its SubjectPublicKeyInfo. Which algorithm verifies a signature is decided by the
trusted key, never by the envelope.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from conformance.errors import ConfigError

ED25519 = "ed25519"
P256 = "ecdsa-p256-sha256"
#: Every algorithm that signatures may use.
ALGORITHMS = (ED25519, P256)

_PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey
_PublicKey = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey
_COORDINATE = 32


class Signer(Protocol):
    """Anything that signs: a key file, a hardware token, an external command."""

    @property
    def keyid(self) -> str:
        """``sha256:`` and the digest of the public key's SubjectPublicKeyInfo."""
        ...

    @property
    def algorithm(self) -> str:
        """One of :data:`ALGORITHMS`."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature over ``message``."""
        ...


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key, identified by ``spki``: its DER SubjectPublicKeyInfo."""

    algorithm: str
    spki: bytes
    _key: _PublicKey

    @classmethod
    def from_pem(cls, pem: bytes) -> PublicKey:
        """Read a PEM public key; raises ValueError saying why it cannot be one of ours."""
        try:
            key = serialization.load_pem_public_key(pem)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise ValueError("not a PEM public key (-----BEGIN PUBLIC KEY-----)") from error
        return cls._of(key)

    @classmethod
    def _of(cls, key: object) -> PublicKey:
        if isinstance(key, ed25519.Ed25519PublicKey):
            return cls(ED25519, _spki(key), key)
        if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
            return cls(P256, _spki(key), key)
        raise ValueError(f"neither Ed25519 nor ECDSA on P-256, but {type(key).__name__}")

    @property
    def keyid(self) -> str:
        """Return ``sha256:`` and the hex digest of the SubjectPublicKeyInfo."""
        return f"sha256:{hashlib.sha256(self.spki).hexdigest()}"

    @property
    def pem(self) -> str:
        """Return the key as PEM."""
        kind = serialization.PublicFormat.SubjectPublicKeyInfo
        return self._key.public_bytes(serialization.Encoding.PEM, kind).decode("ascii")

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Tell whether ``signature`` is this key's over ``message``."""
        if len(signature) != 2 * _COORDINATE:
            return False
        try:
            if isinstance(self._key, ed25519.Ed25519PublicKey):
                self._key.verify(signature, message)
            else:
                self._key.verify(_to_der(signature), message, ec.ECDSA(hashes.SHA256()))
        except (InvalidSignature, ValueError):
            return False
        return True


class KeyPair:
    """A signing key held in memory; implements :class:`Signer`."""

    def __init__(self, key: _PrivateKey) -> None:
        self._key = key
        self.public = PublicKey._of(key.public_key())

    @classmethod
    def new(cls, algorithm: str = ED25519) -> KeyPair:
        """Make a key; raises ConfigError for an unknown algorithm."""
        if algorithm == ED25519:
            return cls(ed25519.Ed25519PrivateKey.generate())
        if algorithm == P256:
            return cls(ec.generate_private_key(ec.SECP256R1()))
        raise ConfigError(f"unknown key algorithm {algorithm!r}", remedy=f"Use one of {', '.join(ALGORITHMS)}.")

    @classmethod
    def load(cls, path: Path, passphrase: str | None = None) -> KeyPair:
        """Read a PEM private key; raises ConfigError if it is missing, open to others, locked or unfit."""
        try:
            if path.stat().st_mode & 0o077:
                raise ConfigError(
                    "others may read this private key", where=str(path), remedy=f"Run `chmod 600 {path}`, or renew it."
                )
            data = path.read_bytes()
        except OSError as error:
            raise ConfigError(
                f"the key cannot be read: {error.strerror}", where=str(path), remedy="Make one: `conformance keys new`."
            ) from None
        return cls(_private_key(data, passphrase, path))

    @property
    def keyid(self) -> str:
        """Return the public key's id."""
        return self.public.keyid

    @property
    def algorithm(self) -> str:
        """Return one of :data:`ALGORITHMS`."""
        return self.public.algorithm

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature over ``message``."""
        if isinstance(self._key, ed25519.Ed25519PrivateKey):
            return self._key.sign(message)
        r, s = decode_dss_signature(self._key.sign(message, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(_COORDINATE, "big") + s.to_bytes(_COORDINATE, "big")

    def save(self, path: Path, passphrase: str | None = None) -> None:
        """Write the key as PKCS #8 PEM with mode 0600, encrypted if a passphrase is given.

        Raises ConfigError rather than overwrite a file.
        """
        lock: serialization.KeySerializationEncryption = serialization.NoEncryption()
        if passphrase:
            lock = serialization.BestAvailableEncryption(passphrase.encode())
        pem = self._key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise ConfigError(
                f"the key cannot be written: {error.strerror}", where=str(path), remedy="Choose another path."
            ) from None
        with os.fdopen(handle, "wb") as stream:
            stream.write(pem)


def _private_key(data: bytes, passphrase: str | None, path: Path) -> _PrivateKey:
    try:
        key = serialization.load_pem_private_key(data, passphrase.encode() if passphrase else None)
    except TypeError:
        wanted = "no passphrase" if passphrase else "its passphrase"
        raise ConfigError(f"the key needs {wanted}", where=str(path), remedy="Give it, and try again.") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigError(
            "not a PEM private key, or not its passphrase", where=str(path), remedy="Check the file and passphrase."
        ) from None
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise ConfigError(
        f"a {type(key).__name__} cannot sign reports", where=str(path), remedy=f"Use {' or '.join(ALGORITHMS)}."
    )


def _spki(key: _PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _to_der(signature: bytes) -> bytes:
    r, s = (int.from_bytes(part, "big") for part in (signature[:_COORDINATE], signature[_COORDINATE:]))
    return encode_dss_signature(r, s)
