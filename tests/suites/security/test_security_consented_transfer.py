"""A consent to read does not pay, wherever it travels: the transfer that shows it carries the consent as reads do."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
from stub_bank import Bank, candidate_of, evidence

from conformance.sdk import Accepted, Answer, Candidate, Exchange, Finding, NotTested, Prepared
from conformance_security.checks import consent

FORM = {"content-type": "application/x-www-form-urlencoded"}
#: Where a bank reads the consent → what a read that carries it looks like on the wire.
FORMS: dict[str, Callable[[str], Exchange]] = {
    "header": lambda held: Exchange(0, 200, request_headers={"X-Consent": f"Consent {held}"}),
    "query": lambda held: Exchange(0, 200, url="https://x/balance?" + urlencode({"account": "a", "consent": held})),
    "body": lambda held: Exchange(0, 200, request_body=json.dumps({"account": "a", "agreement": held}).encode()),
    "form": lambda held: Exchange(0, 200, request_headers=FORM, request_body=f"a=1&agreement={held}".encode()),
    "path": lambda held: Exchange(0, 200, url=f"https://x/consents/{held}/balance"),
}
#: Where a bank reads the consent of a transfer: the kind and the name of the edit that puts it there.
EDITS = {
    "header": ("header", "X-Consent"), "query": ("query", "consent"),
    "body": ("add", "agreement"), "form": ("add", "agreement"),
}  # fmt: skip


class Consented(Bank):
    """Reads consents from one place only; ``pays``: any consent opens transfers as well."""

    def __init__(self, form: str, *, pays: bool = False, number: str = "con-{}") -> None:
        super().__init__()
        self.offered |= {"consents.grant", "accounts.statement"}
        self.form, self.pays, self.number = form, pays, number
        self.consents: dict[str, dict[str, Any]] = {}

    def consents_grant(self, prepared: Prepared, body: dict[str, Any], sent: bytes) -> Answer:
        held = self.number.format(next(self._numbers))
        self.consents[held] = body
        return self.yes({"id": held}, sent, 201)

    def accounts_balance(self, prepared: Prepared, body: dict[str, Any], sent: bytes) -> Answer:
        held = prepared.arguments.get("consent")
        given = self.consents.get(str(held))
        if held is None:
            return super().accounts_balance(prepared, body, sent)
        if given is None or given["account"] != prepared.arguments["account"]:
            return self.no(403, "consent")
        return Accepted({"available": self.accounts[given["account"]]["balance"]}, FORMS[self.form](str(held)))

    def accounts_statement(self, prepared: Prepared, body: dict[str, Any], sent: bytes) -> Answer:
        return self.no(403, "consent")

    def payments_create(self, prepared: Prepared, body: dict[str, Any], sent: bytes) -> Answer:
        edits = {(edit.kind, edit.name): str(edit.value) for edit in prepared.edits}
        where = EDITS.get(self.form)
        held = edits.get(where, "") if where else str(prepared.arguments.get("consent", ""))
        known = {name: value for name, value in body.items() if name not in ("consent", "agreement")}
        given = self.consents.get(held.removeprefix("Consent "))
        if self.pays and given is not None and given["account"] == body["debtor"]:
            prepared = replace(prepared, user=self.accounts[body["debtor"]]["owner"])
        return super().payments_create(prepared, known, sent)


def asked(bank: Bank, mapped: Any = None) -> None:
    plain = candidate_of(bank)
    file = replace(plain.file, operations={"payments.create": mapped} if mapped else {})
    candidate = Candidate(plain.driver, file, plain.pool, plain.hooks, "alice")
    consent.a_consent_allows_what_it_says(candidate, evidence())


#: A path is no transfer's own, so its mapping has to say where the consent goes.
NAMED = {"path": "/consents/{consent}/payments"}
PLACES = [("header", None), ("query", None), ("body", None), ("form", None), ("path", NAMED)]


@pytest.mark.parametrize(("form", "mapped"), PLACES)
def test_a_consent_to_read_that_pays_is_found_wherever_it_travels(form: str, mapped: Any) -> None:
    with pytest.raises(Finding, match="does not allow a transfer"):
        asked(Consented(form, pays=True), mapped)


@pytest.mark.parametrize(("form", "mapped"), PLACES)
def test_a_bank_whose_consents_do_not_pay_passes(form: str, mapped: Any) -> None:
    asked(Consented(form), mapped)


@pytest.mark.parametrize("form", ["query", "body"])
def test_a_consent_may_be_a_number(form: str) -> None:
    with pytest.raises(Finding, match="does not allow a transfer"):
        asked(Consented(form, pays=True, number="100{}"))


@pytest.mark.parametrize(
    "mapped",
    [
        {"path": "/pay", "body": ["debtor", "consent"]},
        {"path": "/pay", "body": {"auth": {"id": "{consent}"}}},
        {"steps": [{"path": "/prepare"}, {"path": "/pay", "query": {"c": "{consent}"}}]},
    ],
)
def test_a_mapping_that_names_the_consent_carries_it(mapped: Any) -> None:
    with pytest.raises(Finding, match="does not allow a transfer"):
        asked(Consented("path", pays=True), mapped)


@pytest.mark.parametrize("mapped", [None, {"path": "/pay", "body": {"kind": "consent"}}])
@pytest.mark.parametrize("pays", [True, False])
def test_a_transfer_that_cannot_carry_the_consent_is_not_tested(mapped: Any, pays: bool) -> None:
    bank = Consented("path", pays=pays)
    with pytest.raises(NotTested, match=r"name \{consent\} in the mapping of payments\.create"):
        asked(bank, mapped)
    assert not [sent for sent in bank.asked if sent.operation == "payments.create"]
