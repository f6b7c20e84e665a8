"""Mutual TLS: a client certificate lets in whom it names, and nothing else does.

A refusal may come as an alert, in TLS 1.3 only after the handshake, as a closed connection, or as an HTTP status: so
every answer is read to its end, and counts only between two requests with a good certificate that were accepted.
"""

from __future__ import annotations

from conformance.sdk import (
    Accepted,
    Broken,
    Candidate,
    Effect,
    Evidence,
    Inconclusive,
    Prepared,
    Refused,
    check,
    describe,
    expect,
)
from conformance_security.tls.clients import Door, header_sets

#: How a refusal that TLS itself makes reaches a client.
_IN_TLS = ("tls", "connection")


@check("SEC-T14.missing", requirement="SEC-T14", effects=Effect.READ)
def a_missing_certificate_is_refused(candidate: Candidate, evidence: Evidence) -> None:
    """Without a client certificate, a request that needs one is refused."""
    door = Door.of(candidate)
    _only_the_good_one_enters(door, evidence, door.without_certificate(), "no client certificate")


@check("SEC-T14.unknown", requirement="SEC-T14", effects=Effect.READ)
def a_certificate_of_an_unknown_authority_is_refused(candidate: Candidate, evidence: Evidence) -> None:
    """A certificate that nobody known has issued identifies nobody, whatever it says."""
    door = Door.of(candidate)
    _only_the_good_one_enters(door, evidence, door.request("stranger"), "a client certificate of an unknown authority")


@check("SEC-T15.revoked", requirement="SEC-T15", effects=Effect.READ)
def a_revoked_certificate_is_refused(candidate: Candidate, evidence: Evidence) -> None:
    """A certificate on its authority's revocation list is refused, though its signature and dates are in order."""
    door = Door.of(candidate)
    _only_the_good_one_enters(door, evidence, door.request("revoked"), "a revoked client certificate")


@check("SEC-T15.expired", requirement="SEC-T15", effects=Effect.READ)
def an_expired_certificate_is_refused(candidate: Candidate, evidence: Evidence) -> None:
    """A client certificate is refused once its validity has ended."""
    door = Door.of(candidate)
    _only_the_good_one_enters(door, evidence, door.request("expired"), "an expired client certificate")


@check("SEC-T16", effects=Effect.READ)
def a_certificate_in_a_header_proves_nothing(candidate: Candidate, evidence: Evidence) -> None:
    """A good certificate in a header, with none in TLS, lets nobody in, at the door itself nor at the main address.

    Tried are the headers in which proxies commonly hand certificates on, each in its usual encoding, and one that the
    candidate file may name.
    """
    door = Door.of(candidate)
    door.admits_the_good_one()
    tried = 0
    for request, where in door.bare_requests():
        if isinstance(request.send(), Accepted):
            raise Inconclusive(f"nobody needs a certificate {where}, in a header or not, see SEC-T14", blame="PRODUCT")
        for headers in header_sets(door.good_certificate(), door.header):
            sent = request
            for name, value in headers.items():
                sent = sent.with_header(name, value)
            _must_not_enter(sent, f"a certificate that only stands in {next(iter(headers))} {where}")
            tried += 1
    evidence.note("headers tried without success", tried)
    door.admits_the_good_one()


def _only_the_good_one_enters(door: Door, evidence: Evidence, request: Prepared, what: str) -> None:
    door.admits_the_good_one()
    evidence.note(what, _must_not_enter(request, what))
    door.admits_the_good_one()


def _must_not_enter(request: Prepared, what: str) -> str:
    """Require a refusal, by TLS or by HTTP, and return what it was."""
    answer = request.send()
    seen = describe(answer)
    if isinstance(answer, Refused) or (isinstance(answer, Broken) and answer.kind in _IN_TLS):
        return seen
    if isinstance(answer, Broken) and answer.kind in ("throttled", "redirect"):
        raise Inconclusive(f"{what} drew an answer that neither refuses nor accepts: {seen}", blame="CONFIG")
    cleanly = " cleanly" if isinstance(answer, Broken) else ""
    expect(False, f"{what} must be refused{cleanly}", expected="an alert, a closed connection or a 4xx", actual=seen)
    return seen
