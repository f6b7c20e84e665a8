"""Payments whose answer was lost or left them pending: asked about until the product says what became of them.

Where the product can be asked about a payment, it is: by its key, by its id, or in the list of its debtor. Where it
cannot, or does not know it, the request is repeated with its key. All of it is bounded in number and time, and what
stays open is counted and named.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from conformance.sdk import Accepted, Account, NotTested, Refused
from conformance_load.flow import now_ns
from conformance_load.journal import UNDECIDED, PaymentJournal, State
from conformance_load.live import Noted
from conformance_load.making import PaymentMaker
from conformance_load.payments import state_in, state_of
from conformance_load.repeats import CONFLICT

READ, LIST = "payments.read", "payments.list"
#: How often one request is repeated before its payment counts as undecided.
REPEATED_MAX = 3
#: Bounds of deciding: payments asked about one by one, pages of each debtor's list, and seconds.
DECIDED_MAX = 5_000
PAGES_MAX = 500
DECIDE_S_MAX = 30.0
#: Pause between two rounds of asking about pending payments, in seconds.
_ROUND_S = 0.2
#: How many references of each class are kept as examples.
EXAMPLES_MAX = 5


@dataclass(slots=True)
class Decisions:
    """How payments were decided after the pressure.

    ``unknown``: payments without a clear answer, and ``undecided`` those that stayed so. ``pending``: payments of
    which the product said that it would decide, and ``stuck`` those that were still pending at the deadline.
    ``by_query`` and ``by_replay``: how the others were decided. ``overdrawn`` and ``declined``: payments from the empty
    account among those that turned out to be made, and to be refused. ``examples`` holds references.
    """

    unknown: int = 0
    undecided: int = 0
    pending: int = 0
    stuck: int = 0
    by_query: int = 0
    by_replay: int = 0
    overdrawn: int = 0
    examples: dict[str, list[str]] = field(default_factory=dict)
    declined: int = 0

    def add(self, other: Decisions) -> None:
        """Add the decisions about another journal."""
        for name in ("unknown", "undecided", "pending", "stuck", "by_query", "by_replay", "overdrawn", "declined"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name, references in other.examples.items():
            kept = self.examples.setdefault(name, [])
            kept += references[: EXAMPLES_MAX - len(kept)]

    def as_json(self) -> dict[str, Any]:
        """Return the form used in reports."""
        return {
            "unknown": self.unknown,
            "undecided": self.undecided,
            "pending": self.pending,
            "stuck": self.stuck,
            "byQuery": self.by_query,
            "byReplay": self.by_replay,
            "overdrawn": self.overdrawn,
            "examples": {name: list(references) for name, references in sorted(self.examples.items())},
        }


def decide_unknown(maker: PaymentMaker, journal: PaymentJournal, final_s_max: float = DECIDE_S_MAX) -> Decisions:
    """Decide every payment of a journal that is open, within ``final_s_max`` for those that are pending."""
    return _Deciding(maker, journal, final_s_max).run()


class _Deciding:
    def __init__(self, maker: PaymentMaker, journal: PaymentJournal, final_s_max: float) -> None:
        self._maker = maker
        self._journal = journal
        self._final_s_max = final_s_max
        self._candidate = maker.context.candidate
        self._limit = time.monotonic() + DECIDE_S_MAX + final_s_max
        self._left = DECIDED_MAX
        self._by_key = maker.named_by_reference or _is_asked_by_key(maker)
        self._found = Decisions()
        self._note = Noted(maker.context)

    def run(self) -> Decisions:
        found = self._found
        lost = self._numbers(*(state for state in UNDECIDED if state is not State.PENDING))
        found.unknown = len(lost)
        self._look_through_lists(lost)
        for number in lost:
            if self._is_open(number) and not self._is_pending(number):
                self._decide(number)
        waiting = self._numbers(State.PENDING)
        found.pending = len(waiting)
        self._wait_for(waiting)
        found.stuck = self._named("stuck", self._numbers(State.PENDING))
        found.undecided = self._named("undecided", [n for n in self._numbers(*UNDECIDED) if not self._is_pending(n)])
        return found

    # -- lost answers -----------------------------------------------------------------------------------

    def _decide(self, number: int) -> None:
        """Ask about one payment, and repeat its request where that says nothing."""
        if self._may_ask() and not (self._by_key and self._query(number)):
            self._replay(number)

    def _query(self, number: int, identifier: str = "") -> bool:
        """Ask about one payment, by its key or an id; that it is not shown decides nothing."""
        reference = self._maker.book.reference(number)
        reader = self._candidate.as_user(owner) if (owner := self._debtor(number).owner) else self._candidate
        answer = reader.call(READ, payment=identifier or reference, reference=reference, idempotency_key=reference)
        if not isinstance(answer, Accepted):
            return False
        self._write(number, answer.value)
        self._found.by_query += not self._is_open(number)
        return True

    def _replay(self, number: int) -> None:
        for _ in range(REPEATED_MAX):
            answer = self._maker.prepare(number).send()
            if isinstance(answer, Refused) and answer.exchange.status == CONFLICT:
                return
            if isinstance(answer, Accepted):
                self._write(number, answer.value)
            elif isinstance(answer, Refused):
                self._journal.decide(number, state_of(answer), now_ns())
                self._found.declined += not self._maker.book.covers(number)
            else:
                continue
            self._found.by_replay += not self._is_open(number)
            return

    def _look_through_lists(self, numbers: Iterable[int]) -> None:
        """Decide payments that stand in the lists of their debtors."""
        if not self._candidate.offers(LIST):
            return
        by_debtor: dict[int, set[int]] = {}
        for number in numbers:
            by_debtor.setdefault(self._maker.book.facts(number).debtor, set()).add(number)
        for debtor, wanted in by_debtor.items():
            for item in self._listed(debtor):
                named = self._maker.book.number_of(str(item.get("reference") or ""))
                if named is not None and named in wanted:
                    self._write(named, item)
                    self._found.by_query += not self._is_open(named)
                    wanted.discard(named)
                    if not wanted:
                        break

    def _listed(self, debtor: int) -> Iterator[Mapping[str, Any]]:
        """Yield the payments that a list shows, as far as it can be read within the bounds."""
        account = self._maker.accounts[debtor]
        reader = self._candidate.as_user(account.owner) if account.owner else self._candidate
        cursor: str | None = None
        for _ in range(PAGES_MAX):
            answer = reader.call(LIST, account=account.id, cursor=cursor, limit=200)
            if not isinstance(answer, Accepted) or time.monotonic() > self._limit:
                return
            self._note("looking for open payments in the lists of their debtors")
            yield from (item for item in answer.value.get("items", ()) if isinstance(item, Mapping))
            following = answer.value.get("next")
            if not following or following == cursor:
                return
            cursor = str(following)

    # -- pending payments -------------------------------------------------------------------------------

    def _wait_for(self, numbers: list[int]) -> None:
        """Ask about pending payments in rounds until none is left or their time is over."""
        limit = time.monotonic() + self._final_s_max
        while numbers:
            for number in numbers:
                if self._may_ask():
                    self._ask_again(number)
            numbers = [number for number in numbers if self._is_open(number)]
            if not numbers or not self._may_ask() or time.monotonic() >= limit:
                return
            time.sleep(_ROUND_S)

    def _ask_again(self, number: int) -> None:
        identifier = self._journal.pending.get(number, "")
        if self._by_key or (identifier and self._candidate.offers(READ)):
            # A product that does not know what it promised has not decided it either.
            self._query(number, "" if self._by_key else identifier)
        else:
            self._replay(number)

    # -- what is known ----------------------------------------------------------------------------------

    def _write(self, number: int, value: Mapping[str, Any]) -> None:
        """Write what the product shows of an open payment."""
        state = state_in(value)
        covered = self._maker.book.covers(number)
        self._found.overdrawn += state is State.ACK and not covered
        self._found.declined += state is State.REJECT and not covered
        self._journal.decide(number, state, now_ns())
        if state is State.PENDING and value.get("id"):
            self._journal.pending[number] = str(value["id"])

    def _may_ask(self) -> bool:
        self._left -= 1
        self._note(f"deciding open payments: {DECIDED_MAX - self._left:,} asked about")
        return self._left >= 0 and time.monotonic() < self._limit

    def _debtor(self, number: int) -> Account:
        return self._maker.accounts[self._maker.book.facts(number).debtor]

    def _numbers(self, *states: State) -> list[int]:
        known = np.frombuffer(self._journal.states, dtype=np.uint8)
        found: list[int] = np.flatnonzero(np.isin(known, [int(state) for state in states])).tolist()
        return found

    def _is_open(self, number: int) -> bool:
        return self._journal.states[number] in UNDECIDED

    def _is_pending(self, number: int) -> bool:
        return self._journal.states[number] == State.PENDING

    def _named(self, name: str, numbers: list[int]) -> int:
        if numbers:
            self._found.examples[name] = [self._maker.book.reference(number) for number in numbers[:EXAMPLES_MAX]]
        return len(numbers)


def _is_asked_by_key(maker: PaymentMaker) -> bool:
    """Tell whether the mapping asks for a payment by its reference or key: then an id is not needed."""
    candidate = maker.context.candidate
    if not candidate.offers(READ):
        return False
    mark = maker.book.reference(0)
    # A mapping may make a number of the id.
    request = candidate.prepare(READ, payment="0", reference=mark, idempotency_key=mark)
    try:
        wire = maker.wire(request)
    except NotTested:
        return False
    except ValueError:  # or something else, which no id of ours could be: it is not asked for by its key then
        return False
    return any(mark in text for text in (wire.url, *(value for _, value in wire.headers), wire.body.decode("latin-1")))
