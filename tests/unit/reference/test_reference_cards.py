"""Cards, daily limits, grantees and what is logged: sound, and with each fault."""

from __future__ import annotations

import base64
import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Client

CARD = {
    "pan": "6228480402564890018",
    "holder": "Test Holder",
    "identity": "11010519491231002X",
    "phone": "13812345678",
    "cvv": "719",
    "pin": "735291",
}


def bound(bank: Client, **members: Any) -> tuple[str, Any]:
    account = bank.account()
    return account, bank.ask("POST", f"/accounts/{account}/card", json=CARD | members)


def test_a_bound_card_is_shown_masked_and_without_secrets(bank: Client) -> None:
    account, answer = bound(bank)
    assert answer.status_code == 201
    assert answer.json() == bank.ask("GET", f"/accounts/{account}/card").json() == {
        "account": account, "pan": "622848*********0018", "expires": "2031-12", "holder": "*est Holder",
        "identity": "110105********002X", "phone": "138****5678",
    }  # fmt: skip


def test_secrets_and_numbers_are_not_in_the_database(bank: Client) -> None:
    _, answer = bound(bank)
    assert answer.status_code == 201
    stored = b"".join(path.read_bytes() for path in bank.process.candidate_path.parent.glob("bank-*"))
    for value in CARD.values():
        assert value.encode() not in stored


@pytest.mark.parametrize(
    "members",
    [{"pan": "6228480402564890019"}, {"identity": "110105194912310021"}, {"phone": "1"}, {"cvv": 7}, {"more": "x"}],
)
def test_broken_cards_are_refused_without_an_echo(bank: Client, members: dict[str, Any]) -> None:
    _, answer = bound(bank, **members)
    assert answer.status_code in (400, 422)
    assert not any(value in answer.text for value in CARD.values())


def test_another_customers_account_takes_no_card(bank: Client) -> None:
    assert bank.ask("POST", f"/accounts/{bank.account('bob')}/card", json=CARD).status_code == 404


@pytest.mark.parametrize(
    ("fault", "member", "shown"),
    [
        ("data.pan-unmasked", "pan", CARD["pan"]),
        ("data.identity-unmasked", "identity", CARD["identity"]),
        ("data.phone-unmasked", "phone", CARD["phone"]),
        ("data.mask-thin", "pan", "62284804*******0018"),
        ("data.cvv-returned", "cvv", CARD["cvv"]),
    ],
)
def test_faults_show_what_they_say(bank: Client, fault: str, member: str, shown: str) -> None:
    bank.process.reset([fault])
    account, _ = bound(bank)
    assert bank.ask("GET", f"/accounts/{account}/card").json()[member] == shown


def test_the_encoded_fault_hides_the_number_two_deep(bank: Client) -> None:
    bank.process.reset(["data.pan-encoded"])
    _, answer = bound(bank)
    assert json.loads(gzip.decompress(base64.b64decode(answer.json()["token"]))) == {"card": CARD["pan"]}


@pytest.mark.parametrize("fault", ["", "logs.body-logged"])
def test_the_log_holds_bodies_only_under_its_fault(bank: Client, fault: str) -> None:
    bank.process.reset([fault] if fault else [])
    bound(bank)
    lines = bank.process.hook("export_logs")["lines"]
    assert any(line["method"] == "POST" for line in lines)
    assert (CARD["pan"] in json.dumps(lines)) is bool(fault)


def limited(bank: Client, amount: int) -> str:
    body = {"owner": "alice", "currency": "CNY", "balance": 100_000, "daily_limit": amount}
    return str(bank.ask("POST", "/accounts", json=body).json()["id"])


@pytest.mark.parametrize(("fault", "refused"), [("", True), ("limits.daily-unchecked", False)])
def test_a_daily_limit_counts_everything_paid_that_day(bank: Client, fault: str, refused: bool) -> None:
    bank.process.reset([fault] if fault else [])
    debtor, creditor = limited(bank, 1_000), bank.account()
    assert bank.pay(debtor, creditor, 1_001).json()["code"] == "limit-exceeded"
    assert [bank.pay(debtor, creditor, 500).status_code for _ in range(2)] == [201, 201]
    assert (bank.pay(debtor, creditor, 1).status_code == 422) is refused


def test_cancelled_payments_and_earlier_days_do_not_count(bank: Client) -> None:
    debtor, creditor = limited(bank, 1_000), bank.account()
    payment = bank.pay(debtor, creditor, 1_000).json()["id"]
    assert bank.pay(debtor, creditor, 1).status_code == 422
    assert bank.ask("POST", f"/payments/{payment}/cancel").status_code == 200
    assert bank.pay(debtor, creditor, 1_000).status_code == 201


@pytest.mark.parametrize(("fault", "most"), [("", 1), ("limits.daily-race", 4)])
def test_a_daily_limit_holds_at_once(bank: Client, fault: str, most: int) -> None:
    bank.process.reset([fault] if fault else [])
    debtor, creditor = limited(bank, 1_000), bank.account()
    bank.token("alice")
    with ThreadPoolExecutor(4) as pool:
        codes = [answer.status_code for answer in pool.map(lambda _: bank.pay(debtor, creditor, 600), range(4))]
    assert 1 <= codes.count(201) <= most
    assert (codes.count(201) > 1) is bool(fault)


@pytest.mark.parametrize(("fault", "status"), [("", 403), ("consents.grantee-unchecked", 200)])
def test_a_consent_serves_its_grantee(bank: Client, fault: str, status: int) -> None:
    bank.process.reset([fault] if fault else [])
    account = bank.account()
    body = {"account": account, "permissions": ["accounts.balance"], "grantee": "bob"}
    headers = {"Consent-Id": str(bank.ask("POST", "/consents", json=body).json()["id"])}
    assert bank.ask("GET", f"/accounts/{account}/balance", "bob", headers=headers).status_code == 200
    assert bank.ask("GET", f"/accounts/{account}/balance", "shop", headers=headers).status_code == status


@pytest.mark.parametrize(("fault", "status"), [("", 404), ("consents.grantor-unchecked", 201)])
def test_only_the_owner_consents(bank: Client, fault: str, status: int) -> None:
    bank.process.reset([fault] if fault else [])
    body = {"account": bank.account(), "permissions": ["accounts.balance"]}
    assert bank.ask("POST", "/consents", "bob", json=body).status_code == status


@pytest.mark.parametrize(("fault", "status"), [("", 403), ("consents.expiry-unchecked", 200)])
def test_a_consent_ends(bank: Client, fault: str, status: int) -> None:
    bank.process.reset([fault] if fault else [])
    account = bank.account()
    body = {"account": account, "permissions": ["accounts.balance"], "expires_in": 60}
    headers = {"Consent-Id": str(bank.ask("POST", "/consents", json=body).json()["id"])}
    bank.process.hook("clock", offset_s=61)
    try:
        assert bank.ask("GET", f"/accounts/{account}/balance", "bob", headers=headers).status_code == status
    finally:
        bank.process.hook("clock", offset_s=0)


@pytest.mark.parametrize(("fault", "codes"), [("", {"invalid-login"}), ("login.user-enumerable", {"unknown-user"})])
def test_unknown_users_are_answered_like_known_ones(bank: Client, fault: str, codes: set[str]) -> None:
    bank.process.reset([fault] if fault else [])
    answer = bank.raw("POST", "/login", json={"username": "mallory", "password": "not the password"})
    assert {answer.json()["code"]} == codes
