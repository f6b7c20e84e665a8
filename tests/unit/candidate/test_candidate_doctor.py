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


def rpc(method: str, params: dict[str, Any], **further: Any) -> dict[str, Any]:
    """Map an operation of a product with one path for all, the method's name in the body."""
    body = {"jsonrpc": "2.0", "id": "{fresh}", "method": method, "params": {"key": "{user.k}", **params}}
    return {"method": "POST", "path": "/jrpc", "effect": "read", "body": body, **further}


def ledger(request: Request) -> Any:
    """A ledger by JSON-RPC that lists accounts under a name the mapping does not know, and refuses in a 200."""
    asked = request.json
    answer: dict[str, Any] = {"jsonrpc": "2.0", "id": asked["id"]}
    if asked["method"] == "accounts":
        return {**answer, "result": [{"code": "A-1"}]}
    if asked["params"].keys() >= {"account"}:
        return {**answer, "result": {"code": "A-1", "balance": 5}}
    return {**answer, "error": {"code": -32602}}


BY_RPC: dict[str, Any] = {
    "users": {"alice": {"k": {"env": "LEDGER_KEY"}}},
    "mapping": {"contract": "none", "error": {"when": "$.error", "code": "$.error.code"}},
}


def test_what_names_the_thing_asked_about_is_not_left_out_wherever_the_mapping_places_it(
    bound: Bind, product: Product, monkeypatch: Any
) -> None:
    monkeypatch.setenv("LEDGER_KEY", "the-key-of-the-ledger")
    product.answer = ledger
    operations = {
        "accounts.list": rpc("accounts", {}, items="$.result[*]", each={"id": "$.id"}),
        "accounts.read": rpc("account", {"account": "{account}"}, result={"id": "$.result.code"}),
        "accounts.statement": {"path": "/entries", "query": {"of": "{account}"}, "items": "$[*]", "each": {"id": "$"}},
        "payments.list": rpc("payments", {"account": "{account}"}, items="$.result[*]", each={"id": "$.id"}),
    }
    rows = {row.operation: row for row in examine(bound(**BY_RPC, operations=operations)) if not row.user}

    assert rows["accounts.list"].state == "broken"
    for name in ("accounts.read", "accounts.statement"):
        assert (rows[name].state, rows[name].detail) == ("not called", "no example for account")
        assert rows[name].hints == ("correct accounts.list first: the account that it lists first is the example",)
    assert rows["payments.list"].state == "refused", "a list may do without its account"
    assert rows["payments.list"].hints[0] == "it was sent without account"

    operations["accounts.list"]["each"] = {"id": "$.code"}
    rows = {row.operation: row for row in examine(bound(**BY_RPC, operations=operations)) if not row.user}
    assert rows["accounts.read"].understood == {"id": "A-1"}


def test_an_argument_with_a_default_or_another_to_stand_in_for_it_is_not_missed(bound: Bind, product: Product) -> None:
    product.answer = lambda request: {"available": 5}
    account: dict[str, Any] = {"from": "account", "default": "main"}
    operations = {"accounts.balance": {"path": "/balance", "query": {"of": account}}}
    [row] = examine(bound(mapping={"contract": "none"}, operations=operations))
    assert row.sent == "GET /balance?of=main"

    operations["accounts.balance"]["query"] = {"of": "{account|user.wallet}"}
    users = {"alice": {"wallet": "w-1"}}
    row, *_ = examine(bound(mapping={"contract": "none"}, operations=operations, users=users))
    assert row.sent == "GET /balance?of=w-1"
