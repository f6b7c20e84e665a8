"""SM2 signatures with SM3 (GB/T 32918.2), verified by a library, and the ways in which verifiers go wrong."""

from __future__ import annotations

from gmalg import SM2

from conformance.reference.keys import SM2_ORDER, SM2_USER_ID
from conformance.sdk.reference import FaultBoard

#: Bytes of r and of s.
_WIDTH = 32
#: User identities that fault sm2.user-id-ignored accepts beside the agreed one.
_ANY_IDS = (b"ALICE123@YAHOO.COM",)


def sm2_valid(public: bytes, message: bytes, value: bytes, faults: FaultBoard) -> bool:
    """Verify r‖s of exactly 64 bytes with the default user identity (GB/T 32918.2, GB/T 35276)."""
    if faults.on("sm2.trailing-ignored"):
        value = value[: 2 * _WIDTH]
    if faults.on("sm2.range-unchecked"):
        reduced = _reduced(value)
        if reduced is None:
            return True
        value = reduced
    if len(value) != 2 * _WIDTH or not any(value[:_WIDTH]) or not any(value[_WIDTH:]):
        return False
    r, s = value[:_WIDTH], value[_WIDTH:]
    identities = (SM2_USER_ID, *_ANY_IDS) if faults.on("sm2.user-id-ignored") else (SM2_USER_ID,)
    return any(bool(SM2(uid=identity, pk=public).verify(message, r, s)) for identity in identities)


def _reduced(value: bytes) -> bytes | None:
    """Fault sm2.range-unchecked: halves of any width modulo the order; None where both vanish, which "verifies"."""
    half = len(value) // 2
    r, s = (int.from_bytes(part, "big") % SM2_ORDER for part in (value[:half], value[half:]))
    return None if r == s == 0 else r.to_bytes(_WIDTH, "big") + s.to_bytes(_WIDTH, "big")
