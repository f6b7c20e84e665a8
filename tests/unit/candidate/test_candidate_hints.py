"""What the doctor advises: the next thing to try, for each way in which an answer may be off."""

from collections.abc import Callable
from typing import Any

import pytest
from candidate_product import Product, Request
from sketch_products import Wallets
from test_candidate_sketches import opening, sketch

from conformance.candidate.doctor import examine
from conformance.candidate.hints import hints
from conformance.candidate.mapping import compile_operation
from conformance.candidate.proving import prove
from conformance.candidate.reading_toml import Place
from conformance.model.candidate import Effect, Scope
from conformance.sdk import Accepted, Candidate
from conformance.sdk.answers import Exchange

Bind = Callable[..., Candidate]

READ = {"path": "/balance", "result": {"available": "$.balance", "state": "$.state"}}


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        ({"balance": 12.5, "state": "confirmed"}, 'as = "decimal-number"'),
        ({"balance": "12.50", "state": "confirmed"}, 'as = "decimal-string"'),
        ({"balance": "1250", "state": "confirmed"}, 'as = "minor-string"'),
        ({"balance": 1, "state": "SETTLED"}, "'SETTLED' is none of ours"),
        ({"funds": {"balance": 1}}, "$.funds.balance"),
        ((401, {"WWW-Authenticate": 'Basic realm="x"'}, {}), '[auth] scheme = "basic"'),
        ((403, {}, {"code": "x"}), "`caller`"),
        ((404, {}, {"code": "x"}), "It went to /balance"),
        ((405, {"Allow": "PUT"}, {}), "PUT; correct `method`"),
        ((415, {}, {}), 'format = "form"'),
        ((429, {}, {}), "requests_per_second_max"),
        ((520, {}, {}), "refused = [520]"),
        ((302, {"Location": "/elsewhere"}, {}), "/elsewhere"),
        ((200, {"Content-Type": "text/html"}, b"<p>"), "a page for people"),
    ],
)
def test_each_answer_has_its_advice(reply: Any, says: str, bound: Bind, product: Product) -> None:
    def answer(_: Request) -> Any:
        return reply

    product.answer = answer
    [row] = examine(bound(mapping={"contract": "none"}, operations={"accounts.balance": READ}))
    assert any(says in hint for hint in row.hints), row.hints
    assert row.sent == "GET /balance"


def test_a_member_that_a_user_lacks_is_named(bound: Bind) -> None:
    operations = {"payments.list": {"path": "/{user.project}/bills", "items": "$[*]"}}
    users = {"alice": {}, "bob": {"project": "b"}}
    [row, *_] = examine(bound(mapping={"contract": "none"}, operations=operations, users=users))
    assert row.missing == ("user.project",)
    assert row.hints == ('add project = "…" to [users.alice], and to every other user',)


def test_money_is_proven_by_one_small_payment(bound: Bind, product: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    wallets = Wallets()
    product.answer = wallets.answer
    for name in ("WALLET_ALICE_KEY", "WALLET_BOB_KEY"):
        monkeypatch.setenv(name, f"{name}-0123456789")
    monkeypatch.setenv("WALLET_ADMIN_PASSWORD", "operator-password")
    sections = sketch("A wallet service")
    sections["operations"] |= opening()

    rows, made = prove(bound(**sections))
    assert {row.operation: row.state for row in rows}["payments.create"] == "understood"
    assert made["payment"]
    assert sum(wallets.msat.values()) == 100_000_000

    wrong = {**sections["operations"]["accounts.balance"]["result"]["available"], "exponent": -2}
    sections["operations"]["accounts.balance"]["result"]["available"] = wrong
    rows, _ = prove(bound(**sections))
    assert any("went from 1000000 to 998990" in hint for row in rows for hint in row.hints), rows

    [row], made = prove(bound(**sections, scope=Scope(effects=Effect.WRITE)))
    assert (row.state, made) == ("not called", {})


def amounts(reading: dict[str, str]) -> list[str]:
    """Return what is said of the answer of a payment that gives no amount, with what payments.read gives."""
    create = compile_operation(Place({"path": "/p", "result": {"id": "$.id"}}, "$", "payments.create"), {})
    read = compile_operation(Place({"path": "/p", "result": reading}, "$", "payments.read"), {})
    answer = Accepted({"id": "p-1", "state": "confirmed"}, Exchange(1, 200))
    mapped = {"payments.create": create, "payments.read": read}
    return [hint for hint in hints("payments.create", answer, mapped) if hint.startswith("no amount")]


def test_an_amount_that_payments_read_gives_is_not_missed_in_the_answer_of_payments_create() -> None:
    assert amounts({"id": "$.id", "amount": "$.amount"}) == []
    assert len(amounts({"id": "$.id"})) == 1
