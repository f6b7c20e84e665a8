"""Proofs of possession (RFC 9449 4.3): who sends a request has the key, now, for this request, once."""

from __future__ import annotations

import hmac
import re
import sqlite3
from typing import NoReturn
from urllib.parse import urlsplit

from starlette.requests import Request

from conformance.sdk import Problem
from conformance_security.reference.oauth import store
from conformance_security.reference.oauth.jose import (
    ALGORITHMS,
    Jwt,
    Unreadable,
    b64,
    digest,
    parse,
    public_key,
    thumbprint,
    valid,
)
from conformance_security.reference.oauth.server import AHEAD_S, Server
from conformance_security.reference.oauth.wire import OAuthError

TYPE = "dpop+jwt"
#: Seconds that a proof may be old.
AGE_MAX_S = 300
#: Seconds by which no honest clock on this machine is ahead; fault dpop-ahead-crash fails beyond.
FRESH_S = 3
#: Characters of a proof's id at most.
JTI_MAX = 256
#: Seconds after which the nonce changes; the one before is taken for as long.
NONCE_S = 120

#: The claims of a proof (RFC 9449 4.2), and the times that any token may have.
_CLAIMS = frozenset({"jti", "htm", "htu", "iat", "ath", "nonce", "nbf", "exp"})
_DEFAULT_PORTS = {"https": 443, "http": 80}
#: Characters that need no percent-encoding (RFC 3986 2.3): encoded or not, they are the same.
_UNRESERVED = re.compile(r"%(2D|2E|5F|7E|3[0-9]|[46][1-9A-F]|[57][0-9A])", re.IGNORECASE)
_ENCODED = re.compile(r"%[0-9a-fA-F]{2}")


def given(request: Request) -> bool:
    """Tell whether a request carries a proof."""
    return "dpop" in request.headers


def prove(server: Server, connection: sqlite3.Connection, request: Request, token: str = "") -> str:
    """Return the thumbprint of the key that a request's proof was made with; ``token`` is what it must be hashed for.

    Raises OAuthError(400, invalid_dpop_proof or use_dpop_nonce).
    """
    proofs = request.headers.getlist("dpop")
    if len(proofs) != 1:
        _refuse("Exactly one proof is required.")
    try:
        jwt = parse(proofs[0])
        _require_known_members(server, jwt)
        jkt = _signer(server, jwt)
        _require_times(server, jwt)
    except Unreadable as error:
        raise OAuthError("invalid_dpop_proof", "The proof cannot be read.") from error
    _require_request(server, request, jwt)
    _require_token(server, jwt, token)
    _require_nonce(server, jwt)
    _require_first_use(server, connection, jkt, jwt)
    return jkt


def _require_known_members(server: Server, jwt: Jwt) -> None:
    """Refuse what is not defined here, which only a fault does: others may define more (RFC 7519 4)."""
    if server.faulty("dpop-claims-refused") and not set(jwt.claims) <= _CLAIMS:
        _refuse("The proof has a claim that is unknown.")


def _signer(server: Server, jwt: Jwt) -> str:
    """Return the thumbprint of the public key inside, once the signature has proved it."""
    if jwt.header.get("typ") != TYPE:
        _refuse(f"typ must be {TYPE}.")
    outdated = jwt.algorithm == "RS256" and server.faulty("dpop-rs256")
    if jwt.algorithm not in ALGORITHMS and not outdated:
        _refuse("The algorithm is not one of those supported.")
    jwk = jwt.header.get("jwk")
    if not valid(jwt, public_key(jwk)) and not server.faulty("dpop-signature-unchecked"):
        _refuse("The signature is not that of the key inside.")
    return thumbprint(jwk)  # type: ignore[arg-type]  # a public key, as has just been shown


def _require_times(server: Server, jwt: Jwt) -> None:
    now = server.now()
    issued, begins, expires = jwt.moment("iat"), jwt.moment("nbf"), jwt.moment("exp")
    if issued is None:
        _refuse("iat is missing.")
    if not now - AGE_MAX_S <= issued <= now + AHEAD_S and not server.faulty("dpop-iat-unchecked"):
        _refuse("The proof is too old, or from the future.")
    if now + FRESH_S < issued <= now + AHEAD_S and server.faulty("dpop-ahead-crash"):
        raise Problem(500, "internal", "The request could not be served.")
    if begins is not None and begins > now + AHEAD_S:
        _refuse("nbf is in the future.")
    if expires is not None and expires <= now - AHEAD_S:
        _refuse("The proof has expired.")


def _require_request(server: Server, request: Request, jwt: Jwt) -> None:
    method, url = jwt.claims.get("htm"), jwt.claims.get("htu")
    if not isinstance(method, str) or not isinstance(url, str):
        _refuse("htm or htu is missing.")
    if method != request.method and not server.faulty("dpop-htm-unchecked"):
        _refuse("htm is another method.")
    here = server.base(request) + request.scope["path"]
    if not _same(server, url, here) and not server.faulty("dpop-htu-unchecked"):
        _refuse("htu is another address.")


def _same(server: Server, url: str, here: str) -> bool:
    """Tell whether a proof's address is the one that was asked."""
    if server.faulty("dpop-htu-literal"):
        return url.partition("#")[0].partition("?")[0] == here
    if server.faulty("dpop-htu-query") and {"?", "#"} & set(url):
        return False
    return normal(url) == normal(here)


def _require_token(server: Server, jwt: Jwt, token: str) -> None:
    if token and jwt.claims.get("ath") != digest(token.encode()) and not server.faulty("dpop-ath-unchecked"):
        _refuse("ath is not the hash of the access token.")


def _require_first_use(server: Server, connection: sqlite3.Connection, jkt: str, jwt: Jwt) -> None:
    jti, now = jwt.claims.get("jti"), server.now()
    if not isinstance(jti, str) or not 0 < len(jti) <= JTI_MAX:
        _refuse("A proof needs an id.")
    if not store.first_use(connection, "dpop", jkt, jti, now, now + AGE_MAX_S + 2 * AHEAD_S) and not server.faulty(
        "dpop-replay"
    ):
        _refuse("The proof was used before.")


# -- addresses ------------------------------------------------------------------------------------------------------


def normal(url: str) -> tuple[str, str, int | None, str]:
    """Return what of a URL counts (RFC 3986 6.2.2, 6.2.3): no query, no fragment, case and default port levelled."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ("", "", None, url)
    scheme = parts.scheme.lower()
    host = (parts.hostname or "").lower() if parts.username is None and parts.password is None else ""
    path = _ENCODED.sub(lambda found: found[0].upper(), _UNRESERVED.sub(_decoded, parts.path or "/"))
    return (scheme, host, port or _DEFAULT_PORTS.get(scheme), path)


def _decoded(found: re.Match[str]) -> str:
    return chr(int(found[1], 16))


# -- nonces (RFC 9449 8) --------------------------------------------------------------------------------------------


def nonce(server: Server, age: int = 0) -> str:
    """Return the nonce of now, or that of ``age`` periods ago. It needs no memory: it follows from the time."""
    period = server.now() // NONCE_S - age
    return b64(hmac.digest(server.host.seed("oauth/nonce"), str(period).encode(), "sha256")[:18])


def _require_nonce(server: Server, jwt: Jwt) -> None:
    if not server.nonce_required or jwt.claims.get("nonce") in (nonce(server), nonce(server, 1)):
        return
    if "nonce" in jwt.claims and server.faulty("dpop-nonce-unchecked"):
        return
    headers = {"DPoP-Nonce": nonce(server)}
    raise OAuthError("use_dpop_nonce", "The proof needs the nonce given here.", 400, headers)


def _refuse(description: str) -> NoReturn:
    raise OAuthError("invalid_dpop_proof", description)
