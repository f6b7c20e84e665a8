"""What another customer may see of an account: nothing, and a list that could show nothing proves nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from stub_bank import BUSY, Bank, candidate_of, evidence

from conformance.sdk import Accepted, Answer, Finding, Inconclusive, NotTested, Prepared
from conformance_security.checks import authorization

LISTING = frozenset({"accounts.open", "accounts.balance", "payments.create", "payments.list"})


def closed(bank: Bank) -> None:
    authorization.accounts_are_closed_to_other_customers(candidate_of(bank), evidence())


class Listing(Bank):
    """A bank whose list names the account in its URL or not, and belongs to whoever ``sees`` says."""

    def __init__(self, sees: str, named: bool = True, **more: Any) -> None:
        super().__init__(offered=LISTING, **more)
        self.sees, self.named = sees, named

    def payments_list(self, prepared: Prepared, body: dict[str, Any], sent: bytes) -> Answer:
        account = str(prepared.arguments["account"])
        own = self.accounts[account]["owner"] == prepared.user
        shown = [made for made in self.payments if account in (made["debtor"], made["creditor"])]
        if not own and self.sees == "nothing":
            shown = []
        if not own and self.sees == "own":
            shown = [{"id": "pay-of-bob", "reference": "bob's"}]
        answer = self.yes({"items": shown, "next": None})
        url = f"https://127.0.0.1:1/payments?account={account}" if self.named else "https://127.0.0.1:1/payments"
        return replace(answer, exchange=replace(answer.exchange, url=url))


@pytest.mark.parametrize("sees", ["nothing", "own"])
@pytest.mark.parametrize("named", [True, False])
def test_an_empty_list_or_one_of_the_callers_own_is_as_good_as_a_refusal(sees: str, named: bool) -> None:
    closed(Listing(sees, named))


@pytest.mark.parametrize(("named", "says"), [(True, "payments.list names an account"), (False, "a list must not show")])
def test_a_list_of_anybodys_payments_is_found(named: bool, says: str) -> None:
    with pytest.raises(Finding, match=says):
        closed(Listing("everything", named))


def test_payments_without_reference_are_known_by_their_number() -> None:
    with pytest.raises(Finding, match="names an account of another customer"):
        closed(Listing("everything", references=False))


def test_a_list_with_nothing_to_hide_is_not_tested() -> None:
    bank = Listing("nothing")
    bank.offered = frozenset({"accounts.open", "payments.list"})
    with pytest.raises(NotTested, match="none to hide"):
        closed(bank)


def test_a_429_is_no_refusal_of_a_list() -> None:
    def instead(prepared: Prepared, body: dict[str, Any]) -> Answer | None:
        return BUSY if prepared.operation == "payments.list" and prepared.user == "bob" else None

    with pytest.raises(Inconclusive, match="429"):
        closed(Listing("nothing", instead=instead))


def test_a_read_by_anybody_is_found() -> None:
    def instead(prepared: Prepared, body: dict[str, Any]) -> Answer | None:
        return Accepted({"available": 1}, bank_exchange) if prepared.operation == "accounts.balance" else None

    bank_exchange = Bank().yes({}).exchange
    with pytest.raises(Finding, match=r"accounts\.balance names an account of another customer"):
        closed(Bank(instead=instead))
