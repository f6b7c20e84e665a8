"""How the reference ledger turns values into bytes, digests and trees.

``encode`` writes a tag and then every value as four bytes of length and its UTF-8 text (integers in decimal), so no
two different lists of values share an encoding. Trees are those of RFC 6962 section 2.1 with SM3 for SHA-256.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from conformance_ledger.reference.sm import sm3

#: The parent of the first block.
NO_PARENT = "0" * 64


def encode(tag: str, values: Iterable[str | int]) -> bytes:
    """Return the unambiguous encoding of a tagged list of values."""
    parts = [tag, *(str(value) for value in values)]
    return b"".join(len(data).to_bytes(4) + data for data in (part.encode() for part in parts))


def digest(tag: str, values: Iterable[str | int]) -> str:
    """Return the SM3 digest of an encoding, in hexadecimal."""
    return sm3(encode(tag, values)).hex()


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash of a leaf."""
    return sm3(b"\x00" + leaf)


def tree_root(leaves: Sequence[bytes]) -> str:
    """Return the root of a tree over leaf hashes, in hexadecimal; an empty tree is the digest of nothing."""
    return _root(leaves).hex() if leaves else sm3(b"").hex()


def tree_path(leaves: Sequence[bytes], index: int) -> list[str]:
    """Return the audit path of one leaf, from the bottom up, in hexadecimal."""
    if len(leaves) == 1:
        return []
    split = _split(len(leaves))
    if index < split:
        return [*tree_path(leaves[:split], index), _root(leaves[split:]).hex()]
    return [*tree_path(leaves[split:], index - split), _root(leaves[:split]).hex()]


def _root(leaves: Sequence[bytes]) -> bytes:
    if len(leaves) == 1:
        return leaves[0]
    split = _split(len(leaves))
    return sm3(b"\x01" + _root(leaves[:split]) + _root(leaves[split:]))


def _split(size: int) -> int:
    return int(1 << (size - 1).bit_length() - 1)
