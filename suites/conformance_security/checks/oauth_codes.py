"""Authorization codes and client assertions: for one client, once, and for a minute."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.sdk import (
    Answer,
    Candidate,
    Effect,
    Evidence,
    Inconclusive,
    NotApplicable,
    NotTested,
    Pause,
    Refused,
    accepted,
    check,
    describe,
    expect,
    must_accept,
    pause,
)
from conformance_security.jwk import verification_secrets
from conformance_security.oauth.clock import movable, moved
from conformance_security.oauth.flow import Change, Code, Flow, Grant, opened
from conformance_security.oauth.keys import SigningKey
from conformance_security.oauth.pkce import Pkce
from conformance_security.oauth.settings import Client, client_sections
from conformance_security.oauth.tokens import Jwt, claiming, under_hmac
from conformance_security.oauth.verdicts import declined

#: Operations without which no code is issued or redeemed.
CODES = ("oauth.authorize", "oauth.token")
#: Seconds after which a code must be dead: the profile's 60, and what clocks and leeway may add.
CODE_AGE_S = 75
#: How a server says that a code is no good (RFC 6749 5.2; RFC 7636 4.6 for the verifier).
NO_GOOD = ("invalid_grant",)


@check("SEC-J13.reuse", requirement="SEC-J13", needs=CODES, effects=Effect.WRITE, deadline_s=60)
def codes_work_once(candidate: Candidate, evidence: Evidence) -> Iterator[Pause]:
    """A code that was redeemed is refused at once, and another one a second after it was redeemed."""
    flow = Flow.of(candidate)
    code, _ = _redeemed(flow)
    declined(flow.redeem(code), "the code was redeemed before", errors=NO_GOOD)
    code, _ = _redeemed(flow)
    if movable(candidate):
        with moved(candidate, 2):
            declined(flow.later(2).redeem(code), "the code was redeemed a second ago", errors=NO_GOOD)
    else:
        yield pause(1.2, "a second has passed since the code was redeemed")
        declined(flow.redeem(code), "the code was redeemed a second ago", errors=NO_GOOD)


@check("SEC-J26", needs=(*CODES, "oauth.resource"), effects=Effect.WRITE)
def tokens_fall_with_a_code_that_comes_again(candidate: Candidate, evidence: Evidence) -> None:
    """An access token opens nothing any more after the code that brought it was redeemed a second time."""
    flow = Flow.of(candidate)
    code, grant = _redeemed(flow)
    opened(flow.read(grant.access_token))
    if not isinstance(flow.redeem(code), Refused):
        raise Inconclusive("the code was not refused when it came again, which SEC-J13.reuse judges", blame="PRODUCT")
    answer = flow.read(grant.access_token)
    expect(
        isinstance(answer, Refused),
        "the tokens of a code that comes again should be revoked",
        expected="a refusal (4xx)",
        actual=describe(answer),
    )
    flow.grant()


@check("SEC-J13.client", requirement="SEC-J13", needs=CODES, effects=Effect.WRITE)
def codes_are_for_one_client(candidate: Candidate, evidence: Evidence) -> None:
    """A code is refused when another client redeems it, as itself and with the right verifier."""
    flow = Flow.of(candidate)
    other = flow.of_client("second")
    other.grant()
    code = flow.code()
    declined(other.redeem(code), "the code was issued to another client", errors=(*NO_GOOD, "invalid_client"))
    _note_after(flow, code, evidence)


@check("SEC-J13.verifier", requirement="SEC-J13", needs=CODES, effects=Effect.WRITE)
def codes_need_their_verifier(candidate: Candidate, evidence: Evidence) -> None:
    """A code is refused with another code_verifier, and without one."""
    flow = Flow.of(candidate)
    flow.grant()
    wrong = flow.redeem(flow.code(), code_verifier=Pkce.made().verifier)
    declined(wrong, "the code comes with another code_verifier", errors=(*NO_GOOD, "invalid_request"))
    missing = flow.redeem(flow.code(), code_verifier=None)
    declined(missing, "the code comes without a code_verifier", errors=(*NO_GOOD, "invalid_request"))


@check("SEC-J13.age", requirement="SEC-J13", needs=CODES, effects=Effect.WRITE, deadline_s=180)
def codes_live_a_minute(candidate: Candidate, evidence: Evidence) -> Iterator[Pause]:
    """A code is refused 75 s after it was issued: the profile's 60 s and the leeway of clocks."""
    flow = Flow.of(candidate)
    flow.grant()
    code = flow.code()
    if movable(candidate):
        with moved(candidate, CODE_AGE_S):
            _expect_dead(flow.later(CODE_AGE_S), code)
    else:
        yield pause(CODE_AGE_S, "a code that was issued just now has expired")
        _expect_dead(flow, code)


@check("SEC-J14.audience", requirement="SEC-J14", needs=("oauth.token",), effects=Effect.WRITE)
def assertions_are_for_the_issuer_alone(candidate: Candidate, evidence: Evidence) -> None:
    """A client assertion is refused whose audience is not the issuer in one string: a list, an endpoint, others."""
    flow = _proving(candidate)
    issuer, endpoint = flow.server.issuer, str(flow.server.metadata.get("token_endpoint", ""))
    audiences: dict[str, object] = {
        "its audience is another server": "https://other.example.com",
        "its audience is a list of the issuer and another server": [issuer, "https://other.example.com"],
        "its audience is a list": [issuer],
    }
    if endpoint and endpoint != issuer:
        audiences["its audience is the token endpoint"] = endpoint
    for because, audience in audiences.items():
        changed = _authenticated(flow, claiming(aud=audience))
        declined(changed, f"a client assertion is accepted although {because}")
    declined(_authenticated(flow, lambda made: made.without("aud")), "a client assertion names no audience")


@check("SEC-J14.key", requirement="SEC-J14", needs=("oauth.token",), effects=Effect.WRITE)
def assertions_are_signed_by_their_client(candidate: Candidate, evidence: Evidence) -> None:
    """A client assertion is refused that a stranger signed, another client, nobody, or somebody with the public key."""
    flow = _proving(candidate)
    key = flow.client.signing_key()
    stranger = SigningKey(SigningKey.made().private, "ES256", key.kid)
    declined(
        _authenticated(flow, lambda made: made.heading(alg="ES256").by(stranger)),
        "a stranger's key signed for a client",
    )
    declined(_authenticated(flow, lambda made: made.heading(alg="none")), "a client assertion is not signed")
    for secret in verification_secrets(key.public_jwk()):
        forged = _authenticated(flow, under_hmac(secret))
        declined(forged, "a client assertion is signed with HS256 under the client's public key")
    if (old := key.outdated()) is not None:
        changed = _authenticated(flow, lambda made: made.heading(alg="RS256").by(old))
        declined(changed, "a client assertion is signed with RS256")
    other = _another_key(candidate, flow)
    if other is None:
        evidence.note("another client's key", "not tried: no second client with a key is declared")
        return
    declined(
        _authenticated(flow, lambda made: made.heading(alg=other.algorithm, kid=other.kid).by(other)),
        "another client's key signed for a client",
    )


@check("SEC-J14.parties", requirement="SEC-J14", needs=("oauth.token",), effects=Effect.WRITE)
def assertions_are_by_and_about_their_client(candidate: Candidate, evidence: Evidence) -> None:
    """A client assertion is refused without subject or issuer, and with another one than the client (RFC 7523 3)."""
    flow = _proving(candidate)
    changes: dict[str, Change] = {
        "it has no subject (sub)": lambda made: made.without("sub"),
        "its subject is another client (sub)": claiming(sub="conformance-nobody"),
        "it has no issuer (iss)": lambda made: made.without("iss"),
        "its issuer is somebody else (iss)": claiming(iss="conformance-nobody"),
    }
    for because, change in changes.items():
        declined(_authenticated(flow, change), f"a client assertion is accepted although {because}")


@check("SEC-J14.replay", requirement="SEC-J14", needs=("oauth.token",), effects=Effect.WRITE)
def assertions_are_used_once(candidate: Candidate, evidence: Evidence) -> None:
    """A client assertion that was accepted is refused when it is sent again."""
    flow = _proving(candidate)
    assertion = flow.assertion()
    accepted(_authenticated(flow, assertion), "a request with a sound client assertion")
    declined(_authenticated(flow, assertion), "the client assertion was used before")


@check("SEC-J14.clock", requirement="SEC-J14", needs=("oauth.token",), effects=Effect.WRITE)
def assertions_are_of_now(candidate: Candidate, evidence: Evidence) -> None:
    """A client assertion is refused with iat alone, or nbf alone, 90 s ahead, and when it expired; 8 s are accepted.

    One claim is moved at a time: a server that looks at nbf only would pass a test that moves them together.
    """
    flow = _proving(candidate)
    now = flow.now()

    def lasting(made: Jwt) -> Jwt:
        return made.claiming(iat=now, nbf=now, exp=now + 150)

    accepted(_authenticated(flow, lasting), "a client assertion with iat, nbf and exp")
    late: dict[str, Change] = {
        "iat alone is 90 s ahead": lambda made: lasting(made).claiming(iat=now + 90),
        "nbf alone is 90 s ahead": lambda made: lasting(made).claiming(nbf=now + 90),
        "it expired two minutes ago": claiming(iat=now - 180, exp=now - 120),
        "it never expires": lambda made: made.without("exp"),
    }
    for because, change in late.items():
        declined(_authenticated(flow, change), f"a client assertion is accepted although {because}")
    must_accept(
        _authenticated(flow, lambda made: lasting(made).claiming(iat=now + 8, nbf=now + 8)),
        "a client assertion 8 s ahead must be accepted: clocks differ",
    )


# -- codes ----------------------------------------------------------------------------------------------------------


def _redeemed(flow: Flow) -> tuple[Code, Grant]:
    code = flow.code()
    return code, Grant.read(flow.redeem(code), "redeeming a code")


def _expect_dead(flow: Flow, code: Code) -> None:
    """Require that an old code is refused where a new one is redeemed."""
    answer = flow.redeem(code)
    declined(answer, f"the code is {CODE_AGE_S} s old", errors=NO_GOOD)
    flow.grant()


def _note_after(flow: Flow, code: Code, evidence: Evidence) -> None:
    answer = flow.redeem(code)
    evidence.note("the code in the hands of its own client afterwards", type(answer).__name__.lower())


# -- assertions -----------------------------------------------------------------------------------------------------


def _proving(candidate: Candidate) -> Flow:
    """Return a client that proves itself by assertions, after one was accepted."""
    names = [name for name in client_sections(candidate) if not Client.of(candidate, name).signed_requests]
    for name in sorted(names, key=lambda item: item != "first"):
        client = Client.of(candidate, name)
        if client.method == "private_key_jwt":
            flow = Flow.of(candidate, client)
            accepted(_authenticated(flow, lambda made: made), "a request with a sound client assertion")
            return flow
    raise NotApplicable('no declared client proves itself by assertions (method = "private_key_jwt")')


def _authenticated(flow: Flow, assertion: Change) -> Answer:
    """Make the smallest request that a client must authenticate for."""
    if flow.candidate.offers("oauth.push"):
        return flow.push(flow.attempt(), assertion=assertion)
    return flow.tokens(assertion=assertion)


def _another_key(candidate: Candidate, flow: Flow) -> SigningKey | None:
    for name in client_sections(candidate):
        try:
            key = Client.of(candidate, name).key
        except NotTested:
            continue
        if key and key.public_jwk() != flow.client.signing_key().public_jwk():
            return key
    return None
