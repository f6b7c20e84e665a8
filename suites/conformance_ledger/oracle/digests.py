"""Digests by the names that candidate files use."""

from __future__ import annotations

from collections.abc import Callable

import gmalg
from cryptography.hazmat.primitives import hashes

from conformance.sdk import NotTested

Digest = Callable[[bytes], bytes]

_ALGORITHMS: dict[str, type[hashes.HashAlgorithm]] = {
    "sm3": hashes.SM3,
    "sha256": hashes.SHA256,
    "sha3-256": hashes.SHA3_256,
}


def digest_of(name: str) -> Digest:
    """Return the digest function of that name; raises NotTested for one this suite cannot compute."""
    if name not in _ALGORITHMS:
        known = ", ".join(sorted(_ALGORITHMS))
        raise NotTested(f"hash algorithm {name!r} is not one of {known}", blame="CONFIG")
    algorithm = _ALGORITHMS[name]

    def compute(data: bytes) -> bytes:
        running = hashes.Hash(algorithm())
        running.update(data)
        return running.finalize()

    return compute


def sm3_elsewhere(data: bytes) -> bytes:
    """Return SM3 by a second, independent implementation (GB/T 32905-2016), to compare a product's with."""
    running = gmalg.SM3()
    running.update(data)
    return bytes(running.value())
