"""The streams beside payments, made ready: what exists before the clock starts, and each request of each stream.

Each stream has accounts of its own, so that the payments' books are not disturbed. A stream that the candidate does
not offer, or whose one request before the pressure is not answered properly, is absent, and the reason is kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from conformance.sdk import Accepted, Account, Answer, Candidate, LoadContext, NotTested, Prepared, Undecided, describe
from conformance_load.calls import CallWork, Sound, calls_of
from conformance_load.purse import Movement, Purse
from conformance_load.refunds import RACERS, Made, RefundPurse, RefundWork, share_of

#: Requests of the set-up that are under way at once.
_SIDE_BY_SIDE = 8
#: Requests of the set-up between two words about how far it is.
_TOLD_EVERY = 100
#: At least so many payments are there to be read, and accounts on each side of a movement.
_READ_MIN = 20
_SIDES = 2
#: The product's own words for what it did not do although it answered with success.
_NOT_MADE = ("rejected", "cancelled", "failed")
#: Terms of codes where the candidate declares none, as in the barcode suite.
_TERMS = {"country": "CN", "mcc": "5411"}


@dataclass(slots=True)
class Opened:
    """A stream ready to be pressed; ``purse`` where it moves money."""

    work: CallWork
    purse: Purse | None = None


class Day:
    """What the streams of one run need. ``mark`` tells this run's keys from all others.

    ``watched`` are the accounts whose balances are asked for; ``refunds``: how many payments will be given back.
    """

    def __init__(
        self, context: LoadContext, mark: str, watched: Sequence[Account], amount_max: int, currency: str, refunds: int
    ) -> None:
        self._context = context
        self.candidate = context.candidate
        self._mark = hashlib.sha256(mark.encode()).hexdigest()[:8].upper()
        self._watched = watched
        self._amount_max = amount_max
        self._currency = currency
        self._payments = max(refunds + 1, _READ_MIN)

    def open(self, name: str, count: int) -> Opened:
        """Make ``count`` requests of a stream ready; raises Undecided where that is not possible."""
        openers: Mapping[str, Callable[[int], Opened]] = {
            "read": self._reads,
            "balance": self._balances,
            "refund": self._refunds,
            "refund_race": self._racing_refunds,
            "code": self._codes,
            "code_pay": self._code_pays,
            "token": self._tokens,
        }
        return openers[name](count)

    # -- reading ------------------------------------------------------------------------------------------

    def _reads(self, count: int) -> Opened:
        def one(number: int) -> tuple[Prepared, Sound]:
            payment = self._made[number % len(self._made)].id
            prepared = self._prepare("payments.read", payment=payment)
            return prepared, lambda value: str(value.get("id", payment)) == payment

        return self._plain(one, count)

    def _balances(self, count: int) -> Opened:
        def one(number: int) -> tuple[Prepared, Sound]:
            account = self._watched[number % len(self._watched)]
            prepared = self._prepare("accounts.balance", account=account.id)
            return prepared, lambda value: type(value.get("available")) is int

        return self._plain(one, count)

    def _tokens(self, count: int) -> Opened:
        def one(number: int) -> tuple[Prepared, Sound]:
            return self._prepare("token"), lambda value: bool(value.get("access_token"))

        return self._plain(one, count, secret=True)

    def _codes(self, count: int) -> Opened:
        account = self._shop.account(balance=0, currency=self._currency, owner=self._shop.user)

        def one(number: int) -> tuple[Prepared, Sound]:
            return self._code(account, f"C{number}", 1 + number % self._amount_max), has_payload

        return self._plain(one, count)

    def _plain(self, one: Callable[[int], tuple[Prepared, Sound]], count: int, *, secret: bool = False) -> Opened:
        # The control is the last one, so that numbers of arrivals and of requests agree.
        prepared = [one(number) for number in range(count + 1)]
        self._control(*prepared.pop())
        return Opened(CallWork(self._context, calls_of(self._context, prepared), secret=secret))

    # -- moving money -------------------------------------------------------------------------------------

    def _refunds(self, count: int) -> Opened:
        movements = [
            Movement(self._refund(made, number), made.creditor, made.debtor, made.amount)
            for number, made in enumerate(self._made[: count + 1])
        ]
        return self._moving(self._customers, movements)

    def _refund(self, made: Made, number: int) -> Prepared:
        key = f"refund-{self._mark}-{number}"
        return self._prepare("payments.refund", payment=made.id, amount=made.amount, idempotency_key=key)

    def _racing_refunds(self, count: int) -> Opened:
        accounts = self._customers_for(2 * (count + RACERS))
        payments = self._paid("raced", accounts, -(-count // RACERS) + 1)
        *raced, control = payments
        movements = [self._racing(raced[number // RACERS], number) for number in range(count)]
        self._control(self._racing(control, count).prepared, was_made)
        calls = calls_of(self._context, [(movement.prepared, was_made) for movement in movements])
        purse = RefundPurse(self.candidate, accounts, movements, raced)
        return Opened(RefundWork(self._context, calls, purse), purse)

    def _racing(self, made: Made, number: int) -> Movement:
        share, key = share_of(made.amount), f"race-{self._mark}-{number}"
        prepared = self._prepare("payments.refund", payment=made.id, amount=share, idempotency_key=key)
        return Movement(prepared, made.creditor, made.debtor, share)

    def _code_pays(self, count: int) -> Opened:
        if not self.candidate.offers("codes.create"):
            raise NotTested("the candidate does not offer codes.create, so there is no code to pay", blame="CONFIG")
        amounts = [self._amount(number) for number in range(count + 1)]
        shops = [self._shop.account(balance=0, currency=self._currency, owner=self._shop.user) for _ in range(_SIDES)]
        payers = [self.candidate.account(balance=sum(amounts), currency=self._currency) for _ in range(_SIDES)]
        codes = self._together(
            [self._code(shops[number % _SIDES], f"P{number}", amount) for number, amount in enumerate(amounts)]
        )
        movements = [
            Movement(
                self._pay_code(
                    str(code.get("payload", "")), payers[number // _SIDES % _SIDES], amounts[number], number
                ),
                number // _SIDES % _SIDES,
                _SIDES + number % _SIDES,
                amounts[number],
            )
            for number, code in enumerate(codes)
        ]
        return self._moving([*payers, *shops], movements)

    def _pay_code(self, payload: str, payer: Account, amount: int, number: int) -> Prepared:
        return self._prepare(
            "codes.pay",
            payload=payload,
            debtor=payer.id,
            amount=amount,
            currency=self._currency,
            idempotency_key=f"code-{self._mark}-{number}",
        )

    def _code(self, account: Account, order: str, amount: int) -> Prepared:
        declared = self.candidate.declared.get("barcode", {})
        terms = {name: str(declared.get(name, value)) for name, value in _TERMS.items()}
        return self._shop.prepare(
            "codes.create",
            kind="dynamic",
            account=account.id,
            amount=amount,
            currency=self._currency,
            name="CORNER SHOP",
            city="BEIJING",
            order=f"L{self._mark}{order}",
            **terms,
        )

    def _moving(self, accounts: Sequence[Account], movements: list[Movement]) -> Opened:
        self._control(movements.pop().prepared, was_made)
        calls = calls_of(self._context, [(movement.prepared, was_made) for movement in movements])
        purse = Purse(self.candidate, accounts, movements)
        return Opened(CallWork(self._context, calls, listener=purse), purse)

    # -- what is there before -----------------------------------------------------------------------------

    @cached_property
    def _shop(self) -> Candidate:
        """The candidate as its merchant sees it, or as it is where it knows no user of that name."""
        return self.candidate.as_user("shop") if "shop" in self.candidate.file.users else self.candidate

    @cached_property
    def _customers(self) -> list[Account]:
        """Accounts between which payments were made."""
        return self._customers_for(self._payments)

    def _customers_for(self, payments: int) -> list[Account]:
        """Open accounts for so many payments; those who will give back hold enough from the first."""
        enough = payments * self._amount_max
        return [self.candidate.account(balance=enough, currency=self._currency) for _ in range(2 * _SIDES)]

    @cached_property
    def _made(self) -> list[Made]:
        """Payments made before the pressure, to be read and given back."""
        return self._paid("before", self._customers, self._payments)

    def _paid(self, name: str, accounts: Sequence[Account], count: int) -> list[Made]:
        """Make payments from the first accounts to the last ones."""
        plans = [
            (number % _SIDES, _SIDES + number // _SIDES % _SIDES, self._amount(number), f"{name}-{self._mark}-{number}")
            for number in range(count)
        ]
        requests = [
            self._prepare(
                "payments.create",
                debtor=accounts[debtor].id,
                creditor=accounts[creditor].id,
                amount=amount,
                currency=self._currency,
                reference=reference,
                idempotency_key=reference,
            )
            for debtor, creditor, amount, reference in plans
        ]
        values = self._together(requests)
        return [Made(str(value.get("id", "")), *plan) for value, plan in zip(values, plans, strict=True)]

    def _amount(self, number: int) -> int:
        return 1 + number * 7 % self._amount_max

    def _prepare(self, operation: str, **arguments: Any) -> Prepared:
        return self.candidate.prepare(operation, **arguments)

    def _together(self, requests: Sequence[Prepared]) -> list[Mapping[str, Any]]:
        """Send requests of the set-up, some at once, and return their values in order."""
        with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
            try:
                return [
                    self._value(request, answer, number, len(requests))
                    for number, (request, answer) in enumerate(zip(requests, pool.map(_send, requests), strict=True))
                ]
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _value(self, request: Prepared, answer: Answer, number: int, count: int) -> Mapping[str, Any]:
        if not isinstance(answer, Accepted):
            raise NotTested(f"before the pressure, {request.operation} was {describe(answer)}", blame="PRODUCT")
        if number % _TOLD_EVERY == _TOLD_EVERY - 1:
            note = f"before the pressure: {number + 1:,} of {count:,} {request.operation}"
            self._context.progress(0, count, note)
        return answer.value

    def _control(self, request: Prepared, sound: Sound) -> None:
        """Require that one request alone is answered properly: only then does the pressure say anything."""
        (value,) = self._together([request])
        if not sound(value):
            reason = f"before the pressure, the answer of {request.operation} did not hold what was asked for"
            raise NotTested(reason, blame="PRODUCT")


def _send(request: Prepared) -> Answer:
    return request.send()


def has_payload(value: Mapping[str, Any]) -> bool:
    """Tell whether a code was made."""
    return bool(value.get("payload"))


def was_made(value: Mapping[str, Any]) -> bool:
    """Tell whether a movement of money was made, in the product's own words."""
    return value.get("state") not in _NOT_MADE


def opened_or_why(day: Day, name: str, operation: str, count: int) -> Opened | str:
    """Return a stream ready to be pressed, or why it is absent."""
    candidate = day.candidate
    if not candidate.offers(operation):
        return f"the candidate does not offer {operation}"
    try:
        return day.open(name, count)
    except Undecided as reason:
        return reason.reason
