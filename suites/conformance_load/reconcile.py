"""Reconciliation: every payment sent against every entry of the candidate's own statement.

Two legs belong to a payment: the debtor's entry (negative) and the creditor's (positive). Bookings are counted in
dense arrays indexed by the payment's number, so memory is a few bytes per payment. This is pure Python: about a
microsecond per entry, fit for some millions of payments.

    LOST              acknowledged, and not on the statement
    DOUBLED           on the statement more than once
    GHOST             on the statement, and never sent
    REJECTED-BOOKED   refused, and on the statement nevertheless
    WRONG-AMOUNT      booked with another amount, currency or account
    HALF-BOOKED       one leg without the other
"""

from __future__ import annotations

import operator
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from conformance_load.ids import Book
from conformance_load.journal import UNDECIDED, PaymentJournal, State

#: How many references of each class are kept as examples.
EXAMPLES_MAX = 5
#: State, debits, credits and a wrong fact, as they are where nothing is amiss: nearly all payments, so look once.
_SOUND = frozenset(
    (int(state), booked, booked, 0)
    for state in State
    for booked in (0, 1)
    if booked == (state == State.ACK) or state in UNDECIDED
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a statement: ``account`` is a position in the book, ``amount`` is signed minor units."""

    account: int
    reference: str
    amount: int
    currency: str


@dataclass(slots=True)
class Reconciliation:
    """What the comparison found, in payments (not entries).

    ``read`` is False when the books could not be read: then only the journal's own counts mean something.
    ``examples`` holds references by class.
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
    examples: dict[str, list[str]] = field(default_factory=dict)

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
            "examples": {_camel(name): references for name, references in sorted(self.examples.items())},
        }


class Reconciler:
    """Counts statement entries against a journal."""

    def __init__(self, book: Book, journal: PaymentJournal, currency: str) -> None:
        self._book = book
        self._journal = journal
        self._currency = currency
        self._debits = bytearray(journal.capacity)
        self._credits = bytearray(journal.capacity)
        self._wrong = bytearray(journal.capacity)
        self._strangers: set[str] = set()

    def add(self, entries: Iterable[Entry]) -> None:
        """Count entries of a statement; those from before the run must not be among them."""
        number_of, capacity, count = self._book.number_of, self._journal.capacity, self._count
        for entry in entries:
            number = number_of(entry.reference)
            if number is None or number >= capacity:
                self._strangers.add(entry.reference or f"(entry without a reference on account {entry.account})")
            else:
                count(number, entry)

    def from_journal(self) -> Reconciliation:
        """Return what the journal alone knows, for books that cannot be read."""
        states = bytes(self._journal.states)
        return Reconciliation(
            sent=len(states) - states.count(State.FREE),
            acknowledged=states.count(State.ACK),
            rejected=states.count(State.REJECT),
            unknown=sum(states.count(state) for state in UNDECIDED),
            read=False,
        )

    def result(self) -> Reconciliation:
        """Classify every payment and return what was found; balances are compared separately."""
        found, states = self.from_journal(), bytes(self._journal.states)
        found.read = True
        found.booked = len(states) - bytes(map(operator.or_, self._debits, self._credits)).count(0)
        found.ghost = len(self._strangers)
        if self._strangers:
            found.examples["ghost"] = sorted(self._strangers)[:EXAMPLES_MAX]
        for number, marks in enumerate(zip(states, self._debits, self._credits, self._wrong, strict=True)):
            if marks not in _SOUND:
                self._classify(found, number, *marks)
        return found

    def _count(self, number: int, entry: Entry) -> None:
        facts = self._book.facts(number)
        amount = entry.amount
        legs, account, due = (
            (self._debits, facts.debtor, -facts.amount) if amount < 0 else (self._credits, facts.creditor, facts.amount)
        )
        if legs[number] < 255:
            legs[number] += 1
        if amount != due or entry.account != account or entry.currency != self._currency:
            self._wrong[number] = 1

    def _classify(self, found: Reconciliation, number: int, state: int, debits: int, credits: int, wrong: int) -> None:
        booked = max(debits, credits)
        for name, here in (
            ("lost", state == State.ACK and booked == 0),
            ("doubled", booked > 1),
            ("ghost", state == State.FREE and booked > 0),
            ("rejected_booked", state == State.REJECT and booked > 0),
            ("wrong_amount", bool(wrong)),
            ("half_booked", debits != credits),
        ):
            if here:
                setattr(found, name, getattr(found, name) + 1)
                kept = found.examples.setdefault(name, [])
                if len(kept) < EXAMPLES_MAX:
                    kept.append(self._book.reference(number))


def expected_balances(book: Book, journal: PaymentJournal, opening: list[int]) -> list[int]:
    """Return what each account should hold: its opening balance moved once by every acknowledged payment."""
    balances = list(opening)
    for number, state in enumerate(journal.states):
        if state == State.ACK:
            facts = book.facts(number)
            balances[facts.debtor] -= facts.amount
            balances[facts.creditor] += facts.amount
    return balances


def compare_balances(found: Reconciliation, expected: list[int], actual: list[int]) -> None:
    """Write into ``found`` how many accounts differ, and by how much the total moved."""
    found.accounts_off = sum(mine != theirs for mine, theirs in zip(expected, actual, strict=True))
    found.total_drift = sum(actual) - sum(expected)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
