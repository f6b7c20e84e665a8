"""Tokens of the right key with the wrong claims: only what the hook really made is judged."""

from __future__ import annotations

import json
import time
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
    NotApplicable,
    Pool,
    Prepared,
    Refused,
)
from conformance_security.checks import tokens
from conformance_security.jws import Token, encode

CHECKS = {"nbf": tokens.tokens_of_tomorrow_are_refused, "iss": tokens.tokens_of_other_issuers_are_refused}


def token(**claims: Any) -> str:
    parts = ({"alg": "ES256"}, {"sub": "alice", "iss": "https://bank.example", **claims})
    return ".".join([*(encode(json.dumps(part).encode()) for part in parts), encode(b"signature")])


class Product:
    """Reads tokens, and looks at some of their claims."""

    def __init__(self, *looks_at: str) -> None:
        self.looks_at = looks_at

    def operations(self) -> frozenset[str]:
        return frozenset({"accounts.list"})

    def perform(self, prepared: Prepared) -> Answer:
        given = next((edit.value for edit in prepared.edits if edit.name == "Authorization"), f"Bearer {token()}")
        exchange = Exchange(1, 200, request_headers={"Authorization": given})
        parsed = Token.read(given.removeprefix("Bearer "))
        claims = parsed.claims if parsed else {}
        early = "nbf" in self.looks_at and claims.get("nbf", 0) > time.time()
        foreign = "iss" in self.looks_at and claims.get("iss") != "https://bank.example"
        return Refused("invalid", Exchange(2, 401)) if early or foreign else Accepted({}, exchange)


def candidate(product: Product, inject: Any) -> Candidate:
    driver: Any = product
    file = CandidateFile("x", "1", hooks={"inject": {"url": "http://127.0.0.1:1"}})
    return Candidate(driver, file, Pool(()), lambda name, arguments: inject(arguments), "alice")


def making(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    assert (arguments["kind"], arguments["user"]) == ("token", "alice")
    return {"access_token": token(**arguments["claims"])}


@pytest.mark.parametrize("claim", CHECKS)
def test_a_product_that_looks_at_the_claim_passes(claim: str) -> None:
    CHECKS[claim](candidate(Product("nbf", "iss"), making), Evidence("r", "c"))


@pytest.mark.parametrize(("claim", "words"), [("nbf", "valid only from 300 s on"), ("iss", "names the issuer")])
def test_a_product_that_does_not_is_found(claim: str, words: str) -> None:
    other = next(name for name in CHECKS if name != claim)
    with pytest.raises(Finding, match=words):
        CHECKS[claim](candidate(Product(other), making), Evidence("r", "c"))


@pytest.mark.parametrize(
    ("inject", "words"),
    [(lambda _: {}, "answered no access_token"), (lambda _: {"access_token": token()}, "without the wanted")],
)
@pytest.mark.parametrize("claim", CHECKS)
def test_a_hook_that_makes_something_else_decides_nothing(claim: str, inject: Any, words: str) -> None:
    with pytest.raises(Inconclusive, match=words):
        CHECKS[claim](candidate(Product("nbf", "iss"), inject), Evidence("r", "c"))


def test_opaque_tokens_have_no_claims() -> None:
    with pytest.raises(NotApplicable, match="opaque"):
        CHECKS["iss"](candidate(Product(), lambda _: {"access_token": "opaque"}), Evidence("r", "c"))
