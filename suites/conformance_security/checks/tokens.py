"""Access tokens: forged, expired, foreign, revoked or in the wrong place, they open nothing.

The genuine token is the one that the harness itself was given; every forgery is sent exactly as its twin was.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from conformance.sdk import (
    Candidate,
    Effect,
    Evidence,
    Inconclusive,
    NotApplicable,
    NotTested,
    Params,
    Refused,
    accepted,
    check,
    eventually,
    expect,
    must_accept,
    refused,
)
from conformance_security import keysets
from conformance_security.bearer import UNAUTHENTICATED, as_jwt, bearing, read_with_token
from conformance_security.declared import declared
from conformance_security.jwk import verification_secrets
from conformance_security.jws import Token
from conformance_security.scene import control

#: Seconds ahead that a token begins: beyond every tolerance (FAPI 2.0 5.3.2.1: 60), and before it expires.
AHEAD_S = 300
#: An issuer that no product trusts.
OTHER_ISSUER = "https://issuer.evil.example"


@check("SEC-J01")
def unsigned_tokens_are_refused(candidate: Candidate, evidence: Evidence) -> None:
    """A token whose signature was taken away, under "none" or under its own algorithm, is answered 401."""
    read, token = read_with_token(candidate)
    forged = as_jwt(token)
    for text, what in (
        (forged.unsigned("none"), 'under algorithm "none"'),
        (forged.unsigned("None"), 'under algorithm "None"'),
        (forged.unsigned("nOnE"), 'under algorithm "nOnE"'),
        (forged.stripped(), "with an empty signature"),
    ):
        refused(
            bearing(read, text), twin=bearing(read, token), codes=UNAUTHENTICATED, because=f"an unsigned token {what}"
        )


@check("SEC-J02", needs=("jwks",))
def public_keys_are_no_hmac_secrets(candidate: Candidate, evidence: Evidence) -> None:
    """A token signed with HS256 under the product's own public key, in any of its encodings, is answered 401."""
    read, token = read_with_token(candidate)
    forged = as_jwt(token)
    keys = _published_keys(candidate)
    secrets = [secret for key in keys for secret in verification_secrets(key)]
    if not secrets:
        raise NotApplicable("the published keys are neither RSA nor EC keys")
    for secret in secrets:
        refused(
            bearing(read, forged.under_hmac(secret)),
            twin=bearing(read, token),
            codes=UNAUTHENTICATED,
            because="a token signed with HS256 under the public key",
        )


@check("SEC-J04.expiry", requirement="SEC-J04", needs=("token",), hooks=("clock",), effects=Effect.DISRUPTIVE)
def expired_tokens_are_refused(candidate: Candidate, evidence: Evidence) -> None:
    """A token is answered 401 after its expiry, and when its expiry was changed under its old signature."""
    read, token = read_with_token(candidate)
    parsed = Token.read(token)
    if parsed:
        refused(
            bearing(read, parsed.claiming(exp=4_102_444_800)),
            twin=bearing(read, token),
            codes=UNAUTHENTICATED,
            because="a token whose expiry was changed under its old signature",
        )
    issued = accepted(candidate.call("token"), "a new token")
    lifetime = int(issued.get("expires_in", 3600))
    old = bearing(read, str(issued["access_token"]))
    control(old, "the new token")
    try:
        candidate.hook("clock", offset_s=lifetime + 90)
        fresh = accepted(candidate.call("token"), "a token issued after the clock moved")
        refused(
            old,
            twin=bearing(read, str(fresh["access_token"])),
            codes=UNAUTHENTICATED,
            because=f"the token expired 90 s ago ({lifetime} s after its issue)",
        )
    finally:
        candidate.hook("clock", offset_s=0)


@check("SEC-J04.audience", requirement="SEC-J04", needs=("token",))
def tokens_for_others_are_refused(candidate: Candidate, evidence: Evidence) -> None:
    """A genuine token of the same issuer for another audience is answered 401.

    ``[declared.security] other_audience`` names a resource that the issuer gives tokens for.
    """
    audience = declared(candidate, "other_audience")
    if not audience:
        raise NotTested("[declared.security] names no other_audience to obtain a token for", blame="CONFIG")
    read, token = read_with_token(candidate)
    foreign = accepted(candidate.call("token", resource=audience), "a token for another audience")["access_token"]
    refused(
        bearing(read, str(foreign)),
        twin=bearing(read, token),
        codes=UNAUTHENTICATED,
        because=f"a token for the audience {audience} opens another service",
    )


@check("SEC-J04.begin", requirement="SEC-J04", hooks=("inject",), effects=Effect.WRITE)
def tokens_of_tomorrow_are_refused(candidate: Candidate, evidence: Evidence) -> None:
    """A genuine token that is not valid yet (``nbf``, RFC 7519 4.1.5) is answered 401.

    The hook ``inject`` signs it with the product's own key (``kind`` token), as the issuer would for a later hour.
    """
    _refuses_claims(candidate, f"the token is valid only from {AHEAD_S} s on", nbf=int(time.time()) + AHEAD_S)


@check("SEC-J04.issuer", requirement="SEC-J04", hooks=("inject",), effects=Effect.WRITE)
def tokens_of_other_issuers_are_refused(candidate: Candidate, evidence: Evidence) -> None:
    """A token that names another issuer (``iss``) is answered 401, even where the key is one that the product trusts.

    The hook ``inject`` signs it with the product's own key, as an issuer would that shares keys with another.
    """
    _refuses_claims(candidate, f"the token names the issuer {OTHER_ISSUER}", iss=OTHER_ISSUER)


@check("SEC-J06", needs=("token", "revoke"), effects=Effect.WRITE)
def revoked_tokens_stop_working(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """A token that its holder revoked is answered 401 within the profile's time."""
    read, _ = read_with_token(candidate)
    token = str(accepted(candidate.call("token"), "a new token")["access_token"])
    held = bearing(read, token)
    control(held, "the new token")
    accepted(candidate.call("revoke", token=token), "revoking the token")
    eventually(
        lambda: isinstance(held.send(), Refused),
        deadline_s=float(params["revocation_s_max"]),
        what="the refusal of a revoked token",
    )
    control(bearing(read, str(accepted(candidate.call("token"), "a new token")["access_token"])), "another token")


@check("SEC-J07", needs=("jwks",))
def published_keys_are_public(candidate: Candidate, evidence: Evidence) -> None:
    """The key set shows public members only, no symmetric key, and gives every key an id of its own."""
    keysets.judge(keysets.published(candidate, "jwks"), evidence)


@check("SEC-J17")
def tokens_do_not_belong_into_addresses(candidate: Candidate, evidence: Evidence) -> None:
    """A token in the query string, without an Authorization header, is refused."""
    read, token = read_with_token(candidate)
    bare = read.request.without_credentials()
    for name in ("access_token", "token"):
        refused(
            bare.with_query(name, token),
            twin=bearing(read, token),
            codes=(400, *UNAUTHENTICATED),
            because=f"the token stands in the query string as {name}",
        )


def _refuses_claims(candidate: Candidate, because: str, **claims: Any) -> None:
    """Require a refusal of a token with these claims, beside one from the same hand with none changed."""
    read, _ = read_with_token(candidate)
    twin, mutated = _injected(candidate), _injected(candidate, **claims)
    said = as_jwt(mutated).claims
    if any(said.get(name) != value for name, value in claims.items()):
        raise Inconclusive(f"hook 'inject' made a token without the wanted {', '.join(claims)}", blame="CONFIG")
    refused(bearing(read, mutated), twin=bearing(read, twin), codes=UNAUTHENTICATED, because=because)


def _injected(candidate: Candidate, **claims: Any) -> str:
    text = candidate.hook("inject", kind="token", user=candidate.user, claims=claims).get("access_token")
    if not text:
        raise Inconclusive("hook 'inject' of kind token answered no access_token", blame="CONFIG")
    return str(text)


def _published_keys(candidate: Candidate) -> list[Mapping[str, Any]]:
    value = must_accept(candidate.without_credentials().prepare("jwks"), "the key set must be readable by anyone")
    keys = list(_keys(value))
    expect(bool(keys), "the key set must hold at least one key", expected="a list of keys", actual=sorted(value))
    return keys


def _keys(value: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for key in value.get("keys", ()):
        if isinstance(key, Mapping):
            yield key
