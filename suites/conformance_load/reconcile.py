"""Reconciliation: every payment sent against every entry of the candidate's own statement.

Two legs belong to a payment: the debtor's entry (negative) and the creditor's (positive). Bookings are counted in
dense arrays indexed by the payment's number: five bytes per payment, and well under a microsecond per entry.

    LOST              acknowledged, and not on the statement
    DOUBLED           on the statement more than once
    GHOST             on the statement, and never sent
    REJECTED-BOOKED   refused, and on the statement nevertheless
    WRONG-AMOUNT      booked with another amount, currency or account
    HALF-BOOKED       one leg without the other
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conformance_load.columns import Chunk, Entry, Flags, Identifiers, Integers, columns, facts_of, identifiers_of
from conformance_load.columns import numbers_of as numbers_in
from conformance_load.fold import Fold
from conformance_load.ids import WORKERS_MAX, Book
from conformance_load.journal import UNDECIDED, PaymentJournal, State

#: How many references of each class are kept as examples.
EXAMPLES_MAX = 5
#: Entries counted at a time: what is worked on stays in the processor's cache, and no counter can overflow in one.
_PIECE = 1 << 15
#: Bookings of one leg are counted up to here.
_COUNTED_MAX = np.uint16(1 << 15)
#: The names of the classes, in order.
CLASSES = ("lost", "doubled", "ghost", "rejected_booked", "wrong_amount", "half_booked")
#: What is added up over several reconciliations.
_ADDED = (
    "sent",
    "acknowledged",
    "rejected",
    "unknown",
    "booked",
    *CLASSES,
    "accounts_off",
    "total_drift",
    "buckets_off",
)


@dataclass(slots=True)
class Reconciliation:
    """What the comparison found, in payments (not entries).

    ``read`` is False when the books could not be read: then only the journal's own counts mean something.
    ``examples`` holds references by class. ``fold_expected`` and ``fold_shown`` are compact figures of what the
    journal expects and of what the statement shows: equal when every confirmed payment is booked once and nothing
    else is. ``buckets_off`` of their 4,096 buckets differ.
    """

    sent: int = 0
    acknowledged: int = 0
    rejected: int = 0
    unknown: int = 0
    booked: int = 0
    lost: int = 0
    doubled: int = 0
    ghost: int = 0
    rejected_booked: int = 0
    wrong_amount: int = 0
    half_booked: int = 0
    accounts_off: int = 0
    total_drift: int = 0
    read: bool = True
    fold_expected: str = ""
    fold_shown: str = ""
    buckets_off: int = 0
    examples: dict[str, list[str]] = field(default_factory=dict)

    def add(self, other: Reconciliation) -> None:
        """Add what was found of other payments; the compact figures stay those of these."""
        for name in _ADDED:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.read = self.read and other.read
        for name, references in other.examples.items():
            kept = self.examples.setdefault(name, [])
            kept += references[: EXAMPLES_MAX - len(kept)]

    @property
    def balanced(self) -> bool:
        """Whether every account holds what it should and the total is unchanged."""
        return self.read and self.accounts_off == 0 and self.total_drift == 0

    def as_json(self) -> dict[str, Any]:
        """Return the form used in reports."""
        return {
            "sent": self.sent,
            "acknowledged": self.acknowledged,
            "rejected": self.rejected,
            "unknown": self.unknown,
            "booked": self.booked,
            "lost": self.lost,
            "doubled": self.doubled,
            "ghost": self.ghost,
            "rejectedBooked": self.rejected_booked,
            "wrongAmount": self.wrong_amount,
            "halfBooked": self.half_booked,
            "accountsOff": self.accounts_off,
            "totalDrift": self.total_drift,
            "balanced": self.balanced,
            "fold": {"expected": self.fold_expected, "shown": self.fold_shown, "bucketsOff": self.buckets_off},
            "examples": {_camel(name): references for name, references in sorted(self.examples.items())},
        }


class Reconciler:
    """Counts statement entries against the journals of a run's workers."""

    def __init__(self, book: Book, journals: Sequence[PaymentJournal], currency: str) -> None:
        self._book = book
        self._journals = journals
        self._currency = currency
        #: Where each worker's payments begin in the arrays, and how many it may have sent; by worker.
        self._base: Integers = np.zeros(WORKERS_MAX, dtype=np.int64)
        self._capacity: Integers = np.zeros(WORKERS_MAX, dtype=np.int64)
        total = 0
        for journal in journals:
            self._base[journal.worker], self._capacity[journal.worker] = total, journal.capacity
            total += journal.capacity
        #: Bookings of each payment: its debit at an even place, its credit at the odd one after it.
        self._legs: NDArray[np.uint16] = np.zeros(2 * total, dtype=np.uint16)
        self._wrong: Flags = np.zeros(total, dtype=np.bool_)
        self._shown = Fold()
        self._strangers: set[str] = set()

    def add(self, entries: Iterable[Entry]) -> None:
        """Count entries of a statement; those from before the run must not be among them."""
        self.feed(columns(self._book, self._currency, entries))

    def feed(self, chunk: Chunk) -> None:
        """Count lines of a statement given as columns."""
        self._note_strangers(chunk.strangers)
        for start in range(0, len(chunk), _PIECE):
            self._count(chunk.part(start, start + _PIECE))

    def from_journal(self) -> Reconciliation:
        """Return what the journals alone know, for books that cannot be read."""
        found = Reconciliation(read=False)
        for journal in self._journals:
            counts = np.bincount(_states(journal), minlength=len(State))
            found.sent += int(counts.sum() - counts[State.FREE])
            found.acknowledged += int(counts[State.ACK])
            found.rejected += int(counts[State.REJECT])
            found.unknown += int(sum(counts[state] for state in UNDECIDED))
        return found

    def result(self) -> Reconciliation:
        """Classify every payment and return what was found; balances are compared separately."""
        found, expected = self.from_journal(), Fold()
        found.read = True
        found.ghost = len(self._strangers)
        if self._strangers:
            found.examples["ghost"] = sorted(self._strangers)[:EXAMPLES_MAX]
        for journal in self._journals:
            self._classify(found, journal)
            for identifiers, debtor, creditor, amount in _acknowledged(self._book, journal):
                expected.add(identifiers, debtor, -amount)
                expected.add(identifiers, creditor, amount)
        found.fold_expected, found.fold_shown = expected.digest(), self._shown.digest()
        found.buckets_off = expected.differing(self._shown)
        return found

    def _note_strangers(self, references: Iterable[str]) -> None:
        for reference in references:
            self._shown.add_text(reference)
            self._strangers.add(reference)

    def _count(self, chunk: Chunk) -> None:
        self._shown.add(chunk.identifiers, chunk.accounts, chunk.amounts)
        workers, numbers = numbers_in(chunk.identifiers)
        known = numbers < self._capacity[workers]
        if not known.all():
            strange = chunk.identifiers[~known].tolist()
            self._strangers.update(f"{self._book.prefix}{identifier:016x}" for identifier in strange)
            chunk = Chunk(*(column[known] for column in _arrays(chunk)))
            workers, numbers = workers[known], numbers[known]
        places = self._base[workers] + numbers
        credit = chunk.amounts >= 0
        self._count_legs(2 * places + credit)
        facts = facts_of(self._book, chunk.identifiers, numbers)
        due = np.where(credit, facts.amount, -facts.amount)
        account = np.where(credit, facts.creditor, facts.debtor)
        wrong = (chunk.amounts != due) | (chunk.accounts != account) | ~chunk.currency_ok
        if wrong.any():
            self._wrong[places[wrong]] = True

    def _count_legs(self, legs: Integers) -> None:
        np.add.at(self._legs, legs, np.uint16(1))
        counted = self._legs[legs]
        if counted.max(initial=0) > _COUNTED_MAX:
            self._legs[legs] = np.minimum(counted, _COUNTED_MAX)

    def _classify(self, found: Reconciliation, journal: PaymentJournal) -> None:
        states, first = _states(journal), int(self._base[journal.worker])
        for start in range(0, journal.capacity, _PIECE):
            state = states[start : start + _PIECE]
            at = first + start
            legs = self._legs[2 * at : 2 * (at + len(state))]
            debits, credits = legs[0::2], legs[1::2]
            booked = np.maximum(debits, credits)
            found.booked += int(np.count_nonzero(booked))
            marks = {
                "lost": (state == State.ACK) & (booked == 0),
                "doubled": booked > 1,
                "ghost": (state == State.FREE) & (booked > 0),
                "rejected_booked": (state == State.REJECT) & (booked > 0),
                "wrong_amount": self._wrong[at : at + len(state)],
                "half_booked": debits != credits,
            }
            for name, here in marks.items():
                self._note(found, name, here, journal.worker, start)

    def _note(self, found: Reconciliation, name: str, here: Flags, worker: int, start: int) -> None:
        count = int(np.count_nonzero(here))
        if not count:
            return
        setattr(found, name, getattr(found, name) + count)
        kept = found.examples.setdefault(name, [])
        numbers = start + np.flatnonzero(here)[: EXAMPLES_MAX - len(kept)]
        kept += [f"{self._book.prefix}{identifier:016x}" for identifier in identifiers_of(worker, numbers).tolist()]


def expected_balances(book: Book, journals: Sequence[PaymentJournal], opening: Sequence[int]) -> list[int]:
    """Return what each account should hold: its opening balance moved once by every acknowledged payment."""
    moved: Integers = np.zeros(len(opening), dtype=np.int64)
    for journal in journals:
        for _, debtor, creditor, amount in _acknowledged(book, journal):
            np.subtract.at(moved, debtor, amount)
            np.add.at(moved, creditor, amount)
    return [before + change for before, change in zip(opening, moved.tolist(), strict=True)]


def compare_balances(found: Reconciliation, expected: Sequence[int], actual: Sequence[int]) -> None:
    """Write into ``found`` how many accounts differ, and by how much the total moved."""
    found.accounts_off = sum(mine != theirs for mine, theirs in zip(expected, actual, strict=True))
    found.total_drift = sum(actual) - sum(expected)


def _acknowledged(book: Book, journal: PaymentJournal) -> Iterator[tuple[Identifiers, Integers, Integers, Integers]]:
    """Yield ids, debtors, creditors and amounts of the acknowledged payments of a journal, piece by piece."""
    states = _states(journal)
    for start in range(0, journal.capacity, _PIECE):
        numbers = start + np.flatnonzero(states[start : start + _PIECE] == State.ACK)
        if len(numbers):
            identifiers = identifiers_of(journal.worker, numbers)
            facts = facts_of(book, identifiers, numbers)
            yield identifiers, facts.debtor, facts.creditor, facts.amount


def _states(journal: PaymentJournal) -> NDArray[np.uint8]:
    """Return the states of a journal without copying: valid as long as the journal is open."""
    return np.frombuffer(journal.states, dtype=np.uint8)


def _arrays(chunk: Chunk) -> tuple[Any, ...]:
    return chunk.identifiers, chunk.accounts, chunk.amounts, chunk.currency_ok


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
