"""The checks of signed requests where clients sign by a keyed hash: sound, and lenient in one way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hmac_bank import KEY, Books, serving

from conformance.candidate.http import DRIVER
from conformance.candidate.open import bind
from conformance.model.candidate import CandidateFile
from conformance.sdk import Candidate, Evidence, Finding, NotApplicable, Sighting
from conformance_security.checks import signature, signature_forged

TEMPLATE = "{method}\n{target}\n{timestamp}\n{nonce}\n{body_hash}"
OPERATIONS = {
    "accounts.open": {"method": "POST", "path": "/accounts", "body": ["balance"], "result": {"id": "$.id"}},
    "accounts.balance": {"path": "/accounts/{account}/balance", "result": {"available": "$.available"}},
    "payments.create": {
        "method": "POST",
        "path": "/payments",
        "body": {
            "from": "{debtor}",
            "to": "{creditor}",
            "amount": {"from": "amount", "as": "decimal-string"},
            "key": "{idempotency_key}",
        },
        "result": {"id": "$.id", "state": "$.state"},
    },
}
SIGNER = {
    "scheme": "hmac", "key": {"env": "HMAC_BANK_KEY"}, "hash": "sha512", "time": "ms", "key_id": "signer",
}  # fmt: skip

#: Which check finds which leniency, and in which words.
FOUND = {
    "unsigned": (signature.unsigned_requests_are_refused, "carries no signature"),
    "body": (signature.a_changed_body_is_refused, "the body was changed"),
    "method": (signature_forged.required_components_cannot_be_left_out, "leaves out method"),
    "nonce": (signature_forged.a_nonce_is_used_once_at_any_time, "nonce was used before"),
    "undated": (signature_forged.a_signature_says_when_it_was_made, "X-Timestamp"),
}
SOUND = (
    *(check for check, _ in FOUND.values()),
    signature.method_path_and_query_are_signed,
    signature.a_recorded_request_cannot_be_repeated,
)


class Recording:
    check, run = "TST-1", "keyed"
    count = 0

    def record(self, sighting: Sighting) -> int:
        self.count += 1
        return self.count


@pytest.fixture
def books() -> Books:
    return Books()


@pytest.fixture
def template() -> str:
    return TEMPLATE


@pytest.fixture
def bank(books: Books, template: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Candidate]:
    monkeypatch.setenv("HMAC_BANK_KEY", KEY.decode())
    with serving(books) as url:
        users = {"signer": {**SIGNER, "template": template}}
        file = CandidateFile("HMAC Bank", "1", url, users=users, operations=OPERATIONS, mapping={"contract": "none"})
        candidate = bind(file, Recording(), {"http": DRIVER})
        yield candidate
        candidate.driver.close()


def evidence() -> Evidence:
    evidence.count = getattr(evidence, "count", 0) + 1  # type: ignore[attr-defined]
    return Evidence("keyed", "TST-1", evidence.count)  # type: ignore[attr-defined]


@pytest.mark.parametrize("check", [pytest.param(check, id=check.__name__) for check in SOUND])
def test_a_sound_bank_passes(bank: Candidate, check: Callable[..., None]) -> None:
    before = bank.driver.session.recorder.count  # type: ignore[attr-defined]
    check(bank, evidence())
    assert bank.driver.session.recorder.count > before + 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("lenient", FOUND)
def test_each_leniency_is_found(bank: Candidate, books: Books, lenient: str) -> None:
    books.lenient = lenient
    check, words = FOUND[lenient]
    with pytest.raises(Finding, match=words):
        check(bank, evidence())


@pytest.mark.parametrize("template", [TEMPLATE.replace("{nonce}", "")])
def test_without_a_nonce_there_is_none_to_use_twice(bank: Candidate) -> None:
    with pytest.raises(NotApplicable, match="carry no nonce"):
        signature_forged.a_nonce_is_used_once_at_any_time(bank, evidence())


NOT_THERE: dict[str, Any] = {
    "digest": signature.a_changed_body_with_its_digest_is_refused,
    "algorithm": signature_forged.the_algorithm_is_that_of_the_key,
    "several": signature_forged.two_signatures_do_not_make_one,
    "key": signature.another_clients_key_is_refused,
}


@pytest.mark.parametrize("what", NOT_THERE)
def test_what_such_signatures_do_not_have_is_not_applicable(bank: Candidate, what: str) -> None:
    with pytest.raises(NotApplicable):
        NOT_THERE[what](bank, evidence())
