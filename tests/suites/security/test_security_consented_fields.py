"""What a consented read shows is compared by the product's own names, however deep they stand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from stub_bank import Bank, candidate_of, evidence

from conformance.sdk import Answer, Finding, NotTested, Prepared
from conformance_security.checks import consent

FIELDS = {"accounts.read": ["accountNo", "ccy"]}


class Consenting(Bank):
    """Shows a consented account in a form of its own; ``{id}`` in it is the account's."""

    def __init__(self, form: Any) -> None:
        super().__init__()
        self.offered |= {"consents.grant"}
        self.form = form

    def consents_grant(self, prepared: Prepared, body: dict[str, Any], sent: bytes) -> Answer:
        return self.yes({"id": "con-1"}, sent, 201)

    def accounts_read(self, prepared: Prepared, body: dict[str, Any], sent: bytes) -> Answer:
        return self.yes({"id": "x"}, shown=filled(self.form, str(prepared.arguments["account"])))


def filled(form: Any, account: str) -> Any:
    if isinstance(form, dict):
        return {name: filled(value, account) for name, value in form.items()}
    if isinstance(form, list):
        return [filled(value, account) for value in form]
    return account if form == "{id}" else form


def read(form: Any, **declared: Any) -> None:
    consent.only_consented_fields_are_shown(candidate_of(Consenting(form), **declared), evidence())


ACCOUNT = {"accountNo": "{id}", "ccy": "EUR"}


@pytest.mark.parametrize(
    "form",
    [
        ACCOUNT,
        {"code": 0, "message": "ok", "data": ACCOUNT},
        {"Data": {"Account": [ACCOUNT]}, "Links": {"Self": "https://x"}, "Meta": {"TotalPages": 1}},
        {"request_id": "r", "data": {**ACCOUNT, "holder": None}},
    ],
)
def test_consented_fields_pass_in_any_envelope(form: Any) -> None:
    read(form, consent_fields=FIELDS)


@pytest.mark.parametrize(
    "form",
    [
        {**ACCOUNT, "holder": "Li"},
        {**ACCOUNT, "message": "of Li"},
        {"code": 0, "data": {**ACCOUNT, "holder": {"name": "Li"}}},
        {"code": 0, "holder": "Li", "data": ACCOUNT},
        {"Data": {"Account": [{**ACCOUNT, "holder": ["Li"]}]}},
    ],
)
def test_what_was_not_consented_is_found_at_any_depth(form: Any) -> None:
    with pytest.raises(Finding, match="more than the consented fields"):
        read(form, consent_fields=FIELDS)


@pytest.mark.parametrize("declared", [{}, {"consent_fields": {"accounts.balance": ["a"]}}, {"consent_fields": "id"}])
def test_names_that_nobody_declared_are_not_tested(declared: dict[str, Any]) -> None:
    with pytest.raises(NotTested, match="not declared"):
        read(ACCOUNT, **declared)


def test_the_balance_needs_no_declaration() -> None:
    with pytest.raises(Finding, match="the balance is shown"):
        read({**ACCOUNT, "left": 8_765.43})


def test_a_name_around_the_account_does_not_open_what_is_in_it() -> None:
    with pytest.raises(Finding, match="more than the consented fields"):
        read({"data": {**ACCOUNT, "holder": "Li"}}, consent_fields={"accounts.read": ["data", "accountNo", "ccy"]})


def test_an_answer_that_is_not_json_is_not_tested() -> None:
    class Xml(Consenting):
        def accounts_read(self, prepared: Prepared, body: dict[str, Any], sent: bytes) -> Answer:
            answer = super().accounts_read(prepared, body, sent)
            return replace(answer, exchange=replace(answer.exchange, body=b"<account/>"))

    with pytest.raises(NotTested, match="not shown in JSON"):
        consent.only_consented_fields_are_shown(candidate_of(Xml({}), consent_fields=FIELDS), evidence())
