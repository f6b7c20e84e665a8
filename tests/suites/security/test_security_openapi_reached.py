"""A check of the document passes only on what it reached: a refusal of who asks, or of everyone, proves nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from conformance.sdk import Accepted, Answer, Candidate, Evidence, Exchange, NotTested, Params, Refused
from conformance_security.checks import contract, contract_access
from conformance_security.openapi.document import read_document

PARAMS = Params({"openapi_cases_max": 20, "openapi_seed": 20})
BODY = {"type": "object", "required": ["amount"], "properties": {"amount": {"type": "integer"}}}
RAW: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Acme Pay", "version": "1"},
    "paths": {
        "/accounts/{account}": {
            "parameters": [{"name": "account", "in": "path", "required": True, "schema": {"type": "string"}}],
            "get": {"responses": {"200": {"description": "Done."}}},
            "post": {
                "requestBody": {"required": True, "content": {"application/json": {"schema": BODY}}},
                "responses": {"201": {"description": "Done."}},
            },
        },
    },
}

Respond = Callable[[str, str], int]


@dataclass
class Product:
    """Stands in for a candidate: ``respond`` says the status for a user and a method."""

    respond: Respond
    user: str = "alice"
    file: Any = field(default_factory=lambda: SimpleNamespace(users={"alice": {}, "bob": {}}))

    def as_user(self, name: str) -> Product:
        return Product(self.respond, name)

    def request(self, method: str, path: str, **_: Any) -> Any:
        def send() -> Answer:
            exchange = Exchange(1, self.respond(self.user, method), {}, b'{"id":"1"}', method=method, url=path)
            return Accepted({}, exchange) if exchange.status < 300 else Refused("no", exchange)

        return SimpleNamespace(send=send)


@pytest.fixture(autouse=True)
def documented(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("schemathesis")
    for module in (contract, contract_access):
        monkeypatch.setattr(module, "document_of", lambda _: read_document(RAW))
        monkeypatch.setattr(module, "known_values", lambda *_: {"/accounts/{account}": "acc-1"})


def judged(check: Callable[..., None], respond: Respond) -> dict[str, str]:
    evidence = Evidence("run-1", "SEC-X")
    check(cast(Candidate, Product(respond)), evidence, PARAMS)
    return dict(evidence.notes)


# -- violations -----------------------------------------------------------------------------------------------------


def test_violations_refused_for_what_they_say_pass() -> None:
    notes = judged(contract.drawn_violations_are_refused, lambda user, method: 422)
    assert notes["refused before a request was looked at"] == "[]"


@pytest.mark.parametrize("status", [401, 403, 404, 405])
def test_violations_that_nobody_looked_at_are_not_tested(status: int) -> None:
    with pytest.raises(NotTested, match=r"no drawn request got beyond 401, 403, 404, 405.*credentials.*examples"):
        judged(contract.drawn_violations_are_refused, lambda user, method: status)


# -- ownership ------------------------------------------------------------------------------------------------------


def test_a_write_that_its_owner_may_make_proves_ownership() -> None:
    notes = judged(contract_access.documented_writes_are_the_owners, lambda user, _: 200 if user == "alice" else 403)
    assert '"proven": ["GET /accounts/{account}", "POST /accounts/{account}"]' in notes["closed to another customer"]


def test_a_read_alone_says_nothing_of_writes() -> None:
    def reads_only(user: str, method: str) -> int:
        return 200 if user == "alice" and method == "GET" else 403

    with pytest.raises(NotTested, match=r"no documented write .* its owner's alone.*POST /accounts/\{account\}"):
        judged(contract_access.documented_writes_are_the_owners, reads_only)


def test_a_document_of_reads_needs_no_write(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = {path: {name: item[name] for name in ("parameters", "get")} for path, item in RAW["paths"].items()}
    monkeypatch.setattr(contract_access, "document_of", lambda _: read_document({**RAW, "paths": paths}))
    judged(contract_access.documented_writes_are_the_owners, lambda user, _: 200 if user == "alice" else 404)
