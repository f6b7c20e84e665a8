"""The doctor: what it asks, what it leaves alone, and what it says."""

from collections.abc import Callable
from typing import Any

from candidate_product import Product, Request

from conformance.candidate.doctor import examine
from conformance.candidate.offering import offer_of_neutral
from conformance.candidate.problems import http_problems
from conformance.contract.neutral import neutral_operations
from conformance.model.candidate import CandidateFile
from conformance.sdk import Candidate

Bind = Callable[..., Candidate]


def bank(request: Request) -> Any:
    """A bank that lists accounts to whoever has a key, payments to the auditor, and has lost its balances."""
    if request.headers.get("X-Api-Key") not in ("alice-key", "audit-key"):
        return 401, {}, {"code": "who-are-you"}
    if request.path.startswith("/accounts?"):
        return {"items": [{"id": "a-1"}], "next": None}
    if request.path == "/accounts/a-1/balance":
        return 500, {}, {}
    if request.path.startswith("/audit"):
        allowed = request.headers["X-Api-Key"] == "audit-key"
        return {"items": [], "next": None} if allowed else (403, {}, {"code": "not-you"})
    return {"id": "a-1"}


def test_reading_operations_are_called_once_with_what_lists_give(bound: Bind, product: Product) -> None:
    product.answer = bank
    users = {"alice": {"key": "alice-key"}, "auditor": {"key": "audit-key"}, "bob": {"key": "bob-key"}}
    candidate = bound(supports=("accounts", "audit.list", "payments"), auth={"scheme": "api-key"}, users=users)

    rows = {(row.operation, row.user): row for row in examine(candidate)}

    assert all(request.method == "GET" for request in product.requests)
    assert rows["accounts.list", ""].state == "understood"
    assert rows["accounts.read", ""].understood == {"id": "a-1"}
    assert rows["accounts.balance", ""].state == "broken"
    assert rows["accounts.balance", ""].detail == "broken: server-error (HTTP 500)"
    assert rows["audit.list", ""].detail == "accepted (HTTP 200) as auditor"
    assert rows["payments.create", ""].state == "not called"
    assert rows["payments.read", ""].missing == ("payment",)
    assert rows["accounts.list", "alice"].good
    assert not rows["accounts.list", "bob"].good
    assert '"X-Api-Key: ${ALICE_KEY}"' in rows["accounts.list", ""].curl


def test_the_pool_gives_examples_too(bound: Bind, product: Product) -> None:
    candidate = bound(supports=("accounts.read",), pool=({"id": "pooled", "balance": 1},))
    [row] = examine(candidate)
    assert row.good
    assert product.requests[0].path == "/accounts/pooled"


def test_the_neutral_contract_has_no_mistake() -> None:
    assert http_problems(CandidateFile("a", "1", "http://127.0.0.1:9")) == []
    compiled = offer_of_neutral()
    assert set(compiled) == set(neutral_operations())
    assert all(entry["title"]["en"] and entry["title"]["zh-CN"] for entry in neutral_operations().values())
    money = {name for name, operation in compiled.items() if operation.effect == "money"}
    assert money >= {"payments.create", "payments.refund", "codes.pay", "refunds.create"}
    assert all(operation.effect == "read" for operation in compiled.values() if operation.main.method == "GET")
