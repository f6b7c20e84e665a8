"""Merkle trees of RFC 6962 section 2.1 over any digest: roots, and paths verified without trusting who made them."""

from __future__ import annotations

from collections.abc import Sequence

from conformance_ledger.oracle.digests import Digest


def leaf_hash(digest: Digest, leaf: bytes) -> bytes:
    """Return the hash of a leaf's data."""
    return digest(b"\x00" + leaf)


def root_of(digest: Digest, leaves: Sequence[bytes]) -> bytes:
    """Return the root over the data of ``leaves``; of none, the digest of nothing."""
    if not leaves:
        return digest(b"")
    level = [leaf_hash(digest, leaf) for leaf in leaves]
    while len(level) > 1:
        pairs = [digest(b"\x01" + level[at] + level[at + 1]) for at in range(0, len(level) - 1, 2)]
        level = pairs + ([level[-1]] if len(level) % 2 else [])
    return level[0]


def path_leads_to(digest: Digest, *, leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Tell whether ``path`` proves that ``leaf`` is number ``index`` of ``size`` under ``root`` (RFC 9162 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    node, last, value = index, size - 1, leaf_hash(digest, leaf)
    for sibling in path:
        if last == 0:
            return False
        if node % 2 or node == last:
            value = digest(b"\x01" + sibling + value)
            while node % 2 == 0 and node:
                node, last = node // 2, last // 2
        else:
            value = digest(b"\x01" + value + sibling)
        node, last = node // 2, last // 2
    return last == 0 and value == root
