"""A compact figure of a multiset of bookings: 4,096 sums that do not depend on order.

Two folds are equal when the same bookings were added, and differ when one is missing, twice or changed (but for a
chance of one in 2**64). Which bucket differs narrows the search to one booking in 4,096.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from conformance_load.columns import Identifiers, Integers

BUCKETS = 4096
_BUCKET_SHIFT = np.uint64(64 - 12)
#: Odd numbers that mix account and amount into an id.
_ACCOUNT = np.uint64(0xD6E8FEB86659FD93)
_AMOUNT = np.uint64(0xA0761D6478BD642F)
_FINAL = np.uint64(0xE7037ED1A0B428DB)
_HALF = np.uint64(32)


class Fold:
    """Sums of mixed bookings by bucket."""

    def __init__(self) -> None:
        self._sums: NDArray[np.uint64] = np.zeros(BUCKETS, dtype=np.uint64)

    def add(self, identifiers: Identifiers, accounts: Integers, amounts: Integers) -> None:
        """Add bookings: the id of the payment, the account's position, and the signed amount."""
        mixed = identifiers ^ (accounts.view(np.uint64) * _ACCOUNT + _FINAL)
        mixed += amounts.view(np.uint64) * _AMOUNT
        mixed ^= mixed >> _HALF
        mixed *= _FINAL
        mixed ^= mixed >> _HALF
        np.add.at(self._sums, (mixed * _ACCOUNT >> _BUCKET_SHIFT).view(np.int64), mixed)

    def add_text(self, text: str) -> None:
        """Add something that is no booking of the run."""
        value = int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8])
        self._sums[value % BUCKETS] += np.uint64(value)

    def differing(self, other: Fold) -> int:
        """Return how many buckets differ from another fold's."""
        return int(np.count_nonzero(self._sums != other._sums))

    def digest(self) -> str:
        """Return the fold as a text of 64 hexadecimal digits."""
        return hashlib.sha256(self._sums.astype("<u8").tobytes()).hexdigest()
