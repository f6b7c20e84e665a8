"""A refusal counts for what it refuses: not for a method that does not exist, a payment that is settled, or a limit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from stub_bank import PARAMS, Bank, candidate_of, evidence

from conformance.sdk import Answer, Finding, Inconclusive, NotTested, Prepared, Stage, refused
from conformance_security.checks import authorization, signature

SIGNED = {"Signature-Input": 'sig=("@method" "@target-uri");created=1;keyid="k";nonce="n"', "Signature": "sig=:AA==:"}


# -- signed methods -------------------------------------------------------------------------------------------------


class Signing(Bank):
    """A bank whose reads were signed, and that answers another method with ``method``, other changes with ``other``."""

    def __init__(self, method: int, other: int = 401) -> None:
        super().__init__()
        self.method, self.other = method, other

    def accounts_balance(self, prepared: Prepared, body: dict[str, Any], sent: bytes) -> Answer:
        changed = {edit.kind for edit in prepared.edits if edit.stage is Stage.WIRE}
        if changed:
            status = self.method if "method" in changed else self.other
            return self.yes({}) if status == 200 else self.no(status, "")
        answer = super().accounts_balance(prepared, body, sent)
        url = f"https://127.0.0.1:1/accounts/{prepared.arguments['account']}"
        return replace(answer, exchange=replace(answer.exchange, request_headers=SIGNED, url=url))


def signed(bank: Bank) -> None:
    signature.method_path_and_query_are_signed(candidate_of(bank), evidence())


def test_a_method_that_is_refused_for_its_signature_passes() -> None:
    signed(Signing(401))


@pytest.mark.parametrize("status", [404, 405])
def test_a_method_that_the_path_does_not_have_says_nothing(status: int) -> None:
    with pytest.raises(NotTested, match=f"PATCH was answered {status}"):
        signed(Signing(status))


@pytest.mark.parametrize(
    ("bank", "says"),
    [
        (Signing(200), "its method was changed"),
        (Signing(422), "wrong refusal: its method"),
        (Signing(401, 404), "wrong refusal: its query"),
    ],
)
def test_a_change_that_is_not_refused_for_its_signature_fails(bank: Bank, says: str) -> None:
    with pytest.raises(Finding, match=says):
        signed(bank)


# -- refusals without a status of their own -------------------------------------------------------------------------


def test_a_refusal_inside_a_200_counts_whatever_status_was_wanted() -> None:
    """The mapping says how the product refuses; where it does so inside a 200, no status can be asked of it."""
    bank = Bank()
    twin = candidate_of(bank).prepare("accounts.read", account="acc-1")
    hidden = replace(twin, perform=lambda _: bank.no(200, "forbidden"))
    accepted = bank.yes({"id": "acc-1"})
    assert refused(hidden, twin=accepted, because="it is another's", codes=(403, 404)).code == "forbidden"
    open_403 = replace(twin, perform=lambda _: bank.no(422, "forbidden"))
    with pytest.raises(Finding, match="wrong refusal: it is another's"):
        refused(open_403, twin=accepted, because="it is another's", codes=(403, 404))


# -- cancelling -----------------------------------------------------------------------------------------------------


class Cancelling(Bank):
    """Answers cancellations by the payer and by others with these statuses."""

    def __init__(self, own: int, others: int) -> None:
        super().__init__()
        self.offered |= {"payments.cancel"}
        self.statuses = {"alice": own, "bob": others}

    def payments_cancel(self, prepared: Prepared, body: dict[str, Any], sent: bytes) -> Answer:
        status = self.statuses[str(prepared.user)]
        return self.yes({"state": "cancelled"}) if status == 200 else self.no(status, "")


def cancelled(own: int, others: int) -> None:
    authorization.nobody_pays_with_other_peoples_money(candidate_of(Cancelling(own, others)), evidence())


@pytest.mark.parametrize(("own", "others"), [(200, 404), (200, 409), (409, 404), (422, 403)])
def test_a_stranger_who_is_refused_for_being_one_passes(own: int, others: int) -> None:
    cancelled(own, others)


@pytest.mark.parametrize(("own", "others"), [(409, 409), (404, 404), (422, 409)])
def test_where_nobody_can_cancel_the_refusal_of_a_stranger_proves_nothing(own: int, others: int) -> None:
    with pytest.raises(NotTested, match="proves nothing"):
        cancelled(own, others)


def test_a_stranger_who_cancels_is_found() -> None:
    with pytest.raises(Finding, match="to be cancelled belongs to another customer"):
        cancelled(200, 200)


# -- factors --------------------------------------------------------------------------------------------------------


class Factors(Bank):
    """Wants a factor for large payments, each good for one; ``most`` large payments are let through in all."""

    def __init__(self, most: int = 99, single_max: int = 10**9) -> None:
        super().__init__()
        self.offered |= {"factor.begin", "factor.confirm"}
        self.factors: dict[str, dict[str, Any]] = {}
        self.most, self.single_max, self.large = most, single_max, 0

    def factor_begin(self, prepared: Prepared, body: dict[str, Any], sent: bytes) -> Answer:
        name = f"fac-{next(self._numbers)}"
        self.factors[name] = dict(prepared.arguments)
        return self.yes({"id": name, "code": "1"})

    def factor_confirm(self, prepared: Prepared, body: dict[str, Any], sent: bytes) -> Answer:
        return self.yes({})

    def pay(self, prepared: Prepared, body: dict[str, Any], amount: int, sent: bytes) -> Answer:
        if self.large >= self.most or amount > self.single_max:
            return self.no(422, "limit-exceeded", sent)
        given = self.factors.get(str(body.get("factor")), {})
        if (given.get("amount"), given.get("creditor")) != (amount, body["creditor"]):
            return self.no(403, "factor-invalid", sent)
        del self.factors[str(body["factor"])]
        self.large += 1
        return super().pay(prepared, body, amount, sent)


def factors(bank: Bank) -> None:
    authorization.large_transfers_need_their_own_factor(candidate_of(bank, factor_threshold=1_000), evidence(), PARAMS)


def test_factors_that_fit_are_taken_to_the_end() -> None:
    bank = Factors()
    factors(bank)
    assert bank.large == 4


@pytest.mark.parametrize("bank", [Factors(most=1), Factors(single_max=1_001)])
def test_a_limit_that_refuses_the_same_is_no_factor(bank: Bank) -> None:
    with pytest.raises(Inconclusive, match="at the end"):
        factors(bank)
