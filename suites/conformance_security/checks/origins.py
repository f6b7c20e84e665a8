"""Pages of foreign origins in a user's browser: no answer, no preflight and no authorization lets them in."""

from __future__ import annotations

from typing import NoReturn

from conformance.sdk import Answer, Candidate, Evidence, Inconclusive, NotApplicable, NotTested, Prepared, check, expect
from conformance_security.heard import heard
from conformance_security.reads import shows_accounts, some_read
from conformance_security.scene import control

#: Origins that no product knows: a web page of an attacker's, and a page without an origin of its own.
EVIL = "https://evil.example"
FOREIGN = (EVIL, "null")
#: What a browser asks leave for before it sends a token along.
ASKING = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}


@check("SEC-D09")
def foreign_origins_are_not_let_in(candidate: Candidate, evidence: Evidence) -> None:
    """An unknown Origin is neither reflected nor allowed by a wildcard together with credentials."""
    read = _own_read(candidate)
    control(read, "the read without an Origin")
    for origin in FOREIGN:
        answer = heard(read.with_header("Origin", origin).send(), "a read with a foreign Origin")
        _must_not_let_in(answer, origin, "a foreign origin must not be let in")


@check("SEC-D09.preflight", requirement="SEC-D09")
def foreign_origins_get_no_leave(candidate: Candidate, evidence: Evidence) -> None:
    """A browser that asks for a foreign page whether it may send a token (a preflight) gets no leave."""
    read = _own_read(candidate)
    control(read, "the read without an Origin")
    for origin in FOREIGN:
        answer = heard(_preflight(read).with_header("Origin", origin).send(), "a preflight of a foreign origin")
        _must_not_let_in(answer, origin, "the preflight of a foreign origin must not be granted")


@check("SEC-D09.authorization", requirement="SEC-D09")
def no_page_reads_the_authorization_endpoint(candidate: Candidate, evidence: Evidence) -> None:
    """The authorization endpoint is for navigation: it lets no page of any other origin read it (FAPI 2.0 5.2.3)."""
    if not candidate.offers("oauth.authorize"):
        _say_why_not(candidate)
    request = candidate.without_credentials().prepare("oauth.authorize", response_type="code", client_id="unknown")
    if heard(request.send(), "a request at the authorization endpoint").exchange.status in (404, 405):
        raise Inconclusive("positive control: the authorization endpoint is not there", blame="CONFIG")
    for what, sent in (("a request", request), ("a preflight", _preflight(request))):
        answer = heard(sent.with_header("Origin", EVIL).send(), f"{what} at the authorization endpoint")
        allowed = answer.exchange.header("Access-Control-Allow-Origin").strip()
        expect(
            not allowed,
            "the authorization endpoint must let no other origin read it",
            expected="no Access-Control-Allow-Origin",
            actual=f"{what} with Origin {EVIL}: Access-Control-Allow-Origin {allowed}",
        )


def _own_read(candidate: Candidate) -> Prepared:
    """Return a read of the caller's own; raises NotApplicable for an authorization server that has no other answers."""
    if candidate.offers("oauth.token") and not shows_accounts(candidate):
        raise NotApplicable(
            "the product is an authorization server and shows no accounts: what it protects opens to tokens alone, and "
            "no browser sends those along for a page"
        )
    return some_read(candidate)


def _say_why_not(candidate: Candidate) -> NoReturn:
    if candidate.offers("oauth.token"):
        raise NotTested("the authorization endpoint is not known: map oauth.authorize", blame="CONFIG")
    raise NotApplicable("the product is no authorization server: neither oauth.authorize nor oauth.token is mapped")


def _preflight(request: Prepared) -> Prepared:
    """Return what a browser asks before it sends a request with a token; it sends no credentials along."""
    asking = request.without_credentials().with_method("OPTIONS")
    for name, value in ASKING.items():
        asking = asking.with_header(name, value)
    return asking


def _must_not_let_in(answer: Answer, origin: str, message: str) -> None:
    allowed = answer.exchange.header("Access-Control-Allow-Origin").strip()
    credentials = answer.exchange.header("Access-Control-Allow-Credentials").strip().lower() == "true"
    expect(
        allowed != origin and not (allowed == "*" and credentials),
        message,
        expected="no Access-Control-Allow-Origin for it",
        actual=f"Origin {origin}: Access-Control-Allow-Origin {allowed}, credentials {credentials}",
    )
