"""Payment ids that carry their facts.

Payment *n* of worker *w* has the id ``(w << 48 | n) * ODD mod 2**64``. Multiplying by an odd number is a permutation
of the 64-bit numbers, so ids look scattered, never collide, and can be turned back. Amount, debtor and creditor are
functions of the id: what a payment should have done needs no table.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

_MASK = (1 << 64) - 1
#: The odd number nearest to 2**64 divided by the golden ratio: consecutive numbers land far apart.
ODD = 0x9E3779B97F4A7C15
#: What turns an id back: the inverse of ODD modulo 2**64.
INVERSE = pow(ODD, -1, 1 << 64)
#: How many of the 64 bits hold the payment's number; the others hold the worker.
NUMBER_BITS = 48
#: Exclusive limits of workers and of payments per worker.
WORKERS_MAX = 1 << (64 - NUMBER_BITS)
NUMBERS_MAX = 1 << NUMBER_BITS


def encode(worker: int, number: int) -> int:
    """Return the id of payment ``number`` of ``worker``; raises ValueError outside of the limits."""
    if not (0 <= worker < WORKERS_MAX and 0 <= number < NUMBERS_MAX):
        raise ValueError(f"worker {worker}, payment {number}: beyond {WORKERS_MAX} workers or 2**48 payments")
    return ((worker << NUMBER_BITS | number) * ODD) & _MASK


def decode(identifier: int) -> tuple[int, int]:
    """Return the worker and the number that an id stands for."""
    plain = (identifier * INVERSE) & _MASK
    return plain >> NUMBER_BITS, plain & (NUMBERS_MAX - 1)


class Facts(NamedTuple):
    """What a payment is: accounts by their position, ``amount`` in minor units.

    ``covered`` is False for a payment from the empty account, which the product must refuse.
    """

    debtor: int
    creditor: int
    amount: int
    covered: bool


@dataclass(frozen=True, slots=True)
class Book:
    """How ids of one run turn into payments.

    ``accounts`` funded accounts have the positions 0 to ``accounts - 1``; the empty one has the position
    ``accounts``. Every ``uncovered_every``-th payment comes from it (0: none). ``run`` marks references of this run.
    """

    run: str
    accounts: int
    amount_max: int
    uncovered_every: int = 0
    worker: int = 0

    @property
    def prefix(self) -> str:
        """What every reference of this run begins with; sixteen hexadecimal digits follow."""
        return _prefix(self.run)

    def facts(self, number: int) -> Facts:
        """Return what payment ``number`` of this worker is."""
        identifier = encode(self.worker, number)
        amount = 1 + (identifier >> 40) % self.amount_max
        debtor = (identifier >> 16) % self.accounts
        creditor = (debtor + 1 + (identifier >> 28) % (self.accounts - 1)) % self.accounts
        if not self.covers(number):
            return Facts(self.accounts, creditor, amount, covered=False)
        return Facts(debtor, creditor, amount, covered=True)

    def covers(self, number: int) -> bool:
        """Tell whether a payment comes from a funded account."""
        return not self.uncovered_every or number % self.uncovered_every != self.uncovered_every - 1

    def reference(self, number: int) -> str:
        """Return the text that names the payment on the product's statement, also its idempotency key."""
        return f"{_prefix(self.run)}{encode(self.worker, number):016x}"

    def number_of(self, reference: str) -> int | None:
        """Return the number of the payment that a reference names, or None when it is not of this run and worker."""
        place = self.place_of(reference)
        return place[1] if place is not None and place[0] == self.worker else None

    def place_of(self, reference: str) -> tuple[int, int] | None:
        """Return worker and number of the payment that a reference names, or None when it is not of this run."""
        prefix, digits = reference[:_PREFIX_LENGTH], reference[_PREFIX_LENGTH:]
        if prefix != _prefix(self.run) or len(digits) != 16 or not _HEXADECIMAL.issuperset(digits):
            return None
        return decode(int(digits, 16))


#: Length of ``load-``, eight digits that tell runs apart, and a dash.
_PREFIX_LENGTH = 14
_HEXADECIMAL = frozenset("0123456789abcdef")


@lru_cache(maxsize=16)
def _prefix(run: str) -> str:
    return f"load-{hashlib.sha256(run.encode()).hexdigest()[:8]}-"
