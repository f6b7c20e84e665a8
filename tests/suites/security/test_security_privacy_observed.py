"""The observer sees whole exchanges, tells where something was shown, and keeps nothing that may not be printed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from conformance.files.candidate_file import read_candidate
from conformance.sdk import CandidateFile, Outlook, Params, Sighting, WireMessage
from conformance_security import SUITE
from conformance_security.privacy.made_up import Person
from conformance_security.privacy.observed import ADDRESS, ANSWER, LOG, NOTICE, Observed, observe

PERSON = Person.of("observed")

CANDIDATE = """
name = "Acme Pay"
version = "1"
base_url = "http://127.0.0.1:9"
driver = "http"
[users.alice]
username = "alice"
password = { env = "ACME_PASSWORD" }
[hooks.export_logs]
url = "http://127.0.0.1:9000/hooks/logs"
[declared.security.canaries]
card = ["6228480000000000001"]
branch = ["Harbour Street 7"]
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CandidateFile:
    monkeypatch.setenv("ACME_PASSWORD", "correct horse 9")
    path = tmp_path / "candidate.toml"
    path.write_text(CANDIDATE, encoding="utf-8")
    return read_candidate(path)


def watching(file: CandidateFile, earlier: int = 0) -> Observed:
    return observe(Outlook("run-1", file, Params(SUITE.parameters), frozenset, earlier))


def exchange(
    answer: Any = None, *, sent: Any = None, start: str = "GET /accounts/acc-1/card HTTP/1.1", status: int = 200,
    headers: tuple[tuple[str, str], ...] = (), asked: tuple[tuple[str, str], ...] = (("Authorization", "Bearer t"),),
    host: str = "127.0.0.1:9",
) -> Sighting:  # fmt: skip
    request = WireMessage(start, (("Host", host), *asked), json.dumps(sent).encode() if sent else b"")
    response = WireMessage(f"HTTP/1.1 {status} X", headers, json.dumps(answer).encode())
    return Sighting("http", request, response, 0, 0)


def test_answers_headers_and_errors_are_looked_at(file: CandidateFile) -> None:
    observed = watching(file)
    observed.see(1, "SEC-A", exchange({"pan": PERSON.pan}))
    observed.see(2, "SEC-B", exchange({}, headers=(("X-Card", PERSON.pan),)))
    observed.see(3, "SEC-C", exchange({"detail": f"mobile={PERSON.phone}"}, status=422, start="POST /cards HTTP/1.1"))
    told = [str(place) for place in observed.places(ANSWER)]
    assert [text.split(" shows")[0] for text in told] == [
        "GET /accounts/{…}/card", "GET /accounts/{…}/card, header X-Card,", "POST /cards",
    ]  # fmt: skip
    assert "(exchange 3, made by SEC-C)" in told[2]
    assert observed.summary() == {"answers": 3, "exchanges of earlier processes, not looked at": 0}


def test_what_was_sent_is_looked_for_whatever_it_is_called_later(file: CandidateFile) -> None:
    observed = watching(file)
    observed.see(1, "SEC-A", exchange({"reference": PERSON.pan}))
    assert observed.places(ANSWER) == []
    observed.see(2, "SEC-A", exchange({}, sent={"pan": PERSON.pan}, start="POST /cards HTTP/1.1"))
    observed.see(3, "SEC-A", exchange({"reference": PERSON.pan}))
    assert [place.seq for place in observed.places(ANSWER)] == [3]


def test_addresses_are_looked_at_in_both_directions(file: CandidateFile) -> None:
    observed = watching(file)
    observed.see(1, "SEC-A", exchange({}, start=f"GET /cards?pan={PERSON.pan} HTTP/1.1"))
    observed.see(2, "SEC-A", exchange({}, headers=(("Location", f"/cards?pan={PERSON.pan}"),)))
    assert len(observed.places(ADDRESS)) == 2
    assert all(PERSON.pan not in str(place) for place in observed.places(ADDRESS))


def test_the_owners_canaries_and_passwords_are_looked_for(file: CandidateFile) -> None:
    observed = watching(file)
    observed.see(1, "SEC-A", exchange({"x": "6228480000000000001"}))
    observed.see(2, "SEC-A", exchange({"y": "correct horse 9"}, start="POST /login HTTP/1.1"))
    assert {place.find.rule.kind for place in observed.places(ANSWER)} == {"card", "password"}
    assert [place.find.rule.kind for place in observed.places(ANSWER, shown=("never",))] == ["password"]


def test_an_owners_data_is_for_authenticated_callers(file: CandidateFile) -> None:
    observed = watching(file)
    observed.see(1, "SEC-A", exchange({"branch": "Harbour Street 7"}))
    assert observed.places(ANSWER) == []
    observed.see(2, "SEC-A", exchange({"branch": "Harbour Street 7"}, asked=()))
    assert [place.seq for place in observed.places(ANSWER)] == [2]


def test_hooks_are_no_part_of_the_product_and_logs_are_looked_at_apart(file: CandidateFile) -> None:
    observed = watching(file)
    observed.see(1, "SEC-A", exchange({"pan": PERSON.pan}, start="POST /hooks/logs HTTP/1.1", host="127.0.0.1:9000"))
    assert observed.places(ANSWER, ADDRESS, LOG, NOTICE) == []
    observed.log(f"pan={PERSON.pan}".encode(), "SEC-D07")
    observed.notice(b"{}", [("X-Card-No", PERSON.pan)], "SEC-D07")
    assert len(observed.places(LOG)) == 1
    assert len(observed.places(NOTICE)) == 1


def test_nothing_that_may_not_be_printed_is_kept_of_what_was_shown(file: CandidateFile) -> None:
    observed = watching(file, earlier=7)
    shown = {"pan": PERSON.pan, "identity": PERSON.identity, "phone": PERSON.phone, "cvv": PERSON.cvv}
    observed.see(1, "SEC-A", exchange(shown))
    told = " ".join(map(str, observed.places(ANSWER))) + json.dumps(observed.summary())
    for value in (PERSON.pan, PERSON.identity, PERSON.phone):
        assert value not in told
        assert value not in repr(observed.places(ANSWER))
    assert observed.summary()["exchanges of earlier processes, not looked at"] == 7


def test_the_same_finding_is_told_once(file: CandidateFile) -> None:
    observed = watching(file)
    for number in range(1, 400):
        observed.see(number, "SEC-A", exchange({"pan": PERSON.pan, "n": number}))
    assert [place.seq for place in observed.places(ANSWER)] == [1]
