"""Facts of many payments at once, and statements as columns: the arithmetic of ``ids`` on arrays of 64-bit numbers.

Memory stays flat because statements come in chunks, whatever their length.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from conformance_load.ids import INVERSE, NUMBER_BITS, NUMBERS_MAX, ODD, Book

Identifiers: TypeAlias = NDArray[np.uint64]
Integers: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]

_HEX_DIGITS = 16
#: The value of each character as a hexadecimal digit; 255 for all others.
_DIGIT = np.full(256, 255, dtype=np.uint8)
_DIGIT[[ord(digit) for digit in "0123456789abcdef"]] = range(16)


class FactColumns(NamedTuple):
    """What each payment is: see :class:`conformance_load.ids.Facts`; one array per member."""

    debtor: Integers
    creditor: Integers
    amount: Integers
    covered: Flags


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some lines of a statement whose references are of the run's form.

    ``accounts`` are positions in the book, ``amounts`` signed minor units, ``currency_ok`` whether the currency is
    the run's. ``strangers`` are the references of lines in between that are of no such form.
    """

    identifiers: Identifiers
    accounts: Integers
    amounts: Integers
    currency_ok: Flags
    strangers: Sequence[str] = field(default=())

    def __len__(self) -> int:
        return len(self.identifiers)

    def part(self, start: int, stop: int) -> Chunk:
        """Return the lines from ``start`` to before ``stop``, without the strangers."""
        cut = slice(start, stop)
        return Chunk(self.identifiers[cut], self.accounts[cut], self.amounts[cut], self.currency_ok[cut])


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a statement: ``account`` is a position in the book, ``amount`` is signed minor units."""

    account: int
    reference: str
    amount: int
    currency: str


def identifiers_of(worker: int, numbers: NDArray[Any]) -> Identifiers:
    """Return the ids of payments of one worker, as :func:`conformance_load.ids.encode` gives them one by one."""
    plain = numbers.astype(np.uint64) | np.uint64(worker << NUMBER_BITS)
    return plain * np.uint64(ODD)


def numbers_of(identifiers: Identifiers) -> tuple[Integers, Integers]:
    """Return the workers and the numbers that ids stand for."""
    plain = identifiers * np.uint64(INVERSE)
    return (plain >> np.uint64(NUMBER_BITS)).view(np.int64), (plain & np.uint64(NUMBERS_MAX - 1)).view(np.int64)


def facts_of(book: Book, identifiers: Identifiers, numbers: Integers) -> FactColumns:
    """Return what payments are, as :meth:`conformance_load.ids.Book.facts` gives it one by one."""
    amount = 1 + _modulo(identifiers >> np.uint64(40), book.amount_max)
    debtor = _modulo(identifiers >> np.uint64(16), book.accounts)
    creditor = _modulo(debtor + 1 + _modulo(identifiers >> np.uint64(28), book.accounts - 1), book.accounts)
    every = book.uncovered_every
    if not every:
        return FactColumns(debtor, creditor, amount, np.ones(len(amount), dtype=np.bool_))
    uncovered = _modulo(numbers, every) == every - 1
    debtor[uncovered] = book.accounts
    return FactColumns(debtor, creditor, amount, ~uncovered)


def columns(book: Book, currency: str, entries: Iterable[Entry]) -> Chunk:
    """Return lines of a statement as columns."""
    lines = entries if isinstance(entries, list | tuple) else list(entries)
    identifiers, right = _identifiers_in(book.prefix, [line.reference for line in lines])
    if not right.all():
        own = [line for line, good in zip(lines, right, strict=True) if good]
        strange = [line for line, good in zip(lines, right, strict=True) if not good]
        strangers = [line.reference or f"(entry without a reference on account {line.account})" for line in strange]
        return _chunk(identifiers[right], currency, own, strangers)
    return _chunk(identifiers, currency, lines, ())


def _chunk(identifiers: Identifiers, currency: str, lines: Sequence[Entry], strangers: Sequence[str]) -> Chunk:
    return Chunk(
        identifiers,
        np.array([line.account for line in lines], dtype=np.int64),
        np.array([_bounded(line.amount) for line in lines], dtype=np.int64),
        np.array([line.currency == currency for line in lines], dtype=np.bool_),
        strangers,
    )


def _identifiers_in(prefix: str, references: Sequence[str]) -> tuple[Identifiers, Flags]:
    """Return the ids in references and which references hold one; the others' ids are meaningless."""
    length = len(prefix) + _HEX_DIGITS
    right = np.array([len(text) == length and text.startswith(prefix) for text in references], dtype=np.bool_)
    tails = "".join(
        [text[-_HEX_DIGITS:] if good else "0" * _HEX_DIGITS for text, good in zip(references, right, strict=True)]
    )
    digits = _DIGIT[np.frombuffer(tails.encode("latin-1", "replace"), dtype=np.uint8)].reshape(-1, _HEX_DIGITS)
    right &= (digits != 255).all(axis=1)
    pairs = (digits[:, 0::2] << 4 | digits[:, 1::2]) & 255
    return np.ascontiguousarray(pairs).view(">u8").ravel().astype(np.uint64), right


def _bounded(amount: int) -> int:
    """Return an amount that fits the column; what lies beyond is wrong in any case."""
    return max(-(1 << 62), min(1 << 62, amount))


def _modulo(values: NDArray[Any], by: int) -> Integers:
    """Return remainders of values below 2**63: by a division that NumPy does fast, unlike its own remainder."""
    whole = values.view(np.int64)
    return whole - whole // np.int64(by) * np.int64(by)
