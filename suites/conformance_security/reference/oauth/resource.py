"""The protected resource: says whose token opened it. It takes bound access tokens of this server, nothing else."""

from __future__ import annotations

import sqlite3
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from conformance_security.reference.oauth import store, tokens
from conformance_security.reference.oauth.binding import require_holder
from conformance_security.reference.oauth.jose import ALGORITHMS, Jwt, Unreadable
from conformance_security.reference.oauth.server import Server
from conformance_security.reference.oauth.wire import OAuthError, answer

#: What a token must allow here.
SCOPE = "accounts"


def routes(server: Server) -> list[Route]:
    """Return the route."""

    async def read(request: Request) -> Response:
        try:
            return answer(server.durably(lambda connection: _read(server, connection, request)))
        except OAuthError as refusal:
            return _challenged(refusal).response()

    return [Route("/oauth/resource", read, methods=["GET"])]


def _read(server: Server, connection: sqlite3.Connection, request: Request) -> dict[str, Any]:
    scheme, token = _credentials(server, request)
    try:
        jwt = tokens.read(server, token)
    except Unreadable as error:
        raise _invalid("The access token is not one of this server's, or has expired.") from error
    claims = jwt.claims
    if jwt.header.get("typ") != tokens.ACCESS and server.faulty("id-token-accepted"):
        return {"sub": claims.get("sub"), "scope": "", "client_id": claims.get("aud")}
    _require_access_token(server, connection, jwt)
    require_holder(server, connection, request, scheme, token, claims.get("cnf", {}))
    if SCOPE not in str(claims.get("scope", "")).split():
        raise OAuthError("insufficient_scope", f"The token does not allow {SCOPE}.", 403)
    return {"sub": claims["sub"], "scope": claims["scope"], "client_id": claims["client_id"]}


def _credentials(server: Server, request: Request) -> tuple[str, str]:
    """Return scheme (lower case) and token of the one Authorization header."""
    if "access_token" in request.query_params:
        raise OAuthError("invalid_request", "An access token does not belong into a URL.", 400)
    given = request.headers.getlist("authorization")
    scheme, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    known = scheme in ("DPoP", "Bearer") if server.faulty("scheme-case") else scheme.lower() in ("dpop", "bearer")
    if not known or not token.strip():
        raise OAuthError("", "An access token is required.", 401)
    return scheme.lower(), token.strip()


def _require_access_token(server: Server, connection: sqlite3.Connection, jwt: Jwt) -> None:
    if jwt.header.get("typ") != tokens.ACCESS or jwt.claims.get("aud") != server.resource:
        raise _invalid("This is no access token for this resource.")
    kept = store.token_of(connection, str(jwt.claims.get("jti", "")), "access")
    if kept is None or kept.revoked:
        raise _invalid("The access token was revoked.")


def _challenged(refusal: OAuthError) -> OAuthError:
    """Return a refusal with the challenges of RFC 9449 7.1; errors of a proof are 401 here, too."""
    status = 401 if refusal.error in ("invalid_dpop_proof", "use_dpop_nonce") else refusal.status
    error = f'error="{refusal.error}", ' if refusal.error else ""
    challenge = f'DPoP {error}algs="{" ".join(ALGORITHMS)}"'
    headers = {**refusal.headers, "WWW-Authenticate": challenge} if status in (401, 403) else refusal.headers
    return OAuthError(refusal.error or "invalid_token", refusal.description, status, headers)


def _invalid(description: str) -> OAuthError:
    return OAuthError("invalid_token", description, 401)
