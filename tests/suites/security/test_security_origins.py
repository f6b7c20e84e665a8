"""Foreign origins, hidden pages and provoked errors: what is no answer is no good answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from conformance.model.candidate import CandidateFile
from conformance.sdk import (
    Accepted,
    Answer,
    Broken,
    Candidate,
    Evidence,
    Exchange,
    Finding,
    Inconclusive,
    NotApplicable,
    NotTested,
    Pool,
    Prepared,
    Refused,
)
from conformance_security.checks import abuse, disclosure, origins

BUSY = Broken("throttled", "HTTP 429", Exchange(2, 429))
CRASH = Broken("server-error", "HTTP 500", Exchange(2, 500))
SILENCE = Broken("timeout", "no answer", Exchange(2))
GONE = Broken("connection", "closed", Exchange(2))
PAGE = Broken("unparseable", "not JSON", Exchange(2, 200, body=b"<html>heap</html>"))

Rule = Callable[[Mapping[str, Any]], Answer]


def granting(**headers: str) -> Accepted:
    names = {"origin": "Access-Control-Allow-Origin", "credentials": "Access-Control-Allow-Credentials"}
    return Accepted({}, Exchange(1, 200, {names[name]: value for name, value in headers.items()}))


class Product:
    """Answers a read without anything special, and everything else by a rule on its edits."""

    def __init__(self, rule: Rule, *offered: str) -> None:
        self.rule, self.offered = rule, offered or ("accounts.list", "oauth.authorize")

    def operations(self) -> frozenset[str]:
        return frozenset(self.offered)

    def perform(self, prepared: Prepared) -> Answer:
        edits = {edit.name or edit.kind: edit.value for edit in prepared.edits}
        return self.rule({"user": prepared.user, "operation": prepared.operation, **edits})


def candidate(rule: Rule, *offered: str, url: str = "", **declared: Any) -> Candidate:
    driver: Any = Product(rule, *offered)
    file = CandidateFile("x", "1", url, declared={"security": declared})
    return Candidate(driver, file, Pool(()), lambda name, arguments: {}, "alice")


def when(name: str, answer: Answer, otherwise: Answer | None = None) -> Rule:
    """Answer requests with an edit of that name, and all others as if nothing were amiss."""
    return lambda edits: answer if name in edits else otherwise or Accepted({}, Exchange(1, 200))


CHECKS = {
    "read": (origins.foreign_origins_are_not_let_in, "must not be let in"),
    "preflight": (origins.foreign_origins_get_no_leave, "must not be granted"),
    "authorization": (origins.no_page_reads_the_authorization_endpoint, "must let no other origin read it"),
}


@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize("answer", [Refused("", Exchange(2, 403)), Refused("", Exchange(2, 405)), granting()])
def test_no_header_lets_nobody_in(name: str, answer: Answer) -> None:
    CHECKS[name][0](candidate(when("Origin", answer)), Evidence("r", "c"))


@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize("granted", [{"origin": origins.EVIL}, {"origin": "*", "credentials": "true"}])
def test_a_header_lets_anybody_in(name: str, granted: dict[str, str]) -> None:
    check, words = CHECKS[name]
    with pytest.raises(Finding, match=words):
        check(candidate(when("Origin", granting(**granted))), Evidence("r", "c"))


def test_a_wildcard_without_credentials_is_for_public_data_but_not_for_logging_in() -> None:
    public = candidate(when("Origin", granting(origin="*")))
    for name in ("read", "preflight"):
        CHECKS[name][0](public, Evidence("r", "c"))
    with pytest.raises(Finding, match="must let no other origin read it"):
        CHECKS["authorization"][0](public, Evidence("r", "c"))


def test_a_preflight_is_asked_as_a_browser_asks() -> None:
    seen: list[Mapping[str, Any]] = []

    def rule(edits: Mapping[str, Any]) -> Answer:
        seen.append(edits)
        return granting()

    CHECKS["preflight"][0](candidate(rule), Evidence("r", "c"))
    asked = [edits for edits in seen if "method" in edits]
    assert [edits["Origin"] for edits in asked] == [origins.EVIL, "null"]
    assert {(edits["method"], edits["user"]) for edits in asked} == {("OPTIONS", None)}


def test_an_endpoint_that_is_not_there_lets_nobody_in_for_no_reason() -> None:
    with pytest.raises(Inconclusive, match="not there"):
        CHECKS["authorization"][0](candidate(lambda _: Refused("", Exchange(2, 404))), Evidence("r", "c"))


def test_whoever_is_no_authorization_server_has_no_such_endpoint() -> None:
    check = CHECKS["authorization"][0]
    with pytest.raises(NotApplicable, match="no authorization server"):
        check(candidate(lambda _: granting(), "accounts.list"), Evidence("r", "c"))
    with pytest.raises(NotTested, match=r"map oauth\.authorize"):
        check(candidate(lambda _: granting(), "oauth.token"), Evidence("r", "c"))


@pytest.mark.parametrize("name", ["read", "preflight"])
def test_an_authorization_server_alone_shows_pages_nothing_of_a_customer(name: str) -> None:
    check = CHECKS[name][0]
    with pytest.raises(NotApplicable, match="shows no accounts"):
        check(candidate(lambda _: granting(), "oauth.token", "oauth.authorize"), Evidence("r", "c"))
    with pytest.raises(NotTested, match="no operation reads an account"):
        check(candidate(lambda _: granting(), "payments.create"), Evidence("r", "c"))
    both = candidate(when("Origin", granting(origin=origins.EVIL)), "oauth.token", "accounts.list")
    with pytest.raises(Finding):
        check(both, Evidence("r", "c"))


# -- what is no answer ------------------------------------------------------------------------------------------------

HIDDEN = (abuse.hidden_pages_are_closed, "path")
PROVOKED = (disclosure.errors_disclose_no_internals, "path")
ALL = [*((check, "Origin") for check, _ in CHECKS.values()), HIDDEN, PROVOKED]
CLOSED = Refused("", Exchange(2, 404))


@pytest.mark.parametrize(("check", "edit"), ALL)
@pytest.mark.parametrize(("answer", "words"), [(BUSY, "throttled"), (GONE, "was not answered")])
def test_what_a_limit_or_the_network_ate_decides_nothing(check: Any, edit: str, answer: Answer, words: str) -> None:
    with pytest.raises(Inconclusive, match=words):
        check(candidate(when(edit, answer)), Evidence("r", "c"))


@pytest.mark.parametrize(("check", "edit"), ALL)
def test_silence_is_no_good_answer(check: Any, edit: str) -> None:
    with pytest.raises(Finding, match="must be answered cleanly"):
        check(candidate(when(edit, SILENCE)), Evidence("r", "c"))


@pytest.mark.parametrize(("check", "edit"), ALL[:-1])
def test_neither_is_a_crash(check: Any, edit: str) -> None:
    with pytest.raises(Finding, match="must be answered cleanly"):
        check(candidate(when(edit, CRASH)), Evidence("r", "c"))


def test_a_crash_is_an_error_that_must_not_disclose_anything() -> None:
    PROVOKED[0](candidate(when("path", CRASH)), Evidence("r", "c"))
    told = Broken("server-error", "HTTP 500", Exchange(2, 500, body=b"Traceback (most recent call last):\n  File"))
    with pytest.raises(Finding, match="must not disclose internals"):
        PROVOKED[0](candidate(when("path", told)), Evidence("r", "c"))


def test_a_page_is_open_whatever_its_form() -> None:
    def rule(edits: Mapping[str, Any]) -> Answer:
        return PAGE if edits.get("path") == "/actuator" else CLOSED if "path" in edits else granting()

    with pytest.raises(Finding, match="must be closed to strangers") as found:
        HIDDEN[0](candidate(rule), Evidence("r", "c"))
    assert found.value.actual == "200 for /actuator"
    HIDDEN[0](candidate(when("path", CLOSED)), Evidence("r", "c"))


BASE = "https://bank.example.com/api/v1"
ORIGIN = "https://bank.example.com"


def serving(*pages: str) -> Rule:
    """Return the rule of a product that serves these pages, written as they are asked for, and no other."""

    def rule(edits: Mapping[str, Any]) -> Answer:
        return PAGE if edits.get("path") in pages else CLOSED if "path" in edits else granting()

    return rule


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        (f"{ORIGIN}/actuator/env", "/actuator/env"),
        ("/metrics", "/api/v1/metrics"),
        (f"{ORIGIN}/v3/api-docs", "/v3/api-docs"),
        ("/openapi.json", "/api/v1/openapi.json"),
    ],
)
def test_pages_are_looked_for_at_the_origin_too(asked: str, shown: str) -> None:
    with pytest.raises(Finding, match="must be closed to strangers") as found:
        HIDDEN[0](candidate(serving(asked), url=BASE), Evidence("r", "c"))
    assert found.value.actual == f"200 for {shown}"


def test_closed_pages_pass_and_are_noted_in_full() -> None:
    evidence = Evidence("r", "c")
    HIDDEN[0](candidate(serving(), url=BASE), evidence)
    noted = str(evidence.notes)
    assert '"/api/v1/actuator/env"' in noted
    assert '"/actuator/env"' in noted


@pytest.mark.parametrize(
    ("path", "asked"),
    [("/openapi.json", "/openapi.json"), (f"{ORIGIN}/v3/api-docs", f"{ORIGIN}/v3/api-docs")],
)
def test_a_document_declared_as_public_may_be(path: str, asked: str) -> None:
    HIDDEN[0](candidate(serving(asked), url=BASE, openapi={"path": path}), Evidence("r", "c"))
    with pytest.raises(Finding, match="maps of all routes"):
        HIDDEN[0](candidate(serving(asked, "/swagger.json"), url=BASE, openapi={"path": path}), Evidence("r", "c"))


def test_where_any_path_is_answered_no_page_is_told_from_another() -> None:
    everywhere = candidate(lambda _: granting(), url=BASE)
    with pytest.raises(Inconclusive, match="any path below /api/v1 and /"):
        HIDDEN[0](everywhere, Evidence("r", "c"))
    origin = serving(*(f"{ORIGIN}{path}" for path in (abuse.NO_PATH, *abuse.HIDDEN_PATHS)))
    with pytest.raises(Inconclusive, match="any path below /,"):
        HIDDEN[0](candidate(origin, url=BASE), Evidence("r", "c"))


def test_an_origin_that_answers_any_path_hides_no_open_page_below_the_base() -> None:
    with pytest.raises(Finding, match="management pages must be closed"):
        HIDDEN[0](candidate(serving(f"{ORIGIN}{abuse.NO_PATH}", "/debug"), url=BASE), Evidence("r", "c"))
