"""Introspection (RFC 7662, signed as in RFC 9701) and revocation (RFC 7009): a client learns of its own tokens only."""

from __future__ import annotations

import sqlite3
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from conformance_security.reference.oauth import store, tokens
from conformance_security.reference.oauth.client_auth import authenticate
from conformance_security.reference.oauth.clients import Client
from conformance_security.reference.oauth.jose import Unreadable, digest
from conformance_security.reference.oauth.server import Server
from conformance_security.reference.oauth.store import Issued
from conformance_security.reference.oauth.wire import OAuthError, answer, answering, form_of

#: Asked for by a client that wants the answer signed.
SIGNED = "application/token-introspection+jwt"


def routes(server: Server) -> list[Route]:
    """Return the routes."""

    async def introspect(request: Request) -> Response:
        form = await form_of(request)

        def job(connection: sqlite3.Connection) -> tuple[Client, dict[str, Any]]:
            client = authenticate(server, connection, request, form)
            return client, _state(server, connection, client, _token_in(form))

        client, state = server.durably(job)
        if request.headers.get("accept", "") != SIGNED:
            return answer(state)
        claims = {"aud": client.id, "iat": server.now(), "token_introspection": state}
        return Response(server.sign("token-introspection+jwt", claims), media_type=SIGNED)

    async def revoke(request: Request) -> Response:
        form = await form_of(request)

        def job(connection: sqlite3.Connection) -> None:
            client = authenticate(server, connection, request, form)
            found, _ = _found(server, connection, _token_in(form))
            if found and found.client == client.id:
                _revoke(connection, found)

        server.durably(job)
        return answer({})  # RFC 7009 2.2: an unknown token is as good as revoked

    return [
        Route("/oauth/introspect", answering(introspect), methods=["POST"]),
        Route("/oauth/revoke", answering(revoke), methods=["POST"]),
    ]


def _token_in(form: dict[str, str]) -> str:
    if "token" not in form:
        raise OAuthError("invalid_request", "token is missing.")
    return form["token"]


def _found(server: Server, connection: sqlite3.Connection, text: str) -> tuple[Issued | None, dict[str, Any]]:
    """Return what is stored of a token, and the claims of an access token."""
    refresh = store.token_of(connection, digest(text.encode()), "refresh")
    if refresh is not None:
        return refresh, {}
    try:
        claims = dict(tokens.read(server, text).claims)
    except Unreadable:
        return None, {}
    return store.token_of(connection, str(claims.get("jti", "")), "access"), claims


def _state(server: Server, connection: sqlite3.Connection, client: Client, text: str) -> dict[str, Any]:
    found, claims = _found(server, connection, text)
    if found is None or found.client != client.id or found.revoked or server.now() >= found.expires:
        return {"active": False}
    state = {"active": True, "client_id": found.client, "sub": found.subject, "scope": found.scope}
    state |= {"exp": found.expires, "iss": server.issuer}
    bound = claims.get("cnf")
    if bound:
        state |= {"cnf": bound, "token_type": "DPoP" if "jkt" in bound else "Bearer", "aud": claims["aud"]}
    return state


def _revoke(connection: sqlite3.Connection, token: Issued) -> None:
    """Revoke an access token alone, a refresh token with everything that it brought (RFC 7009 2.1)."""
    if token.kind == "refresh":
        store.revoke_grant(connection, token.grant)
    else:
        store.revoke_token(connection, token.id)
