"""The guide's worked sketches, taken out of the guide and bound to small products of their kind."""

import base64
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from candidate_product import Ears, Product
from sketch_products import Ledger, Purses, Wallets

from conformance.candidate.callers import same_caller
from conformance.sdk import Accepted, Broken, Candidate, NotApplicable, Refused, accepted

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "bind-a-product.md"
Bind = Callable[..., Candidate]


def sketch(title: str) -> dict[str, Any]:
    """Return the candidate file under a heading of the guide, without its name and place."""
    section = GUIDE.read_text("utf-8").partition(f"### {title}")[2].partition("\n### ")[0]
    [text] = re.findall(r"```toml candidate\n(.*?)```", section, re.DOTALL)
    kept = tomllib.loads(text)
    return {key: value for key, value in kept.items() if key not in ("name", "version", "base_url", "pool")} | {
        "pool": tuple(kept.get("pool", ()))
    }


@pytest.fixture
def wallets(monkeypatch: pytest.MonkeyPatch) -> Wallets:
    made = Wallets()
    for user in ("alice", "bob"):
        key = f"key-of-wallet-{user}-0123456789"
        made.keys[key] = f"wallet-{user}"
        made.msat[f"wallet-{user}"] = 0
        monkeypatch.setenv(f"WALLET_{user.upper()}_KEY", key)
    made.msat["wallet-alice"] = 100_000_000
    monkeypatch.setenv("WALLET_ADMIN_PASSWORD", "operator-password")
    return made


def pay(candidate: Candidate, debtor: str, creditor: str, amount: int) -> Any:
    return candidate.call("payments.create", debtor=debtor, creditor=creditor, amount=amount, currency="SAT")


def test_a_wallet_service_pays_an_invoice_of_another_user(bound: Bind, product: Product, wallets: Wallets) -> None:
    product.answer = wallets.answer
    candidate = bound(**sketch("A wallet service"))

    payment = accepted(pay(candidate, "wallet-alice", "wallet-bob", 2_100), "a payment")

    assert payment["state"] == "confirmed"
    assert candidate.balance("wallet-alice") == 97_900
    assert candidate.as_user("bob").balance("wallet-bob") == 2_100


def test_a_wallet_service_refuses_with_520(bound: Bind, product: Product, wallets: Wallets) -> None:
    product.answer = wallets.answer
    candidate = bound(**sketch("A wallet service"))

    poor = pay(candidate.as_user("bob"), "wallet-bob", "wallet-alice", 5_000)
    negative = pay(candidate, "wallet-alice", "wallet-bob", -1)

    assert isinstance(poor, Refused)
    assert (poor.exchange.status, poor.code) == (520, "Insufficient balance.")
    assert isinstance(negative, Refused)


def test_a_repeated_payment_pays_the_same_invoice_again(bound: Bind, product: Product, wallets: Wallets) -> None:
    product.answer = wallets.answer
    candidate = bound(**sketch("A wallet service"))
    payment = candidate.prepare(
        "payments.create", debtor="wallet-alice", creditor="wallet-bob", amount=10, idempotency_key="key-1"
    )

    first, again = payment.send(), payment.send()
    other = payment.with_arguments(idempotency_key="key-2").send()

    assert isinstance(first, Accepted)
    assert isinstance(again, Refused)
    assert again.code == "Invoice already paid."
    assert isinstance(other, Accepted)
    assert candidate.balance("wallet-alice") == 99_980


def test_nobody_is_lent_the_owners_key(bound: Bind, product: Product, wallets: Wallets) -> None:
    """A check that asks as a stranger or as nobody must not get in by the mapping's help: that finding were false."""
    product.answer = wallets.answer
    candidate = bound(**sketch("A wallet service"))

    nobody = candidate.prepare("accounts.balance", account="wallet-alice").without_credentials().send()

    assert isinstance(nobody, Refused)
    assert nobody.exchange.status == 401
    with pytest.raises(NotApplicable, match=r"names no account.*bob has no way"):
        candidate.as_user("bob").call("accounts.balance", account="wallet-alice")


def test_a_foreign_payment_is_asked_for_with_the_strangers_own_key(
    bound: Bind, product: Product, wallets: Wallets
) -> None:
    product.answer = wallets.answer
    wallets.keys["key-of-a-third-0123456789"] = "wallet-third"
    wallets.msat["wallet-third"] = 0
    sections = sketch("A wallet service")
    sections["users"]["third"] = {"key": "key-of-a-third-0123456789"}
    candidate = bound(**sections)
    payment = accepted(pay(candidate, "wallet-alice", "wallet-bob", 10), "a payment")

    read = candidate.prepare("payments.read", payment=payment["id"])

    assert isinstance(read.send(), Accepted)
    assert isinstance(read.as_user("third").send(), Refused)


def opening() -> dict[str, Any]:
    """Return the guide's mapping of accounts that come with keys of their own."""
    parts = re.findall(r"```toml part\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    [text] = [part for part in parts if "wallet_key" in part]
    found: dict[str, Any] = tomllib.loads(text)["operations"]
    return found


def test_accounts_come_with_keys_of_their_own_and_none_is_recorded(
    bound: Bind, product: Product, wallets: Wallets, ears: Ears
) -> None:
    product.answer = wallets.answer
    sections = sketch("A wallet service")
    sections["operations"] |= opening()
    candidate = bound(**sections)

    debtor = candidate.account(balance=5_000, currency="SAT")
    creditor = candidate.as_user("bob").account(balance=0, currency="SAT")
    accepted(pay(candidate, debtor.id, creditor.id, 1_500), "a payment")

    assert (candidate.balance(debtor), candidate.balance(creditor)) == (3_500, 1_500)
    assert debtor.id != candidate.account(balance=0, currency="SAT").id
    keys = [key for key, wallet in wallets.keys.items() if wallet in (debtor.id, creditor.id)]
    assert len(keys) == 2
    assert set(keys) <= set(ears.secrets)
    assert all(key not in item.curl for key in keys for item in ears.sightings)


@pytest.fixture
def purses(monkeypatch: pytest.MonkeyPatch) -> Purses:
    monkeypatch.setenv("EXPENSES_HOUSEHOLD", "household-password")
    monkeypatch.setenv("EXPENSES_HOLIDAY", "holiday-password")
    return Purses()


def test_an_expense_service_keeps_decimals_exactly(bound: Bind, product: Product, purses: Purses) -> None:
    product.answer = purses.answer
    candidate = bound(**sketch("An expense service"))
    payer, other = candidate.account(balance=0, currency="EUR"), candidate.account(balance=0, currency="EUR")

    made = accepted(
        candidate.call("payments.create", debtor=payer.id, creditor=other.id, amount=1_234_567_01, currency="EUR"),
        "a bill",
    )
    read = accepted(candidate.call("payments.read", payment=made["id"]), "reading it")
    listed = accepted(candidate.call("payments.list", account=payer.id), "the list")

    assert b'"amount":1234567.01' in next(r.body for r in product.requests if b"what" in r.body)
    assert (read["amount"], read["currency"], read["state"]) == (1_234_567_01, "EUR", "confirmed")
    assert [item["id"] for item in listed["items"]] == [made["id"]]


def test_an_expense_services_projects_are_users(bound: Bind, product: Product, purses: Purses) -> None:
    product.answer = purses.answer
    candidate = bound(**sketch("An expense service"))

    made = accepted(candidate.call("payments.create", debtor="1", creditor="2", amount=1, currency="EUR"), "a bill")

    assert isinstance(candidate.as_user("bob").call("payments.read", payment=made["id"]), Refused)
    assert isinstance(candidate.call("payments.create", debtor="1", creditor="2", amount=5).exchange.status, int)
    assert not isinstance(candidate.without_credentials().call("payments.list"), Accepted | Broken)


def test_an_expense_services_balances_stand_in_one_list(bound: Bind, product: Product, purses: Purses) -> None:
    product.answer = purses.answer
    candidate = bound(**sketch("An expense service"))
    debtor, creditor = candidate.account(balance=0, currency="EUR"), candidate.account(balance=0, currency="EUR")

    accepted(
        candidate.call("payments.create", debtor=debtor.id, creditor=creditor.id, amount=1234, currency="EUR"), "a bill"
    )
    absent = candidate.call("accounts.balance", account="99")

    assert (candidate.balance(debtor), candidate.balance(creditor)) == (-1234, 1234)
    assert isinstance(absent, Refused)
    assert absent.code == "absent"


def test_anothers_account_is_asked_for_in_that_ones_place(bound: Bind, product: Product, purses: Purses) -> None:
    product.answer = purses.answer
    candidate = bound(**sketch("An expense service"))
    account = candidate.account(balance=0, currency="EUR")
    bob = candidate.as_user("bob")

    bob.call("accounts.balance", account=account.id)
    as_bob = product.requests[-1]
    candidate.without_credentials().call("accounts.balance", account=account.id)
    as_nobody = product.requests[-1]
    bobs = bob.account(balance=0, currency="EUR")
    bob.call("accounts.balance", account=bobs.id)

    assert as_bob.path == as_nobody.path == "/api/projects/household/statistics"
    assert base64.b64decode(as_bob.headers["Authorization"].split()[1]).startswith(b"holiday:")
    assert "Authorization" not in as_nobody.headers
    assert bobs.id == account.id
    assert product.requests[-1].path == "/api/projects/holiday/statistics", "one's own place holds a thing of that id"


@pytest.fixture
def ledger(bound: Bind, product: Product, monkeypatch: pytest.MonkeyPatch) -> Candidate:
    books = Ledger()
    for user in ("alice", "bob"):
        books.keys[f"ledger-key-of-{user}"] = user
        monkeypatch.setenv(f"LEDGER_{user.upper()}_KEY", f"ledger-key-of-{user}")
    product.answer = books.answer
    return bound(**sketch("A ledger by JSON-RPC"))


def test_a_ledger_by_json_rpc_takes_names_that_an_answer_repeats(ledger: Candidate) -> None:
    debtor = ledger.account(balance=1_000, currency="EUR")
    creditor = ledger.account(balance=0, currency="EUR")
    assert debtor.id != creditor.id
    assert [item["id"] for item in accepted(ledger.call("accounts.list"), "a list")["items"]] == [
        debtor.id,
        creditor.id,
    ]

    payment = ledger.prepare(
        "payments.create", debtor=debtor.id, creditor=creditor.id, amount=300, idempotency_key="key-1"
    )
    first, again = accepted(payment.send(), "a payment"), accepted(payment.send(), "a repetition")

    assert first["id"] == again["id"]
    assert (ledger.balance(debtor), ledger.balance(creditor)) == (700, 300)


def test_a_key_inside_the_body_is_a_credential(ledger: Candidate, product: Product, ears: Ears) -> None:
    account = ledger.account(balance=1_000, currency="EUR")

    foreign = ledger.as_user("bob").call("accounts.balance", account=account.id)
    assert isinstance(foreign, Refused)
    assert (foreign.exchange.status, foreign.code) == (200, "-32602")
    assert product.requests[-1].json["params"]["k"] == "ledger-key-of-bob"

    nobody = ledger.without_credentials().call("accounts.balance", account=account.id)
    assert isinstance(nobody, Refused)
    assert nobody.code == "which-key"
    assert "k" not in product.requests[-1].json["params"]

    assert {"ledger-key-of-alice", "ledger-key-of-bob"} <= set(ears.secrets), (
        "known to the evidence before they are sent"
    )
    assert "${LEDGER_BOB_KEY}" in foreign.exchange.curl
    assert "ledger-key-of-bob" not in foreign.exchange.curl
    assert not same_caller(ledger.file, "alice", "bob")
