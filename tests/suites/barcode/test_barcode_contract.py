"""Routes of the reference part, the mapping and the OpenAPI fragment say the same; answers keep to their schemas."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from conformance.candidate.open import bind
from conformance.contract import openapi
from conformance.contract.neutral import neutral_operations
from conformance.files.candidate_file import read_candidate
from conformance.plugins import load_drivers
from conformance.reference.process import ReferenceProcess
from conformance.sdk import Accepted, Candidate, Evidence, Refused, Sighting
from conformance_barcode import steps
from conformance_barcode.reference import PART

GROUPS = ("codes", "paycodes", "orders", "refunds", "bills")


def _shape(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path)


def _documented() -> dict[str, tuple[str, str]]:
    return {
        operation["operationId"]: (method.upper(), _shape(path))
        for path, methods in openapi()["paths"].items()
        for method, operation in methods.items()
        if operation["operationId"].partition(".")[0] in GROUPS
    }


def test_document_mapping_and_routes_agree() -> None:
    mapped = {
        name: (entry["method"], _shape(entry["path"]))
        for name, entry in neutral_operations().items()
        if name.partition(".")[0] in GROUPS
    }
    assert _documented() == mapped
    served = {(method, _shape(route.path)) for route in PART.routes(None) for method in route.methods - {"HEAD"}}
    assert served == set(mapped.values())


class Quiet:
    """A recorder that only counts."""

    check, run = "BAR-TEST", "contract"

    def __init__(self) -> None:
        self._seen = 0

    def record(self, sighting: Sighting) -> int:
        self._seen += 1
        return self._seen


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReferenceProcess]:
    with ReferenceProcess(tmp_path_factory.mktemp("bank"), only_plugins=["barcode"]) as process:
        yield process


@pytest.fixture
def candidate(bank: ReferenceProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[Candidate]:
    for name, value in bank.environment.items():
        monkeypatch.setenv(name, value)
    drivers = {name: factory for name, (factory, _) in load_drivers().items()}
    bound = bind(read_candidate(bank.candidate_path), Quiet(), drivers)
    yield bound
    bound.driver.close()


@pytest.fixture
def till(candidate: Candidate, request: pytest.FixtureRequest) -> steps.Till:
    return steps.Till.open(candidate, Evidence("contract", request.node.name))


def _keeps(value: dict[str, Any], name: str) -> None:
    document = openapi()
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    jsonschema.Draft202012Validator(schema).validate(value)


def test_answers_keep_to_their_schemas(till: steps.Till) -> None:
    made = till.code("dynamic", amount=12_34)
    _keeps(made, "Code")
    read = till.candidate.call("codes.parse", payload=made["payload"])
    assert isinstance(read, Accepted)
    _keeps(read.value, "CodeContents")
    assert (read.value["amount"], read.value["currency"]) == (12_34, "CNY")
    paid = till.paid(50_00)
    _keeps(paid, "CodeOrder")
    refund = till.refund(paid["order"], 10_00).send()
    assert isinstance(refund, Accepted)
    _keeps(refund.value, "OrderRefund")
    bill = till.candidate.as_user("shop").call("bills.read", day=str(paid["paid"])[:10])
    assert isinstance(bill, Accepted)
    _keeps(bill.value, "Bill")


def test_a_repeated_refund_returns_the_first_one(till: steps.Till) -> None:
    refund = till.refund(till.paid(50_00)["order"], 10_00)
    first, again = refund.send(), refund.send()
    assert isinstance(first, Accepted)
    assert isinstance(again, Accepted)
    assert first.value == again.value
    assert till.balances() == (1_000_00 - 40_00, 40_00)


def test_an_unpaid_order_can_be_revoked_and_then_not_paid(till: steps.Till) -> None:
    made = till.code("dynamic", amount=9_00)
    shop = till.candidate.as_user("shop")
    revoked = shop.call("orders.revoke", order=made["order"])
    assert isinstance(revoked, Accepted)
    assert revoked.value["state"] == "cancelled"
    assert isinstance(till.scan(made["payload"], 9_00).send(), Refused)
    assert isinstance(shop.call("orders.revoke", order=made["order"]), Refused)
    assert till.balances() == (1_000_00, 0)


def test_strangers_and_other_roles_are_kept_out(till: steps.Till) -> None:
    bob, alice = till.candidate.as_user("bob"), till.candidate.as_user("alice")
    made = till.code("dynamic", amount=9_00)
    for answer in (
        till.candidate.without_credentials().call("codes.parse", payload=made["payload"]),
        alice.call("codes.image", code=made["code"]),
        alice.call("bills.read", day="2026-01-31"),
        bob.call("orders.read", order=till.paid(1_00)["order"]),
        bob.call("paycodes.issue", account=till.payer.id),
        bob.call("paycodes.refresh", paycode=till.paycode()),
        till.scan(made["payload"], 9_00).as_user("bob").send(),
        till.collect(till.paycode(), 1_00).as_user("alice").send(),
    ):
        assert isinstance(answer, Refused)
        assert answer.exchange.status in (401, 403, 404)
