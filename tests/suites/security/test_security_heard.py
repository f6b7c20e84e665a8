"""A crash, a silence and a 429 are no refusals: each check that asks for one says so."""

from __future__ import annotations

from typing import Any

import pytest
from stub_bank import BUSY, CRASH, PARAMS, SILENCE, Bank, candidate_of, evidence

from conformance.sdk import (
    Accepted,
    Answer,
    Broken,
    Exchange,
    Finding,
    Inconclusive,
    NotTested,
    Prepared,
    Refused,
    unthrottled,
)
from conformance_security.checks import authorization, limits
from conformance_security.checks.input import _turned_away
from conformance_security.heard import decided

YES = Accepted({"id": "p"}, Exchange(1, 201))
NO = Refused("invalid", Exchange(2, 422))
LIMIT = {"amount": 100_00, "currency": "CNY", "per": "account", "argument": "daily_limit"}


def test_accepted_and_refused_are_decisions() -> None:
    assert decided(YES, "a payment") is YES
    assert decided(NO, "a payment") is NO


@pytest.mark.parametrize("answer", [CRASH, SILENCE, Broken("connection", "reset", Exchange(3))])
def test_what_is_neither_is_a_failure(answer: Answer) -> None:
    assert unthrottled(answer) is answer
    with pytest.raises(Finding, match="accepted or refused cleanly: a payment"):
        decided(answer, "a payment")


def test_a_429_decides_nothing() -> None:
    for judge in (unthrottled, lambda answer: decided(answer, "a payment"), _turned_away):
        with pytest.raises(Inconclusive, match="429"):
            judge(BUSY)


def test_a_closed_connection_turns_an_oversized_body_away_and_a_crash_does_not() -> None:
    assert [_turned_away(answer) for answer in (NO, Broken("connection", "closed", Exchange(3)))] == [True, True]
    assert [_turned_away(answer) for answer in (YES, CRASH, SILENCE)] == [False, False, False]


# -- the daily limit at once ----------------------------------------------------------------------------------------


class Limited(Bank):
    """A bank that lets one payment leave each account, and answers the others as a test wants it."""

    def __init__(self, loser: Answer, booked: bool = False, winners: int = 1) -> None:
        super().__init__()
        self.loser, self.booked, self.winners = loser, booked, winners

    def pay(self, prepared: Prepared, body: dict[str, Any], amount: int, sent: bytes) -> Answer:
        earlier = sum(made["debtor"] == body["debtor"] for made in self.payments)
        if earlier < self.winners:
            return super().pay(prepared, body, amount, sent)
        if self.booked:
            super().pay(prepared, body, amount, sent)
        return self.loser


def race(bank: Bank, **limit: Any) -> list[tuple[str, str]]:
    noted = evidence()
    limits.concurrency_does_not_pass_the_daily_limit(candidate_of(bank, daily_limit={**LIMIT, **limit}), noted, PARAMS)
    return noted.notes  # type: ignore[return-value]


def test_one_of_eight_within_the_daily_limit_passes_round_by_round() -> None:
    [(_, text)] = race(Limited(NO))
    assert '"rounds":3' in text.replace(" ", "")


@pytest.mark.parametrize(
    ("bank", "raised", "says"),
    [
        (Limited(CRASH), Finding, "refused cleanly"),
        (Limited(SILENCE), Finding, "refused cleanly"),
        (Limited(BUSY), Inconclusive, "429"),
        (Limited(NO, booked=True), Finding, "must not be booked, whatever was answered"),
        (Limited(NO, winners=2), Finding, "must not exceed the daily limit together"),
        (Limited(NO, winners=0), Finding, "must succeed"),
    ],
)
def test_losers_of_the_daily_limit_must_be_refused(bank: Bank, raised: type[Exception], says: str) -> None:
    with pytest.raises(raised, match=says):
        race(bank)


def test_a_limit_per_customer_may_be_used_up_by_others() -> None:
    with pytest.raises(Inconclusive, match="per customer"):
        race(Limited(NO, winners=0), per="customer")


# -- members that decide nothing ------------------------------------------------------------------------------------


def unknown_members(bank: Bank) -> None:
    authorization.unknown_members_decide_nothing(candidate_of(bank), evidence())


def test_unknown_members_that_are_refused_pass() -> None:
    unknown_members(Bank())


@pytest.mark.parametrize(("answer", "raised"), [(CRASH, Finding), (SILENCE, Finding), (BUSY, Inconclusive)])
@pytest.mark.parametrize("operation", ["payments.create", "accounts.open"])
def test_unknown_members_that_break_the_product_do_not_pass(
    operation: str, answer: Answer, raised: type[Exception]
) -> None:
    def instead(prepared: Prepared, body: dict[str, Any]) -> Answer | None:
        return answer if prepared.operation == operation and any(e.kind == "add" for e in prepared.edits) else None

    with pytest.raises(raised):
        unknown_members(Bank(instead=instead))


class Copying(Bank):
    """Books a member ``fee`` that it does not show."""

    def payments_create(self, prepared: Prepared, body: dict[str, Any], sent: bytes) -> Answer:
        fee = int(body.pop("fee", 0))
        known = {name: value for name, value in body.items() if name not in ("state", "status", "refunded", "by")}
        self.accounts[body["debtor"]]["balance"] -= fee
        return self.pay(prepared, known, body["amount"], sent)


def test_a_member_that_moves_money_unseen_is_found() -> None:
    with pytest.raises(Finding, match="how much money moves"):
        unknown_members(Copying())


def test_books_that_show_no_payment_leave_it_untested() -> None:
    def instead(prepared: Prepared, body: dict[str, Any]) -> Answer | None:
        return Accepted({"available": 5}, Exchange(1, 200)) if prepared.operation == "accounts.balance" else None

    with pytest.raises(NotTested, match="no change right after a payment"):
        unknown_members(Bank(instead=instead))
