"""The authorization endpoint: the user logs in, decides, and is sent back (RFC 6749 4.1, RFC 9207, RFC 9126 4).

In this test environment nobody has to type: the user whom ``login_hint`` names is logged in and consents, except for
:data:`DECLINER`, who always declines.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Mapping
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from conformance_security.reference.oauth import store, tokens, wishes
from conformance_security.reference.oauth.clients import Client
from conformance_security.reference.oauth.server import Server
from conformance_security.reference.oauth.store import Kept
from conformance_security.reference.oauth.wire import OAuthError, answering, query_of

#: Users of the test environment; the first is logged in when no hint names another.
USERS = ("alice", "bob")
#: A user who declines every request.
DECLINER = "decliner"
#: Seconds that a code is valid (FAPI 2.0 5.3.2.1: at most 60), and with the fault code-long-lived.
CODE_S, CODE_FAULTY_S = 60, 900


def routes(server: Server) -> list[Route]:
    """Return the route."""

    async def authorize(request: Request) -> Response:
        query = query_of(request)
        location = server.durably(lambda connection: _authorize(server, connection, query))
        return Response(status_code=303, headers={"Location": location})  # 303: no form is ever sent on (5.3.2.2)

    return [Route("/oauth/authorize", answering(authorize), methods=["GET"])]


def _authorize(server: Server, connection: sqlite3.Connection, query: Mapping[str, str]) -> str:
    """Return where the user is sent; raises OAuthError, shown to the user, when that is not certain."""
    client = server.clients.get(query.get("client_id", ""))
    if client is None:
        raise OAuthError("invalid_request", "The client is unknown.")
    parameters = _parameters(server, connection, client, query)
    answered = _decided(server, connection, client, parameters)
    told = answered if server.faulty("iss-missing") else {**answered, "iss": server.issuer}
    if "state" in parameters:
        told["state"] = parameters["state"]
    address = parameters["redirect_uri"]
    mark = "#" if parameters["response_type"] != "code" else "&" if "?" in address else "?"
    return address + mark + urlencode(told)


def _parameters(
    server: Server, connection: sqlite3.Connection, client: Client, query: Mapping[str, str]
) -> Mapping[str, str]:
    """Return the parameters that the client pushed, and nothing that the browser brought along."""
    uri = query.get("request_uri")
    if uri is None:
        if server.faulty("par-optional"):
            return wishes.checked(server, client, query)
        raise OAuthError("invalid_request", "Requests must be pushed first.")
    kept = store.pushed(connection, uri)
    if kept is None or (kept.used and not server.faulty("request-uri-reusable")):
        raise OAuthError("invalid_request_uri", "The request is unknown or used.")
    if server.now() >= kept.expires and not server.faulty("request-uri-unexpiring"):
        raise OAuthError("invalid_request_uri", "The request has expired.")
    if kept.client != client.id and not server.faulty("request-uri-unbound"):
        raise OAuthError("invalid_request_uri", "The request was pushed by another client.")
    store.spend_request(connection, uri)
    return kept.parameters


def _decided(
    server: Server, connection: sqlite3.Connection, client: Client, parameters: Mapping[str, str]
) -> dict[str, str]:
    hint = parameters.get("login_hint", "")
    if hint == DECLINER and not server.faulty("refusal-ignored"):
        return {"error": "access_denied", "error_description": "The user declined."}
    if parameters.get("prompt") == "none":
        return {"error": "login_required", "error_description": "The user has to log in."}
    subject = hint if hint in USERS else USERS[0]
    given: dict[str, str] = {}
    if "code" in parameters["response_type"].split():
        given["code"] = _code(server, connection, client, subject, parameters)
    return given | tokens.implicit(server, connection, client, subject, parameters)


def _code(
    server: Server, connection: sqlite3.Connection, client: Client, subject: str, parameters: Mapping[str, str]
) -> str:
    code = secrets.token_urlsafe(32)
    expires = server.now() + (CODE_FAULTY_S if server.faulty("code-long-lived") else CODE_S)
    kept = Kept(client.id, parameters, expires, used=False, grant=secrets.token_urlsafe(16), subject=subject)
    store.keep_code(connection, code, kept)
    return code
