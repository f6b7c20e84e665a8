"""Refunds that race: several at the same moment for one payment, of which only one fits into it.

Each gives back a little more than half, so the product must refuse all but one of them, whichever comes first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conformance.sdk import Account, Answer, Candidate, LoadContext, Undecided
from conformance_load.calls import Call, CallWork
from conformance_load.flow import Reply, Times
from conformance_load.purse import Moved, Movement, Purse

#: Refunds of one payment that come at the same moment.
RACERS = 3
#: How many payments are named as examples.
EXAMPLES_MAX = 5


@dataclass(frozen=True, slots=True)
class Made:
    """A payment made before the pressure; accounts by their position among those of its stream."""

    id: str
    debtor: int
    creditor: int
    amount: int
    reference: str = ""


def share_of(amount: int) -> int:
    """Return what each of the racing refunds of a payment gives back: more than half, so that no two fit."""
    return amount // 2 + 1


class RefundWork(CallWork):
    """Sends racing refunds; the arrivals of one payment follow each other and are due at the same moment."""

    def __init__(self, context: LoadContext, calls: Sequence[Call], purse: RefundPurse) -> None:
        super().__init__(context, calls, listener=purse)
        self._purse = purse

    def moments(self, offsets: Iterable[int]) -> Iterator[int]:
        """Yield the offsets at which arrivals are due: those of one payment at that of its first."""
        first = 0
        for place, offset in enumerate(offsets):
            if place % RACERS == 0:
                first = offset
            yield first

    def due(self, first: int) -> int:
        """Return how many arrivals from ``first`` on a sound product confirms: one of each payment."""
        return sum(place % RACERS == 0 for place in range(first, len(self._calls)))

    def answered(self, arrival: int, reply: Reply | None, times: Times) -> str:
        """Return how an arrival ended: a refusal is right unless all refunds of the payment were refused."""
        outcome = super().answered(arrival, reply, times)
        return "expected" if outcome == "refused" and not self._purse.gave_nothing(arrival // RACERS) else outcome


class RefundPurse(Purse):
    """The accounts of racing refunds: beside the balances, what each payment gave back in answers and on statements."""

    def __init__(
        self, candidate: Candidate, accounts: Sequence[Account], movements: Sequence[Movement], made: Sequence[Made]
    ) -> None:
        super().__init__(candidate, accounts, movements)
        self._made = made
        #: Arrivals that the product answered during the pressure, whatever it said.
        self._answered: set[int] = set()
        self._before = [len(candidate.statement(account)) for account in accounts]

    def decided(self, arrival: int, answer: Answer) -> None:
        """Note what an answer says, and that there is one."""
        super().decided(arrival, answer)
        if answer.exchange.status:
            self._answered.add(arrival)

    def gave_nothing(self, payment: int) -> bool:
        """Tell whether every refund of a payment was refused."""
        states = self._states_of(payment)
        return bool(states) and all(state is Moved.NO for state in states)

    def reconciled(self) -> dict[str, Any]:
        """Return what was found, in payments but for ``beyond``: refunds confirmed beside one that left no room.

        ``exceeded``: more was confirmed, or stands on statements, than was paid. ``neither``: no refund was made
        although one was due. ``lost``, ``ghost`` and ``half``: statements show less or more than was confirmed, or
        one side without the other. ``untied``: entries that belong to no payment; then statements decide nothing.
        ``judged``: payments of which several refunds were answered under pressure and one was made, and where it is
        known what became of the others, by answers or by statements.
        """
        # Requests that are repeated now do not race any more.
        raced = [self._raced(payment) for payment in range(len(self._made))]
        found = super().reconciled()
        payments = range(len(self._made))
        given = [self._bounds_of(payment) for payment in payments]
        exceeded = {payment for payment in payments if given[payment][0] > self._made[payment].amount}
        counts = {
            "payments": len(self._made),
            "beyond": sum(max(0, self._states_of(payment).count(Moved.YES) - 1) for payment in payments),
            "neither": sum(self.gave_nothing(payment) for payment in payments),
        }
        shown, said, read = self._statements(given)
        exceeded |= shown
        counts["judged"] = sum(raced[payment] and self._is_known(payment, read) for payment in payments)
        named = [self._made[payment].id for payment in sorted(exceeded)[:EXAMPLES_MAX]]
        return found | counts | said | {"exceeded": len(exceeded), "examples": named}

    def _raced(self, payment: int) -> bool:
        """Tell whether at least two refunds of a payment were answered."""
        return sum(payment * RACERS + racer in self._answered for racer in range(RACERS)) > 1

    def _is_known(self, payment: int, read: bool) -> bool:
        """Tell whether a refund of a payment was made, and it is known what became of the others."""
        states = self._states_of(payment)
        settled = all(state in (Moved.YES, Moved.NO) for state in states)
        return Moved.YES in states and (read or settled)

    def _states_of(self, payment: int) -> list[Moved]:
        return self._states[payment * RACERS : (payment + 1) * RACERS]

    def _bounds_of(self, payment: int) -> tuple[int, int]:
        """Return the least and the most that a payment gave back, as far as answers say."""
        states, share = self._states_of(payment), share_of(self._made[payment].amount)
        sure = states.count(Moved.YES)
        return sure * share, (sure + states.count(Moved.UNKNOWN)) * share

    def _statements(self, given: Sequence[tuple[int, int]]) -> tuple[set[int], dict[str, int], bool]:
        """Return the payments that gave back too much as statements show it, counts of what else is wrong, and whether
        statements decide anything: they can be read, and each entry belongs to a payment.
        """
        said = dict.fromkeys(("lost", "ghost", "half", "untied"), 0)
        try:
            taken, credited, said["untied"] = self._read()
        except Undecided:
            return set(), said, False
        if said["untied"]:
            return set(), said, False
        for payment, (least, most) in enumerate(given):
            said["lost"] += taken[payment] < least
            said["ghost"] += taken[payment] > most
            said["half"] += taken[payment] != credited[payment]
        return {number for number, made in enumerate(self._made) if taken[number] > made.amount}, said, True

    def _read(self) -> tuple[list[int], list[int], int]:
        """Return what statements took from each payment's creditor, what they gave its debtor, and untied entries."""
        taken, credited, untied = [0] * len(self._made), [0] * len(self._made), 0
        known = {key: number for number, made in enumerate(self._made) for key in (made.id, made.reference) if key}
        for position, account in enumerate(self._accounts):
            for item in self._candidate.statement(account)[self._before[position] :]:
                payment = _payment_of(item, known)
                amount = int(item.get("amount", 0))
                if payment is None:
                    untied += 1
                elif amount < 0 and position == self._made[payment].creditor:
                    taken[payment] -= amount
                elif amount > 0 and position == self._made[payment].debtor:
                    credited[payment] += amount
        return taken, credited, untied


def _payment_of(item: Mapping[str, Any], known: Mapping[str, int]) -> int | None:
    """Return the payment that an entry belongs to, by its id or by its reference."""
    return next((known[key] for key in (str(item.get("payment")), str(item.get("reference"))) if key in known), None)
