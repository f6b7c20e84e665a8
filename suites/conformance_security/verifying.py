"""The public half of a client's signing key, as its owner's candidate file names it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization

from conformance_security import sm2
from conformance_security.signing_keys import SigningKey
from conformance_security.signing_keys import verifies as _verifies


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that verifies, and the algorithm it verifies by."""

    key: Any
    algorithm: str


def public_key_of(section: Mapping[str, Any], directory: Path) -> PublicKey | None:
    """Return the public key of a ``signing`` section; None where its key is missing, shared, or of no known form.

    ``directory`` is where relative files are looked for.
    """
    secret, algorithm = _secret(section.get("key"), directory), str(section.get("algorithm", ""))
    if not secret or algorithm.lower().startswith("h"):
        return None
    key = SigningKey(str(section.get("keyid", "")), secret, algorithm)
    try:
        if key.is_sm2:
            return PublicKey(sm2.public_of(key.scalar), algorithm)
        return PublicKey(serialization.load_pem_private_key(secret.encode(), None).public_key(), algorithm)
    except ValueError:
        return None


def verifies(key: PublicKey, message: bytes, signature: bytes) -> bool:
    """Tell whether a signature over a message is good."""
    return _verifies(key.key, key.algorithm, message, signature)


def _secret(reference: Any, directory: Path) -> str:
    if isinstance(reference, Mapping) and "env" in reference:
        return os.environ.get(str(reference["env"]), "")
    if isinstance(reference, Mapping) and "file" in reference:
        path = directory / str(reference["file"])
        return path.read_text(encoding="utf-8") if path.is_file() else ""
    return str(reference or "")
