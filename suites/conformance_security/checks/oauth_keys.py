"""The keys that an authorization server signs with: public ones are published, and a retired one is over."""

from __future__ import annotations

from conformance.sdk import Candidate, Effect, Evidence, NotTested, check, expect, must_accept
from conformance_security import keysets
from conformance_security.bearer import as_jwt
from conformance_security.oauth.flow import Flow, opened
from conformance_security.oauth.verdicts import barred

KEYS = "oauth.keys"


@check("SEC-J21", needs=(KEYS,))
def the_servers_keys_are_public(candidate: Candidate, evidence: Evidence) -> None:
    """The authorization server's key set shows public members only, and gives every key an id of its own."""
    keysets.judge(keysets.published(candidate, KEYS), evidence)


@check("SEC-J22", needs=("oauth.token", "oauth.resource", KEYS), effects=Effect.DISRUPTIVE)
def a_retired_key_opens_nothing(candidate: Candidate, evidence: Evidence) -> None:
    """After a signing key was retired, tokens of the new key open the resource, and those of the old one do not.

    The hook ``rotate_keys`` does what the owner would do after a key was stolen: another key signs from now on, and
    the old one is worth nothing. A new key has a new id, so that nobody who kept the old key set is misled. No key
    signs opaque tokens.
    """
    flow = Flow.of(candidate)
    before = _kids(candidate)
    old = flow.grant().access_token
    opened(flow.read(old))
    as_jwt(old)
    if "rotate_keys" not in candidate.file.hooks:
        raise NotTested("no hook rotate_keys; add [hooks.rotate_keys] in candidate.toml", blame="CONFIG")
    candidate.hook("rotate_keys")
    after = _kids(candidate)
    evidence.note("published keys before and after", [sorted(before), sorted(after)])
    expect(
        bool(after - before),
        "a new key must be published under a new id",
        expected="a new kid",
        actual=", ".join(sorted(after)),
    )
    new = flow.grant().access_token
    must_accept(flow.read(new), "a token signed by the new key must open the resource")
    barred(flow.read(old), "the key that signed the token was retired")


def _kids(candidate: Candidate) -> set[str]:
    return {str(key.get("kid")) for key in keysets.published(candidate, KEYS)}
