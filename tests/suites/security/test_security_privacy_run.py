"""Finding nothing counts only where something was planted, and where the whole run was looked at."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from conformance.sdk import (
    Candidate,
    CandidateFile,
    Evidence,
    Finding,
    Inconclusive,
    NotTested,
    Outlook,
    Params,
    Sighting,
    WireMessage,
)
from conformance_security import SUITE
from conformance_security.checks import disclosure, privacy
from conformance_security.privacy.made_up import Person
from conformance_security.privacy.observed import Observed, observe

PERSON = Person.of("run")
JUDGES = [privacy.the_whole_run_masks_personal_data, privacy.the_whole_run_returns_no_secrets]

Judge = Callable[[Observed, Evidence], None]


def watching(*exchanges: tuple[Any, Any], earlier: int = 0, **declared: Any) -> Observed:
    """Return an observer that has seen requests and answers."""
    file = CandidateFile("Acme Pay", "1", "http://127.0.0.1:9", declared={"security": declared})
    observed = observe(Outlook("run-1", file, Params(SUITE.parameters), frozenset, earlier))
    for seq, (sent, answer) in enumerate(exchanges, 1):
        request = WireMessage("POST /cards HTTP/1.1", (), json.dumps(sent).encode())
        response = WireMessage("HTTP/1.1 200 OK", (), json.dumps(answer).encode())
        observed.see(seq, "SEC-A", Sighting("http", request, response, 0, 0))
    return observed


BOUND = ({"pan": PERSON.pan, "cvv": PERSON.cvv}, {"id": "card-1"})


@pytest.mark.parametrize("judge", JUDGES)
def test_a_run_with_planted_data_that_shows_none_passes(judge: Judge) -> None:
    judge(watching(BOUND), Evidence("run-1", "SEC-D05.run"))


@pytest.mark.parametrize("judge", JUDGES)
def test_a_run_without_planted_data_is_not_tested(judge: Judge) -> None:
    with pytest.raises(NotTested, match=r"nothing was planted: map cards\.bind, or declare canaries"):
        judge(watching(({"amount": 1}, {"id": "pay-1"})), Evidence("run-1", "SEC-D05.run"))


def test_data_of_one_kind_says_nothing_of_the_other() -> None:
    observed = watching(({}, {"id": "card-1"}), canaries={"card": [PERSON.pan]})
    privacy.the_whole_run_masks_personal_data(observed, Evidence("run-1", "SEC-D05.run"))
    with pytest.raises(NotTested):
        privacy.the_whole_run_returns_no_secrets(observed, Evidence("run-1", "SEC-D06.run"))


@pytest.mark.parametrize("judge", JUDGES)
def test_a_run_of_which_a_part_was_not_seen_is_undecided(judge: Judge) -> None:
    evidence = Evidence("run-1", "SEC-D05.run")
    with pytest.raises(Inconclusive, match="the 7 exchanges before it were not looked at") as undecided:
        judge(watching(BOUND, earlier=7), evidence)
    assert undecided.value.blame == "HARNESS"
    assert dict(evidence.notes)["looked at"]


def test_what_was_found_in_a_part_is_found_all_the_same() -> None:
    observed = watching(BOUND, ({}, {"pan": PERSON.pan, "cvv": PERSON.cvv}), earlier=7)
    for judge in JUDGES:
        with pytest.raises(Finding):
            judge(observed, Evidence("run-1", "SEC-D05.run"))


def test_addresses_of_a_run_are_judged_whole_too() -> None:
    observed = watching(BOUND, earlier=7)
    candidate = SimpleNamespace(
        offers=lambda _: False,
        declared={"security": {"canaries": {"card": [PERSON.pan]}}},
        hook=lambda _: {"lines": ["nothing that was planted"]},
    )
    with pytest.raises(Inconclusive, match="not looked at"):
        privacy.logs_and_addresses_hold_no_personal_data(
            cast(Candidate, candidate), Evidence("run-1", "SEC-D07"), observed
        )


@pytest.mark.parametrize("judge", [disclosure.numbers_are_masked, disclosure.secrets_are_never_returned])
def test_a_product_that_takes_no_data_and_declares_none_is_not_tested(
    judge: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disclosure, "own_reads", lambda *_, **__: ())
    file = CandidateFile("Acme Pay", "1", "http://127.0.0.1:9")
    silent = cast(Candidate, SimpleNamespace(offers=lambda _: False, file=file))
    with pytest.raises(NotTested, match=r"nothing was planted: map cards\.bind"):
        judge(silent, Evidence("run-1", "SEC-D05"), Params(SUITE.parameters))
