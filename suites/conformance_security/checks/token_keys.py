"""Tokens that bring their own key: the forger's, in the header, at an address in the header, or in a file it names.

Each forgery holds the claims of the genuine token under a signature that is valid by the key it points to.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from socket import create_server
from urllib.parse import urlsplit

from conformance.sdk import Candidate, Effect, Evidence, NotTested, check, expect, refused
from conformance_security.attacker import attacker_key, certificate_pem, key_set, x5c
from conformance_security.bearer import UNAUTHENTICATED, as_jwt, bearing, read_with_token
from conformance_security.declared import declared
from conformance_security.oauth.keys import SigningKey
from conformance_security.receiving import Received, Reply, loopback, receiving

#: Where keys of the attacker's are offered.
_KEY_SET, _CERTIFICATE = "/keys.json", "/certificate.pem"
#: Key ids that a careless verifier looks up where it should not → the secret that it would find there.
_LEADING = {
    "an empty file": ("../../../../../../../../../../dev/null", b""),
    "an empty file by its whole name": ("/dev/null", b""),
    "a row that an injected query makes up": ("x' UNION SELECT 'attacker' -- ", b"attacker"),
}


@check("SEC-J03.embedded", requirement="SEC-J03")
def keys_inside_a_token_are_not_trusted(candidate: Candidate, evidence: Evidence) -> None:
    """A token signed by the key (``jwk``) or certificate (``x5c``) in its own header is answered 401."""
    read, text = read_with_token(candidate)
    token = as_jwt(text)
    key = attacker_key(str(token.header.get("alg", "")))
    for name, value in (("jwk", key.public_jwk()), ("x5c", x5c(key))):
        for kid, which in ((token.header.get("kid"), "under the genuine kid"), (None, "without kid")):
            forged = token.resigned({"alg": key.algorithm, "kid": kid, name: value}, key.sign)
            refused(
                bearing(read, forged),
                twin=bearing(read, text),
                codes=UNAUTHENTICATED,
                because=f"a token signed by the key in its own header ({name}, {which})",
            )


@check("SEC-J03.fetched", requirement="SEC-J03", effects=Effect.WRITE)
def keys_are_not_fetched_from_where_a_token_says(candidate: Candidate, evidence: Evidence) -> None:
    """A token whose ``jku`` or ``x5u`` points to the attacker's key is answered 401, and nothing is fetched there.

    The harness offers the key at the first of ``[declared.security] callback_hosts``; where the product itself is on
    this machine, else at a port of its own. To a product elsewhere that port would be one of the product's own machine.
    """
    read, text = read_with_token(candidate)
    token = as_jwt(text)
    key, kid = attacker_key(str(token.header.get("alg", ""))), str(token.header.get("kid", ""))
    with _offering(_address(candidate), key, kid) as (address, received):
        for name, path in (("jku", _KEY_SET), ("x5u", _CERTIFICATE)):
            for claimed in ("attacker", kid):
                header = {"alg": key.algorithm, "kid": claimed, name: f"http://{address}{path}"}
                refused(
                    bearing(read, token.resigned(header, key.sign)),
                    twin=bearing(read, text),
                    codes=UNAUTHENTICATED,
                    because=f"a token whose header points to the attacker's key ({name})",
                )
    expect(
        not received,
        "an address in a token must not be called, whatever comes of the token",
        expected="no request",
        actual=", ".join(sorted({request.target for request in received})),
    )
    evidence.note("the attacker's key was offered at", address)


@check("SEC-J03.kid", requirement="SEC-J03")
def a_key_id_is_not_a_path(candidate: Candidate, evidence: Evidence) -> None:
    """A token whose ``kid`` leads out of the key store, to a secret that the attacker knows, is answered 401."""
    read, text = read_with_token(candidate)
    token = as_jwt(text)
    for what, (kid, secret) in _LEADING.items():
        refused(
            bearing(read, token.resigned({"alg": "HS256", "kid": kid}, _hs256(secret))),
            twin=bearing(read, text),
            codes=UNAUTHENTICATED,
            because=f"a token whose kid leads to {what}",
        )


def _hs256(secret: bytes) -> Callable[[bytes], bytes]:
    return lambda signed: hmac.digest(secret, signed, "sha256")


def _address(candidate: Candidate) -> str:
    allowed = declared(candidate, "callback_hosts", ())
    if allowed:
        return str(allowed[0])
    if not loopback(urlsplit(candidate.file.base_url).hostname or ""):
        raise NotTested(
            "the product is not on this machine and could not call it: declare [declared.security] callback_hosts, an "
            "address of the harness that the product reaches",
            blame="CONFIG",
        )
    with create_server(("127.0.0.1", 0)) as probe:
        return f"127.0.0.1:{probe.getsockname()[1]}"


@contextmanager
def _offering(address: str, key: SigningKey, kid: str) -> Iterator[tuple[str, list[Received]]]:
    """Offer the attacker's key at an address, as key set and as certificate, and note who asks for it."""
    offered = {_KEY_SET: key_set(key, "attacker", kid), _CERTIFICATE: certificate_pem(key)}

    def respond(request: Received) -> Reply:
        return Reply(200, offered[request.target]) if request.target in offered else Reply(404)

    with receiving(address, respond) as received:
        yield address, received
