"""Money that moves beside the journal: accounts of their own, and what each answer says must have moved on them.

A request without a clear answer is repeated with its key after the pressure. What even that does not decide leaves an
interval: each account must hold a sum between what it holds without the undecided movements and what with them.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from conformance.sdk import Accepted, Account, Answer, Candidate, Prepared, Refused, Undecided

#: How often one request is repeated, and for how many seconds in all, before it counts as undecided.
ASKED_MAX = 3
DECIDE_S_MAX = 20.0
#: A refusal with this status says "I know that key", not "this was refused".
_CONFLICT = 409


class Moved(IntEnum):
    """What is known of one movement."""

    NEVER = 0  #: it was not sent
    UNKNOWN = 1
    YES = 2
    NO = 3


@dataclass(frozen=True, slots=True)
class Movement:
    """What one request moves if it is confirmed: accounts by their position, minor units."""

    prepared: Prepared
    debtor: int
    creditor: int
    amount: int


class Purse:
    """The accounts of one stream and its movements; hears of every answer."""

    def __init__(self, candidate: Candidate, accounts: Sequence[Account], movements: Sequence[Movement]) -> None:
        self._candidate = candidate
        self._accounts = accounts
        self._movements = movements
        self._states = [Moved.NEVER] * len(movements)
        #: What each account held before, as the candidate says.
        self._opening = [candidate.balance(account) for account in accounts]

    def sending(self, arrival: int) -> None:
        """Note that a movement is about to be asked for."""
        self._states[arrival] = Moved.UNKNOWN

    def decided(self, arrival: int, answer: Answer) -> None:
        """Note what an answer says; an unclear one says nothing."""
        state = moved_by(answer)
        if state is not Moved.UNKNOWN:
            self._states[arrival] = state

    def reconciled(self) -> dict[str, Any]:
        """Decide what is unknown, read the balances and return what was found; ``unread`` says why they were not."""
        unknown = self._decide()
        counts = Counter(self._states)
        found: dict[str, Any] = {
            "confirmed": counts[Moved.YES],
            "refused": counts[Moved.NO],
            "unknown": unknown,
            "undecided": counts[Moved.UNKNOWN],
            "accounts": len(self._accounts),
            "moved": sum(self._movements[number].amount for number in self._in(Moved.YES)),
            "accountsOff": 0,
            "totalDrift": 0,
            "unread": "",
        }
        try:
            actual = [self._candidate.balance(account) for account in self._accounts]
        except Undecided as reason:
            return found | {"unread": reason.reason}
        low, high = self._bounds()
        outside = (not least <= held <= most for least, held, most in zip(low, actual, high, strict=True))
        return found | {"accountsOff": sum(outside), "totalDrift": sum(actual) - sum(self._opening)}

    def _in(self, state: Moved) -> list[int]:
        return [number for number, found in enumerate(self._states) if found is state]

    def _decide(self) -> int:
        """Repeat what has no clear answer, with its key; return how many those were."""
        unknown = self._in(Moved.UNKNOWN)
        limit = time.monotonic() + DECIDE_S_MAX
        for number in unknown:
            for _ in range(ASKED_MAX):
                if time.monotonic() > limit or self._states[number] is not Moved.UNKNOWN:
                    break
                self.decided(number, self._movements[number].prepared.send())
        return len(unknown)

    def _bounds(self) -> tuple[list[int], list[int]]:
        low, high = list(self._opening), list(self._opening)
        for number, movement in enumerate(self._movements):
            state = self._states[number]
            if state in (Moved.YES, Moved.UNKNOWN):
                low[movement.debtor] -= movement.amount
                high[movement.creditor] += movement.amount
            if state is Moved.YES:
                high[movement.debtor] -= movement.amount
                low[movement.creditor] += movement.amount
        return low, high


def moved_by(answer: Answer) -> Moved:
    """Return what an answer says about money; everything that is not clear is UNKNOWN."""
    if isinstance(answer, Accepted):
        return Moved.NO if answer.value.get("state") in ("rejected", "cancelled") else Moved.YES
    conflict = isinstance(answer, Refused) and answer.exchange.status == _CONFLICT
    return Moved.NO if isinstance(answer, Refused) and not conflict else Moved.UNKNOWN
