"""The audit log of a made-up product: what it notices, and what is left behind when a check is over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from conformance.model.candidate import CandidateFile
from conformance.sdk import (
    Accepted,
    Answer,
    Candidate,
    Evidence,
    Exchange,
    Finding,
    Inconclusive,
    NotTested,
    Pool,
    Prepared,
)
from conformance_security.checks import audit

CHECKS = {
    "alter": (audit.transfers_leave_an_unalterable_record, "an altered audit record must be detected"),
    "delete": (audit.deleted_records_are_missed, "a deleted audit record must be detected"),
    "forge": (audit.hashes_alone_prove_nothing, "must be detected by its signature"),
}


class Product:
    """A product whose log notices some ways of changing it; ``restores``: its hook can put records back."""

    def __init__(self, *notices: str, members: str = "actor at hash signature", restores: bool = True) -> None:
        self.notices, self.members, self.restores = notices, members.split(), restores
        self.payments: list[str] = []
        self.changed = ""
        self.actions: list[tuple[int, str]] = []

    def operations(self) -> frozenset[str]:
        return frozenset({"accounts.open", "payments.create", "audit.list", "audit.verify"})

    def perform(self, prepared: Prepared) -> Answer:
        value: dict[str, Any] = {"id": f"id-{len(self.payments)}"}
        if prepared.operation == "payments.create":
            self.payments.append(value["id"])
        elif prepared.operation == "audit.list":
            records = enumerate(self.payments, 1)
            value = {"items": [{"seq": n, "subject": item, **dict.fromkeys(self.members, "x")} for n, item in records]}
        elif prepared.operation == "audit.verify":
            value = {"valid": self.changed not in self.notices}
        return Accepted(value, Exchange(1, 200))

    def hook(self, name: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        seq, action = arguments["seq"], arguments["action"]
        if action == "restore" and not self.restores:
            raise Inconclusive("hook 'inject' answered HTTP 400", blame="CONFIG")
        self.changed = "" if action == "restore" else action
        self.actions.append((seq, action))
        return {}


def candidate(product: Product, **changes: Any) -> Candidate:
    driver: Any = product
    hooks = changes.pop("hooks", {"inject": {"url": "http://127.0.0.1:1"}})
    file = CandidateFile("x", "1", users={"alice": {}, "auditor": {}}, hooks=hooks)
    return Candidate(driver, file, Pool(()), product.hook, "alice")


@pytest.mark.parametrize("action", CHECKS)
def test_a_change_that_is_noticed_passes_and_is_undone(action: str) -> None:
    product = Product(*CHECKS)
    for _ in range(2):
        CHECKS[action][0](candidate(product), Evidence("r", "c"))
    assert [done for _, done in product.actions] == [action, "restore"] * 2
    assert product.changed == ""


@pytest.mark.parametrize("action", CHECKS)
def test_a_change_that_is_not_noticed_is_found_and_is_undone(action: str) -> None:
    check, words = CHECKS[action]
    product = Product(*(other for other in CHECKS if other != action))
    with pytest.raises(Finding, match=words):
        check(candidate(product), Evidence("r", "c"))
    assert product.changed == ""


def test_the_record_that_is_deleted_is_not_the_last() -> None:
    product = Product(*CHECKS)
    audit.deleted_records_are_missed(candidate(product), Evidence("r", "c"))
    assert (product.actions[0], len(product.payments)) == ((1, "delete"), 2)


def test_a_record_without_a_signature_is_found() -> None:
    with pytest.raises(Finding, match="must name actor, time, hash and signature") as found:
        CHECKS["alter"][0](candidate(Product(*CHECKS, members="actor at hash")), Evidence("r", "c"))
    assert found.value.actual == "without signature"


def test_what_cannot_be_put_back_is_noted_and_spoils_no_other_verdict() -> None:
    product, evidence = Product(*CHECKS, restores=False), Evidence("r", "c")
    CHECKS["alter"][0](candidate(product), evidence)
    assert evidence.notes[-1][0] == "the record was not put back"
    with pytest.raises(Inconclusive, match=r"put records back \(action = \"restore\"\)"):
        CHECKS["delete"][0](candidate(product), Evidence("r", "c"))


def test_without_the_hook_nothing_is_passed_in_silence() -> None:
    with pytest.raises(NotTested, match="no record can be altered"):
        CHECKS["alter"][0](candidate(Product(*CHECKS), hooks={}), Evidence("r", "c"))
