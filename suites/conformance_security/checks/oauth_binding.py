"""Bound access tokens (RFC 9449, RFC 8705): worth nothing without the key or the certificate they were issued to.

Every altered request has a twin by the same client that the resource answered.
"""

from __future__ import annotations

from dataclasses import replace
from secrets import token_urlsafe
from typing import Any

from cryptography import x509

from conformance.sdk import (
    Answer,
    Candidate,
    Effect,
    Evidence,
    NotApplicable,
    NotTested,
    Params,
    Refused,
    check,
    expect,
    must_accept,
)
from conformance_security.jwk import verification_secrets
from conformance_security.jws import Token
from conformance_security.oauth.bound import bound_grant
from conformance_security.oauth.flow import Change, Flow, Grant, opened, sound
from conformance_security.oauth.keys import SigningKey
from conformance_security.oauth.settings import (
    CERTIFICATE_METHODS,
    certificate_of,
    client_sections,
    first_client,
    thumbprint_of,
)
from conformance_security.oauth.tokens import Jwt, claiming, under_hmac
from conformance_security.oauth.verdicts import barred, cut_off, declined
from conformance_security.tls.clients import header_sets

#: Operations without which there is no bound token to use.
BOUND = ("oauth.token", "oauth.resource")
#: Seconds by which a proof made elsewhere may be off: clocks differ, hours do not.
HOUR_S = 3600


@check("SEC-J05", needs=BOUND, effects=Effect.WRITE)
def id_tokens_open_nothing(candidate: Candidate, evidence: Evidence) -> None:
    """An ID token sent to the resource in the place of an access token, with or without a proof, is answered 401."""
    flow = Flow.of(candidate)
    grant = flow.grant()
    opened(flow.read(grant.access_token))
    if not grant.id_token:
        raise NotApplicable("the sound flow brings no ID token")
    for scheme in ("DPoP", "Bearer"):
        barred(flow.read(grant.id_token, scheme=scheme), f"an ID token stands in for an access token ({scheme})")


@check("SEC-J08", needs=BOUND, effects=Effect.WRITE)
def bound_tokens_need_their_proof(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """A DPoP-bound token is answered 401 without a proof, with the proof of another key, and as a Bearer token.

    Where the profile demands bound tokens (``bound_tokens_required``), a server none of whose clients has them fails.
    """
    if params["bound_tokens_required"] and not _any_bound(candidate):
        opened_by = Flow.of(candidate).grant()
        expect(
            False,
            "access tokens must be bound to a key (DPoP) or to a certificate (mTLS)",
            expected="a client with bound tokens",
            actual=f"no declared client has any; a token of type {opened_by.token_type} was issued",
        )
    flow, grant = bound_grant(candidate)
    token, thief = grant.access_token, SigningKey.made()
    barred(flow.read(token, proof=None), "a DPoP-bound token comes without a proof", challenged=True)
    barred(
        flow.read(token, proof=None, scheme="Bearer"), "a DPoP-bound token is used as a Bearer token", challenged=True
    )
    barred(flow.read(token, scheme="Bearer"), "a DPoP-bound token is used as a Bearer token beside a proof")
    barred(flow.read(token, proof=lambda proof: _of(thief, proof)), "the proof was made with another key")
    declined(
        flow.redeem(flow.code(), proof=None) if candidate.offers("oauth.authorize") else flow.tokens(proof=None),
        "a token that must be bound is asked for without a proof",
        challenged=True,
    )


@check("SEC-J08.code", requirement="SEC-J08", needs=("oauth.authorize", "oauth.token"), effects=Effect.WRITE)
def codes_are_bound_to_their_key(candidate: Candidate, evidence: Evidence) -> None:
    """A code whose authorization request named a key (dpop_jkt) is refused with the proof of another key."""
    flow = Flow.of(candidate, first_client(candidate, "dpop"))
    named = {"dpop_jkt": flow.dpop_key.thumbprint()}
    Grant.read(flow.tokens(**named), "a flow that names its key")
    thief = SigningKey.made()
    stolen = flow.redeem(flow.code(flow.attempt(**named)), proof=lambda proof: _of(thief, proof))
    declined(stolen, "the code is bound to another key (dpop_jkt)")


@check("SEC-J09.replay", requirement="SEC-J09", needs=BOUND, effects=Effect.WRITE)
def proofs_are_used_once(candidate: Candidate, evidence: Evidence) -> None:
    """A proof that was accepted is refused when it is sent again with the same token, and one without jti at once."""
    flow, grant = bound_grant(candidate)
    proof = flow.resource_proof(grant.access_token)
    opened(flow.read(grant.access_token, proof=proof))
    barred(flow.read(grant.access_token, proof=proof), "the proof was used before")
    barred(flow.read(grant.access_token, proof=lambda made: made.without("jti")), "the proof has no jti")
    proof = flow.token_proof()
    Grant.read(flow.tokens(proof=proof), "a flow with a proof for the token endpoint")
    declined(flow.tokens(proof=proof), "the proof was used before at the token endpoint")


@check("SEC-J09.htm", requirement="SEC-J09", needs=BOUND, effects=Effect.WRITE)
def proofs_are_for_one_method(candidate: Candidate, evidence: Evidence) -> None:
    """A proof for another method, or for none, is refused."""
    flow, grant = bound_grant(candidate)
    changes: tuple[tuple[Change, str], ...] = (
        (claiming(htm="POST"), "the proof is for another method (htm)"),
        (lambda proof: proof.without("htm"), "the proof names no method (htm)"),
    )
    for change, because in changes:
        barred(flow.read(grant.access_token, proof=change), because)
    declined(flow.tokens(proof=claiming(htm="GET")), "the proof for the token endpoint is for another method (htm)")


@check("SEC-J09.htu", requirement="SEC-J09", needs=BOUND, effects=Effect.WRITE)
def proofs_are_for_one_address(candidate: Candidate, evidence: Evidence) -> None:
    """A proof for another address, or for none, is refused; SEC-J23 is about other spellings of the same one."""
    flow, grant = bound_grant(candidate)
    url = flow.server.resource
    changes: tuple[tuple[Change, str], ...] = (
        (claiming(htu="https://other.example.com/resource"), "the proof is for another host (htu)"),
        (claiming(htu=f"{url}/other"), "the proof is for another path (htu)"),
        (lambda proof: proof.without("htu"), "the proof names no address (htu)"),
    )
    for change, because in changes:
        barred(flow.read(grant.access_token, proof=change), because)
    declined(flow.tokens(proof=claiming(htu=url)), "the proof for the token endpoint is for another address (htu)")


@check("SEC-J09.ath", requirement="SEC-J09", needs=BOUND, effects=Effect.WRITE)
def proofs_are_for_one_token(candidate: Candidate, evidence: Evidence) -> None:
    """A proof that carries the hash of another token, or none, is refused at the resource."""
    flow, grant = bound_grant(candidate)
    other = flow.resource_proof("another-token")
    barred(flow.read(grant.access_token, proof=other), "the proof is for another token (ath)")
    barred(flow.read(grant.access_token, proof=lambda proof: proof.without("ath")), "the proof names no token (ath)")


@check("SEC-J09.iat", requirement="SEC-J09", needs=BOUND, effects=Effect.WRITE)
def proofs_are_of_now(candidate: Candidate, evidence: Evidence) -> None:
    """A proof dated an hour off or not at all is refused, one eight seconds ahead accepted.

    Where the server hands out nonces, they may tell the age of a proof instead of its date (RFC 9449 4.3): what it
    does with dates is then only noted, and SEC-J09.nonce decides.
    """
    flow, grant = bound_grant(candidate)
    now = flow.now()
    if flow.nonce("resource"):
        _note_dates(flow, grant, evidence)
        raise NotApplicable("the server's nonces tell the age of a proof, not its date")
    changes: dict[str, Change] = {
        "the proof is dated an hour ahead (iat)": claiming(iat=now + HOUR_S),
        "the proof is dated an hour ago (iat)": claiming(iat=now - HOUR_S),
        "the proof has no date (iat)": lambda proof: proof.without("iat"),
    }
    for because, change in changes.items():
        # A server may ask for a nonce where it does not believe a date: it has refused all the same.
        barred(flow.read(grant.access_token, proof=change, answer_challenges=False), because, challenged=True)
    must_accept(flow.read(grant.access_token, proof=claiming(iat=now + 8)), "a proof dated 8 s ahead must be accepted")


@check("SEC-J09.form", requirement="SEC-J09", needs=BOUND, effects=Effect.WRITE)
def proofs_are_signed_by_the_key_they_show(candidate: Candidate, evidence: Evidence) -> None:
    """A proof is refused that is not signed by the key in its header, or shows none, a private one, or another type.

    Two proofs are no proof (RFC 9449 4.3).
    """
    flow, grant = bound_grant(candidate)
    key, stranger = flow.dpop_key, SigningKey.made()
    changes: dict[str, Change] = {
        "the proof is signed by another key than it shows": lambda proof: proof.by(stranger),
        "the proof is not signed": lambda proof: proof.heading(alg="none"),
        "the proof shows no key": lambda proof: proof.beheaded("jwk"),
        "the proof shows its private key": lambda proof: proof.heading(jwk=key.private_jwk()),
        "the proof is of another type (typ)": lambda proof: proof.heading(typ="JWT"),
        "the proof names no type (typ)": lambda proof: proof.beheaded("typ"),
        "the proof is no JWT": "not-a-proof",
        "there are two proofs": lambda proof: f"{proof.text()}, {proof.claiming(jti=token_urlsafe(16)).text()}",
    }
    for because, change in changes.items():
        barred(flow.read(grant.access_token, proof=change), because)


@check("SEC-J09.algorithm", requirement="SEC-J09", needs=BOUND, effects=Effect.WRITE)
def proofs_are_signed_by_approved_algorithms(candidate: Candidate, evidence: Evidence) -> None:
    """A proof is refused at the token endpoint under RS256, a 1024-bit RSA key, or HMAC (FAPI 2.0 5.4.1)."""
    flow = Flow.of(candidate, first_client(candidate, "dpop"))
    flow.grant()
    for because, key in (
        ("the proof is signed with RS256", SigningKey.made_rsa(2048, "RS256")),
        ("the proof is signed with a 1024-bit RSA key", SigningKey.made_rsa(1024, "PS256")),
    ):
        weak = replace(flow, dpop_key=key)
        declined(_asked(weak, assertion=sound), because, challenged=True)
    for secret in verification_secrets(flow.dpop_key.public_jwk()):
        answer = _asked(flow, assertion=sound, proof=under_hmac(secret))
        declined(answer, "the proof is signed with HS256 under the public key that it shows")


@check("SEC-J09.nonce", requirement="SEC-J09", needs=BOUND, effects=Effect.WRITE)
def nonces_are_the_servers(candidate: Candidate, evidence: Evidence) -> None:
    """Where the server wants its nonce in a proof, one that the client made up is refused.

    The hook ``dpop_nonce`` makes a server want nonces that does not always do so.
    """
    hook = "dpop_nonce" in candidate.file.hooks
    if hook:
        candidate.hook("dpop_nonce", required=True)
    try:
        flow, grant = bound_grant(candidate)
        if not flow.nonce("resource"):
            raise NotApplicable("the server wants no nonces in proofs")
        invented = claiming(nonce="made-by-the-client")
        barred(
            flow.read(grant.access_token, proof=invented), "the nonce in the proof is not the server's", challenged=True
        )
    finally:
        if hook:
            candidate.hook("dpop_nonce", required=False)


@check("SEC-J10", needs=BOUND, effects=Effect.WRITE)
def certificate_bound_tokens_need_their_certificate(candidate: Candidate, evidence: Evidence) -> None:
    """A certificate-bound token is answered 401 over a connection with another client certificate, or with none."""
    client = first_client(candidate, "mtls")
    flow = Flow.of(candidate, client)
    grant = flow.grant()
    opened(flow.read(grant.access_token))
    _note_thumbprint(candidate, evidence, client.user, grant)
    nobody = candidate.without_credentials().at(flow.server.mtls_endpoint)
    cut_off(flow.read(grant.access_token, by=nobody), "a certificate-bound token comes without a certificate")
    other = candidate.as_user(_another_certificate(candidate, client.user)).at(flow.server.mtls_endpoint)
    cut_off(flow.read(grant.access_token, by=other), "a certificate-bound token comes with another certificate")


@check("SEC-J10.token", requirement="SEC-J10", needs=BOUND, effects=Effect.WRITE)
def certificates_are_shown_when_tokens_are_issued(candidate: Candidate, evidence: Evidence) -> None:
    """A client whose tokens are bound to its certificate gets none over a connection without one (RFC 8705 3)."""
    client = first_client(candidate, "mtls")
    flow = Flow.of(candidate, client)
    flow.grant()
    if client.method in CERTIFICATE_METHODS:
        answer = _asked(flow, assertion=None)
    else:
        # It still proves itself, by its key or secret: only the certificate is missing.
        answer = _asked(Flow.of(candidate, replace(client, binding="none", user="")), assertion=sound)
    declined(answer, "a token that must be bound to a certificate is asked for without one")


@check("SEC-J10.header", requirement="SEC-J10", needs=BOUND, effects=Effect.WRITE)
def certificates_in_headers_open_nothing(candidate: Candidate, evidence: Evidence) -> None:
    """A certificate-bound token is refused when its certificate only stands in a header, and none is in TLS.

    Tried are the headers in which proxies hand certificates on, at the address for certificates and at the main one:
    whoever stole the token has the certificate, too, for it is public.
    """
    client = first_client(candidate, "mtls")
    flow = Flow.of(candidate, client)
    grant = flow.grant()
    opened(flow.read(grant.access_token))
    certificate = x509.load_pem_x509_certificate(certificate_of(candidate, client.user))
    nobody = candidate.without_credentials()
    for place in sorted({"", flow.server.mtls_endpoint}):
        request = nobody.at(place).prepare("oauth.resource")
        request = request.with_header("Authorization", f"Bearer {grant.access_token}")
        for headers in header_sets(certificate):
            sent = request
            for name, value in headers.items():
                sent = sent.with_header(name, value)
            cut_off(sent.send(), f"the token's certificate only stands in {next(iter(headers))}")
    opened(flow.read(grant.access_token))


# -- the bound token ------------------------------------------------------------------------------------------------


def _any_bound(candidate: Candidate) -> bool:
    return any(section.get("binding", "none") != "none" for section in client_sections(candidate).values())


def _asked(flow: Flow, *, assertion: Change, proof: Change = sound) -> Answer:
    """Ask for tokens as a client does, with what it sends to the token endpoint changed there alone."""
    if flow.client.grant_type == "client_credentials" or not flow.candidate.offers("oauth.authorize"):
        return flow.tokens(assertion=assertion, proof=proof)
    return flow.redeem(flow.code(), assertion=assertion, proof=proof)


def _of(key: SigningKey, proof: Jwt) -> Jwt:
    """Return a proof as another key's holder would make it."""
    return proof.heading(jwk=key.public_jwk(), alg=key.algorithm).by(key)


def _another_certificate(candidate: Candidate, user: str) -> str:
    """Return a user of another client with a certificate of its own."""
    own = thumbprint_of(candidate, user)
    for section in client_sections(candidate).values():
        other = str(section.get("user", ""))
        if other and thumbprint_of(candidate, other) not in ("", own):
            return other
    raise NotTested(
        "no second client has a certificate of its own; declare client_cert for the user of another client",
        blame="CONFIG",
    )


def _note_thumbprint(candidate: Candidate, evidence: Evidence, user: str, grant: Grant) -> None:
    """Compare what the token says about its certificate, where the token can be read."""
    token = Token.read(grant.access_token)
    confirmation: Any = token.claims.get("cnf") if token else None
    if not isinstance(confirmation, dict):
        evidence.note("x5t#S256", "not to be read from the access token")
        return
    bound = confirmation.get("x5t#S256")
    own = thumbprint_of(candidate, user)
    expect(bound == own, "the token must be bound to the client's certificate", expected=own, actual=str(bound))
    evidence.note("x5t#S256", str(bound))


def _note_dates(flow: Flow, grant: Grant, evidence: Evidence) -> None:
    for label, moved in (("an hour ahead", HOUR_S), ("an hour ago", -HOUR_S)):
        answer = flow.read(grant.access_token, proof=claiming(iat=flow.now() + moved))
        evidence.note(f"a proof dated {label}, with the server's nonce", _word(answer))


def _word(answer: object) -> str:
    return "refused" if isinstance(answer, Refused) else type(answer).__name__.lower()
