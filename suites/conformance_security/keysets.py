"""What a published key set may show (RFC 7517): public keys, each with an id of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.sdk import Candidate, Evidence, expect, must_accept
from conformance_security.jwk import PRIVATE_MEMBERS


def published(candidate: Candidate, operation: str) -> list[Mapping[str, Any]]:
    """Return the keys of a key set that anyone can read; a Finding if nobody can, or if it is empty."""
    value = must_accept(candidate.without_credentials().prepare(operation), "the key set must be readable by anyone")
    keys = [key for key in value.get("keys", ()) if isinstance(key, Mapping)]
    expect(bool(keys), "the key set must hold at least one key", expected="a list of keys", actual=sorted(value))
    return keys


def judge(keys: list[Mapping[str, Any]], evidence: Evidence) -> None:
    """Require public members only, no symmetric key, and ids that are all there and all different."""
    for key in keys:
        private = sorted(PRIVATE_MEMBERS & set(key))
        expect(
            not private,
            "the key set must not publish private members",
            expected="public members only",
            actual=f"key {key.get('kid')!r} shows {', '.join(private)}",
        )
        expect(key.get("kty") != "oct", "the key set must not publish symmetric keys", expected="RSA, EC or OKP")
    kids = [key.get("kid") for key in keys]
    expect(
        all(kids) and len(set(map(str, kids))) == len(kids),
        "every published key must have an id of its own",
        expected=f"{len(keys)} different kid",
        actual=", ".join(map(str, kids)),
    )
    evidence.note("published keys", [str(kid) for kid in kids])
