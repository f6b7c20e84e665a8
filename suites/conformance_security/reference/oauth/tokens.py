"""Issuing: access tokens (RFC 9068), refresh tokens, ID tokens (OpenID Connect Core 2)."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from conformance_security.reference.oauth import store
from conformance_security.reference.oauth.binding import KEY
from conformance_security.reference.oauth.clients import Client
from conformance_security.reference.oauth.jose import Jwt, Unreadable, digest, parse, valid
from conformance_security.reference.oauth.server import Server
from conformance_security.reference.oauth.store import Issued

#: Types of tokens in their headers: an ID token is none for the resource.
ACCESS, IDENTITY = "at+jwt", "JWT"
#: Seconds that tokens are valid.
ACCESS_S, IDENTITY_S, REFRESH_S = 300, 300, 30 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Grant:
    """What a user allowed a client. ``bound``: what its access tokens are bound to."""

    id: str
    client: Client
    subject: str
    scope: str
    bound: Mapping[str, str]
    nonce: str = ""


def issue(server: Server, connection: sqlite3.Connection, grant: Grant) -> dict[str, Any]:
    """Return a new access token as the token endpoint answers it (RFC 6749 5.1)."""
    now, jti = server.now(), secrets.token_urlsafe(16)
    claims: dict[str, Any] = {
        "sub": grant.subject,
        "aud": server.resource,
        "client_id": grant.client.id,
        "iat": now,
        "exp": now + ACCESS_S,
        "jti": jti,
        "scope": grant.scope,
    }
    if grant.bound:
        claims["cnf"] = dict(grant.bound)
    store.keep_token(connection, _issued(jti, grant, "access", now + ACCESS_S))
    kind = "DPoP" if KEY in grant.bound else "Bearer"
    token = server.sign(ACCESS, claims)
    return {"access_token": token, "token_type": kind, "expires_in": ACCESS_S, "scope": grant.scope}


def refresh_token(server: Server, connection: sqlite3.Connection, grant: Grant) -> str:
    """Return a new refresh token; only its client can use it, and it stays the same (FAPI 2.0 5.3.2.1)."""
    token = secrets.token_urlsafe(32)
    store.keep_token(connection, _issued(digest(token.encode()), grant, "refresh", server.now() + REFRESH_S))
    return token


def id_token(server: Server, grant: Grant) -> str:
    """Return an ID token: for the client to read, and no key to anything."""
    now = server.now()
    claims: dict[str, Any] = {"sub": grant.subject, "aud": grant.client.id, "iat": now, "exp": now + IDENTITY_S}
    claims |= {"auth_time": now} | ({"nonce": grant.nonce} if grant.nonce else {})
    return server.sign(IDENTITY, claims)


def read(server: Server, text: str) -> Jwt:
    """Take a token apart that this server signed and that has not expired; raises Unreadable."""
    jwt = parse(text)
    key = server.keys.public(jwt.header.get("kid"))
    if key is None or not valid(jwt, key):
        raise Unreadable("not signed by this server")
    expires = jwt.moment("exp")
    if jwt.claims.get("iss") != server.issuer or expires is None or server.now() >= expires:
        raise Unreadable("expired")
    return jwt


def implicit(
    server: Server, connection: sqlite3.Connection, client: Client, subject: str, parameters: Mapping[str, str]
) -> dict[str, str]:
    """Fault implicit: return the tokens that a response type other than ``code`` puts into the browser's address."""
    asked = set(parameters["response_type"].split()) - {"code"}
    grant = Grant(secrets.token_urlsafe(16), client, subject, parameters["scope"], {}, parameters.get("nonce", ""))
    given: dict[str, str] = {}
    if "token" in asked:
        given |= {name: str(value) for name, value in issue(server, connection, grant).items()}
    if "id_token" in asked:
        given["id_token"] = id_token(server, grant)
    return given


def _issued(identifier: str, grant: Grant, kind: str, expires: int) -> Issued:
    return Issued(identifier, grant.id, grant.client.id, kind, grant.subject, grant.scope, expires)
