"""The token endpoint: codes and refresh tokens become access tokens; no other grant is offered."""

from __future__ import annotations

import hmac
import secrets
import sqlite3
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from conformance_security.reference.oauth import store, tokens
from conformance_security.reference.oauth.binding import KEY, confirmation
from conformance_security.reference.oauth.client_auth import authenticate
from conformance_security.reference.oauth.clients import Client
from conformance_security.reference.oauth.jose import digest
from conformance_security.reference.oauth.server import Server
from conformance_security.reference.oauth.store import Kept
from conformance_security.reference.oauth.tokens import Grant
from conformance_security.reference.oauth.wire import OAuthError, answer, answering, form_of
from conformance_security.reference.oauth.wishes import scope_of

Form = Mapping[str, str]


def routes(server: Server) -> list[Route]:
    """Return the route."""

    async def token(request: Request) -> Response:
        form = await form_of(request)
        return answer(server.durably(lambda connection: _token(server, connection, request, form)))

    return [Route("/oauth/token", answering(token), methods=["POST"])]


def _token(server: Server, connection: sqlite3.Connection, request: Request, form: Form) -> dict[str, Any]:
    client = authenticate(server, connection, request, form)
    kind = form.get("grant_type", "")
    if not kind:
        raise OAuthError("invalid_request", "grant_type is missing.")
    if kind not in GRANTS and not (kind == "password" and server.faulty("password-grant")):
        raise OAuthError("unsupported_grant_type", "Only authorization_code and refresh_token are offered.")
    bound = confirmation(server, connection, request, client)
    if kind == "authorization_code":
        return _by_code(server, connection, client, bound, form)
    if kind == "refresh_token":
        return _by_refresh(server, connection, client, bound, form)
    subject = form.get("username", "")
    return tokens.issue(server, connection, Grant(secrets.token_urlsafe(16), client, subject, "accounts", bound))


GRANTS = ("authorization_code", "refresh_token")


def _by_code(
    server: Server, connection: sqlite3.Connection, client: Client, bound: Mapping[str, str], form: Form
) -> dict[str, Any]:
    code = form.get("code")
    if code is None:
        raise OAuthError("invalid_request", "code is missing.")
    kept = store.code_of(connection, code)
    if kept is None:
        raise _refused("The code is unknown.")
    _require_own(server, connection, client, kept)
    _require_proofs(server, kept, bound, form)
    store.spend_code(connection, code)
    asked = kept.parameters
    grant = Grant(kept.grant, client, kept.subject, asked["scope"], bound, asked.get("nonce", ""))
    given = tokens.issue(server, connection, grant)
    given["refresh_token"] = tokens.refresh_token(server, connection, grant)
    if "openid" in grant.scope.split():
        given["id_token"] = tokens.id_token(server, grant)
    return given


def _require_own(server: Server, connection: sqlite3.Connection, client: Client, kept: Kept) -> None:
    """Require that a code is this client's, new, and still valid. A second use takes back what the first brought."""
    if kept.client != client.id and not server.faulty("code-client-unbound"):
        raise _refused("The code was given to another client.")
    if kept.used and not server.faulty("code-reusable"):
        if not server.faulty("code-reuse-unpunished"):
            store.revoke_grant(connection, kept.grant)
        raise _refused("The code was used before; what it brought is revoked.")
    if server.now() >= kept.expires:
        raise _refused("The code has expired.")


def _require_proofs(server: Server, kept: Kept, bound: Mapping[str, str], form: Form) -> None:
    """Require what the authorization request announced: address, verifier and key."""
    asked, verifier = kept.parameters, form.get("code_verifier", "")
    if form.get("redirect_uri") != asked["redirect_uri"] and not server.faulty("redirect-optional"):
        raise _refused("redirect_uri is not that of the authorization request.")
    made = digest(verifier.encode()) if asked.get("code_challenge_method") == "S256" else verifier
    # Only with a fault there is no challenge, or one by another method.
    proved = hmac.compare_digest(made.encode(), asked["code_challenge"].encode()) if "code_challenge" in asked else True
    if not proved and not server.faulty("verifier-unchecked"):
        raise _refused("code_verifier does not belong to the code.")
    other_key = "dpop_jkt" in asked and bound.get(KEY) != asked["dpop_jkt"]
    if other_key and not server.faulty("dpop-jkt-unchecked"):
        raise _refused("The code is bound to another key.")


def _by_refresh(
    server: Server, connection: sqlite3.Connection, client: Client, bound: Mapping[str, str], form: Form
) -> dict[str, Any]:
    identifier = digest(form.get("refresh_token", "").encode())
    kept = store.token_of(connection, identifier, "refresh")
    if kept is None or kept.revoked or server.now() >= kept.expires:
        raise _refused("The refresh token is unknown, expired or revoked.")
    if kept.client != client.id and not server.faulty("refresh-client-unbound"):
        raise _refused("The refresh token is another client's.")
    scope = scope_of(server, tuple(kept.scope.split()), form.get("scope", ""))
    grant = Grant(kept.grant, client, kept.subject, scope, bound)
    given = tokens.issue(server, connection, grant)
    if server.faulty("refresh-rotated"):
        store.revoke_token(connection, identifier)
        given["refresh_token"] = tokens.refresh_token(server, connection, grant)
    return given


def _refused(description: str) -> OAuthError:
    return OAuthError("invalid_grant", description)
