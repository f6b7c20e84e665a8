"""What a server answers: who it is, that the user said no, and refresh tokens that stay with their client."""

from __future__ import annotations

from conformance.sdk import Candidate, Effect, Evidence, NotApplicable, NotTested, check, expect, must_accept
from conformance_security.oauth.flow import Flow, Grant
from conformance_security.oauth.responses import AuthorizationResponse
from conformance_security.oauth.settings import SECTION, section
from conformance_security.oauth.verdicts import declined, no_code

#: Operations without which no code is issued or redeemed.
CODES = ("oauth.authorize", "oauth.token")


@check("SEC-J19.client", requirement="SEC-J19", needs=CODES, effects=Effect.WRITE)
def refresh_tokens_are_for_one_client(candidate: Candidate, evidence: Evidence) -> None:
    """A refresh token is refused when another client sends it, and when a bound one comes without a proof."""
    flow, grant = _refreshable(candidate)
    other = flow.of_client("second")
    other.grant()
    declined(other.refresh(grant), "the refresh token was issued to another client")
    if flow.client.binding == "dpop":
        unbound = flow.refresh(grant, proof=None)
        declined(unbound, "a token that must be bound is refreshed without a proof", challenged=True)


@check("SEC-J19.rotation", requirement="SEC-J19", needs=CODES, effects=Effect.WRITE)
def refresh_tokens_are_not_rotated(candidate: Candidate, evidence: Evidence) -> None:
    """A refresh token works again after it was used: an answer lost on the way must not lock the user out."""
    flow, grant = _refreshable(candidate)
    again = flow.refresh(grant)
    must_accept(again, "a refresh token must work again after it was used")
    renewed = Grant.read(again, "refreshing")
    granted, before = set(renewed.scope.split()), set(grant.scope.split())
    expect(
        not renewed.scope or not grant.scope or granted <= before,
        "refreshing must not widen the scope",
        expected=grant.scope,
        actual=renewed.scope,
    )
    evidence.note("refresh token in the answer", "a new one" if renewed.refresh_token else "none, or the same")


@check("SEC-J20.issuer", requirement="SEC-J20", needs=CODES, effects=Effect.WRITE)
def responses_name_their_issuer(candidate: Candidate, evidence: Evidence) -> None:
    """The answer at the redirect address names the issuer (iss), returns the state, and came by 302 or 303.

    A 307 would send on what the user typed; without iss a client mixes up its servers (RFC 9207).
    """
    flow = Flow.of(candidate)
    attempt = flow.attempt()
    response = flow.authorize(attempt)
    if not response.code:
        flow.code()
    _expect(response, "iss", flow.server.issuer, "must name its issuer (iss)")
    _expect(response, "state", attempt.parameters["state"], "must return the state")
    expect(response.status not in (307, 308), "must not redirect with 307", expected="303", actual=str(response.status))


@check("SEC-J20.refusal", requirement="SEC-J20", needs=CODES, effects=Effect.WRITE)
def a_users_no_is_a_no(candidate: Candidate, evidence: Evidence) -> None:
    """A user who declines is sent back with access_denied, and without a code.

    ``[declared.security.oauth] decliner`` names the login_hint of a user of the test environment who always declines.
    """
    decliner = section(candidate).get("decliner")
    if not decliner:
        raise NotTested(f"nobody declines here; declare decliner (a login_hint) under {SECTION}", blame="CONFIG")
    flow = Flow.of(candidate)
    flow.code()
    response = flow.authorize(flow.attempt(login_hint=str(decliner)))
    no_code(response, "the user declined")
    expect(
        response.arrived and response.error == "access_denied",
        "a user who declines must be sent back with access_denied",
        expected="error access_denied",
        actual=str(response),
    )


def _refreshable(candidate: Candidate) -> tuple[Flow, Grant]:
    """Return a client with a refresh token that worked once."""
    flow = Flow.of(candidate)
    grant = flow.grant()
    if not grant.refresh_token:
        raise NotApplicable("the sound flow brings no refresh token")
    Grant.read(flow.refresh(grant), "a refresh token")
    return flow, grant


def _expect(response: AuthorizationResponse, name: str, wanted: str, message: str) -> None:
    given = response.parameters.get(name)
    expect(given == wanted, f"the authorization response {message}", expected=wanted, actual=str(given))
