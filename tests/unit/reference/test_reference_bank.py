"""What the sound bank does with money: bookings, statements, states, limits of amounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Client


def statement(bank: Client, account: str, limit: int) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor = ""
    while True:
        query = f"limit={limit}" + (f"&cursor={cursor}" if cursor else "")
        page = bank.ask("GET", f"/accounts/{account}/statement?{query}").json()
        items += page["items"]
        if page["next"] is None:
            return items
        cursor = page["next"]


def test_statement_is_ordered_complete_and_adds_up(bank: Client) -> None:
    debtor, creditor = bank.pair(1000)
    paid = [bank.pay(debtor, creditor, amount).json()["id"] for amount in (1, 20, 300)]
    items = statement(bank, debtor, limit=2)
    assert [item["payment"] for item in items] == [None, *paid]
    assert [item["amount"] for item in items] == [1000, -1, -20, -300]
    assert [item["balance_after"] for item in items] == [1000, 999, 979, 679]


def test_payment_is_confirmed_after_its_time_to_cancel(bank: Client) -> None:
    payment = bank.pay(*bank.pair()).json()
    assert payment["state"] == "accepted"
    bank.process.hook("clock", offset_s=10)
    assert bank.ask("GET", f"/payments/{payment['id']}").json()["state"] == "confirmed"
    assert bank.ask("POST", f"/payments/{payment['id']}/cancel").status_code == 409


def test_cancelling_returns_the_money_and_ends_the_payment(bank: Client) -> None:
    debtor, creditor = bank.pair(1000)
    payment = bank.pay(debtor, creditor, 400).json()["id"]
    assert bank.ask("POST", f"/payments/{payment}/cancel").json()["state"] == "cancelled"
    assert (bank.balance(debtor), bank.balance(creditor)) == (1000, 0)
    assert bank.refund(payment, 1).status_code == 409


def test_refunds_reach_the_payment_and_no_further(bank: Client) -> None:
    debtor, creditor = bank.pair(1000)
    payment = bank.pay(debtor, creditor, 1000).json()["id"]
    assert bank.refund(payment, 400).json()["refunded"] == 400
    assert bank.refund(payment, 601).json()["code"] == "refund-exceeds-payment"
    assert bank.refund(payment, 600).status_code == 201
    assert bank.ask("GET", f"/payments/{payment}").json()["state"] == "refunded"
    assert (bank.balance(debtor), bank.balance(creditor)) == (1000, 0)


def test_a_replay_is_answered_as_the_first_time(bank: Client) -> None:
    debtor, creditor = bank.pair()
    first, again = (bank.pay(debtor, creditor, key=f"k-{debtor}") for _ in range(2))
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotency-replayed"] == "true"


def test_a_refused_payment_does_not_use_up_its_key(bank: Client) -> None:
    debtor, creditor = bank.pair(10)
    key = f"k-{debtor}"
    assert bank.pay(debtor, creditor, 11, key=key).json()["code"] == "insufficient-funds"
    assert bank.pay(debtor, creditor, 10, key=key).status_code == 201


def test_keys_of_two_clients_do_not_meet(bank: Client) -> None:
    alice, bob = bank.account("alice", 10), bank.account("bob", 10)
    assert bank.pay(alice, bob, 5, key="same").status_code == 201
    assert bank.pay(bob, alice, 5, key="same", user="bob").status_code == 201


def test_key_is_required_once(bank: Client) -> None:
    order = bank.order(*bank.pair())
    assert bank.ask("POST", "/payments", json=order).json()["code"] == "idempotency-key"
    assert bank.ask("POST", "/payments", json=order, headers={"Idempotency-Key": ""}).status_code == 400


@pytest.mark.parametrize("amount", [0, -1, 1.5, 1e3, "100", True, None, [1], {}, 2**31, 2**63, 10**20])
def test_amounts_that_are_refused_move_nothing(bank: Client, amount: object) -> None:
    debtor, creditor = bank.pair(1000)
    assert bank.pay(debtor, creditor, amount).status_code in (403, 422)
    assert (bank.balance(debtor), bank.balance(creditor)) == (1000, 0)


@pytest.mark.parametrize("currency", ["cny", "ZZZ", "USD", "", "CNY ", 156])
def test_currencies_that_are_refused(bank: Client, currency: object) -> None:
    assert bank.pay(*bank.pair(), currency=currency).status_code == 422


def test_accounts_of_two_currencies_do_not_pay_each_other(bank: Client) -> None:
    answer = bank.pay(bank.account(balance=100), bank.account(currency="USD"))
    assert answer.json()["code"] == "currency-mismatch"


def test_an_account_does_not_pay_itself(bank: Client) -> None:
    account = bank.account(balance=100)
    assert bank.pay(account, account).status_code == 422


def test_large_payments_need_a_factor_of_their_own(bank: Client) -> None:
    amount = 5_000_000
    debtor, creditor = bank.pair(10 * amount)
    other = bank.account()
    begun = bank.ask("POST", "/factors", json={"amount": amount, "currency": "CNY", "creditor": creditor}).json()
    factor = begun["id"]
    assert bank.pay(debtor, creditor, amount).json()["code"] == "factor-required"
    assert bank.pay(debtor, creditor, amount, factor=factor).json()["code"] == "factor-invalid"
    wrong = f"{(int(begun['code']) + 1) % 10**6:06d}"
    assert bank.ask("POST", f"/factors/{factor}/confirm", json={"code": wrong}).status_code == 403
    assert bank.ask("POST", f"/factors/{factor}/confirm", json={"code": begun["code"]}).status_code == 200
    assert bank.pay(debtor, creditor, amount + 1, factor=factor).status_code == 403
    assert bank.pay(debtor, other, amount, factor=factor).status_code == 403
    assert bank.pay(debtor, creditor, amount, factor=factor).status_code == 201
    assert bank.pay(debtor, creditor, amount, factor=factor).status_code == 403


def test_frozen_accounts_neither_pay_nor_receive(bank: Client) -> None:
    debtor, creditor = bank.pair()
    assert bank.ask("POST", "/supervisor/freezes", "regulator", json={"account": creditor}).status_code == 201
    assert bank.pay(debtor, creditor).json()["code"] == "account-frozen"
    assert bank.ask("DELETE", f"/supervisor/freezes/{creditor}", "regulator").status_code == 200
    assert bank.pay(debtor, creditor).status_code == 201


def test_the_supervisor_sees_pseudonyms_and_may_resolve_them(bank: Client) -> None:
    debtor, creditor = bank.pair()
    bank.pay(debtor, creditor)
    item = bank.ask("GET", "/supervisor/transactions", "regulator").json()["items"][0]
    assert debtor not in str(item)
    shown = bank.ask("GET", f"/supervisor/identities/{item['debtor']}", "regulator").json()
    assert (shown["account"], shown["owner"]) == (debtor, "alice")
    actions = [record["action"] for record in bank.ask("GET", "/audit", "auditor").json()["items"]]
    assert actions[-1] == "supervisor.identity"


@pytest.mark.parametrize("action", ["alter", "delete", "forge"])
@pytest.mark.parametrize("seq", [1, 2, 3])
def test_changed_audit_records_show_until_they_are_put_back(bank: Client, seq: int, action: str) -> None:
    def valid() -> bool:
        return bool(bank.ask("GET", "/audit/verify", "auditor").json()["valid"])

    bank.pay(*bank.pair())
    bank.process.hook("inject", kind="audit-tamper", seq=seq, action=action)
    assert not valid()
    bank.process.hook("inject", kind="audit-tamper", seq=seq, action="restore")
    assert valid()
    bank.pay(*bank.pair())
    assert valid()


def test_forged_audit_records_are_betrayed_by_their_signatures_alone(bank: Client) -> None:
    bank.pay(*bank.pair())
    before = bank.ask("GET", "/audit", "auditor").json()["items"]
    bank.process.hook("inject", kind="audit-tamper", seq=2, action="forge")
    after = bank.ask("GET", "/audit", "auditor").json()["items"]
    hashes, signatures = ([item[name] for item in after] for name in ("hash", "signature"))
    assert [item["previous"] for item in after][1:] == hashes[:-1]
    assert hashes[1:] != [item["hash"] for item in before][1:]
    assert signatures == [item["signature"] for item in before]


def test_cursors_belong_to_their_list_and_cannot_be_altered(bank: Client) -> None:
    debtor, creditor = bank.pair()
    for _ in range(2):
        bank.pay(debtor, creditor, 1)
    cursor = bank.ask("GET", f"/accounts/{debtor}/statement?limit=1").json()["next"]
    # Not the last character: its spare bits carry nothing, and another spelling of the same cursor is the same cursor.
    altered = ("A" if cursor[0] != "A" else "B") + cursor[1:]
    for account, text in ((debtor, altered), (creditor, cursor), (debtor, "nonsense")):
        assert bank.ask("GET", f"/accounts/{account}/statement?cursor={text}").json()["code"] == "invalid-cursor"


def test_payments_list_shows_both_directions(bank: Client) -> None:
    debtor, creditor = bank.pair()
    payment = bank.pay(debtor, creditor).json()["id"]
    for account in (debtor, creditor):
        items = bank.ask("GET", f"/payments?account={account}").json()["items"]
        assert [item["id"] for item in items] == [payment]
