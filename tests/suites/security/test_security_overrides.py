"""Headers that name another method: ignored, or refused whatever they name; heeding them is what is found."""

from __future__ import annotations

from typing import Any

import pytest
from stub_bank import Bank, Instead, candidate_of, evidence

from conformance.sdk import Answer, Exchange, Finding, Prepared, Refused
from conformance.sdk.load import WireRequest
from conformance_security.checks import input as checks

NO_METHOD = Refused("", Exchange(0, 404))


class Wired(Bank):
    """A bank whose requests can be seen before they are sent."""

    def wire(self, prepared: Prepared) -> WireRequest:
        own = "POST" if prepared.operation.endswith(("create", "open")) else "GET"
        return WireRequest(edited(prepared, "method") or own, f"https://h/{prepared.operation}", (), b"")

    request = connection = together = Bank.perform


def edited(prepared: Prepared, kind: str) -> Any:
    return next((edit.value for edit in reversed(prepared.edits) if edit.kind == kind), None)


def named(prepared: Prepared) -> str:
    """Return the method that an override header names, or ""."""
    return next((str(edit.value) for edit in prepared.edits if edit.name in checks.OVERRIDES), "")


def other_method(prepared: Prepared, body: dict[str, Any]) -> Answer | None:
    return NO_METHOD if edited(prepared, "method") else None


def gateway(prepared: Prepared, body: dict[str, Any]) -> Answer | None:
    """A firewall in front that wants no such header."""
    return Refused("", Exchange(0, 403)) if named(prepared) else other_method(prepared, body)


def heeding(prepared: Prepared, body: dict[str, Any]) -> Answer | None:
    """A framework that does as the header says; no path has a DELETE."""
    own = edited(prepared, "method") or ("POST" if prepared.operation.endswith("create") else "GET")
    if named(prepared) in ("", own):
        return other_method(prepared, body)
    return Refused("", Exchange(0, 405, {"Allow": "GET"}))


CHECKS = {"reads": checks.methods_are_what_they_say, "writes": checks.writes_are_what_they_say}


def judged(name: str, instead: Instead) -> None:
    CHECKS[name](candidate_of(Wired(instead=instead)), evidence())


@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize("instead", [other_method, gateway])
def test_ignoring_the_header_and_refusing_it_are_both_sound(name: str, instead: Instead) -> None:
    judged(name, instead)


@pytest.mark.parametrize(("name", "words"), [("reads", "a read stays a read"), ("writes", "a write stays a write")])
def test_heeding_the_header_is_found(name: str, words: str) -> None:
    with pytest.raises(Finding, match=words):
        judged(name, heeding)


def test_a_firewall_that_takes_the_money_all_the_same_is_found() -> None:
    def takes(prepared: Prepared, body: dict[str, Any]) -> Answer | None:
        if named(prepared):
            bank.pay(prepared, body, 1, b"")
            return Refused("", Exchange(0, 403))
        return None

    bank = Wired(instead=takes)
    with pytest.raises(Finding, match="a write stays a write"):
        CHECKS["writes"](candidate_of(bank), evidence())


def test_what_one_request_does_not_show_is_not_believed() -> None:
    """Where the harness cannot see the request's own method, a refusal may be about what the header named."""
    with pytest.raises(Finding, match="a read stays a read"):
        CHECKS["reads"](candidate_of(Bank(instead=gateway)), evidence())
