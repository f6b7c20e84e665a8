"""What is foreseen without a request: gaps that checks meet only when they run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from test_plan import declared, plan, world

from conformance.candidate.offering import offer_of
from conformance.engine.foreseen import foreseen
from conformance.engine.world import SuiteContents, World
from conformance.model.candidate import CandidateFile
from conformance.model.requirement import Certainty, Clause, Standard
from conformance.model.text import Text

BOOKS = ("accounts.balance", "payments.create", "payments.read")
SOUND = CandidateFile(
    "Toy",
    "1",
    "https://toy.example.com",
    supports=(*BOOKS, "accounts.open"),
    auth={"scheme": "bearer"},
    users={"alice": {"token": {"env": "TOKEN_A"}}, "bob": {"token": {"env": "TOKEN_B"}}},
    declared={"toy": {"quota": 1}},
)


def told(candidate: CandidateFile, checks: World | None = None) -> list[str]:
    """Return what is foreseen, each text up to its first comma or colon."""
    checks = checks or world(declared("TOY-1"), declared("TOY-2", needs=("payments.read",)))
    operations = offer_of(candidate).names
    made = plan(checks, candidate=candidate)
    return [item.text for item in foreseen(checks, made.checks, candidate, operations)]


def about_tls() -> World:
    checks = world(declared("TOY-1"))
    standard = Standard("tls", "RFC 1", Text("Secure use of TLS"))
    [contents] = checks.suites
    [item] = contents.catalogue.requirements
    clause = Clause(standard, "1", Certainty.SEEN)
    catalogue = replace(contents.catalogue, requirements=(replace(item, clauses=(clause,)),))
    return World((SuiteContents(contents.loaded, catalogue, contents.checks),))


def test_a_file_with_everything_has_no_gaps() -> None:
    assert told(SOUND) == []
    assert told(SOUND, about_tls()) == []


def test_without_accounts_the_checks_that_need_some_are_counted() -> None:
    candidate = replace(SOUND, supports=BOOKS)
    checks = world(declared("TOY-1"), declared("TOY-2", effects=SOUND.scope.effects.READ, needs=("payments.create",)))
    made = plan(checks, candidate=candidate)
    [gap] = foreseen(checks, made.checks, candidate, offer_of(candidate).names)
    assert gap.text.startswith("no accounts: accounts.open is not offered and [[pool]] is empty")
    assert gap.checks_max == 2
    assert "[[pool]]" in gap.remedy


def test_a_pool_that_most_checks_would_find_empty_is_told() -> None:
    pool = ({"id": "a", "owner": "alice"}, {"id": "b", "owner": "alice"})
    checks = world(declared("TOY-1"), declared("TOY-2"))
    [text] = told(replace(SOUND, supports=BOOKS, pool=pool), checks)
    assert text.startswith("few accounts")
    assert "the 2 under [[pool]]" in text
    assert told(replace(SOUND, supports=BOOKS, pool=pool * 4), checks) == []


def test_a_product_whose_operations_take_no_account_is_asked_for_none() -> None:
    assert told(replace(SOUND, supports=("codes.create", "barcode.static"))) == []


def test_a_payment_that_nothing_shows_is_told() -> None:
    [text] = told(replace(SOUND, supports=("accounts.open", "accounts.list", "payments.create")))
    assert text.startswith("nothing shows what a payment did")


def test_a_product_of_which_nothing_can_be_read_is_told() -> None:
    reads, payment = told(replace(SOUND, supports=("accounts.open", "payments.create")))
    assert reads.startswith("nothing of the caller's own can be read")
    assert payment.startswith("nothing shows")


@pytest.mark.parametrize(
    ("parts", "gap"),
    [
        ({"body": {"sum": "{amount}"}}, True),
        ({"body": {"sum": "{amount}", "key": "{idempotency_key}"}}, False),
        ({"header": {"Key": "{idempotency_key}"}}, False),
        ({"body": ["amount", "*"]}, False),
    ],
)
def test_an_idempotency_key_that_goes_nowhere_is_told(parts: dict[str, Any], gap: bool) -> None:
    mapped = {"payments.create": {"method": "POST", "path": "/pay", **parts}}
    said = told(replace(SOUND, operations=mapped))
    assert [text.startswith("payments.create places idempotency_key nowhere") for text in said] == [True] * gap


def test_http_is_told_where_something_planned_is_about_tls() -> None:
    plain = replace(SOUND, base_url="http://127.0.0.1:1")
    assert told(plain) == []
    [text] = told(plain, about_tls())
    assert text.startswith("base_url is http, and so is every endpoint")
    assert told(replace(plain, endpoints={"tls": "https://127.0.0.1:2"}), about_tls()) == []


def test_users_who_are_one_caller_are_told_together() -> None:
    same = {"token": {"env": "TOKEN_A"}}
    [text] = told(replace(SOUND, users={**SOUND.users, "carol": same, "dave": same}))
    assert text == "alice, carol and dave are the same caller to the product: ownership cannot be tested"


def test_an_empty_declaration_is_told() -> None:
    [text] = told(replace(SOUND, declared={}))
    assert text.startswith("[declared] is empty")
